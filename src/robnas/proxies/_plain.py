"""Sensitivity of the loss to the weights, with its sign."""

from __future__ import annotations

from robnas.proxies._probe import NO_GRADIENT, Probe, UndefinedScoreError


def plain(probe: Probe) -> float:
    """Σ θ·∂L/∂θ over weights of convolutions and linear layers (Mozer and Smolensky 1989; Abdelfattah et al. 2021).

    The convolutions in front of batch norm contribute almost nothing, as the loss does not depend on their scale.

    Raises:
        UndefinedScoreError: no gradient reaches the weights.
    """
    if not any(gradient.any() for gradient in probe.loss.weights):
        raise UndefinedScoreError(NO_GRADIENT)
    pairs = zip(probe.weights, probe.loss.weights, strict=True)
    return float(sum((weight.detach().double() * gradient.double()).sum() for weight, gradient in pairs))
