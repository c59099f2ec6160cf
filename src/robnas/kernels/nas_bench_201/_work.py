"""Images, and which pairs of them a kernel needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas._settings import check_keys
from robnas.errors import InputError, Verbatim
from robnas.kernels._activations import Floats
from robnas.kernels.nas_bench_201._block import Index
from robnas.networks.nas_bench_201 import BRANCH_SCALINGS


@final
@dataclass(frozen=True, eq=False)
class CellKernels:
    """Both kernels of an infinitely wide network, each of shape (n, m), float64."""

    __repr__ = brief

    ntk: Floats
    """Neural tangent kernel: products of gradients."""
    nngp: Floats
    """Covariance of the outputs over random weights."""


@final
@dataclass(frozen=True, eq=False)
class Work:
    """Images one after the other: those that fix scales, those of the rows, those of the columns; or fewer, if equal.

    Args:
        pixels: shape (channels, height, width, images).
        calibration: how many of the first fix means and scales.
        centred: whether they fix means.
        top: the first of the rows.
        rows: how many.
        left: the first of the columns; `top` where the kernel is square.
        columns: how many.
        alone: whether only the diagonal is wanted.
    """

    pixels: Floats
    calibration: int
    centred: bool
    top: int
    rows: int
    left: int
    columns: int
    alone: bool

    @classmethod
    def of(
        cls,
        inputs: npt.ArrayLike,
        others: npt.ArrayLike | None,
        calibration: npt.ArrayLike | None,
        scaling: str,
        *,
        alone: bool = False,
    ) -> Work:
        """See `infinite_cell_kernels`.

        Raises:
            InputError: wrong or different shapes, values that are not finite, or no calibration beside `others`.
        """
        x = _checked("inputs", inputs)
        parts = [x] if others is None else [x, _checked("others", others)]
        top, fixed = 0, len(x)
        if scaling == "he":
            fixed = 0
        elif calibration is not None:
            parts.insert(0, _checked("calibration", calibration))
            top = fixed = len(parts[0])
        elif others is not None:
            raise missing_calibration()
        if any(part.shape[1:] != x.shape[1:] for part in parts):
            shapes = ", ".join(str(part.shape) for part in parts)
            raise InputError("images of a kernel", expected="one shape of an image", got=Verbatim(shapes))
        pixels = np.ascontiguousarray(np.concatenate(parts).transpose(1, 2, 3, 0))
        left = top if others is None else top + len(x)
        columns = len(x) if others is None else len(parts[-1])
        return cls(pixels, fixed, scaling == "centred", top, len(x), left, columns, alone)

    @property
    def images(self) -> int:
        """How many there are in all."""
        return int(self.pixels.shape[-1])

    @property
    def together(self) -> int:
        """How many pairs of images must fit in memory."""
        if not self.centred:
            return max(1, self.calibration)
        return self.images * self.calibration + self.images - self.calibration

    @property
    def square(self) -> bool:
        """Whether rows and columns are the same images."""
        return self.left == self.top

    def nothing(self) -> CellKernels:
        """Kernels that wait for entries; those of a network without output."""
        return CellKernels(np.zeros((self.rows, self.columns)), np.zeros((self.rows, self.columns)))

    def blocks(self, each: int) -> Iterator[tuple[Index, Index]]:
        """Left and right images of pairs: first every image with itself, those that fix scales together.

        Where they fix means, all images are paired with all of them, together with every other with itself.
        """
        every, fixed = np.arange(self.images), np.arange(self.calibration)
        if self.centred:
            pairs = np.repeat(every, len(fixed)), np.tile(fixed, len(every))
            yield tuple(np.concatenate([part, every[len(fixed) :]]) for part in pairs)  # type: ignore[misc]
        else:
            starts = range(self.calibration, self.images, each)
            for start, stop in pairwise([*([0] if self.calibration else []), *starts, self.images]):
                yield every[start:stop], every[start:stop]
        if self.alone or (self.square and self.centred and self.rows == self.images):
            return
        if self.square:
            rows, columns = np.triu_indices(self.rows, 1)
        else:
            rows, columns = (part.ravel() for part in np.indices((self.rows, self.columns)))
        for start in range(0, len(rows), each):
            part = slice(start, start + each)
            yield rows[part] + self.top, columns[part] + self.left

    def enter(self, values: Floats, result: Floats, rows: Index, columns: Index) -> None:
        """Put `values` of pairs into a kernel, where they belong into it."""
        rows, columns = rows - self.top, columns - self.left
        mine = (rows >= 0) & (rows < self.rows) & (columns >= 0) & (columns < self.columns)
        mine &= (rows <= columns) | (not self.square)
        result[rows[mine], columns[mine]] = values[mine]
        if self.square:
            result[columns[mine], rows[mine]] = values[mine]


def check_scaling(scaling: str) -> None:
    """Raise `InputError` unless it is a scaling of branches."""
    check_keys("scaling of branches", [scaling], BRANCH_SCALINGS)


def missing_calibration() -> InputError:
    """The error of ``unit`` and ``centred`` without images that fix them."""
    expected = "images that fix the scales, as all entries of a kernel are of one network"
    return InputError("calibration", expected=expected, got=Verbatim("none"), remedy="give those of training")


def _checked(what: str, images: npt.ArrayLike) -> Floats:
    x = np.asarray(images, dtype=np.float64)
    if x.ndim != 4 or 0 in x.shape:
        raise InputError(what, expected="shape (n, channels, height, width)", got=Verbatim(x.shape))
    if not np.isfinite(x).all():
        raise InputError(what, expected="finite numbers", got=Verbatim("nan or infinity"))
    return x
