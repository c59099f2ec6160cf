"""Curvature of the loss in the images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from robnas.proxies._probe import Probe, UndefinedScoreError
from robnas.proxies._textbook import textbook

IMAGES = 16
"""Of the batch, the first so many."""
_STEPS, _TOLERANCE, _TINY = 30, 0.05, 1e-10


def hessian(probe: Probe) -> float:
    """−λ_max of ∂²L/∂x², L the summed cross-entropy of the first 16 images x (Jung et al. 2023, Lukasik et al. 2025).

    Zhao et al. 2020 relate the adversarial loss to this eigenvalue; negative, because flat is robust. **Assumed**, as
    the papers' text was not at hand: the Hessian is by the pixels in [0, 1] of all images together, so that batch norm,
    which takes the statistics of the batch, may couple them; without such layers it is the largest of the single
    images'. The eigenvalue is the largest, not the largest in size, by Lanczos steps, at most 30, until Hessian times
    vector is value times vector to 5 %; on 16 networks of the digits it lay up to 1.4 % below the exact one.

    Raises:
        UndefinedScoreError: the loss has no curvature in the images, as where it does not depend on them.
    """
    network, labels = textbook(probe.network, twice=True), probe.labels[:IMAGES]
    images = probe.images[:IMAGES].detach().to(probe.dtype, copy=True).requires_grad_()
    loss = F.cross_entropy(probe.ask(network, images), labels, reduction="sum")
    (slope,) = torch.autograd.grad(loss, images, create_graph=True, materialize_grads=True)

    def product(vector: Tensor) -> Tensor:
        """Hessian times vector, float64."""
        if not slope.requires_grad:
            return torch.zeros_like(vector)
        (found,) = torch.autograd.grad(
            slope, images, vector.view(slope.shape).to(slope), retain_graph=True, materialize_grads=True
        )
        return found.flatten().double()

    noise = torch.randn(images.shape, generator=probe.generator("hessian"), dtype=torch.float32).to(images.device)
    start = _units(slope) + _units(noise) / 2  # along its slope a loss curves as well: near what is sought
    value = largest_eigenvalue(product, start.flatten(), _STEPS, _TOLERANCE)
    if value == 0:
        raise UndefinedScoreError("the loss has no curvature in the images")
    return -value


def _units(values: Tensor) -> Tensor:
    """Every image's numbers divided by their length, float64; zeros stay."""
    values = values.detach().double()
    lengths = values.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    return values / torch.where(lengths > 0, lengths, 1)


def largest_eigenvalue(product: Callable[[Tensor], Tensor], start: Tensor, steps: int, tolerance: float) -> float:
    """Largest eigenvalue of a symmetric matrix, from products with it: Lanczos, each vector orthogonal to all before.

    Args:
        product: matrix times vector.
        start: any vector that is not orthogonal to the eigenvector, shape (n,), float64.
        steps: products, at most.
        tolerance: how far the product with the vector found may be from value times vector, relative to the value; the
            error of the value goes with the square of this.

    Returns:
        The eigenvalue, approached from below; nan where a product is not finite.
    """
    basis = [start / start.norm()]
    diagonal: list[float] = []
    beside: list[float] = []
    value = float("nan")
    for _ in range(min(steps, len(start))):
        image = product(basis[-1])
        if not image.isfinite().all():
            return float("nan")
        diagonal.append(float(basis[-1] @ image))
        values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
        value = float(values[-1])
        known = torch.stack(basis)
        for _ in range(2):  # once leaves rounding
            image = image - known.T @ (known @ image)
        length = float(image.norm())
        if length * abs(vectors[-1, -1]) <= tolerance * abs(value) or length <= _TINY * float(np.abs(values).max()):
            break
        beside.append(length)
        basis.append(image / length)
    return value
