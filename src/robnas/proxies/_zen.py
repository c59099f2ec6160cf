"""Zen-score."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robnas.networks import Normalize
from robnas.proxies._probe import Probe, UndefinedScoreError
from robnas.proxies._recording import ReLUs
from robnas.proxies._textbook import batch_norms, layers, replaced, textbook

_STEP = 0.01


def zen(probe: Probe) -> float:
    """Log mean_n Σ |F(x) − F(x + 0.01 x')| + Σ log √(mean variance) over batch norms (Lin et al. 2021, Algorithm 1).

    x and x' are standard normal in place of normalised images, weights standard normal, biases 0; F is what the last
    ReLU passes on, before global average pooling. The variance is that of the batch x, as in the paper; the released
    code reads running averages instead.

    Raises:
        UndefinedScoreError: the network has no ReLU, or its features do not depend on the input.
    """
    source = probe.generator("zen")
    network = replaced(textbook(probe.network), Normalize).requires_grad_(False)
    for layer in layers(network):
        layer.weight.copy_(_normal(layer.weight, source))
        if layer.bias is not None:
            layer.bias.zero_()
    for norm in batch_norms(network):
        norm.momentum = 1.0
    images = _normal(probe.images.to(probe.dtype), source)
    moved = _features(probe, network, images + _STEP * _normal(images, source))
    features = _features(probe, network, images)  # last, so that batch norm keeps the variance of these
    difference = (features - moved).double().abs().flatten(1).sum(1).mean()
    if not difference > 0:
        raise UndefinedScoreError("the features in front of the classifier do not depend on the input")
    variances = [norm.running_var for norm in batch_norms(network)]
    scales = [variance.double().mean().log() / 2 for variance in variances if variance is not None]
    return float(difference.log() + sum(scales))


def _normal(like: Tensor, source: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=source, dtype=torch.float32).to(like)


def _features(probe: Probe, network: nn.Module, images: Tensor) -> Tensor:
    """Output of the last ReLU."""
    last: list[Tensor] = []

    def see(before: Tensor, after: Tensor) -> None:
        last[:] = [after.clone()]  # as what follows may work in place

    with torch.no_grad(), ReLUs(see):
        probe.ask(network, images)
    if not last:
        raise UndefinedScoreError("the network has no ReLU whose output could be compared")
    return last[0]
