"""Scores of networks and architectures: missing ones say why, repeats have a mean and a standard error."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, final

import torch

from robnas._products import products
from robnas._seeds import derive_seed
from robnas.attacks import seeded_randomness
from robnas.errors import InputError, MemoryLimitError, reason
from robnas.kernels import IndefiniteKernelError, NonFiniteKernelError
from robnas.proxies._batch import Batch, ProxySettings, SpaceLike, placed
from robnas.proxies._probe import Probe, UndefinedScoreError
from robnas.proxies._proxies import attacks_of, check_fit, proxy_named, selected
from robnas.spaces import Architecture, Space
from robnas.types import check_count

if TYPE_CHECKING:
    from robnas.data import Dataset

_SETTINGS = ProxySettings()


@final
@dataclass(frozen=True, slots=True)
class NetworkScore:
    """One score of one network; either a finite number, or missing for a reason."""

    value: float | None
    """Higher is better; None if it is missing."""
    reason: str = ""
    """Why it is missing."""


@final
@dataclass(frozen=True, slots=True)
class ProxyScore:
    """A score over repeats."""

    mean: float | None
    """None if the score is missing in any repeat."""
    standard_error: float | None
    """Of the mean; None if that is None, or after one repeat."""
    values: tuple[float | None, ...]
    """Per repeat; None where it is missing. Empty for a score that was read from a file."""
    reason: str = ""
    """Why the first missing one is missing."""


def score_network(probe: Probe, proxies: Iterable[str]) -> dict[str, NetworkScore]:
    """Scores of one network, by name; what they share is computed once.

    Args:
        probe: the network and its images.
        proxies: names of `PROXIES`, or groups as of `selected`.

    Raises:
        InputError: an unknown name, labels that the network has no output for, or a network that fails on the images.
    """
    return {name: _value(name, probe) for name in selected(proxies)}


@torch.inference_mode(False)
@torch.enable_grad()
def _value(name: str, probe: Probe) -> NetworkScore:
    try:
        device = probe.images.device
        with products(device), seeded_randomness(derive_seed(probe.seed, "proxies", name), device):
            found: object = proxy_named(name)(probe)
    except (UndefinedScoreError, IndefiniteKernelError, NonFiniteKernelError) as error:
        return NetworkScore(None, str(error))
    except NotImplementedError as error:
        return NetworkScore(None, f"torch does not differentiate this network so: {reason(error)}")
    except RuntimeError as error:
        raise InputError(
            "network", expected=f"one that takes the images and {name} differentiates", got=reason(error)
        ) from error
    try:
        value = float("nan" if found is None else found)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InputError(f"proxy {name}", expected="a number", got=found) from None
    if not isfinite(value):
        return NetworkScore(None, f"it came out as {value}: the network is degenerate, or a number overflowed")
    return NetworkScore(value)


def probe_architecture(
    arch: object,
    data: Dataset,
    *,
    seed: int,
    space: SpaceLike = None,
    settings: ProxySettings = _SETTINGS,
    attacks: int = 2,
    device: torch.device | str = "cpu",
) -> Probe:
    """The untrained network of an architecture with training images; both follow from the seed.

    Args:
        arch: an architecture, or what its space reads.
        data: its training split is read.
        seed: of weights, batch and attacks. The batch does not depend on the architecture.
        space: of the architecture, with the settings of the network; see `score`.
        settings: all else.
        attacks: how often images are attacked for kernels.
        device: where to compute.

    Raises:
        InputError: a malformed architecture, or more images than there are.
    """
    space, (arch,) = placed([arch], space, settings)
    return Batch.draw(data, seed, settings).probe(arch, space, settings, attacks, device)


def score(
    arch: object,
    data: Dataset,
    proxies: Iterable[str] = ("cheap",),
    *,
    space: SpaceLike = None,
    repeats: int = 1,
    seed: int = 0,
    settings: ProxySettings = _SETTINGS,
    device: torch.device | str = "cpu",
) -> dict[str, ProxyScore]:
    """Scores of an architecture without training: mean and standard error over initialisations and batches.

    Args:
        arch: an architecture, or what its space reads.
        data: its training split is read.
        proxies: names of `PROXIES`, or groups of `selected`, which leave out what cannot be computed in the space.
        space: of the architecture, with the settings of the network: a space, its name, its key such as
            ``small-convnets`` or its facts. If omitted that of the architecture, at its usual settings.
        repeats: networks and batches; the seeds are `seed`, `seed` + 1, …
        seed: of the first repeat. Equal seeds give all architectures the same images.
        settings: batch and kernels.
        device: where to compute.

    Raises:
        InputError: an unknown name, a malformed architecture, a proxy of another space, or fewer than 2 images.
    """
    space, (arch,) = placed([arch], space, settings)
    names = selected(proxies, space)
    check_fit(names, space)
    return score_batches(arch, space, draw_batches(data, repeats, seed, settings), names, settings, device)


def draw_batches(data: Dataset, repeats: int, seed: int, settings: ProxySettings) -> list[Batch]:
    """The images of every repeat."""
    return [Batch.draw(data, seed + repeat, settings) for repeat in range(check_count("repeats", repeats))]


def score_batches(
    arch: Architecture, space: Space, batches: Sequence[Batch], names: Sequence[str], settings: ProxySettings,
    device: object,
) -> dict[str, ProxyScore]:  # fmt: skip
    """Scores of one architecture on the images of every repeat."""
    attacks = attacks_of(names)
    found = [score_network(batch.probe(arch, space, settings, attacks, str(device)), names) for batch in batches]
    return {name: summary([values[name] for values in found]) for name in names}


def scores_or_error(
    arch: Architecture, space: Space, batches: Sequence[Batch], names: Sequence[str], settings: ProxySettings,
    device: object,
) -> dict[str, ProxyScore] | InputError:  # fmt: skip
    """`score_batches`, or why the network of this architecture cannot be built or scored."""
    try:
        return score_batches(arch, space, batches, names, settings, device)
    except MemoryLimitError:  # which more memory mends
        raise
    except InputError as error:
        return error


def summary(values: Iterable[NetworkScore]) -> ProxyScore:
    """Mean and standard error of one score over repeats; missing if it is missing in any."""
    found = list(values)
    numbers = [one.value for one in found if one.value is not None]
    reason = next((one.reason for one in found if one.value is None), "")
    complete = len(numbers) == len(found)
    error = statistics.stdev(numbers) / len(numbers) ** 0.5 if complete and len(numbers) > 1 else None
    mean = statistics.fmean(numbers) if complete else None
    return ProxyScore(mean, error, tuple(one.value for one in found), reason)
