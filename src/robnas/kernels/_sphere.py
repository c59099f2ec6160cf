"""The adversary of the theory: inputs move on the unit sphere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robnas._products import products
from robnas.attacks import check_labels
from robnas.errors import InputError, Verbatim
from robnas.types import check_count, check_range


@final
@dataclass(frozen=True)
class SphereAttack:
    """Gradient ascent on the logistic loss ℓ(y f(x̂)) over ‖x̂‖ = 1, ‖x̂ − x‖ ≤ ρ (Wu et al. 2024, Def. 1).

    For networks with an output per class it is the cross-entropy, which for two is the same ascent. One step is FGSM.

    Steps have the length 2.5 ρ/steps along the sphere; the start is the input itself. It is a ρ-bounded adversary, not
    the worst case.

    Raises:
        InputError: ρ outside [0, 2], or no step.
    """

    rho: float
    """Radius ρ; the theorem wants at most 1."""
    steps: int = 10
    """Gradient steps."""

    def __post_init__(self) -> None:
        check_range("rho", self.rho, 0, 2)
        check_count("attack steps", self.steps)

    def __call__(self, network: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
        """Attacked inputs.

        Args:
            network: maps (n, …) to (n, 1), or to (n, classes).
            inputs: shape (n, …), each of norm 1.
            labels: shape (n,), ±1, or integers from 0 to the number of classes − 1.

        Raises:
            InputError: inputs off the unit sphere, labels other than these.
        """
        check_sphere(inputs)
        if self.rho == 0:
            return inputs.clone()
        centre = inputs.flatten(1)
        current, length = centre, 2.5 * self.rho / self.steps
        for _ in range(self.steps):
            point = current.detach().requires_grad_()
            with products(inputs.device), torch.enable_grad():
                (gradient,) = torch.autograd.grad(_rising(network(point.view_as(inputs)), labels), point)
            gradient = gradient - (gradient * current).sum(1, keepdim=True) * current
            direction = F.normalize(gradient, dim=1)
            current = self._project(current + length * direction, centre)
        return current.detach().view_as(inputs)

    def _project(self, points: Tensor, centre: Tensor) -> Tensor:
        """The nearest points of the cap around `centre`."""
        points = F.normalize(points, dim=1)
        angle, gap = 2 * math.asin(self.rho / 2), points - centre  # in float32 the cosine of a small angle is 1
        tangent = F.normalize(gap - (gap * centre).sum(1, keepdim=True) * centre, dim=1)
        edge = math.cos(angle) * centre + math.sin(angle) * tangent
        return torch.where(gap.norm(dim=1, keepdim=True) > self.rho, edge, points)


def _rising(outputs: Tensor, labels: Tensor) -> Tensor:
    """What rises with the loss of every input, summed over them."""
    if outputs.shape[1] > 1:
        return F.cross_entropy(outputs, check_labels(labels, len(outputs), outputs.shape[1]), reduction="sum")
    _check_signs(outputs, labels)
    return -(labels * outputs.squeeze(1)).sum()  # ℓ falls with the margin


def check_sphere(inputs: Tensor) -> None:
    """Raise `InputError` unless these are points of the unit sphere."""
    norms = inputs.flatten(1).norm(dim=1)
    if not bool(((norms - 1).abs() < 1e-4).all()):
        raise InputError(
            "inputs",
            expected="norm 1 each",
            got=Verbatim(f"norms from {norms.min().item():.3g} to {norms.max().item():.3g}"),
            remedy="see unit_sphere",
        )


def check_binary(inputs: Tensor, labels: Tensor) -> None:
    """Raise `InputError` unless these are points of the unit sphere with labels ±1."""
    check_sphere(inputs)
    _check_signs(inputs, labels)


def _check_signs(inputs: Tensor, labels: Tensor) -> None:
    if labels.shape != inputs.shape[:1] or not bool((labels.abs() == 1).all()):
        raise InputError("labels", expected=f"{len(inputs)} of ±1", got=Verbatim(f"shape {tuple(labels.shape)}"))
