"""Norm of the weights."""

from __future__ import annotations

from robnas.proxies._probe import Probe


def l2_norm(probe: Probe) -> float:
    """Σ_l ‖θ_l‖₂ over layers: a count of layers, weighted by their size (Abdelfattah et al. 2021, released code).

    A layer is one convolution of one edge. Dead edges are not built, while published scores count them.
    """
    return float(sum(weight.detach().double().norm() for weight in probe.weights))
