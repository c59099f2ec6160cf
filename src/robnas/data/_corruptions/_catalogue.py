"""Which corruptions there are, with their published parameters, and which of them mean something at a size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, final

from robnas.data._corruptions import _blur, _colour, _digital, _noise, _spatter, _weather
from robnas.data._corruptions._draws import Pixels
from robnas.types import CORRUPTIONS

NOTES = {"frost": "synthetic: drawn ice, where the official images have photographs of it"}
_JPEG_BLOCK = 8  # pixels
Parameters: TypeAlias = tuple[float, ...]


@final
@dataclass(frozen=True, slots=True)
class Recipe:
    """How a corruption is made."""

    make: Callable[..., Pixels]
    """Of images, random numbers, the scale of the raster if that is `fine`, and parameters."""
    parameters: tuple[Parameters, ...]
    """Of severity 1 to 5, as published for CIFAR-10-C (Hendrycks and Dietterich 2019), in pixels of 32."""
    fine: bool = False
    """Whether it is made on a raster of at least 32 sub-pixels."""


def _numbers(*values: float) -> tuple[Parameters, ...]:
    return tuple((value,) for value in values)


RECIPES: dict[str, Recipe] = {
    "gaussian_noise": Recipe(_noise.gaussian_noise, _numbers(0.04, 0.06, 0.08, 0.09, 0.10)),
    "shot_noise": Recipe(_noise.shot_noise, _numbers(500, 250, 100, 75, 50)),
    "impulse_noise": Recipe(_noise.impulse_noise, _numbers(0.01, 0.02, 0.03, 0.05, 0.07)),
    "defocus_blur": Recipe(_blur.defocus_blur, ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)), fine=True),
    "glass_blur": Recipe(
        _blur.glass_blur, ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)), fine=True
    ),
    "motion_blur": Recipe(_blur.motion_blur, ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)), fine=True),
    "zoom_blur": Recipe(_blur.zoom_blur, _numbers(7, 12, 16, 21, 26), fine=True),
    "snow": Recipe(
        _weather.snow,
        (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
    ),
    "frost": Recipe(_weather.frost, ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45))),
    "fog": Recipe(_weather.fog, ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75))),
    "brightness": Recipe(_colour.brightness, _numbers(0.05, 0.1, 0.15, 0.2, 0.3)),
    "contrast": Recipe(_colour.contrast, _numbers(0.75, 0.5, 0.4, 0.3, 0.15)),
    "elastic_transform": Recipe(
        _digital.elastic_transform,
        ((0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)),
        fine=True,
    ),
    "pixelate": Recipe(_digital.pixelate, _numbers(0.95, 0.9, 0.85, 0.75, 0.65)),
    "jpeg_compression": Recipe(_digital.jpeg_compression, _numbers(80, 65, 58, 50, 40)),
    "speckle_noise": Recipe(_noise.speckle_noise, _numbers(0.06, 0.1, 0.12, 0.16, 0.2)),
    "gaussian_blur": Recipe(_blur.gaussian_blur, _numbers(0.4, 0.6, 0.7, 0.8, 1), fine=True),
    "spatter": Recipe(
        _spatter.spatter,
        (
            (0.62, 0.1, 0.7, 0.7, 0.5, 0),
            (0.65, 0.1, 0.8, 0.7, 0.5, 0),
            (0.65, 0.3, 1, 0.69, 0.5, 0),
            (0.65, 0.1, 0.7, 0.69, 0.6, 1),
            (0.65, 0.1, 0.5, 0.68, 0.6, 1),
        ),
    ),
    "saturate": Recipe(_colour.saturate, ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2))),
}


def corruptions_of(image_shape: tuple[int, int, int]) -> tuple[str, ...]:
    """The names of the corruptions that mean something for images of (channels, height, width), in their order."""
    missing = left_out(image_shape)
    return tuple(name for name in CORRUPTIONS if name not in missing)


def left_out(image_shape: tuple[int, int, int]) -> dict[str, str]:
    """Name → reason of the corruptions that mean nothing for images of (channels, height, width)."""
    channels, height, width = image_shape
    if channels not in (1, 3):
        return dict.fromkeys(CORRUPTIONS, f"made for grey and RGB images, not for {channels} channels")
    reasons = {
        "saturate": _grey(channels),
        "pixelate": _coarse(min(height, width)),
        "jpeg_compression": _below_a_block(min(height, width)),
    }
    return {name: reasons[name] for name in CORRUPTIONS if reasons.get(name)}


def _grey(channels: int) -> str:
    return "grey images have no saturation" if channels == 1 else ""


def _coarse(side: int) -> str:
    sizes = [int(side * share) for (share,) in RECIPES["pixelate"].parameters]
    if len(set(sizes)) == len(sizes):
        return ""
    return f"at {side} pixels the {len(sizes)} severities have {', '.join(map(str, sizes))} pixels: some are the same"


def _below_a_block(side: int) -> str:
    return f"a JPEG block has {_JPEG_BLOCK} pixels, the image {side}" if side < _JPEG_BLOCK else ""
