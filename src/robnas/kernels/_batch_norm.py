"""How batch norm is treated when a kernel is taken."""

from __future__ import annotations

import copy
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from robnas._products import products
from robnas.attacks import seeded_randomness
from robnas.errors import InputError, Verbatim, reason
from robnas.networks import unlike_built

BatchNorm = Literal["calibrated-eval", "eval-raw", "train"]
BATCH_NORMS: tuple[BatchNorm, ...] = get_args(BatchNorm)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def prepared(network: nn.Module, calibration: Tensor, mode: BatchNorm, dtype: torch.dtype | None) -> nn.Module:
    """A copy of the network, its weights without gradients, whose batch norms are in `mode`.

    Args:
        network: any.
        calibration: images whose statistics ``calibrated-eval`` takes, in one batch; may be empty for other modes.
        mode: ``calibrated-eval``: evaluation with the statistics of `calibration`; ``eval-raw``: evaluation with the
            statistics that the network brings, 0 and 1 if it is untrained; ``train``: training mode, in which the
            images of a batch depend on one another (TE-NAS, Chen et al. 2021).
        dtype: of the copy; that of the network if None.

    Raises:
        InputError: a batch norm without statistics, in a mode that needs them, or a network that cannot be copied.
    """
    try:
        twin = copy.deepcopy(network).to(dtype).eval().requires_grad_(False)
    except (RuntimeError, TypeError) as error:
        raise InputError("network", expected="one that copy.deepcopy copies", got=reason(error)) from error
    norms = [module for module in twin.modules() if isinstance(module, _NORMS)]
    if mode != "train" and any(norm.running_mean is None for norm in norms):
        raise InputError(
            "batch norm",
            expected="running statistics in evaluation mode",
            got=Verbatim("track_running_stats=False"),
            remedy='take batch_norm="train", or let it track them',
        )
    if unlike_built(network):  # ours, which attacks know as it is, does not work on images in place
        twin.register_forward_pre_hook(_copied)
        if len(calibration):
            _work_on_copies(twin, calibration[:2])
    if mode == "calibrated-eval" and norms:
        for norm in norms:
            norm.train()
            norm.momentum = 1.0
        with torch.no_grad():
            ask(twin, calibration)
    for norm in norms:
        norm.train(mode == "train")
    return twin


def has_batch_norm(network: nn.Module) -> bool:
    """Whether any of its layers is one."""
    return any(isinstance(module, _NORMS) for module in network.modules())


def ask(network: nn.Module, images: Tensor) -> object:
    """What the network makes of images.

    Raises:
        InputError: it fails.
    """
    try:
        with products(images.device):
            return network(images)
    except InputError:
        raise
    except (RuntimeError, ValueError) as error:  # torch's batch norm refuses to train on one value with the latter
        expected = f"one that takes images of shape {tuple(images.shape[1:])}"
        raise InputError("network", expected=expected, got=reason(error)) from error


def _copied(_: nn.Module, arguments: tuple[object, ...]) -> tuple[object, ...]:
    """Arguments that the network may work on in place."""
    return tuple(one.clone() if isinstance(one, Tensor) else one for one in arguments)


def _work_on_copies(network: nn.Module, images: Tensor) -> None:
    """Let its modules, ReLUs above all, not work in place, unless the network uses what they leave behind."""
    flagged = [module for module in network.modules() if getattr(module, "inplace", False)]

    def logits(inplace: bool) -> object:
        for module in flagged:
            module.inplace = inplace  # type: ignore[assignment]
        with torch.no_grad(), seeded_randomness(0, images.device):
            return ask(network, images)

    if flagged:
        before, after = logits(True), logits(False)
        both = isinstance(before, Tensor) and isinstance(after, Tensor)
        if both and not torch.equal(before.nan_to_num(), after.nan_to_num()):  # type: ignore[attr-defined]
            logits(True)
