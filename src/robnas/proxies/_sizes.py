"""Sizes: what any proxy has to beat."""

from __future__ import annotations

from torch import nn

from robnas.proxies._probe import Probe


def parameters(probe: Probe) -> float:
    """Trainable numbers of the network: those of live edges, and the biases that dead branches leave.

    Published figures, such as those of NAS-Bench-Suite-Zero (Krishnakumar et al. 2022), count dead edges too;
    `robnas.networks.count` gives either.
    """
    return float(sum(parameter.numel() for parameter in probe.network.parameters()))


def macs(probe: Probe) -> float:
    """Multiply-accumulate operations for one image, see `robnas.networks.count`; of cells on live edges.

    Published figures count dead edges too; `robnas.networks.count` gives either.
    """
    return float(probe.macs)


def convolutions(probe: Probe) -> float:
    """Convolutions that reach the output, one per edge, those of all cells, of the stem and of reductions counted."""
    return float(sum(isinstance(layer, nn.Conv2d) for layer in probe.layers))
