"""Attacks on what a kernel predicts."""

from __future__ import annotations

from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from robnas.attacks import Attack, perturb
from robnas.kernels._activations import Floats
from robnas.kernels._kernel import differentiable
from robnas.kernels._regression import KernelRegression
from robnas.kernels._sphere import SphereAttack
from robnas.types import check_count


@final
class KernelNetwork(nn.Module):
    """The scores of a kernel regression as a network without weights, which all of `robnas.attacks` may attack.

    Labels for it are places in `KernelRegression.classes`. Scores are computed in float64, whatever the inputs' dtype.

    Raises:
        InputError: the kernel cannot be differentiated.
    """

    def __init__(self, regression: KernelRegression) -> None:
        super().__init__()
        differentiable(regression.kernel)
        self.regression = regression

    def forward(self, x: Tensor) -> Tensor:
        """Scores, shape (n, classes); inputs of the size of those of the regression."""
        scores: Tensor = _Scores.apply(x, self.regression)  # type: ignore[no-untyped-call]
        return scores


class _Scores(torch.autograd.Function):
    """Scores, and through `DifferentiableKernel.gradient` their gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, regression: KernelRegression) -> Tensor:
        ctx.save_for_backward(x)
        ctx.regression = regression
        return torch.from_numpy(regression.predict(_numbers(x))).to(x)

    @staticmethod
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor, None]:
        (x,), regression = ctx.saved_tensors, ctx.regression
        kernel = differentiable(regression.kernel)
        found = kernel.gradient(_numbers(x), regression.inputs, regression.coefficients, _numbers(cotangents))
        return torch.from_numpy(np.ascontiguousarray(found)).to(x).view_as(x), None


def _numbers(values: Tensor) -> Floats:
    found: Floats = values.detach().double().cpu().numpy()
    return found


def attack_regression(
    regression: KernelRegression,
    inputs: npt.ArrayLike,
    labels: npt.ArrayLike,
    attack: Attack | SphereAttack,
    *,
    seed: int = 0,
    batch_size: int = 256,
) -> Floats:
    """Inputs attacked so that the scores of a kernel regression go wrong, the shape of `inputs`.

    Args:
        regression: whose kernel can be differentiated, as `InfiniteKernel` and `EmpiricalKernel` can.
        inputs: shape (n, …), of norm 1 each for a `SphereAttack`; else (n, channels, height, width) in [0, 1].
        labels: shape (n,), of the classes of the regression.
        attack: on the sphere, or any of `robnas.attacks` in pixels.
        seed: of its randomness; a `SphereAttack` has none.
        batch_size: inputs at a time.

    Raises:
        InputError: a kernel without gradient, inputs of another size than those of the regression or such as the attack
            does not take, labels that the regression does not know.
    """
    x, network = regression.checked(inputs), KernelNetwork(regression)
    points, places = torch.from_numpy(x), torch.from_numpy(regression.places(labels, len(x)))
    if not isinstance(attack, SphereAttack):
        return _numbers(perturb(attack, network, points, places, seed=seed, batch_size=batch_size).images)
    size = check_count("batch_size", batch_size)
    parts = zip(torch.split(points, size), torch.split(places, size), strict=True)
    return _numbers(torch.cat([attack(network, part, some) for part, some in parts]))


def robust_accuracy(
    regression: KernelRegression,
    inputs: npt.ArrayLike,
    labels: npt.ArrayLike,
    attack: Attack | SphereAttack,
    *,
    seed: int = 0,
    batch_size: int = 256,
) -> float:
    """Share of inputs that get the right label before and after the attack.

    Arguments and errors are those of `attack_regression`.
    """
    attacked = attack_regression(regression, inputs, labels, attack, seed=seed, batch_size=batch_size)
    return float((regression.correct(inputs, labels) & regression.correct(attacked, labels)).mean())
