"""Corrupted copies of images: a row depends on its pixels, seed, index, corruption and severity alone."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from robnas.data._corruptions._catalogue import RECIPES, corruptions_of, left_out
from robnas.data._corruptions._colour import cut
from robnas.data._corruptions._draws import Draws, Pixels
from robnas.data._corruptions._geometry import SIDE, enlarged, reduced, sub_pixels
from robnas.data._dataset import Bytes, describe
from robnas.data._given import as_array
from robnas.errors import InputError, Verbatim, unknown_name
from robnas.types import SEVERITIES, check_count

_VALUES = 2**20  # of a raster at a time
_ROUNDING = 1e-6  # how far outside [0, 1] a pixel may lie that was computed in float32

Given = TypeVar("Given", npt.NDArray[np.uint8], npt.NDArray[np.floating], torch.Tensor)


def corrupt(images: Given, name: str, severity: int, *, seed: int, first: int = 0) -> Given:
    """Corrupted copies of images, at the published parameters (Hendrycks and Dietterich 2019), made by robnas.

    Args:
        images: array or tensor of shape (n, channels, height, width), uint8 or floating point in [0, 1]. Floats become
            the nearest of the 256 grey levels first.
        name: one of `corruptions_of` this shape.
        severity: 1 to 5.
        seed: of the random parts.
        first: index of the first image: image i of a data set is corrupted alike in every batch that tells its index.

    Returns:
        What was given: uint8, or floats that are grey levels / 255.

    Raises:
        InputError: other images, or a corruption that is unknown or means nothing for them.
    """
    plain = as_array("images", images)
    levels = _levels(plain)
    name, severity = checked_corruption(name, severity, levels.shape[1:])
    start = check_count("first image", first, 0)
    made = made_levels(levels, name, severity, seed=seed, first=start)
    found = made if levels is plain else (made / 255).astype(plain.dtype)
    return torch.from_numpy(found).to(images.device, images.dtype) if isinstance(images, torch.Tensor) else found  # type: ignore[return-value]


def made_levels(levels: Bytes, name: str, severity: int, *, seed: int, first: int) -> Bytes:
    """What `corrupt` does to grey levels, without its checks."""
    n, channels, height, width = levels.shape
    times = sub_pixels(height, width)
    step = max(1, _VALUES // (channels * (max(height, width) * times) ** 2))  # clouds are cut from squares
    found = np.empty_like(levels)
    for start in range(0, n, step):
        part = levels[start : start + step]
        draws = Draws(seed, name, severity, range(first + start, first + start + len(part)))
        made = _made(part / 255, draws, name, severity, times)
        found[start : start + step] = cut(made)
    return found


def _made(x: Pixels, draws: Draws, name: str, severity: int, times: int) -> Pixels:
    recipe = RECIPES[name]
    parameters = recipe.parameters[severity - 1]
    if not recipe.fine:
        return recipe.make(x, draws, *parameters)
    scale = times * min(x.shape[2:]) / SIDE
    return reduced(recipe.make(enlarged(x, times), draws, scale, *parameters), times)


def checked_corruption(name: object, severity: object, image_shape: tuple[int, ...]) -> tuple[str, int]:
    """Name and severity of a corruption for images of (channels, height, width), as plain values.

    Raises:
        InputError: there is none.
    """
    shape = image_shape[0], image_shape[1], image_shape[2]
    missing = left_out(shape)
    if isinstance(name, str) and name in missing:
        raise InputError(
            "corruption",
            expected=f"one that means something for images of {'×'.join(map(str, shape))}",
            got=Verbatim(f"{name}: {missing[name]}"),
            remedy=f"take one of {', '.join(corruptions_of(shape))}" if len(missing) < len(RECIPES) else "",
        )
    if not isinstance(name, str) or name not in RECIPES:
        raise unknown_name("corruption", name, RECIPES)
    return str(name), check_count("severity", severity, SEVERITIES[0], SEVERITIES[-1])


def _levels(images: npt.NDArray[Any]) -> Bytes:
    """Grey levels of images; the array itself if it holds them."""
    if images.ndim != 4 or 0 in images.shape or not (images.dtype == np.uint8 or images.dtype.kind == "f"):
        _refuse(describe(images))
    if images.dtype == np.uint8:
        return images
    low, high = float(images.min()), float(images.max())
    if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):
        _refuse(Verbatim(f"values from {low:.6g} to {high:.6g}"))
    found: Bytes = np.rint(255 * images.astype(np.float64).clip(0, 1)).astype(np.uint8)
    return found


def _refuse(got: Verbatim) -> NoReturn:
    raise InputError("images", expected="shape (n, channels, height, width), uint8 or floats in [0, 1]", got=got)
