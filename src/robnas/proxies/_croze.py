"""CRoZe: consistency from robust perturbations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from robnas._products import products
from robnas.proxies._attackable import Attackable, attack
from robnas.proxies._probe import Probe

_TINY = 1e-30


@final
@dataclass(frozen=True)
class CRoZe:
    """Σ_l Z_l·P_l·G_l: how alike features, weights and gradients stay under attack (Ha et al. 2023, Eq. 8).

    Of a network without batch norm and with |θ|: Z = Σ(1 + cos) of the outputs of layer l on clean images and of the
    attacked network on attacked images, P = Σ(1 + cos) of weights, G = Σ|cos| of gradients of the cross-entropy; each
    cosine runs over the first dimension, images or output channels. The attacked network adds 2 (‖θ_l‖/‖Δ_l‖) Δ_l, Δ a
    gradient step up the loss. Attacked images move every pixel by 0.01. Dead edges are not built, and contribute
    weights alone in published scores. The released code compares features per stage, here it is per layer as in
    the paper.

    Without batch norm activations grow with depth. A robnas network is computed in float32 with every cell's output
    scaled to 1, which no cosine sees, since everything before the last layer is positively homogeneous; others
    in float64.
    """

    sign: float = 1.0
    """+1: attacked images raise the loss, as the paper says; −1: they lower it, as the released code does."""
    images: int = 16
    """Of the batch, the first so many; memory grows with them."""
    step: float = 0.01
    """Of the attack on pixels."""
    weight_step: float = 2.0
    """Of the attack on weights, times their norm."""

    def __call__(self, probe: Probe) -> float:
        """The score; one batch, no randomness.

        Raises:
            UndefinedScoreError: images outside [0, 1].
        """
        with products(probe.images.device):
            return self._score(probe)

    def _score(self, probe: Probe) -> float:
        images, labels = probe.images[: self.images].detach(), probe.labels[: self.images]
        clean, attacked = (Attackable(probe) for _ in range(2))
        first, second, _ = attack(clean, attacked, images, labels, self.weight_step, self.sign * self.step)
        total = torch.zeros((), dtype=torch.float64, device=images.device)
        for place, weight in enumerate(clean.weights):
            if (before := first.outputs[place]) is None or (after := second.outputs[place]) is None:
                continue
            features = _cosines(before, after).add(1).sum()
            parameters = _cosines(weight, attacked.weights[place]).add(1).sum()
            gradients = _cosines(first.weights[place], second.weights[place]).abs().sum()
            total += features * parameters * gradients
        return float(total)


def _cosines(first: Tensor, second: Tensor) -> Tensor:
    """Over the first dimension; 0 where either is 0."""
    one, other = (values.detach().double().flatten(1) for values in (first, second))
    return F.cosine_similarity(one, other, dim=0, eps=_TINY)
