"""Synaptic flow."""

from __future__ import annotations

import torch

from robnas.networks import Normalize
from robnas.proxies._probe import Probe, UndefinedScoreError
from robnas.proxies._textbook import absolute, layers, replaced


def synflow(probe: Probe) -> float:
    """Logarithm of Σ |θ·∂R/∂θ| over weights (Tanaka et al. 2020, Eq. 1).

    R = Σ logits of an input of ones, in a network without batch norm and input normalisation and with |θ| for every
    parameter; in float64, since R grows with every layer. The logarithm, which NAS-Bench-Suite-Zero stores as well,
    leaves ranks as they are and makes means over repeats sensible.

    Raises:
        UndefinedScoreError: nothing flows to the logits, or more than float64 holds.
    """
    network = replaced(absolute(probe.network), Normalize)
    weights = [layer.weight for layer in layers(network)]
    ones = torch.ones_like(probe.images[:1], dtype=torch.float64)
    logits = probe.ask(network, ones)
    gradients = torch.autograd.grad(logits.sum(), weights, materialize_grads=True)
    pairs = zip(weights, gradients, strict=True)
    total = torch.stack([(weight.detach() * gradient).abs().sum() for weight, gradient in pairs]).sum()
    if not total.isfinite():
        raise UndefinedScoreError("the flow from the input to the logits overflows, or a weight is not finite")
    if not total > 0:
        raise UndefinedScoreError("nothing flows from the input to the logits")
    return float(total.log())
