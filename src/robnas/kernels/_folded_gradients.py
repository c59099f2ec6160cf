"""Kernels of the cell networks of `build_network`: their batch norms folded, all images at once, nothing kept."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robnas.errors import InputError
from robnas.kernels._gradients import by_groups, divided, has_onednn
from robnas.kernels._gram import Gram
from robnas.kernels._jacobian import Parameters
from robnas.networks import Folded, Network

_SPARE = 12  # largest maps that a backward pass takes besides what is kept
_PASS = 2**26  # bytes that backward passes of several cotangents may share


def folded_for(network: nn.Module, images: Tensor, budget: float) -> tuple[Folded, int] | None:
    """The folded network and how many cotangents it takes at once.

    None if there is none, oneDNN does not compute it or `budget` bytes do not suffice for all images.
    """
    if type(network) is not Network or not has_onednn(images) or images.ndim != 4:
        return None
    try:
        folded = network.folded()
    except InputError:
        return None
    kept: dict[int, Tensor] = {}
    read: dict[int, Tensor] = {}
    folded.ascend(images[:1], kept, read)
    maps = [value.nbytes for value in (*kept.values(), *read.values())]
    weights = [layer.weight.nbytes for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    largest = _SPARE * max(maps) + 2 * max(weights)
    if len(images) * (sum(maps) + largest) > budget:
        return None
    return folded, max(1, int(min(_PASS, budget / 2) / len(images) / (sum(maps) + largest)))


def add_folded(
    network: nn.Module,
    folded: Folded,
    images: Tensor,
    cotangents: Tensor,
    parameters: Parameters,
    gram: Gram,
) -> None:
    """Give `gram` the gradients of ⟨cotangent_i, logits_i⟩ of each image, layer by layer.

    Args:
        network: as built, in evaluation mode.
        folded: the same.
        images: shape (n, channels, height, width).
        cotangents: shape (n, cotangents, outputs).
        parameters: which.
        gram: of one row per image.
    """
    assert isinstance(network, Network)
    kept: dict[int, Tensor] = {}
    read: dict[int, Tensor] = {}
    folded.ascend(images, kept, read)
    inputs = _Inputs(network, folded, kept, read)

    def add(blocks: Iterator[tuple[bool, Tensor]]) -> None:
        for weight, block in blocks:
            if weight or parameters == "all":
                gram.add(block.reshape(len(images), -1))

    add(_of_head(inputs, cotangents))
    several = {number: _repeated(value, cotangents.shape[1]) for number, value in kept.items()}
    nothing = torch.Size((0,))  # no gradient to the pixels
    folded.descend(cotangents.flatten(0, 1), several, nothing, lambda *found: add(_of_value(inputs, *found)))


def _repeated(value: Tensor, times: int) -> Tensor:
    """Each map so often, in the same layout."""
    if times == 1:
        return value
    rows = value.permute(0, 2, 3, 1)
    return rows[:, None].expand(-1, times, -1, -1, -1).flatten(0, 1).permute(0, 3, 1, 2)


class _Inputs:
    """What layers were given."""

    def __init__(self, network: Network, folded: Folded, kept: dict[int, Tensor], read: dict[int, Tensor]) -> None:
        self.network, self.folded, self.kept, self.read = network, folded, kept, read
        head, norm = kept[folded.head], network.head.norm
        assert norm.running_mean is not None
        positive = head > 0
        self._last: dict[tuple[int, bool, bool], Tensor] = {}
        self.features = head.mean((2, 3))
        self.counted = positive.to(head.dtype).mean((2, 3))
        centred = read[folded.output] - norm.running_mean.view(1, -1, 1, 1)
        self.normalised = centred.mul_(positive).mean((2, 3)) * _rate(norm)
        read[0] = read[0] / network.normalize.std

    def of(self, source: int, relu: bool, halved: bool) -> Tensor:
        """What a convolution was given, contiguous; kept until another value is asked for."""
        key = source, relu, halved
        if key not in self._last:
            x = self.kept[source] if relu else self.read[source]
            self._last = {key: (F.avg_pool2d(x, 2, ceil_mode=True) if halved else x).contiguous()}
        return self._last[key]


def _of_head(inputs: _Inputs, cotangents: Tensor) -> Iterator[tuple[bool, Tensor]]:
    """Whether it is one to weights, and a gradient, shape (n, cotangents, …)."""
    upstream = cotangents @ inputs.network.head.linear.weight
    yield True, cotangents[..., None] * inputs.features[:, None, None]
    yield False, cotangents
    yield True, upstream * inputs.normalised[:, None]
    yield False, upstream * inputs.counted[:, None]


def _of_value(inputs: _Inputs, number: int, gradient: Tensor) -> Iterator[tuple[bool, Tensor]]:
    """The same of all that leads to a feature map.

    A convolution with weights w has given y = w ∗ x, and batch norm γ r (y − μ) + β with r = 1/σ. With G the gradient
    to weights of a convolution without it, those to w, γ and β are γ r G, r (⟨w, G⟩ − μ Σ δ) and Σ δ.
    """
    value, images = inputs.folded.value(number), len(inputs.features)
    rows = divided(gradient.contiguous(), 0, images)  # (n, cotangents, channels, height, width)
    sums = rows.sum((3, 4))
    for _ in value.biases:
        yield False, sums
    for term in value.convolutions:
        found = by_groups(term.conv, inputs.of(term.source, term.relu, term.halved), rows.flatten(1, 2)).view(
            *sums.shape, -1
        )
        if (norm := term.norm) is not None:
            assert norm.running_mean is not None
            weight, mean, scale, rate = (
                each.chunk(term.parts)[term.part]
                for each in (term.conv.weight.flatten(1), norm.running_mean, norm.weight, _rate(norm))
            )
            along = torch.einsum("nkoi,oi->nko", found, weight)
            yield True, along.sub_(mean * sums).mul_(rate)
            yield False, sums
            found.mul_((scale * rate)[:, None])
        yield True, found


def _rate(norm: nn.BatchNorm2d) -> Tensor:
    assert norm.running_var is not None
    return torch.rsqrt(norm.running_var + norm.eps)
