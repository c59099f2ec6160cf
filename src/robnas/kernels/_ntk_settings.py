"""What exactly is meant by a kernel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, final, get_args

from robnas._settings import ABSENT_IF_DEFAULT, check_keys
from robnas.errors import InputError
from robnas.kernels._batch_norm import BATCH_NORMS, BatchNorm
from robnas.kernels._jacobian import PARAMETERS, UNKNOWN, Parameters, Unknown
from robnas.types import check_count

Reduction = Literal["trace", "sum", "label", "full", "proj"]
REDUCTIONS: tuple[Reduction, ...] = get_args(Reduction)


@final
@dataclass(frozen=True)
class NTKSettings:
    """What exactly is meant by the kernel of a network with several outputs and batch norm."""

    reduction: Reduction = "trace"
    """How C outputs become one kernel: ``trace``: (1/C) Σ_c J_c J_cᵀ; ``sum``: of the sum of the outputs (TE-NAS);
    ``label``: of the output of each image's own class; ``full``: all of it, (nC, nC), index i·C + c; ``proj``: mean of
    (J z)(J z)ᵀ/C over random z ~ N(0, I), an unbiased estimate of ``trace`` at `projections`/C of its cost."""
    batch_norm: BatchNorm = "calibrated-eval"
    """``calibrated-eval``: statistics of the calibration images, then evaluation mode; ``eval-raw``: those that the
    network brings; ``train``: training mode, where the gradient of one image leaks into the others (TE-NAS): slow,
    each batch apart, and another batch gives another kernel."""
    parameters: Parameters = "all"
    """``weights``: only those with ``weight`` in their name (TE-NAS), which leaves out biases."""
    projections: int = 4
    """For ``proj``."""
    seed: int = 0
    """Of the projections."""
    float64: bool = False
    """Compute gradients in float64 too; else in the network's dtype, or float32 for half precision. Products of
    gradients are always added up in float64."""
    memory_mib: float = 1024
    """Limit of the working memory in MiB: parameters are treated in as many passes, and images in as many chunks, as
    it takes; the result is the same up to rounding. Weights, calibration and the kernels come on top, and in training
    mode the feature maps of a batch, which has to be one chunk."""

    unknown: Unknown = field(default="error", metadata=ABSENT_IF_DEFAULT)
    """What to do about parameters of layers without a rule, see `add_rule`: ``warn``: leave them out of the kernel, and
    name them in a `KernelWarning`. In training mode any layer will do."""

    def __post_init__(self) -> None:
        check_keys("reduction", [self.reduction], REDUCTIONS)
        check_keys("batch norm", [self.batch_norm], BATCH_NORMS)
        check_keys("parameters", [self.parameters], PARAMETERS)
        check_keys("unknown", [self.unknown], UNKNOWN)
        check_count("projections", self.projections)
        check_count("seed", self.seed, 0)
        if not self.memory_mib > 0:
            raise InputError("memory_mib", expected="above 0", got=self.memory_mib)
