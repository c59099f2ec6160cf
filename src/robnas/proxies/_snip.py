"""SNIP: single-shot pruning by connection sensitivity."""

from __future__ import annotations

from robnas.proxies._probe import Probe


def snip(probe: Probe) -> float:
    """Σ |θ·∂L/∂θ| over weights of convolutions and linear layers (Lee et al. 2019, Eq. 6, not normalised).

    The gradient of the mask that the released code multiplies with is the same product.
    """
    pairs = zip(probe.weights, probe.loss.weights, strict=True)
    return float(sum((weight.detach().double() * gradient.double()).abs().sum() for weight, gradient in pairs))
