"""The images that a proxy sees: they follow from the data and a seed, not from the architecture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import torch
from torch import Tensor

from robnas._brief import brief
from robnas.data import to_pixels
from robnas.errors import InputError, Verbatim
from robnas.kernels import NTKSettings, balanced_batch
from robnas.networks import build_network
from robnas.proxies._probe import Probe
from robnas.types import ThreatModel, check_count, check_range

if TYPE_CHECKING:
    from robnas.data import Dataset

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
    channels: int = 16
    """Channels C of the first stage."""
    cells: int = 5
    """Cells N per stage."""
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
        if self.kernel.reduction == "full":
            expected = "trace, sum, label or proj for scores, which have one row per image"
            raise InputError("reduction", expected=expected, got=Verbatim("full"))


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
            data.std,
        )  # fmt: skip

    @torch.inference_mode(False)
    def probe(self, arch: object, settings: ProxySettings, attacks: int, device: torch.device | str) -> Probe:
        """The untrained network of an architecture with these images; its weights follow from the seed too."""
        network = build_network(
            arch, num_classes=self.num_classes, channels=settings.channels, cells=settings.cells,
            in_channels=self.images.shape[1], mean=self.mean, std=self.std, seed=self.seed,
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
        )
