"""Sanity checks of an evaluation: signs of a broken attack or of masked gradients (Carlini et al. 2019)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise, product

import numpy as np
import torch
from torch import Tensor, nn

from robnas._seeds import derive_seed
from robnas.attacks import PGD, Square, frozen, geometry, perturb, seeded_randomness
from robnas.evaluation._measurement import Flag, Measurement
from robnas.evaluation._scale import scale_flag
from robnas.types import WEAKER_FIRST, Metric, Norm, ThreatModel

SAMPLE = 64  # images on which the active checks run
_QUERIES = 100  # of Square: few, and still enough where gradients are masked
_PART = 8  # images per pass that is compared with another one
_ROUNDING = 1e-5  # of logits, relative to the largest: twice the same computation
_LEFT = 0.05  # accuracy that may remain under an attack that may do anything


def ordering_flags(measurements: Sequence[Measurement]) -> Iterator[Flag]:
    """Accuracy does not rise with ε, nor with the strength of the attack; a gradient-free attack is not stronger.

    A ladder over ε consists of one attack of one label; how strong an attack is, its name says, whatever its label.
    """
    parsed = [(Metric.parse(measurement.metric), measurement) for measurement in measurements]
    clean = [measurement for metric, measurement in parsed if metric.kind == "clean"]
    ladders = defaultdict[tuple[str, str, str], list[tuple[float, Measurement]]](list)
    attacks = defaultdict[ThreatModel, dict[str, list[Measurement]]](lambda: defaultdict(list))
    for metric, measurement in parsed:
        if metric.threat is not None:
            ladders[metric.attack, metric.label, metric.threat.norm].append((metric.threat.epsilon, measurement))
            attacks[metric.threat][metric.attack].append(measurement)
    for _, ladder in sorted(ladders.items()):
        rising = clean + [measurement for _, measurement in sorted(ladder, key=lambda pair: pair[0])]
        for weaker, stronger in pairwise(rising):
            yield _not_above(stronger, weaker, "accuracy does not rise with epsilon")
    for _, at in sorted(attacks.items(), key=lambda pair: str(pair[0])):
        present = [at[name] for name in WEAKER_FIRST if name in at]
        for weak, strong in pairwise(present):
            for weaker, stronger in product(weak, strong):
                yield _not_above(stronger, weaker, "a stronger attack leaves less accuracy")
        if "square" in at and "pgd" in at:
            for pgd, square in product(at["pgd"], at["square"]):
                yield _not_above(pgd, square, "a gradient-free attack is not stronger than PGD")


def _not_above(lower: Measurement, upper: Measurement, check: str) -> Flag:
    """The accuracy of `lower` is at most that of `upper`, on the images that both were asked, up to noise."""
    count = min(lower.images, upper.images)
    first, second = lower.correct[:count], upper.correct[:count]
    return Flag(
        check,
        not _above(first, second),
        f"{lower.metric} {first.mean():.4f}, {upper.metric} {second.mean():.4f} on {count} images",
        (lower.metric, upper.metric),
    )


def _above(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether the mean of `first` exceeds that of `second` by more than two standard errors of their difference."""
    difference = first.astype(float) - second
    return bool(difference.mean() > 2 * difference.std() / math.sqrt(len(difference)))


@torch.no_grad()
def steady_flag(network: nn.Module, images: Tensor, *, seed: int) -> Flag:
    """Ask twice, in parts that each draw anew: a random network hides from attacks that do not average over its draws.

    Args:
        network: maps pixels in [0, 1] to logits.
        images: shape (n, channels, height, width), in [0, 1].
        seed: the random generators of the two passes derive from it.
    """
    passes = []
    for number in range(2):
        with frozen(network) as asked, seeded_randomness(derive_seed(seed, "answer", number), images.device):
            passes.append(torch.cat([asked(part) for part in torch.split(images, _PART)]))
    first, second = passes
    difference, size = ((x.double().abs().max()).item() for x in (first - second, first))
    changed = (first.argmax(1) != second.argmax(1)).sum().item()
    return Flag(
        "the network answers twice alike",
        passed=difference <= max(_ROUNDING, 4 * torch.finfo(first.dtype).eps) * size,
        detail=f"logits up to {size:.3g} differ by up to {difference:.3g}, "
        f"{changed} of {len(images)} predictions are others",
    )


def active_flags(
    network: nn.Module, images: Tensor, labels: Tensor, correct: Tensor, *, norm: Norm, epsilon: float, seed: int
) -> Iterator[Flag]:
    """Attack a few images in ways whose outcome is known.

    Args:
        network: maps pixels in [0, 1] to logits.
        images: shape (n, channels, height, width), in [0, 1].
        labels: shape (n,).
        correct: shape (n,), bool: which are classified correctly without attack.
        norm: of the threat models to check.
        epsilon: radius at which attacks are compared.
        seed: of the attacks.
    """

    def after(attack: PGD | Square) -> np.ndarray:
        found = perturb(attack, network, images, labels, seed=seed).correct & correct
        return found.cpu().numpy()

    clean = correct.cpu().numpy()
    everything = geometry(norm).size(torch.ones_like(images[:1], dtype=torch.float64)).item()
    still = after(PGD(ThreatModel(norm, 0.0), steps=1, step_size=0.0))
    yield Flag("epsilon 0 equals clean", bool((still == clean).all()), f"{(still != clean).sum()} images differ")
    gone = after(PGD(ThreatModel(norm, everything), steps=20, step_size=everything / 8))
    yield Flag(
        "a very large epsilon drives accuracy to 0",
        bool(gone.mean() <= _LEFT),
        f"accuracy {gone.mean():.3f} at {ThreatModel(norm, everything)} on {len(gone)} images",
    )
    if epsilon > 0:
        threat = ThreatModel(norm, epsilon)
        gradient = after(PGD(threat, steps=20, step_size=2.5 * epsilon / 20))
        free = after(Square(threat, queries=_QUERIES))
        yield Flag(
            "a gradient-free attack is not stronger than PGD",
            not _above(gradient, free),
            f"pgd {gradient.mean():.3f}, square {free.mean():.3f} at {threat} on {len(free)} images",
        )
        if flag := scale_flag(network, images[correct], labels[correct], threat=threat, seed=seed):
            yield flag
