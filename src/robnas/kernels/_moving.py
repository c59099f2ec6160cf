"""A training along which kernels are kept."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from robnas._arrays import read_arrays, write_arrays
from robnas._settings import check_keys, content_hash, to_dict
from robnas._states import update
from robnas.data import Dataset
from robnas.errors import DataError, InputError, Verbatim
from robnas.kernels._activations import Floats
from robnas.kernels._path import PATH_MEASURES, KernelPath
from robnas.kernels._scores import KERNELS, KernelProbe
from robnas.training import CHECKPOINT, EpochLog, Recipe, check_identity, train
from robnas.types import Progress, silent

FILE = "kernels.npz"
_KIND = "kernels along a training 1"
_REMEDY = "train in another directory, or delete this one to train from the beginning"


def train_with_kernels(
    probe: KernelProbe,
    data: Dataset,
    recipe: Recipe,
    *,
    seed: int,
    kernel: str = "clean",
    directory: Path | str | None = None,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
    on_epoch: Callable[[EpochLog], None] | None = None,
    until: int | None = None,
) -> KernelPath:
    """Train the network of `probe` in place by `robnas.train`; keep its kernel at the start and after each epoch.

    The training is that of `robnas.train` to the bit. Figures of `PATH_MEASURES` are kept in its log, as `measured` of
    an epoch, where they are defined.

    Args:
        probe: the untrained network, images and labels of the kernel, and what is meant by it. Batch norm is calibrated
            anew for each kernel, unless the settings say otherwise.
        data: what is trained on; the images of the kernel need not be among it.
        recipe: of the training.
        seed: of the training.
        kernel: a name of `KERNELS`. Images are attacked on the network as it is after each epoch, or on the victim of
            the probe.
        directory: of the checkpoint, and of the kernels in ``kernels.npz``; a training that was killed goes on there.
        device: where to compute.
        progress: as in `robnas.train`.
        on_epoch: likewise.
        until: likewise.

    Raises:
        InputError: an unknown kernel, the reduction ``full``, labels that are all equal, images given as attacked fewer
            times than the kernel takes; or as `robnas.train`.
        CheckpointError: the directory holds another training, or other kernels.
        DataError: its kernels are damaged, or there are none because its training was begun without.
    """
    check_keys("kernel", [kernel], KERNELS)
    if probe.settings.reduction == "full":
        expected = "trace, sum, label or proj for kernels with one row per image"
        raise InputError("reduction", expected=expected, got=Verbatim("full"))
    victim = None if probe.victim is probe.network else probe.victim  # the former moves
    probe = replace(probe, attacks=KERNELS[kernel][0], victim=victim)
    probe.network.to(device)
    kept = _Kept(probe, kernel, directory, _facts(probe, kernel, data, recipe, seed))
    history = train(
        probe.network, data, recipe, seed=seed, directory=directory, device=device, progress=progress,
        on_epoch=on_epoch, measure=kept, until=until,
    )  # fmt: skip
    return kept.path(history)


class _Kept:
    """The kernels so far; measures a network after an epoch."""

    def __init__(self, probe: KernelProbe, kernel: str, directory: Path | str | None, facts: dict[str, str]) -> None:
        self._probe, self._kernel, self._facts = probe, kernel, facts
        self._file = None if directory is None else Path(directory) / FILE
        self._found = self._begun()
        KernelPath(np.stack(self._found), self._labels)  # says what is wrong with labels before a training

    @property
    def _labels(self) -> Any:
        return self._probe.labels.cpu().numpy()

    def __call__(self, network: nn.Module, epoch: int) -> dict[str, float]:
        self._check(epoch - 1)
        self._found[epoch:] = [self._of(network)]
        self._write()
        both = KernelPath(np.stack([self._found[0], self._found[epoch]]), self._labels)
        figures = {f"kernel-{name}": float(figure(both)[1]) for name, figure in PATH_MEASURES.items()}
        return {name: value for name, value in figures.items() if math.isfinite(value)}

    def path(self, history: list[EpochLog]) -> KernelPath:
        """The kernels of these epochs."""
        self._check(len(history))
        return KernelPath(np.stack(self._found[: len(history) + 1]), self._labels, tuple(history))

    def _of(self, network: nn.Module) -> Floats:
        return replace(self._probe, network=network).kernel(self._kernel)

    def _begun(self) -> list[Floats]:
        """Those of an interrupted training, or that of the start."""
        if self._file is None or not self._file.with_name(CHECKPOINT).exists():
            return [self._of(self._probe.network)]
        if not self._file.exists():
            raise _lacking(self._file, 0)
        facts, kernels = _read(self._file)
        check_identity(self._file, facts, self._facts)
        return list(kernels)

    def _write(self) -> None:
        if self._file is not None:
            facts = np.array([f"{name}={value}" for name, value in self._facts.items()])
            write_arrays(self._file, _KIND, {"facts": facts, "kernels": np.stack(self._found)})

    def _check(self, epoch: int) -> None:
        if len(self._found) <= epoch:
            raise _lacking(self._file, len(self._found))


def _read(path: Path) -> tuple[dict[str, str], Floats]:
    facts, kernels = read_arrays(path, _KIND, "facts", "kernels", remedy=_REMEDY)
    return dict(str(fact).split("=", 1) for fact in facts), kernels


def _lacking(path: Path | None, epoch: int) -> DataError:
    got = Verbatim(f"none of epoch {epoch}" if epoch else "none of the start")
    return DataError(str(path), expected="the kernels of all epochs of the training", got=got, remedy=_REMEDY)


def _facts(probe: KernelProbe, kernel: str, data: Dataset, recipe: Recipe, seed: int) -> dict[str, str]:
    """By which kernels of a training are recognised."""
    settings = {key: value for key, value in to_dict(probe.settings).items() if key != "memory_mib"}
    meant: dict[str, Any] = {"settings": settings}
    given: list[Any] = [probe.images, probe.labels, probe.calibration]
    if probe.attacks:
        meant |= {"threat": str(probe.threat), "beta": probe.beta, "seed": probe.seed}
        given += [*probe.attacked, probe.attack_labels]
        given += [] if probe.victim is None else [probe.victim.state_dict()]
    content = hashlib.sha256()
    update(content, given)
    return {
        "recipe": recipe.hash,
        "data": data.content_hash,
        "seed": str(seed),
        "kernel": kernel,
        "images": content.hexdigest()[:16],
        "settings": content_hash(meant),
    }
