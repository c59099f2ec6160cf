"""R-Score of TRNAS: how many activation patterns there are, and how little an attack changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from robnas._products import products
from robnas.proxies._attackable import Attackable, attack
from robnas.proxies._probe import Probe, UndefinedScoreError
from robnas.proxies._recording import ReLUs
from robnas.proxies._textbook import batch_norms, layers, textbook
from robnas.types import check_count


@final
@dataclass(frozen=True)
class RScore:
    """√log(1 + patterns) · log(1 + consistency), of linear activations and of features (Yang et al. 2025).

    *Patterns*: distinct columns of ReLU codes 1[input > 0], shape (images, units), over all ReLUs, of a network with
    standard normal weights, mean over draws; the noise N(1, 0.05²) that the released code multiplies activations with
    leaves signs as they are. *Consistency*: Σ_l 1/(1 + JS(θ_l, θ'_l)) · 1/(1 + JS(z_l, z'_l)), JS the Jensen-Shannon
    divergence of softmax over all weights θ of a layer, and over its outputs z of all images, of a network without
    batch norm and with |θ|, and of the same attacked as in `CRoZe`, in float64.

    From the abstract and the released code (of the DARTS space); the paper itself was not at hand. **Assumed**: the
    code scales the logarithm of either to [1, 100] over all candidates, and takes √a·b; a score of one network has no
    candidates, so the logarithms stand as they are. Outputs are compared per layer (there per cell), attacked images
    move up the loss (there down), JS is the usual one (there with its arguments exchanged). Draws are 4 (there 32).
    """

    images: int = 16
    """Of the batch, the first so many, 2 to 16."""
    draws: int = 4
    """Of the weights, for patterns."""
    step: float = 0.01
    """Of the attack on pixels."""
    weight_step: float = 2.0
    """Of the attack on weights, times their norm."""

    def __post_init__(self) -> None:
        check_count("images", self.images, 2, 16)
        check_count("draws", self.draws)

    def __call__(self, probe: Probe) -> float:
        """The score.

        Raises:
            UndefinedScoreError: no ReLU, images outside [0, 1], or a loss that does not depend on them.
        """
        with products(probe.images.device):
            return self._score(probe)

    def _score(self, probe: Probe) -> float:
        images, labels = probe.images[: self.images].detach(), probe.labels[: self.images]
        patterns = self._patterns(probe, images)
        return math.sqrt(math.log1p(patterns)) * math.log1p(self._consistency(probe, images, labels))

    def _patterns(self, probe: Probe, images: Tensor) -> float:
        """Distinct codes of units, mean over draws."""
        network, source = textbook(probe.network).requires_grad_(False), probe.generator("r_score")
        total = 0
        for _ in range(self.draws):
            _draw(network, source)
            seen = _Patterns(len(images), images.device)
            with torch.no_grad(), ReLUs(seen):
                probe.ask(network, images.to(probe.dtype))
            total += int(seen.known.sum())
        if not total:
            raise UndefinedScoreError("the network has no ReLU whose patterns could be counted")
        return total / self.draws

    def _consistency(self, probe: Probe, images: Tensor, labels: Tensor) -> float:
        clean, attacked = (Attackable(probe, exact=True) for _ in range(2))
        first, second, slope = attack(clean, attacked, images, labels, self.weight_step, self.step)
        if not slope.any():
            raise UndefinedScoreError("the loss does not depend on the images")
        total = 0.0
        for place, weight in enumerate(clean.weights):
            if (before := first.outputs[place]) is None or (after := second.outputs[place]) is None:
                continue
            apart = divergence(weight.detach(), attacked.weights[place].detach()), divergence(before, after)
            total += 1 / ((1 + apart[0]) * (1 + apart[1]))
        return total


class _Patterns:
    """Which codes of up to 16 images were seen, one per unit; a `ReLUs` listener."""

    def __init__(self, count: int, device: torch.device) -> None:
        self.count = count
        self.known = torch.zeros(2**count, dtype=torch.bool, device=device)

    def __call__(self, before: Tensor, after: Tensor) -> None:
        """Note the codes of one ReLU."""
        if len(before) != self.count:
            return
        codes = torch.zeros(before[0].numel(), dtype=torch.int32, device=before.device)
        for row in (before > 0).flatten(1):
            codes = codes * 2 + row
        self.known[codes.long()] = True


def _draw(network: nn.Module, source: torch.Generator) -> None:
    """Standard normal weights, biases 0; batch norms as they begin."""
    with torch.no_grad():
        for layer in layers(network):
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=source, dtype=torch.float32))
            if layer.bias is not None:
                layer.bias.zero_()
        for norm in batch_norms(network):
            norm.reset_parameters()


def divergence(first: Tensor, second: Tensor) -> float:
    """Jensen-Shannon divergence of softmax over all numbers of two tensors, from 0 to log 2."""
    one, other = (values.double().flatten().softmax(0) for values in (first, second))
    mean = (one + other) / 2
    entropies = [float(torch.special.entr(values).sum()) for values in (mean, one, other)]
    return max(entropies[0] - (entropies[1] + entropies[2]) / 2, 0.0)
