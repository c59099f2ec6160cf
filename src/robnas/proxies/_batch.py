"""What a proxy sees: images, which follow from the data and a seed, and a network of a space."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, final

import torch
from torch import Tensor

from robnas._brief import brief
from robnas.data import to_pixels
from robnas.errors import InputError, Verbatim
from robnas.kernels import NTKSettings, balanced_batch
from robnas.networks import build_network
from robnas.proxies._probe import Probe
from robnas.spaces import Architecture, Space, parse_key, space_of
from robnas.types import ThreatModel, check_count, check_range

if TYPE_CHECKING:
    from robnas.data import Dataset

SpaceLike: TypeAlias = Space | str | Mapping[str, Any] | None
"""A space; its name, key or facts; None for that of the architectures."""
OF_SPACE = ("channels", "cells")
_THREAT, _KERNEL = ThreatModel.linf("8/255"), NTKSettings()


@final
@dataclass(frozen=True, kw_only=True)
class ProxySettings:
    """What scores of an architecture depend on besides it and the data.

    Raises:
        InputError: fewer than 2 images, β outside [0, 1], or kernels of the reduction ``full``.
    """

    images: int = 64
    """Training images, balanced over classes, two or more of each that is used; see `robnas.kernels.balanced_batch`."""
    channels: int | None = None
    """Former place of a setting of the space, which is given as `space` now."""
    cells: int | None = None
    """Likewise."""
    calibration: int = 512
    """Training images whose statistics batch norm takes for kernels."""
    threat: ThreatModel = _THREAT
    """Of the attacks that robust kernels need."""
    beta: float = 0.5
    """Of mixed kernels."""
    kernel: NTKSettings = _KERNEL
    """Of kernels; its seed is that of the repeat."""

    def __post_init__(self) -> None:
        for what in ("images", "calibration"):
            check_count(what, getattr(self, what), 2)
        check_range("beta", self.beta, 0, 1)
        if self.of_space:
            text = "the size of the network is a setting of the space: give space= rather than channels= and cells="
            warnings.warn(text, DeprecationWarning, stacklevel=3)
        if self.kernel.reduction == "full":
            expected = "trace, sum, label or proj for scores, which have one row per image"
            raise InputError("reduction", expected=expected, got=Verbatim("full"))

    @property
    def of_space(self) -> dict[str, int]:
        """Settings of the space that are given here."""
        return {name: getattr(self, name) for name in OF_SPACE if getattr(self, name) is not None}


def placed(
    architectures: Iterable[object], space: SpaceLike, settings: ProxySettings
) -> tuple[Space, list[Architecture]]:
    """The space of some architectures, see `space_for`, and each of them once.

    Raises:
        InputError: there are none, the space does not read one, or it lacks a setting.
    """
    if isinstance(architectures, Space):  # all of it
        architectures.check_listable("scoring it all")
        space = architectures if space is None else space
    given = list(architectures)
    if not given:
        raise InputError("architectures", expected="at least one")
    if space is None and isinstance(given[0], Architecture):
        space = given[0].space
    found = space_for(space, settings)
    return found, list(dict.fromkeys(found.parse(arch) for arch in given))


def space_for(space: SpaceLike, settings: ProxySettings) -> Space:
    """The space that is named, at the size that `settings` may give.

    Raises:
        InputError: there is no such space, or it lacks a setting.
    """
    if not isinstance(space, Space):
        space = space_of(parse_key(space) if isinstance(space, str) else space)
    return space.configure(**settings.of_space) if settings.of_space else space


@dataclass(frozen=True, eq=False)
class Batch:
    """The images of one repeat, with what a network has to know of the data."""

    __repr__ = brief

    seed: int
    images: Tensor
    """Shape (images, channels, height, width), uint8."""
    labels: Tensor
    """Shape (images,)."""
    calibration: Tensor
    """Shape (calibration, channels, height, width), uint8."""
    num_classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    calibration_labels: Tensor
    """Shape (calibration,)."""

    @classmethod
    def draw(cls, data: Dataset, seed: int, settings: ProxySettings) -> Batch:
        """Training images of one seed.

        Raises:
            InputError: more images than there are.
        """
        train = data.split("train")
        chosen = balanced_batch(train.labels, settings.images, seed)
        others = balanced_batch(train.labels, min(settings.calibration, len(train)), seed + 1_000_000)
        return cls(
            seed, train.images[chosen], train.labels[chosen], train.images[others], data.num_classes, data.mean,
            data.std, train.labels[others],
        )  # fmt: skip

    @torch.inference_mode(False)
    def probe(
        self, arch: Architecture, space: Space, settings: ProxySettings, attacks: int, device: torch.device | str
    ) -> Probe:
        """The untrained network of an architecture with these images; its weights follow from the seed too."""
        network = build_network(
            arch, space=space, num_classes=self.num_classes, in_channels=self.images.shape[1],
            image_size=self.images.shape[2], mean=self.mean, std=self.std, seed=self.seed,
        )  # fmt: skip
        return Probe(
            network.to(device),
            to_pixels(self.images).to(device),
            self.labels.to(device),
            threat=settings.threat,
            beta=settings.beta,
            settings=replace(settings.kernel, seed=self.seed),
            calibration=to_pixels(self.calibration).to(device),
            seed=self.seed,
            attacks=attacks,
            calibration_labels=self.calibration_labels.to(device),
        )
