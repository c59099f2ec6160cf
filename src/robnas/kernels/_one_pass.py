"""Multi-objective adversarial training by one-pass SGD, the algorithm that the bounds are about."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robnas._products import products
from robnas.errors import InputError
from robnas.kernels._sphere import SphereAttack, check_binary
from robnas.types import check_range


def one_pass_sgd(
    network: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    attack: SphereAttack,
    beta: float,
    step_size: float,
    stop_at: Collection[int] | None = None,
) -> Iterator[int]:
    """Train on each input once (Wu et al. 2024, Algorithm 1, as recalled), stopping at chosen iterates.

    W⁽ⁱ⁺¹⁾ = W⁽ⁱ⁾ − γ ∇[(1−β) ℓ(y f(x)) + β ℓ(y f(A(x)))] with the logistic loss ℓ. The theorem is about an iterate
    drawn uniformly from W⁽¹⁾ … W⁽ᴺ⁾: its expected error is the mean error over the iterates at which this stops.

    Args:
        network: maps (n, …) to (n, 1); its weights change in place.
        inputs: shape (N, …), in the order of training, each of norm 1.
        labels: shape (N,), ±1.
        attack: ρ-bounded adversary A.
        beta: weight of the robust loss, in [0, 1].
        step_size: γ, above 0. The theorem's own depends on constants that are not known.
        stop_at: iterates from 1 to N at which to stop, at least one; all if None.

    Yields:
        i, while the network has the weights W⁽ⁱ⁾, before the step on input i.

    Raises:
        InputError: β outside [0, 1], a step size that is not above 0, stops outside 1 … N or none of them, inputs off
            the sphere, labels other than ±1.
    """
    check_range("beta", beta, 0, 1)
    if not 0 < step_size < math.inf:
        raise InputError("step_size", expected="a finite number above 0", got=step_size)
    check_binary(inputs, labels)
    stops = range(1, len(inputs) + 1) if stop_at is None else sorted(stop_at)
    if not stops or stops[0] < 1 or stops[-1] > len(inputs):
        raise InputError("stop_at", expected=f"iterates from 1 to {len(inputs)}, at least one", got=stops)
    parameters = list(network.parameters())
    for number, (x, y) in enumerate(zip(torch.split(inputs, 1), torch.split(labels, 1), strict=True), start=1):
        if number in stops:
            yield number
        if number == stops[-1]:
            return
        # A weight of 0 spares the pass, and with it the attack.
        terms = [(1 - beta, x)] if beta < 1 else []
        terms += [(beta, attack(network, x, y))] if beta > 0 else []
        with products(inputs.device), torch.enable_grad():
            margins = y * network(torch.cat([term for _, term in terms])).squeeze(1)
            weights = torch.tensor([weight for weight, _ in terms], dtype=margins.dtype, device=margins.device)
            gradients = torch.autograd.grad((weights * F.softplus(-margins)).sum(), parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.sub_(gradient, alpha=step_size)


@torch.no_grad()
def zero_one_error(network: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    """Share of inputs whose output does not have the sign of the label, ±1; an output of 0 or nan is an error."""
    with products(inputs.device):
        return 1.0 - float((labels * network(inputs).squeeze(1) > 0).double().mean())
