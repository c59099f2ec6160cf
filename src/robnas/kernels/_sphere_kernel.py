"""A kernel of inputs that are brought to the unit sphere first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.kernels._activations import Floats
from robnas.kernels._infinite import unit_sphere
from robnas.kernels._kernel import Kernel, differentiable


@final
@dataclass(frozen=True, eq=False)
class SphereKernel:
    """k(u(x), u(x')) with u(x) = (x − c)/‖x − c‖: for attacks on pixels where the kernel wants inputs of norm 1.

    Inputs equal to the centre are refused.
    """

    __repr__ = brief

    kernel: Kernel
    """Any."""
    centre: npt.ArrayLike = 0.0
    """c, a number or of a shape that broadcasts with an input, such as (channels, 1, 1)."""

    def __call__(self, inputs: npt.ArrayLike, others: npt.ArrayLike | None = None) -> Floats:
        """See `robnas.kernels.Kernel`; errors as for `unit_sphere`."""
        return self.kernel(self._mapped(inputs), None if others is None else self._mapped(others))

    def gradient(
        self, inputs: npt.ArrayLike, others: npt.ArrayLike, coefficients: npt.ArrayLike, cotangents: npt.ArrayLike
    ) -> Floats:
        """See `robnas.kernels.DifferentiableKernel`.

        Raises:
            InputError: the kernel cannot be differentiated.
        """
        u, against = self._mapped(inputs), self._mapped(others)
        by_u = differentiable(self.kernel).gradient(u, against, coefficients, cotangents).reshape(u.shape)
        extra = tuple(range(1, u.ndim))
        along = (by_u * u).sum(axis=extra, keepdims=True)
        size = np.sqrt((self._centred(inputs) ** 2).sum(axis=extra, keepdims=True))
        result: Floats = (by_u - along * u) / size
        return result

    def _mapped(self, inputs: npt.ArrayLike) -> Floats:
        return unit_sphere(self._centred(inputs))

    def _centred(self, inputs: npt.ArrayLike) -> Floats:
        found: Floats = np.asarray(inputs, dtype=np.float64) - np.asarray(self.centre, dtype=np.float64)
        return found
