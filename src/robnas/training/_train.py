"""The training loop."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, SupportsFloat, TypeAlias

import torch
from torch import nn

from robnas._products import products
from robnas._seeds import derive_seed
from robnas._settings import content_hash
from robnas.attacks import (
    Answers,
    Victim,
    check_classes,
    check_radius,
    parameter_dtype,
    seeded_randomness,
    victim_of,
)
from robnas.data import Dataset, Images, to_pixels
from robnas.errors import CheckpointError, InputError, Verbatim, reason
from robnas.training import _checkpoint
from robnas.training._batches import merges_remainder
from robnas.training._epoch import run_epoch
from robnas.training._log import EpochLog, is_finished, overfitting, read_entry, result_epoch, to_entry, write_log
from robnas.training._overfitting import TrainingWarning
from robnas.training._recipe import Recipe
from robnas.training._step import Step
from robnas.training._stopping import validation_accuracy
from robnas.training._weights import LAST_NOTES
from robnas.types import Progress, check_count, silent

CHECKPOINT = "checkpoint.pt"
_NOTES = ("answers", "noise")  # by which a network is recognised
_LAST = "last"  # of a training that stops early
Measure: TypeAlias = Callable[[nn.Module, int], Mapping[str, float]]
"""Measures a network after an epoch: name → figure."""


@torch.inference_mode(False)
def train(
    network: nn.Module,
    data: Dataset,
    recipe: Recipe,
    *,
    seed: int,
    directory: Path | str | None = None,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
    on_epoch: Callable[[EpochLog], None] | None = None,
    measure: Measure | None = None,
    until: int | None = None,
) -> list[EpochLog]:
    """Train `network` in place on the train split; the last epoch's weights are the result.

    Where the recipe averages weights, every measurement and the result is of the averaged ones; where it stops early,
    the result are the weights of the best epoch, and those of the last one are kept beside them (see `restore`).

    With a directory, a checkpoint is written after every epoch. A training that was killed at any moment goes on from
    there when called again with the same arguments, and ends with the weights of one that was not killed (bit for bit
    on a CPU with the same number of threads). That holds for networks with dropout or noise, too: while they are asked,
    the global generators of Python, NumPy and torch draw what `seed` decides, and are then as they were before.

    The last images of an epoch join the batch before them if they are fewer than an eighth of a batch. After an epoch
    with attacks of a single step the training attack is compared with PGD, and a network that withstands the one but
    not the other is named by a `TrainingWarning`.

    Args:
        network: maps pixels in [0, 1] to logits; moved to `device` and left in evaluation mode.
        data: the data set; only its train split is touched, and that of validation if the recipe stops early.
        recipe: all settings.
        seed: of the order of the images, their augmentation, the attack, and whatever the network draws.
        directory: where ``checkpoint.pt`` and ``log.jsonl`` (a line per epoch) are kept.
        device: where to compute.
        progress: told about the steps done.
        on_epoch: called with each epoch's figures.
        measure: called with the network, in evaluation mode, and the number of the epoch after each of them, before its
            checkpoint is written; its figures are kept by name as `EpochLog.measured`. It changes nothing of the
            training: what it draws from global generators is decided by `seed` and the epoch, and seen by nobody else.
            Epochs that a checkpoint holds are not measured again.
        until: pause after this epoch of the recipe; a later call goes on, and ends with the weights of a training
            without a pause. More epochs that a checkpoint holds stay.

    Returns:
        The figures of all epochs, those before a resumption included.

    Raises:
        DivergedError: the loss is not finite; it names epoch and step.
        CheckpointError: the directory holds a damaged checkpoint or another training, such as one of a network that
            computes something else with the same weights.
        InputError: `measure` gives something else than finite numbers by name; `until` is beyond the recipe, or there
            is no directory in which to go on; the network and the recipe name different sizes; labels outside the
            classes of the data; a network that does not take the images or has fewer logits, has no weights to train,
            or has extra state that no checkpoint brings back; an attack whose gradient is not finite; one image, which
            is too little for batch norm; a recipe that stops early and no validation split.
    """
    _check_sizes(network, recipe)
    if recipe.attacks:
        check_radius(recipe.attack.threat, data.image_shape)
    seed = check_count("seed", seed, 0)
    last = _last_epoch(recipe, until, directory)
    network.to(device)
    images = data.split("train").to(device)
    pixel = to_pixels(images.images[:1], parameter_dtype(network))
    labels = check_classes(network, pixel, images.labels, count=len(images.images), classes=data.num_classes)
    images = Images(images.images, labels)
    validation = _validation(data, recipe, device)
    step = Step(network, recipe, torch.Generator(device=device))
    path = None if directory is None else Path(directory) / CHECKPOINT
    if path is not None:
        _checkpoint.check_readable(network)
    identity, earlier = _identity(network, data, recipe, seed), _earlier(network, recipe)
    asked = partial(_answers, network, images, seed)

    def notes(final: bool) -> dict[str, Any]:
        return {"answers": asked().to_dict(), **(_about_noise(network, data, seed) if final else {})}

    history = [] if path is None else _resume(path, identity, network, device, step, asked, earlier)
    if path is not None and history:
        write_log(path, history)  # it may be an epoch behind, if the process died between the two files

    def is_over() -> bool:
        return len(history) >= last or is_finished(recipe, history)

    if recipe.attacks and not is_over():
        step.network = _attacked(network, images)
    while not is_over():
        found = run_epoch(network, step, images, recipe, seed, len(history) + 1, progress)
        if measure is not None:
            found = dataclasses.replace(found, measured=_measured(network, measure, seed, found.epoch))
        history.append(found)
        if validation is not None:
            _validate(network, step, validation, recipe, seed, history, notes)
        if path is not None:
            _keep(path, identity, step, history, notes(is_finished(recipe, history)))
        if on_epoch is not None:
            on_epoch(history[-1])
    step.weights.end()
    network.eval()
    if is_finished(recipe, history) and (text := overfitting(history)) is not None:
        warnings.warn(text, TrainingWarning, stacklevel=2)
    return history


def _last_epoch(recipe: Recipe, until: int | None, directory: Path | str | None) -> int:
    """The one after which to pause, or that of the recipe."""
    if until is None:
        return recipe.epochs
    last = check_count("until", until)
    if last > recipe.epochs:
        raise InputError("until", expected=f"at most the {recipe.epochs} epochs of the recipe", got=last)
    if last < recipe.epochs and directory is None:
        raise InputError("until", expected="a directory, in which the training can go on", got=Verbatim("none"))
    return last


def _measured(network: nn.Module, measure: Measure, seed: int, epoch: int) -> dict[str, float]:
    """What `measure` finds after an epoch, as plain numbers."""
    network.eval()
    with seeded_randomness(derive_seed(seed, "measure", epoch), next(network.parameters()).device):
        found = measure(network, epoch)
    network.eval()
    try:  # not of texts, which would be read
        numbers = {name: float(value) for name, value in found.items() if isinstance(value, SupportsFloat)}
    except (AttributeError, TypeError, ValueError):  # no mapping, or tensors of several numbers
        numbers = {}
    fine = all(isinstance(name, str) and math.isfinite(value) for name, value in numbers.items())
    if not isinstance(found, Mapping) or not fine or len(numbers) < len(found):
        raise InputError(f"what was measured after epoch {epoch}", expected="finite numbers by name", got=found)
    return numbers


def restore(
    network: nn.Module,
    data: Dataset | str,
    recipe: Recipe,
    *,
    seed: int,
    directory: Path | str,
    device: torch.device | str = "cpu",
    last: bool = False,
) -> list[EpochLog]:
    """Load the weights that `train`, called with the same arguments, has left in `directory`; no training is done.

    Those are the result: of a recipe that stops early the best ones, or with `last` those of the last epoch. Of the
    data set its `content_hash` suffices: the network is then recognised by what it answers about noise.

    Returns:
        The figures of the epochs behind the weights; empty if there are none, and the network is then as before.

    Raises:
        CheckpointError: the checkpoint is damaged or belongs to another training.
    """
    _check_sizes(network, recipe)
    seed = check_count("seed", seed, 0)
    asked = None if isinstance(data, str) else partial(_answers, network, data.split("train"), seed)
    identity = _identity(network, data, recipe, seed)
    earlier = _earlier(network, recipe)
    history = _resume(Path(directory) / CHECKPOINT, identity, network, device, asked=asked, earlier=earlier, last=last)
    network.eval()
    return history


def _identity(network: nn.Module, data: Dataset | str, recipe: Recipe, seed: int) -> dict[str, Any]:
    structure = content_hash({"network": repr(network)})
    content = data if isinstance(data, str) else data.content_hash
    identity = {"network": structure, "recipe": recipe.hash, "data": content, "seed": seed}
    if isinstance(data, str):
        return identity
    # Said only where it is so: other checkpoints are those of a time when a small remainder was a batch of its own.
    merged = merges_remainder(len(data.split("train")), recipe.batch_size)
    return identity | ({"last batch": "merged"} if merged else {})


def _earlier(network: nn.Module, recipe: Recipe) -> str:
    """The hash of the recipe in checkpoints of earlier versions, in which it had the size of the network."""
    sizes = {what: getattr(network, what, None) for what in ("channels", "cells")}
    return recipe.earlier_hash(recipe.size | {what: size for what, size in sizes.items() if isinstance(size, int)})


def _attacked(network: nn.Module, images: Images) -> nn.Module:
    """What to train so that attacks are made on the function that is trained."""
    pixels = to_pixels(images.images[: Victim.count], parameter_dtype(network))
    victim = victim_of(network, pixels)
    if victim.doubt:
        warnings.warn(f"the network is attacked as it is, not folded: {victim.doubt}", TrainingWarning, stacklevel=3)
    return victim.network


def _check_sizes(network: nn.Module, recipe: Recipe) -> None:
    """Of a recipe that names the size of the network, as those of earlier versions did."""
    for what, size in recipe.size.items():
        if isinstance(found := getattr(network, what, None), int) and found != size:
            raise InputError(
                f"network {what}",
                expected=f"{size}, as the recipe says",
                got=found,
                remedy=f"recipe.replace({what}={found})",
            )


def _resume(
    path: Path,
    identity: dict[str, Any],
    network: nn.Module,
    device: torch.device | str,
    step: Step | None = None,
    asked: Callable[[], Answers] | None = None,
    earlier: str = "",
    last: bool = False,
) -> list[EpochLog]:
    if not path.exists():
        return []
    state = _checkpoint.load(path, device)
    found = state["identity"]
    if found.get("recipe") == earlier:
        found = {**found, "recipe": identity["recipe"]}
    _checkpoint.check_identity(path, found, identity)
    try:
        history = [read_entry(epoch, entry) for epoch, entry in enumerate(state["history"], start=1)]
        network.load_state_dict(state["network"])
        if step is not None:
            step.optimizer.load_state_dict(state["optimizer"])
            step.weights.load_state_dict(state, {key: state[key] for key in _NOTES if key in state})
        _recognise(path, network, state, asked, identity["seed"])
        if last and _LAST in state:
            network.load_state_dict(state[_LAST])
            _recognise(path, network, state.get(LAST_NOTES, {}), asked, identity["seed"])
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(str(path), expected="weights that fit the network", got=reason(error)) from None
    return history


def _recognise(
    path: Path, network: nn.Module, notes: Mapping[str, Any], asked: Callable[[], Answers] | None, seed: int
) -> None:
    """Refuse a network that answers otherwise than `notes` say, about images or, without these, about noise."""
    if (kept := notes.get("answers" if asked else "noise")) is None:
        return
    known = Answers.from_dict(kept)
    asked = asked or partial(Answers.about_noise, network, kept["shape"], seed)
    # A network that does not answer twice alike cannot be recognised.
    if not known.agree(asked()) and asked().agree(asked()):
        raise CheckpointError(
            str(path),
            expected="a network that computes what the one of this training did",
            got=Verbatim("other logits with the same weights"),
            remedy="this folder holds another training: choose another one or the same settings",
        )


def _answers(network: nn.Module, images: Images, seed: int) -> Answers:
    """What the network answers about the first training images, in whatever mode it is."""
    device = next(network.parameters()).device
    pixels = to_pixels(images.images[: Answers.count].to(device), parameter_dtype(network))
    with products(device):
        return Answers.of(network, pixels, seed)


def _about_noise(network: nn.Module, data: Dataset, seed: int) -> dict[str, Any]:
    """By which the network is recognised where the images are not at hand."""
    shape = data.image_shape
    return {"noise": {**Answers.about_noise(network, shape, seed).to_dict(), "shape": list(shape)}}


def _keep(
    path: Path,
    identity: dict[str, Any],
    step: Step,
    history: list[EpochLog],
    answers: dict[str, Any],
) -> None:
    """Write the checkpoint; by its `answers` a network is recognised that describes itself like another."""
    entries = [to_entry(entry) for entry in history]
    state = {**step.weights.state_dict(), "optimizer": step.optimizer.state_dict(), "history": entries}
    _checkpoint.save(path, identity, state | step.weights.notes(answers))
    write_log(path, history)


def _validation(data: Dataset, recipe: Recipe, device: torch.device | str) -> Images | None:
    """The images by which the recipe stops early, if it does."""
    if recipe.stopping is None:
        return None
    if "validation" not in data.splits:
        raise InputError(
            "recipe stopping",
            expected=f"a data set with a validation split; {data.name} has {', '.join(data.splits)}",
            remedy="hold out a share of its training images for validation, or train without stopping",
        )
    images = data.split("validation")
    return images.limit(min(len(images), recipe.stopping.images)).to(device)


def _validate(
    network: nn.Module,
    step: Step,
    images: Images,
    recipe: Recipe,
    seed: int,
    history: list[EpochLog],
    notes: Callable[[bool], dict[str, Any]],
) -> None:
    """Complete the last epoch's figures with that by which the training stops early; note whether it is the best."""
    epoch = history[-1].epoch
    threat = recipe.attack.threat if recipe.attacks else None
    with seeded_randomness(derive_seed(seed, "network, validated", epoch), images.labels.device):
        accuracy = validation_accuracy(step.network, images, threat, seed, recipe.batch_size)
    history[-1] = dataclasses.replace(history[-1], validation_accuracy=accuracy)
    if result_epoch(history) is history[-1]:
        step.weights.keep_best(notes(True))
