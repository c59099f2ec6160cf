"""How batch norm is treated when a kernel is taken."""

from __future__ import annotations

import copy
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from robnas.errors import InputError, Verbatim

BatchNorm = Literal["calibrated-eval", "eval-raw", "train"]
BATCH_NORMS: tuple[BatchNorm, ...] = get_args(BatchNorm)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def prepared(network: nn.Module, calibration: Tensor, mode: BatchNorm, dtype: torch.dtype | None) -> nn.Module:
    """A copy of the network, its weights without gradients, whose batch norms are in `mode`.

    Args:
        network: any.
        calibration: images whose statistics ``calibrated-eval`` takes, in one batch.
        mode: ``calibrated-eval``: evaluation with the statistics of `calibration`; ``eval-raw``: evaluation with the
            statistics that the network brings, 0 and 1 if it is untrained; ``train``: training mode, in which the
            images of a batch depend on one another (TE-NAS, Chen et al. 2021).
        dtype: of the copy; that of the network if None.

    Raises:
        InputError: a batch norm without statistics, in a mode that needs them.
    """
    twin = copy.deepcopy(network).to(dtype).eval().requires_grad_(False)
    norms = [module for module in twin.modules() if isinstance(module, _NORMS)]
    if mode != "train" and any(norm.running_mean is None for norm in norms):
        raise InputError(
            "batch norm",
            expected="running statistics in evaluation mode",
            got=Verbatim("track_running_stats=False"),
            remedy='take batch_norm="train", or let it track them',
        )
    for module in twin.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
    if mode == "calibrated-eval" and norms:
        for norm in norms:
            norm.train()
            norm.momentum = 1.0
        with torch.no_grad():
            twin(calibration)
    for norm in norms:
        norm.train(mode == "train")
    return twin
