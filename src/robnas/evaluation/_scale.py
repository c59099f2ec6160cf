"""Whether large logits hide their gradient: the softmax saturates, and attacks on the cross-entropy lose their way."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robnas._seeds import generator
from robnas.attacks import PGD, frozen, seeded_randomness, summed_cross_entropy
from robnas.evaluation._measurement import Flag
from robnas.types import ThreatModel

CHECK = "a loss invariant to the scale of the logits is not stronger"
_USUAL = (0.1, 2.0)  # standard deviation of the logits of an image between which they are left alone
_FEWEST = 8  # images that tell something
_LEAST = 0.05  # relative: what another loss of the same kind gains on networks trained as usual lies below


def scale_flag(network: nn.Module, images: Tensor, labels: Tensor, *, threat: ThreatModel, seed: int) -> Flag | None:
    """Compare one step along the gradient of the cross-entropy with one along that of rescaled logits.

    What is compared is how much of each image's margin, the distance of the true logit from the highest other one,
    the step takes. Where the softmax saturates, accuracies may still agree, at a small ε, when margins do not.

    Args:
        network: maps pixels in [0, 1] to logits.
        images: shape (n, channels, height, width), in [0, 1], classified correctly.
        labels: shape (n,).
        threat: norm and radius.
        seed: of what the network draws.

    Returns:
        None, which is no outcome, where fewer than 8 images are left to compare.
    """
    if len(images) < _FEWEST:
        return None
    plain, rescaled = (
        _taken(network, images, labels, loss, threat, seed) for loss in (summed_cross_entropy, scaled_cross_entropy)
    )
    gain = rescaled - plain
    noise = 2 * gain.std() / math.sqrt(len(gain))
    return Flag(
        CHECK,
        passed=bool(gain.mean() <= max(_LEAST * rescaled.mean(), noise)),
        detail=f"one step takes {plain.mean():.3f} of the margins, with rescaled logits {rescaled.mean():.3f}, "
        f"at {threat} on {len(gain)} images",
    )


def scaled_cross_entropy(network: nn.Module, labels: Tensor, images: Tensor) -> Tensor:
    """Summed cross-entropy of logits that are brought to a usual size, image by image, in float64."""
    logits: Tensor = network(images).double()
    spread = logits.detach().std(1, keepdim=True)
    leave = ((spread >= _USUAL[0]) & (spread <= _USUAL[1])) | (spread == 0)
    return F.cross_entropy(logits * torch.where(leave, 1.0, _USUAL[1] / spread), labels, reduction="sum")


def _taken(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor],
    threat: ThreatModel,
    seed: int,
) -> npt.NDArray[np.float64]:
    """Share of the margin of each image that one step of length ε takes, in [0, 1]; 1 is a broken image."""
    step = PGD(threat, steps=1, step_size=threat.epsilon, random_start=False)
    with frozen(network) as victim, seeded_randomness(seed, images.device):
        attacked = step.once(partial(loss, victim, labels), images, generator(images.device, seed))
        before, after = (_margins(victim, pixels, labels) for pixels in (images, attacked))
    taken: npt.NDArray[np.float64] = (1 - after / before.clamp(min=1e-300)).clamp(0, 1).cpu().numpy()
    return taken


@torch.no_grad()
def _margins(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """True logit minus the highest other one, shape (n,), float64."""
    logits: Tensor = network(images).double()
    true = logits.gather(1, labels[:, None])
    return (true - logits.scatter(1, labels[:, None], -torch.inf).amax(1, keepdim=True)).squeeze(1)
