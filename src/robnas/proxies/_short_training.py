"""A short training, along which the kernel of a network moves."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor

from robnas.attacks import PGD
from robnas.data import Dataset, Images
from robnas.errors import DivergedError
from robnas.kernels import KernelPath, KernelProbe, train_with_kernels
from robnas.training import Recipe
from robnas.types import ThreatModel

_EPOCHS, _STEPS = 2, 2


def short_recipe(threat: ThreatModel) -> Recipe:
    """Two epochs of the recipe ``digits`` at another radius: PGD with two steps of 1.25 ε, batches of 64."""
    attack = PGD(threat, steps=_STEPS, step_size=1.25 * threat.epsilon)
    return Recipe.digits().replace(name="short", epochs=_EPOCHS, attack=attack)


def short_training(probe: KernelProbe, images: Tensor, labels: Tensor) -> KernelPath | str:
    """Kernels of the probe along a training of a copy of its network by `short_recipe`, or why there are none.

    Args:
        probe: of the kernels; its seed is that of the training.
        images: to train on, shape (n, channels, height, width), in [0, 1], which are rounded to multiples of 1/255.
        labels: of these.
    """
    if not 0 <= images.min() <= images.max() <= 1:
        return "some images are outside [0, 1], and nothing is trained on those"
    part = Images(images.mul(255).round().to(torch.uint8), labels)
    classes, channels = int(torch.cat([labels, probe.labels]).max()) + 1, images.shape[1]
    data = Dataset("images of scores", classes, {"train": part}, (0.0,) * channels, (1.0,) * channels)
    twin = replace(probe, network=copy.deepcopy(probe.network).requires_grad_())
    try:
        return train_with_kernels(twin, data, short_recipe(probe.threat), seed=probe.seed, device=images.device)
    except DivergedError as error:
        return str(error)
