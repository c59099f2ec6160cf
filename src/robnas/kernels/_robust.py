"""Robust kernels of an image classifier: attack, attack again, compare gradients."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from robnas._ordinary import ordinary
from robnas._seeds import derive_seed
from robnas.attacks import PGD, Attack, check_images, perturb, seeded_randomness
from robnas.errors import InputError, Verbatim
from robnas.kernels._batch_norm import prepared
from robnas.kernels._empirical import check_labels, computed_in, count_outputs, empirical_kernels
from robnas.kernels._kernels import RobustKernels
from robnas.kernels._ntk_settings import NTKSettings
from robnas.types import Progress, ThreatModel, check_count, silent

_STEPS = 20


def default_attack(threat: ThreatModel) -> PGD:
    """PGD with 20 steps of 2.5 ε/20 from a random start: this project's choice, the paper's was not found."""
    return PGD(threat, steps=_STEPS, step_size=2.5 * threat.epsilon / _STEPS)


@torch.inference_mode(False)
def attack_twice(
    network: nn.Module,
    images: Tensor,
    labels: Tensor | npt.NDArray[np.generic],
    attack: Attack,
    *,
    settings: NTKSettings,
    calibration: Tensor | None = None,
    seed: int = 0,
    times: int = 2,
) -> list[Tensor]:
    """Images, attacked images, and attacked images that were attacked again around where they are.

    The network is asked in evaluation mode with the batch norms that `settings` say; for ``train`` with the statistics
    of the calibration images, because an attack moves images one by one. Equal seeds share the random start between
    networks. After the second attack an image is up to 2ε away.

    Args:
        network: maps pixels in [0, 1] to logits.
        images: shape (n, channels, height, width), in [0, 1].
        labels: shape (n,).
        attack: any; its threat model is the ball.
        settings: of the kernels.
        calibration: images for batch norm; `images` if None.
        seed: of the attacks.
        times: 0, 1 or 2 attacks.

    Returns:
        times + 1 tensors of the shape of `images`.

    Raises:
        InputError: images outside [0, 1] or not finite, not as many as labels, or labels without an output.
    """
    images, labels = check_images(images, torch.as_tensor(labels))  # those of random_labels are an array
    mode = "calibrated-eval" if settings.batch_norm == "train" else settings.batch_norm
    dtype = computed_in(network, settings)
    parameter = next(network.parameters(), images)
    given = images.to(device=parameter.device, dtype=dtype or parameter.dtype)
    reference = given if calibration is None else ordinary(calibration).to(given)
    found = [given]
    with seeded_randomness(derive_seed(seed, "attack"), given.device):
        victim = prepared(network, reference, mode, dtype)
        if times:
            check_labels(labels, count_outputs(victim, given[:1]))
        for number in range(check_count("attacks", times, 0)):
            seed_now = derive_seed(seed, "attack", number)
            found.append(perturb(attack, victim, found[-1], labels.to(given.device), seed=seed_now).images)
    return found


def robust_ntk(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    threat: ThreatModel,
    attack: Attack | None = None,
    attack_labels: Tensor | npt.NDArray[np.generic] | None = None,
    victim: nn.Module | None = None,
    settings: NTKSettings | None = None,
    calibration: Tensor | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> RobustKernels:
    """The five kernels of Wu et al. 2024, Sec. 4.1, of a network at its present weights.

    How the paper attacks, reduces several outputs to one kernel and treats batch norm was not found: everything here is
    a choice that `attack` and `settings` change.

    Args:
        network: maps pixels in [0, 1] to logits; left as it is.
        images: shape (n, channels, height, width), in [0, 1].
        labels: shape (n,).
        threat: what the attacker may do.
        attack: of the same threat model; PGD with 20 steps if None.
        attack_labels: what attacks move images away from; `labels` if None. Attacks tell the kernels the labels they
            are aimed at, `random_labels` are the control.
        victim: the network that attacks are made on, such as an independent second initialisation; `network` if None.
        settings: what is meant by the kernel.
        calibration: images for batch norm, some hundreds; `images` if None.
        seed: of the attacks.
        progress: told about the passes.

    Raises:
        NonFiniteKernelError: a gradient or a product of them overflowed.
        InputError: images outside [0, 1] or not finite, no image, labels without an output, an unsupported layer, an
            attack of another threat model than `threat`.
    """
    settings = settings or NTKSettings()
    attack = default_attack(threat) if attack is None else attack
    if attack.threat != threat:
        expected, remedy = f"that of the attack, {attack.threat}", "write threat=attack.threat"
        raise InputError("threat", expected=expected, got=Verbatim(threat), remedy=remedy)
    clean, robust, twice = attack_twice(
        network if victim is None else victim,
        images,
        labels if attack_labels is None else attack_labels,
        attack,
        settings=settings,
        calibration=calibration,
        seed=seed,
    )
    return empirical_kernels(
        network, clean, robust, twice, labels, settings=settings, calibration=calibration, progress=progress
    )
