"""Fisher pruning."""

from __future__ import annotations

from robnas.proxies._probe import Probe


def fisher(probe: Probe) -> float:
    """Σ over weights of ½ mean_n (Σ_hw a·∂L/∂a)², a the output channel of the weight (Turner et al. 2020, Eq. 3).

    The value of a channel counts once per weight that makes it, as in the released code of Abdelfattah et al. 2021,
    with the gradient of the mean loss.
    """
    pairs = zip(probe.weights, probe.loss.fisher, strict=True)
    return float(sum(channels.double().sum() * weight[0].numel() for weight, channels in pairs))
