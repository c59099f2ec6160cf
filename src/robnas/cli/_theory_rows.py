"""What kernels say of an architecture and a weight β of the robust loss, as plain facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from math import isnan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from robnas.cli._theory_samples import Accuracies, Sample
    from robnas.kernels import RobustKernels
    from robnas.spaces import Architecture


def row_of(
    arch: Architecture, task: Sample, hit: RobustKernels, blind: RobustKernels | None, beta: float,
    regression: Accuracies | None,
) -> dict[str, Any]:  # fmt: skip
    """`row_at`, and lower bounds of eigenvalues."""
    from robnas import kernels

    bounds = {"weyl": kernels.weyl_bound, "perturbation": kernels.perturbation_bound}
    return {
        "lower_bounds_clean": task.lower_bounds(arch),
        "lower_bounds_mixed": {name: function(hit, beta) for name, function in bounds.items()},
        **row_at(task, hit, blind, beta, regression),
    }


def row_at(
    task: Sample, hit: RobustKernels, blind: RobustKernels | None, beta: float, regression: Accuracies | None
) -> dict[str, Any]:
    """Smallest eigenvalues, terms, their control and accuracies of kernel regression.

    Args:
        task: the labels and the random ones.
        hit: the kernels where attacks are aimed at the labels.
        blind: those where they are aimed at random ones; None for no control.
        beta: weight of the robust loss.
        regression: its accuracies by β; None for none.
    """
    found: dict[str, Any] = {
        "lambda_min": _smallest(hit, task.labels, beta),
        "bound": asdict(hit.bound(task.labels, beta)),
    }
    if blind is not None:
        found["random_labels"] = _control(blind, task, beta)
    if regression is not None:
        found["regression"] = dict(zip(("clean", "attacked"), regression(beta), strict=True))
    return found


def accuracies_text(accuracies: Mapping[str, float]) -> str:
    """Of kernel regression, for people."""
    return "  ".join(f"{name} {accuracy_text(value)}" for name, value in accuracies.items())


def accuracy_text(value: float) -> str:
    """Of kernel regression, which has none where the kernel is singular and no ridge was given."""
    return "singular" if isnan(value) else f"{value:.3f}"


def _smallest(five: RobustKernels, labels: Any, beta: float) -> dict[str, float]:
    from robnas.kernels import MEASURES

    matrices = {
        "clean": five.clean, "robust": five.robust, "twice": five.twice,
        "mixed": five.mixed(beta), "mixed-twice": five.mixed_twice(beta),
    }  # fmt: skip
    return {name: MEASURES["lambda-min"](matrix, labels) for name, matrix in matrices.items()}


def _control(blind: RobustKernels, task: Sample, beta: float) -> dict[str, Any]:
    """What contains attacked inputs, where attacks are aimed at random labels.

    ``lambda_min`` and ``bound`` of the true labels, to which such attacks are blind, and ``noise``, the same of the
    random labels, which the kernels know and nothing else does.
    """
    bound, of_noise = (asdict(blind.bound(labels, beta)) for labels in (task.labels, task.noise))
    if not beta:  # K_all is K
        for terms in (bound, of_noise):
            del terms["clean"], terms["clean_spectral"]
    untouched = ("clean", "mixed") if not beta else ("clean",)
    lowest = _smallest(blind, task.labels, beta)
    return {
        "lambda_min": {name: value for name, value in lowest.items() if name not in untouched},
        "bound": bound,
        "noise": {side: value for side, value in of_noise.items() if not side.endswith("_spectral")},
    }
