"""The condition number of the kernel together with the size of the network."""

from __future__ import annotations

import math
from dataclasses import replace

from robnas.kernels import SCORES
from robnas.proxies._probe import Probe, UndefinedScoreError
from robnas.proxies._sizes import parameters

CONDITION_WEIGHT = 0.29
"""Of log κ, beside log parameters."""
_CONDITION = "ntk-clean-condition"


def condition_and_parameters(probe: Probe) -> float:
    """Log parameters − 0.29 log κ, κ = λ_max/λ_min of the clean neural tangent kernel (Chen et al. 2021).

    The condition number knows something besides size (docs/theory.md). The weight was chosen by rank correlation with
    accuracy under PGD 8/255 on **CIFAR-100** (NAS-RobBench-201), on 150 random architectures, C = 16, N = 5, with 64
    CIFAR-10 images and the sum of the outputs, which is taken here whatever the settings say;
    `experiments/condition_and_parameters.py` reports it on others. κ depends on the other settings of the kernel and on
    the number of images, so scores compare within one setting only.

    Raises:
        UndefinedScoreError: the kernel is singular.
        IndefiniteKernelError: it is indefinite beyond rounding.
        NonFiniteKernelError: it holds nan or infinity.
    """
    settings = replace(probe.settings, reduction="sum")
    kernel = probe.ntk if settings == probe.settings else replace(probe.ntk, settings=settings, attacks=0)
    condition = -SCORES[_CONDITION](kernel)
    if not math.isfinite(condition):
        raise UndefinedScoreError("the kernel is singular, so it has no condition number")
    return math.log(parameters(probe)) - CONDITION_WEIGHT * math.log(condition)
