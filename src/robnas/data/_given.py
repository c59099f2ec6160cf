"""Images as somebody has them in memory → uint8 (n, channels, height, width); what would take a guess is refused."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from robnas.data._arrays import check_bytes
from robnas.errors import DataError, InputError, Verbatim, reason
from robnas.types import check_count

Bytes = npt.NDArray[np.uint8]
COLOURS = (1, 3, 4)
"""Channels by whose number a side of an image is known to be that of the channels."""
_LAYOUTS = ("first", "last")
_ROUNDING = 1e-6  # how far outside [0, 1] a pixel may lie that was computed in float32
_BLOCK = 2**22  # pixels that are scaled at once
_ACCEPTED = "floats in [0, 1] or uint8, 0 to 255"


def grey_levels(
    name: str, given: Mapping[str, object], *, channels: str | None, size: int | Sequence[int] | None
) -> dict[str, Bytes]:
    """Images of each split as uint8 of one shape (n, channels, height, width).

    Args:
        name: of the data set, for errors.
        given: per split an array (n, height, width), (n, height, width, channels) or (n, channels, height, width), or a
            list of arrays without the first of these axes, which may differ in size.
        channels: where they are, ``first`` or ``last``; None where a side of 1, 3 or 4 shows it.
        size: height and width, or one number for both, to which all images are stretched.

    Raises:
        InputError: images that are none, of several sizes without a `size`, or that could be read in two ways.
    """
    parts = {split: _stacks(f"{name}, {split} images" if len(given) > 1 else f"{name}, images", one)
             for split, one in given.items()}  # fmt: skip
    shapes = sorted({stack.shape[1:] for stacks in parts.values() for stack in stacks})
    layout = _layout(name, shapes, channels)
    wanted = _size(size)
    sizes = {_arranged(np.empty((1, *shape), np.uint8), layout).shape[1:] for shape in shapes}
    if wanted is None and len(sizes) > 1:
        raise InputError(
            f"images of {name}",
            expected="one size, or the size to which to stretch them",
            got=Verbatim(", ".join(map(str, sorted(sizes)[:4])) + ", …" * (len(sizes) > 4)),
            remedy="give size=(height, width), or size=32 for squares",
        )
    if len({shape[0] for shape in sizes}) > 1:
        got = Verbatim(", ".join(str(shape) for shape in sorted(sizes)[:4]))
        raise InputError(f"images of {name}", expected="one number of channels", got=got)
    shape = (next(iter(sizes))[0], *(wanted or next(iter(sizes))[1:]))
    check_bytes(name, sum(len(stack) for stacks in parts.values() for stack in stacks) * int(np.prod(shape)))
    scale, found = _Scale(name), {}
    for split, stacks in parts.items():
        found[split] = np.concatenate([_stretched(_arranged(scale(stack), layout), shape) for stack in stacks])
    scale.finish()
    return found


def from_floats(source: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays of images of a file: floats as the grey levels that `grey_levels` makes of them, others as they are.

    Raises:
        DataError: floats outside [0, 1], or nan.
    """
    scale = _Scale(source, DataError)
    found = {name: scale(one) if one.dtype.kind == "f" and one.size else one for name, one in arrays.items()}
    scale.finish()
    return found


def _stacks(what: str, given: object) -> list[np.ndarray]:
    """Arrays (n, height, width[, …]), one of all images, or one per image of a list."""
    several = isinstance(given, list | tuple)
    images = [as_array(what, one) for one in given] if several else [as_array(what, given)]  # type: ignore[attr-defined]
    if not images or not all(image.size for image in images):
        raise InputError(what, expected="at least one, of at least one pixel", got=Verbatim("none"))
    axes = (2, 3) if several else (3, 4)
    if odd := [image for image in images if image.ndim not in axes]:
        raise InputError(
            what,
            expected="arrays of (height, width) or with channels before or after these"
            if several
            else "shape (n, height, width), (n, height, width, channels) or (n, channels, height, width)",
            got=Verbatim(f"shape {odd[0].shape}"),
            remedy="reshape them: a row of pixels does not show height and width" if odd[0].ndim < axes[0] else "",
        )
    return [image[None] for image in images] if several else images


def as_array(what: str, given: object) -> np.ndarray:
    """A NumPy array or tensor, or what NumPy takes for one, as an array on the CPU.

    Raises:
        InputError: it is none, or has masked values.
    """
    try:
        if isinstance(given, Tensor):
            plain = given.detach().cpu()
            return (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()
        if np.ma.is_masked(given):
            raise InputError(what, expected="all values", got=Verbatim("masked ones"))
        if hasattr(given, "__array__"):
            return np.asarray(given)
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(what, expected="NumPy arrays or tensors in memory", got=reason(error)) from None
    remedy = "numpy.asarray(image), in mode L or RGB" if isinstance(given, Image.Image) else "numpy.array(…)"
    raise InputError(what, expected="NumPy arrays or tensors", got=given, remedy=remedy)


def _layout(name: str, shapes: Sequence[tuple[int, ...]], channels: str | None) -> str:
    """``grey``, ``first`` or ``last``: the one way to read all these shapes of single images."""
    if channels is not None and channels not in _LAYOUTS:
        raise InputError("channels", expected="first or last", got=channels)
    if len({len(shape) for shape in shapes}) > 1:
        got = Verbatim(f"{shapes[0]} and {shapes[-1]}")
        raise InputError(f"images of {name}", expected="all grey or all with channels", got=got)
    if len(shapes[0]) == 2:
        return "grey"
    if channels is not None:
        return channels
    fitting = [
        layout for layout, side in zip(_LAYOUTS, (0, -1), strict=True) if all(s[side] in COLOURS for s in shapes)
    ]
    if len(fitting) != 1:
        raise InputError(
            f"images of {name}",
            expected="a shape that shows where the channels are, by one side of 1, 3 or 4",
            got=Verbatim(f"{shapes[0]} per image"),
            remedy='give channels="first" or channels="last"',
        )
    return fitting[0]


def _arranged(images: Bytes, layout: str) -> Bytes:
    """Images of a layout as (n, channels, height, width)."""
    if layout == "grey":
        return images[:, None]
    return images.transpose(0, 3, 1, 2) if layout == "last" else images


def _size(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = [size, size] if isinstance(size, int | np.integer) else size
    if not isinstance(sides, list | tuple) or len(sides) != 2:
        raise InputError("size", expected="one number, or (height, width)", got=size)
    return check_count("size", sides[0], 1, 2**14), check_count("size", sides[1], 1, 2**14)


def _stretched(images: Bytes, shape: tuple[int, ...]) -> Bytes:
    """Images of one size in another, bilinear with antialiasing: in whole numbers, which are the same everywhere."""
    if images.shape[1:] == shape:
        return images
    found, (height, width) = np.empty((len(images), *shape), dtype=np.uint8), shape[1:]
    for source, target in zip(images.reshape(-1, *images.shape[2:]), found.reshape(-1, height, width), strict=True):
        image = Image.fromarray(np.ascontiguousarray(source))
        target[:] = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    return found


class _Scale:
    """Turns pixels into grey levels, and remembers what that changed."""

    def __init__(self, name: str, error: type[InputError] = InputError) -> None:
        self._name, self._most, self._off, self._error = name, 0, 0.0, error
        self._floats = False

    def __call__(self, images: np.ndarray) -> Bytes:
        what = f"images of {self._name}"
        if images.dtype == np.uint8:
            self._most = max(self._most, int(images.max()))
            return images
        if images.dtype.kind != "f":
            raise self._error(what, expected=_ACCEPTED, got=Verbatim(images.dtype), remedy=_remedy(images))
        self._floats = True
        low, high = float(images.min()), float(images.max())
        if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):
            nan = low != low or high != high
            got = Verbatim("nan" if nan else f"values from {low:.6g} to {high:.6g}")
            remedy = "" if nan else "divide by 255" if low >= 0 and 1 < high <= 255 else "leave normalisation out"
            raise self._error(what, expected=f"{_ACCEPTED}; pixels in [0, 1]", got=got, remedy=remedy)
        return self._rounded(images)

    def _rounded(self, images: np.ndarray) -> Bytes:
        found = np.empty(images.shape, dtype=np.uint8)
        exact = 255 * max(np.finfo(images.dtype).eps, 4 * np.finfo(np.float32).eps)  # twice rounded, say
        rows = max(1, _BLOCK // images[0].size)
        for begin in range(0, len(images), rows):
            levels = 255 * images[begin : begin + rows].astype(np.float64).clip(0, 1)
            nearest = np.rint(levels)
            off = float(np.abs(levels - nearest).max())
            self._off = max(self._off, off if off > exact else 0.0)
            found[begin : begin + rows] = nearest
        return found

    def finish(self) -> None:
        """Say what was rounded; refuse bytes that look like truth values."""
        if self._most == 1 and not self._floats:
            got, remedy = Verbatim("none above 1"), "give x.astype(float) if 1 is white"
            raise InputError(f"images of {self._name}", expected="uint8, 0 to 255", got=got, remedy=remedy)
        if self._off:
            warnings.warn(
                f"images of {self._name}: pixels between the 256 grey levels were rounded to the nearest, "
                f"by up to {self._off:.2f} of a level",
                stacklevel=5,
            )


def _remedy(images: np.ndarray) -> str:
    kind = images.dtype.kind
    if kind == "b":
        return "x.astype(float), where 1 is white"
    if kind == "O":
        return "give a list of arrays, list(x)"
    if kind in "iu":
        inside = images.min() >= 0 and images.max() <= 255
        return "x.astype('uint8') if they are grey levels from 0 to 255" if inside else ""
    return ""
