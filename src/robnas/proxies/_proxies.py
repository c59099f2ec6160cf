"""All proxies by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from robnas._registry import Registry
from robnas._settings import check_keys
from robnas.kernels import SCORES
from robnas.proxies._croze import CRoZe
from robnas.proxies._epe_nas import epe_nas
from robnas.proxies._fisher import fisher
from robnas.proxies._grad_norm import grad_norm
from robnas.proxies._grasp import grasp
from robnas.proxies._jacobian_norm import jacobian_norm
from robnas.proxies._jacov import jacov
from robnas.proxies._l2_norm import l2_norm
from robnas.proxies._ntk import KernelProxy
from robnas.proxies._nwot import nwot
from robnas.proxies._plain import plain
from robnas.proxies._probe import Probe
from robnas.proxies._robust_score import robust_score
from robnas.proxies._sizes import convolutions, macs, parameters
from robnas.proxies._snip import snip
from robnas.proxies._synflow import synflow
from robnas.proxies._top_score import top_score
from robnas.proxies._zen import zen


class Proxy(Protocol):
    """A score of an untrained network, higher is better.

    One that needs attacked images for kernels also has an attribute `attacks`: 0, 1 or 2.
    """

    def __call__(self, probe: Probe, /) -> float:
        """The score.

        Raises:
            UndefinedScoreError: there is none for this network.
        """
        ...


CHEAP: Registry[Proxy] = Registry(
    "proxy",
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
        "top_score": top_score,
    },
    Callable,
)
"""Those that need no kernel."""

PROXIES: Registry[Proxy] = Registry(
    "proxy", CHEAP | {name: KernelProxy(score) for name, score in SCORES.items()}, Callable
)
"""All proxies by name. One of your own is one more entry."""


def proxy_named(name: str) -> Proxy:
    """A proxy of `PROXIES`, or a score that was added to `robnas.kernels.SCORES` since."""
    return PROXIES[name] if name in PROXIES else KernelProxy(SCORES[name])


def selected(names: Iterable[str]) -> list[str]:
    """Names without repetition; ``all`` stands for every proxy, ``cheap`` for those that need no kernel.

    Raises:
        InputError: an unknown name.
    """
    known = [*PROXIES.names(), *(name for name in SCORES if name not in PROXIES)]
    groups: dict[str, Iterable[str]] = {"all": known, "cheap": CHEAP}
    found = [one for name in names for one in groups.get(name, [name])]
    check_keys("proxy", found, [*groups, *known])
    return list(dict.fromkeys(found))


def attacks_of(names: Iterable[str]) -> int:
    """How often images are attacked, at the most that any of these proxies asks for: 0, 1 or 2."""
    return max((getattr(proxy_named(name), "attacks", 0) for name in names), default=0)
