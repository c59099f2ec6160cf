"""How the kernel of a network moves while it is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas._settings import check_keys
from robnas.errors import InputError, Verbatim
from robnas.kernels._activations import Floats
from robnas.kernels._spectrum import MEASURES, checked_kernel, label_targets
from robnas.types import check_count

if TYPE_CHECKING:
    from robnas.training import EpochLog


@final
@dataclass(frozen=True, eq=False)
class KernelPath:
    """The kernel of a network at the start of a training and after each of its epochs.

    Figures have one entry per kernel, the first of the start, and are nan where they are not defined: where a kernel is
    zero or not finite.

    Raises:
        InputError: no symmetric kernels of one size, not a label for each row, or all labels equal.
    """

    __repr__ = brief

    kernels: Floats
    """Shape (1 + epochs, n, n), symmetric."""
    labels: npt.NDArray[np.generic]
    """Shape (n,)."""
    history: tuple[EpochLog, ...] = ()
    """Figures of the epochs of the training, as `robnas.train` returns them; may be empty."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernels", np.asarray(self.kernels, dtype=np.float64))
        object.__setattr__(self, "labels", np.asarray(self.labels))
        object.__setattr__(self, "history", tuple(self.history))
        shape, epochs = self.kernels.shape, len(self.history)
        if len(shape) != 3 or shape[1] != shape[2] or not all(shape):
            raise InputError("kernels", expected="shape (1 + epochs, n, n)", got=Verbatim(shape))
        if epochs not in (0, shape[0] - 1):
            raise InputError("history", expected=f"{shape[0] - 1} epochs, one per kernel after the start", got=epochs)
        if len(label_targets(self.labels)) != shape[1]:
            expected = f"{shape[1]}, one per row of a kernel"
            raise InputError("labels", expected=expected, got=Verbatim(len(self.labels)))
        for one in self.kernels[self._fine]:
            checked_kernel(one)

    @cached_property
    def change(self) -> Floats:
        """‖K_t − K_0‖ / ‖K_0‖, Frobenius norms."""
        return _ratio(_norms(self._finite - self._finite[0]), _norms(self._finite[:1]))

    @cached_property
    def distance(self) -> Floats:
        """1 − ⟨K_t, K_0⟩ / (‖K_t‖ ‖K_0‖), from 0 to 1: the change of shape, whatever the scale (Fort et al. 2020)."""
        unit = _ratio(self._finite, _norms(self._finite)[:, None, None])
        found: Floats = ((unit - unit[0]) ** 2).sum((1, 2)) / 2  # which does not round below 0
        return found

    @cached_property
    def target_alignment(self) -> Floats:
        """⟨HKH, YYᵀ⟩ / (‖HKH‖ ‖YYᵀ‖), from 0 to 1: how much pairs of a class are alike (Cortes et al. 2012).

        Y are the labels as ±1, a column per class, less their means; H K H is the kernel of gradients less their mean.
        It is another figure than `label_alignment`, which is yᵀK⁻¹y.
        """
        targets = label_targets(self.labels)
        wanted = _gram(targets - targets.mean(0))
        centred = self._finite - self._finite.mean(1, keepdims=True)
        centred -= centred.mean(2, keepdims=True)
        found: Floats = (centred * wanted).sum((1, 2)) / np.linalg.norm(wanted)
        return _ratio(found, _norms(centred), least=_norms(self._finite) * self._rounding)

    @cached_property
    def eigenvalues(self) -> Floats:
        """Of each kernel, decreasing, shape (1 + epochs, n)."""
        return self._spectra[0]

    def eigenvectors(self, count: int | None = None) -> Floats:
        """Of the largest eigenvalues of each kernel, shape (1 + epochs, n, count).

        Their signs are such that none points away from its predecessor of the epoch before.

        Args:
            count: how many; as many as there are classes if None.

        Raises:
            InputError: more than images.
        """
        found = self._spectra[1][:, :, : self._count(count)].copy()
        for before, here in pairwise(found):
            here *= np.where((before * here).sum(0) < 0, -1.0, 1.0)
        return found

    def overlap(self, count: int | None = None) -> Floats:
        """‖U_0ᵀU_t‖² / count of the eigenvectors U of the largest eigenvalues: 1 where they span what they did.

        It is the mean squared cosine between the two spaces; a space at random has count/n. nan where a space is not
        defined, its last eigenvalue not above rounding or equal to the next one.

        Args:
            count: dimension of the spaces; as many as there are classes if None.

        Raises:
            InputError: more than images.
        """
        count = self._count(count)
        top = self._spectra[1][:, :, :count]
        found: Floats = ((top[0].T @ top) ** 2).sum((1, 2)) / count
        defined = self._defined(count)
        return np.where(defined & defined[0], found, np.nan)

    def measured(self, measure: str) -> Floats:
        """A measure of `MEASURES` of each kernel, or a figure of `PATH_MEASURES`; shape (1 + epochs,).

        Raises:
            InputError: there is no such measure.
            IndefiniteKernelError: as the measure.
        """
        check_keys("measure", [measure], [*PATH_MEASURES, *MEASURES])
        if measure in PATH_MEASURES:
            return PATH_MEASURES[measure](self)
        labels: Any = self.labels
        pairs = zip(self.kernels, self._fine, strict=True)
        return np.array([MEASURES[measure](one, labels) if fine else np.nan for one, fine in pairs])

    @cached_property
    def _fine(self) -> npt.NDArray[np.bool_]:
        """Which kernels are finite."""
        return np.asarray(np.isfinite(self.kernels).all((1, 2)))

    @cached_property
    def _finite(self) -> Floats:
        """The kernels; those that are not finite are nan throughout."""
        return np.where(self._fine[:, None, None], self.kernels, np.nan)

    @property
    def _rounding(self) -> float:
        """Share of a kernel that is rounding error."""
        size: int = self.kernels.shape[1]
        return size * float(np.finfo(np.float64).eps)

    @cached_property
    def _spectra(self) -> tuple[Floats, Floats]:
        """Eigenvalues and eigenvectors, the largest first; nan of a kernel that is not finite."""
        values, vectors = np.linalg.eigh(np.where(self._fine[:, None, None], self.kernels, 0))
        values[~self._fine], vectors[~self._fine] = np.nan, np.nan
        return values[:, ::-1], vectors[:, :, ::-1]

    def _defined(self, count: int) -> npt.NDArray[np.bool_]:
        """Whether the space of the largest `count` eigenvectors is that of no others, per kernel."""
        values = np.concatenate([self.eigenvalues, np.zeros((len(self.kernels), 1))], axis=1)
        gap = values[:, count - 1] - np.maximum(values[:, count], 0)
        found: npt.NDArray[np.bool_] = gap > self._rounding * np.abs(values[:, 0])
        return found

    def _count(self, count: int | None) -> int:
        size = self.kernels.shape[1]
        classes = min(len(np.unique(self.labels)), size)
        return classes if count is None else check_count("eigenvectors", count, 1, size)


PATH_MEASURES: Mapping[str, Callable[[KernelPath], Floats]] = {
    "change": lambda path: path.change,
    "distance": lambda path: path.distance,
    "target-alignment": lambda path: path.target_alignment,
    "overlap": lambda path: path.overlap(),
}
"""What changes along a training, beside the `MEASURES` of each kernel: name → figure per kernel."""


def _gram(rows: Floats) -> Floats:
    found: Floats = rows @ rows.T
    return found


def _norms(kernels: Floats) -> Floats:
    found: Floats = np.linalg.norm(kernels, axis=(1, 2))
    return found


def _ratio(above: Floats, below: Floats, least: Floats | float = 0.0) -> Floats:
    """A ratio; nan where what is below is not above `least`."""
    found: Floats = above / np.where(below > least, below, np.nan)
    return found
