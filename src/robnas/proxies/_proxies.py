"""All proxies by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

from robnas._registry import Registry
from robnas._settings import check_keys
from robnas.errors import InputError, Verbatim
from robnas.kernels import MEASURES, PATH_MEASURES, SCORES
from robnas.networks.nas_bench_201 import NAME, top_score
from robnas.proxies._condition_and_parameters import condition_and_parameters
from robnas.proxies._croze import CRoZe
from robnas.proxies._epe_nas import epe_nas
from robnas.proxies._fisher import fisher
from robnas.proxies._formula import Formula
from robnas.proxies._grad_norm import grad_norm
from robnas.proxies._grasp import grasp
from robnas.proxies._hessian import hessian
from robnas.proxies._jacobian_norm import jacobian_norm
from robnas.proxies._jacov import jacov
from robnas.proxies._l2_norm import l2_norm
from robnas.proxies._mean_field import MeanFieldSensitivity
from robnas.proxies._ntk import KernelProxy
from robnas.proxies._ntk_trained import TrainedKernel
from robnas.proxies._nwot import nwot
from robnas.proxies._plain import plain
from robnas.proxies._probe import Probe
from robnas.proxies._r_score import RScore
from robnas.proxies._robust_score import robust_score
from robnas.proxies._robust_zcp import RobustZCP
from robnas.proxies._sizes import convolutions, macs, parameters
from robnas.proxies._snip import snip
from robnas.proxies._synflow import synflow
from robnas.proxies._zen import zen
from robnas.spaces import Space


class Proxy(Protocol):
    """A score of an untrained network, higher is better.

    One that needs attacked images for kernels also has an attribute `attacks`: 0, 1 or 2. One that is defined for the
    architectures of one space alone has an attribute `space`, the name of it.
    """

    def __call__(self, probe: Probe, /) -> float:
        """The score.

        Raises:
            UndefinedScoreError: there is none for this network.
        """
        ...


CHEAP: Mapping[str, Proxy] = MappingProxyType(
    {
        "parameters": parameters,
        "macs": macs,
        "convolutions": convolutions,
        "grad_norm": grad_norm,
        "plain": plain,
        "snip": snip,
        "grasp": grasp,
        "l2_norm": l2_norm,
        "fisher": fisher,
        "synflow": synflow,
        "jacov": jacov,
        "epe_nas": epe_nas,
        "nwot": nwot,
        "zen": zen,
        "jacobian_norm": jacobian_norm,
        "croze": CRoZe(),
        "croze_released": CRoZe(sign=-1.0),
        "robust_score": robust_score,
        "top_score": Formula(top_score, NAME, "nothing flows from the input to the output of the cell"),
    }
)
"""Those that take a second or two and need no kernel."""

ROBUSTNESS: Mapping[str, Proxy] = MappingProxyType(
    {
        "robust_zcp": RobustZCP(),
        "r_score": RScore(),
        "hessian": hessian,
        "condition_and_parameters": condition_and_parameters,
        "mean_field_sensitivity": MeanFieldSensitivity(),
    }
)
"""Those made for robustness: by others, which take longer, one that needs a kernel, and one that needs no network."""

TRAINED: Mapping[str, Proxy] = MappingProxyType(
    {f"ntk-trained-{measure}": TrainedKernel(measure) for measure in (*PATH_MEASURES, *MEASURES)}
)
"""Those of kernels after a short training: ``ntk-trained-change`` … All of a probe share the training."""

_GROUPS = ("all", "cheap", "trained")


def _no_group(name: str, _: Proxy) -> None:
    if name in _GROUPS:
        raise InputError("proxy name", expected=f"other than {', '.join(_GROUPS)}, which are groups", got=name)


PROXIES: Registry[Proxy] = Registry(
    "proxy",
    {**CHEAP, **ROBUSTNESS, **{n: KernelProxy(score) for n, score in SCORES.items()}, **TRAINED},
    Callable,
    _no_group,
)
"""All proxies by name. One of your own is one more entry."""


def proxy_named(name: str) -> Proxy:
    """A proxy of `PROXIES`, or a score that was added to `robnas.kernels.SCORES`, or replaced there, since."""
    known = PROXIES.get(name)
    return KernelProxy(SCORES[name]) if known is None or (isinstance(known, KernelProxy) and name in SCORES) else known


def selected(names: Iterable[str], space: Space | None = None) -> list[str]:
    """Names without repetition, groups replaced by their members.

    ``cheap`` stands for `CHEAP`, ``trained`` for `TRAINED`, ``all`` for every other one and the cheap ones.

    Args:
        names: of proxies and of these groups.
        space: groups leave out what is defined for another space alone.

    Raises:
        InputError: an unknown name.
    """
    known = [*PROXIES.names(), *(name for name in SCORES if name not in PROXIES)]
    untrained = [name for name in known if name not in TRAINED]
    groups: dict[str, Iterable[str]] = {"all": untrained, "cheap": CHEAP, "trained": TRAINED}
    if space is not None:
        groups = {group: [name for name in members if _fits(name, space)] for group, members in groups.items()}
    found = [one for name in names for one in groups.get(name, [name])]
    check_keys("proxy", found, [*groups, *known])
    return list(dict.fromkeys(found))


def check_fit(names: Iterable[str], space: Space) -> None:
    """Raise `InputError` at the first proxy that is defined for the architectures of another space alone."""
    for name in names:
        if not _fits(name, space):
            expected = f"an architecture of {_only_of(name)}"
            got = Verbatim(f"those of {space.name}")
            raise InputError(name, expected=expected, got=got, remedy=f"score without {name}")


def _fits(name: str, space: Space) -> bool:
    return _only_of(name) in (None, space.name)


def _only_of(name: str) -> str | None:
    return getattr(proxy_named(name), "space", None)


def attacks_of(names: Iterable[str]) -> int:
    """How often images are attacked, at the most that any of these proxies asks for: 0, 1 or 2."""
    return max((getattr(proxy_named(name), "attacks", 0) for name in names), default=0)
