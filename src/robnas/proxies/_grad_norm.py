"""Gradient norm."""

from __future__ import annotations

from robnas.proxies._probe import Probe


def grad_norm(probe: Probe) -> float:
    """Σ_l ‖∂L/∂θ_l‖₂ over layers, L the cross-entropy (Abdelfattah et al. 2021, section 3.2.1).

    A layer is one convolution of one edge. Dead edges have no gradient, here as in the released code.
    """
    return float(sum(gradient.double().norm() for gradient in probe.loss.weights))
