"""One epoch of a training."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from robnas._seeds import derive_seed
from robnas._seeds import generator as derived
from robnas.attacks import parameter_dtype, predict, seeded_randomness
from robnas.data import Images, augment, draw_augmentation, to_pixels
from robnas.errors import DivergedError, InputError
from robnas.training import _overfitting
from robnas.training._batches import batch_sizes
from robnas.training._log import EpochLog
from robnas.training._objective import Outcome
from robnas.training._recipe import Recipe
from robnas.training._step import Step
from robnas.types import Progress

_CLEAN_SAMPLE = 512  # training images on which the clean accuracy of an epoch is measured
_CHECK_EVERY = 25  # steps between looks at the loss: each waits for the device


def run_epoch(
    network: nn.Module,
    step: Step,
    images: Images,
    recipe: Recipe,
    seed: int,
    epoch: int,
    progress: Progress,
) -> EpochLog:
    """One pass over the images. All random numbers derive from seed and epoch, so none need to be stored."""
    step.weights.go_on()
    device, count = images.labels.device, len(images)
    order = torch.randperm(count, generator=derived("cpu", seed, "order", epoch)).to(device)
    step.reseed(derive_seed(seed, "attack", epoch))
    padding = round(recipe.crop * images.images.shape[-1])
    batches = torch.split(order, batch_sizes(count, recipe.batch_size))
    draws = derived("cpu", seed, "augmentation", epoch)
    drawn = _draw(batches, padding=padding, flip=recipe.flip, generator=draws) if padding or recipe.flip else None
    losses, robust = torch.zeros(len(batches), device=device), torch.zeros((), dtype=torch.int64, device=device)
    attacked, trained, begun = False, 0, time.perf_counter()
    total, done = recipe.epochs * len(batches), (epoch - 1) * len(batches)
    dtype = parameter_dtype(network)
    network.train()
    with seeded_randomness(derive_seed(seed, "network", epoch), device):
        for number, index in enumerate(batches):
            batch = images.images[index]
            if drawn is not None:
                batch = augment(batch, drawn[number], padding=padding)
            pixels, first = to_pixels(batch, dtype), (done + number) * step.replays
            try:
                for update in range(first, first + step.replays):  # of free training, else one; the last one is logged
                    learning_rate, momentum = recipe.rates(update, total * step.replays)
                    outcome = _take(step, pixels, images.labels[index], learning_rate, momentum)
            except (FloatingPointError, InputError) as error:  # an attack found its loss or its gradient not finite
                _check_finite(losses[:number], epoch)
                if isinstance(error, InputError):
                    raise
                raise DivergedError(epoch, number + 1, math.nan) from None
            losses[number] = outcome.loss
            if outcome.robust_correct is not None:
                attacked = True
                robust += outcome.robust_correct.sum()
            if number % _CHECK_EVERY == 0 or number + 1 == len(batches):
                _check_finite(losses[: number + 1], epoch)
            trained += len(index)
            rate = trained / (time.perf_counter() - begun)
            progress(done + number + 1, total, f"epoch {epoch}/{recipe.epochs}, {rate:,.0f} images/s")
    weights = torch.tensor([len(index) for index in batches], dtype=losses.dtype, device=device)
    loss, correct = (losses * weights).sum().item() / count, robust.item()
    seconds = time.perf_counter() - begun
    step.weights.show()
    with seeded_randomness(derive_seed(seed, "network, measured", epoch), device):
        try:
            clean = _clean_accuracy(network, images.limit(min(count, _CLEAN_SAMPLE)), recipe.batch_size)
            checked = _under_attack(step.network, images, recipe, seed, epoch)
        except (FloatingPointError, InputError):
            raise DivergedError(epoch, len(batches), math.nan) from None
    return EpochLog(
        epoch=epoch,
        loss=loss,
        clean_accuracy=clean,
        robust_accuracy=correct / count if attacked else None,
        images_per_second=count / seconds,
        learning_rate=learning_rate,
        seconds=seconds,
        attack_accuracy=checked[0],
        pgd_accuracy=checked[1],
    )


def _take(step: Step, images: Tensor, labels: Tensor, learning_rate: float, momentum: float) -> Outcome:
    try:
        return step(images, labels, learning_rate, momentum)
    except ValueError as error:
        if len(images) > 1 or "more than 1 value per channel" not in str(error):
            raise
        raise InputError(
            "batch",
            expected="at least 2 images, as batch norm compares them where a feature map is 1×1 pixel",
            got=1,
            remedy="take more images, larger ones, or another batch_size",
        ) from None


def _under_attack(
    network: nn.Module, images: Images, recipe: Recipe, seed: int, epoch: int
) -> tuple[float, float] | tuple[None, None]:
    """Accuracy under the training attack and under PGD, where an attack of one step may have been overfitted."""
    if not _overfitting.is_checked(recipe):
        return None, None
    some = images.limit(min(len(images), _overfitting.SAMPLE))
    pixels = to_pixels(some.images, parameter_dtype(network))
    return _overfitting.accuracies(network, pixels, some.labels, recipe, derive_seed(seed, "overfitting", epoch))


def _draw(batches: Sequence[Tensor], *, padding: int, flip: bool, generator: torch.Generator) -> tuple[Tensor, ...]:
    """The augmentation of all batches, copied to their device at once: a copy for each would wait for the device."""
    sizes = [len(index) for index in batches]
    drawn = torch.cat([draw_augmentation(size, padding=padding, flip=flip, generator=generator) for size in sizes])
    return torch.split(drawn.to(batches[0].device), sizes)


def _check_finite(losses: Tensor, epoch: int) -> None:
    bad = (~losses.isfinite()).nonzero()
    if len(bad):
        step = int(bad[0])
        raise DivergedError(epoch, step + 1, losses[step].item())


def _clean_accuracy(network: nn.Module, images: Images, batch_size: int) -> float:
    """Share of correct images; `InputError` if the last step has spoiled the weights."""
    network.eval()
    pixels = to_pixels(images.images, parameter_dtype(network))
    correct = predict(network, pixels, batch_size) == images.labels
    return correct.float().mean().item()
