"""Neural tangent kernels after a short training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from robnas.proxies._probe import Probe, UndefinedScoreError


@final
@dataclass(frozen=True)
class TrainedKernel:
    """A figure of the clean kernel after two epochs of adversarial training of a copy of the network.

    It is trained on the images by which batch norm is calibrated, some of which may be among those of the kernel, or on
    the latter where no others with labels are known; the recipe is that of the bundled digits, at the radius of the
    probe, whose seed decides the training. A score of this project: figures are taken as they are, whether or not a
    high one is good.
    """

    measure: str
    """A name of `robnas.kernels.PATH_MEASURES` or `robnas.kernels.MEASURES`."""

    def __call__(self, probe: Probe) -> float:
        """The figure; minus infinity where the kernel is singular.

        Raises:
            UndefinedScoreError: images outside [0, 1], a training that diverges, or a figure that is not defined.
            IndefiniteKernelError: the kernel is indefinite beyond rounding.
        """
        if isinstance(path := probe.trained, str):
            raise UndefinedScoreError(path)
        if math.isnan(found := float(path.measured(self.measure)[-1])):
            raise UndefinedScoreError("a kernel along the training is zero or not finite, or has no such figure")
        return found
