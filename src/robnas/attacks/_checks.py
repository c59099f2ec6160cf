"""What an attack is given and what a network answers: checked once, said in one line."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from robnas._ordinary import ordinary
from robnas._products import products
from robnas._randomness import seeded_randomness
from robnas.attacks._frozen import frozen
from robnas.errors import InputError, NonFiniteError, Verbatim, reason
from robnas.networks import Normalize

NOT_FINITE = Verbatim("nan or infinity")
_ROUNDING = 1e-6  # how far outside [0, 1] a pixel may lie that was computed in float32


def check_images(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Images and labels as attacks take them.

    Args:
        images: shape (n, channels, height, width), floating point in [0, 1], up to a rounding of 1e-6.
        labels: shape (n,), integers of any width, on any device.

    Returns:
        The images, detached and with rounding outside [0, 1] clipped; the labels as int64 on their device.

    Raises:
        InputError: images outside [0, 1], not finite or not floating point, or labels that are not integers, negative,
            or not as many.
    """
    if not isinstance(images, Tensor) or images.ndim != 4 or not images.is_floating_point() or images.numel() == 0:
        whole = isinstance(images, Tensor) and not images.is_floating_point()
        raise InputError(
            "images",
            expected="floating point of shape (n, channels, height, width), at least one",
            got=_described(images),
            remedy="divide uint8 images by 255" if whole else "",
        )
    labels = check_labels(labels, len(images))
    images = images.detach()
    low, high = images.min().item(), images.max().item()
    if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):
        raise InputError(
            "images",
            expected="finite pixels in [0, 1]",
            got=Verbatim(f"values from {low:.9g} to {high:.9g}"),
            remedy="leave normalisation to the network",
        )
    if low < 0 or high > 1:
        images = images.clamp(0, 1)
    # What was made in inference mode cannot be kept for a gradient; a copy can.
    return ordinary(images), ordinary(labels).to(images.device)


def check_labels(labels: Tensor, count: int, classes: int | None = None) -> Tensor:
    """`count` integer labels as int64, all in [0, classes) if the number of classes is known.

    Raises:
        InputError: they are not, such as the −100 that torch's losses pass over in silence.
    """
    kind = labels.dtype if isinstance(labels, Tensor) else torch.bool
    if kind.is_floating_point or kind.is_complex or kind == torch.bool:
        raise InputError("labels", expected="a tensor of integers", got=_described(labels), remedy="labels.long()")
    if labels.shape != (count,):
        raise InputError(
            "labels", expected=f"shape ({count},), one per image", got=Verbatim(f"shape {tuple(labels.shape)}")
        )
    if count == 0:
        raise InputError("images", expected="at least one", got=count)
    labels = labels.detach().long()
    low, high = labels.min().item(), labels.max().item()
    if low < 0 or (classes is not None and high >= classes):
        raise InputError(
            "labels",
            expected="numbers of classes, from 0" + ("" if classes is None else f" to {classes - 1}"),
            got=Verbatim(low if low < 0 else high),
        )
    return labels


def check_logits(logits: object, images: int, classes: int = 2) -> Tensor:
    """Return logits of shape (images, at least `classes`); looks at no value, so it waits for no device.

    Raises:
        InputError: they are something else.
    """
    if (
        not isinstance(logits, Tensor)
        or not logits.is_floating_point()
        or logits.ndim != 2
        or logits.shape[0] != images
        or logits.shape[1] < classes
    ):
        raise InputError(
            "network",
            expected=f"logits of shape ({images}, {classes} or more), one per image and class",
            got=_described(logits),
            remedy="let forward return the logits alone",
        )
    return logits


def check_weights(network: nn.Module) -> None:
    """Raise `InputError` for weights made in inference mode, through which torch computes no gradient, or not yet."""
    if not isinstance(network, nn.Module):
        raise InputError("network", expected="a torch.nn.Module", got=network)
    if any(map(is_lazy, network.parameters())):
        got, remedy = Verbatim("lazy layers that were never asked"), "ask it about one image first"
        raise InputError("network", expected="weights with a shape", got=got, remedy=remedy)
    if any(parameter.is_inference() for parameter in network.parameters()):
        raise InputError(
            "network", expected="weights made outside inference_mode", remedy="use a copy.deepcopy of it, made outside"
        )


@torch.no_grad()
def count_classes(network: nn.Module, images: Tensor, *, of: nn.Module) -> int:
    """How many classes a network tells apart, found by asking it, in its present mode, about the first image.

    Args:
        network: maps pixels to logits; what `frozen` handed out for the one below.
        images: shape (n, channels, height, width).
        of: the network; those of this package broadcast grey images over their channels, which nobody means.

    Raises:
        InputError: it refuses such an image, changes it in place, or answers something other than logits.
    """
    first, size = images[:1].clone(), tuple(images.shape[1:])
    own = getattr(of, "normalize", None)
    if isinstance(own, Normalize) and own.mean.shape[1] != size[0]:
        channels = own.mean.shape[1]
        raise InputError(
            "images",
            expected=f"{channels} channel{'s' * (channels > 1)}, as the network takes",
            got=Verbatim(f"images of shape {size}"),
        )
    try:
        with products(first.device):
            logits = network(first)
    except InputError:
        raise
    except (RuntimeError, TypeError, ValueError, IndexError, AssertionError) as error:
        own = next(network.parameters(), first)
        raise InputError(
            "network",
            expected=f"one that takes {images.dtype} images of shape {size} on {images.device}",
            got=reason(error),
            remedy=f"images.to({str(own.device)!r}, {own.dtype})"
            if (own.dtype, own.device) != (images.dtype, images.device)
            else "",
        ) from error
    if first._version:  # torch counts the changes of a tensor; this one was made a moment ago
        raise InputError(
            "network",
            expected="a forward that leaves its images as they are",
            got=Verbatim("images changed in place"),
            remedy="write x = x - mean, not x -= mean or x.sub_(mean)",
        )
    return check_logits(logits, 1).shape[1]


def check_classes(network: nn.Module, image: Tensor, labels: Tensor, *, count: int, classes: int) -> Tensor:
    """The labels of a data set as int64, if they and the network fit its number of classes.

    Args:
        network: maps pixels in [0, 1] to logits.
        image: shape (1, channels, height, width), one of the data set's.
        labels: shape (count,), integers.
        count: how many images there are.
        classes: of the data set.

    Raises:
        InputError: labels outside [0, classes), or a network that does not take the image or has fewer logits.
    """
    labels = check_labels(labels, count, classes)
    check_weights(network)
    with seeded_randomness(0, image.device), frozen(network) as asked:
        found = count_classes(asked, image, of=network)
    if found < classes:
        raise InputError("network", expected=f"{classes} logits, one per class of the data", got=found)
    return labels


def check_finite_logits(logits: Tensor, where: str = "") -> None:
    """Raise `InputError` unless all logits are finite; waits for the device."""
    if not logits.isfinite().all():
        raise NonFiniteError("network", expected=f"finite logits{where}", got=NOT_FINITE, remedy="train it again")


def no_gradient() -> InputError:
    """The error of logits that do not depend on the pixels as far as autograd sees."""
    return InputError(
        "network",
        expected="logits with a gradient to the images",
        got=Verbatim("none"),
        remedy="let forward use torch operations without detach, or use the attack square, which needs no gradient",
    )


def infinite_gradient() -> InputError:
    """The error of a gradient that is not finite: attacks would leave such pixels alone, or make them NaN."""
    return NonFiniteError(
        "gradient of the loss to the images",
        expected="finite numbers",
        got=NOT_FINITE,
        remedy="the network has a root, logarithm or division where its slope is infinite: add a small constant there",
    )


def _described(value: object) -> Verbatim:
    return Verbatim(
        f"{value.dtype} of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
    )
