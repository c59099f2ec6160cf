"""The network of an attack: evaluation mode, batch norms folded into convolutions, gradients to the pixels only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.forward_ad import unpack_dual

from robnas.errors import InputError, Verbatim
from robnas.networks._as_built import unlike_built
from robnas.networks._fused import Convolution, layout, pool, pool_gradient
from robnas.networks.nas_bench_201._folded_graph import PIXELS, FeatureMap, Foldable, Graph, Term

Visit: TypeAlias = Callable[[int, Tensor], None]
"""Called with the number of a value and the gradient to it."""


@final
class Folded(nn.Module):
    """What a network computes in evaluation mode, as a function of the pixels, at the weights that it has now.

    A batch norm in evaluation mode is affine, so it becomes part of the convolution before it, and the sum at a node
    part of the convolutions that lead there. The gradient is written out: it needs the activations of the ReLUs and
    nothing else. Logits and gradients equal those of the network up to rounding. Gradients flow to the pixels only,
    and once; a later change of the weights is not seen.

    Args:
        network: a network of `build_network`; it is read, not changed.
        dtype: of the feature maps; that of the weights if it is omitted. Logits and gradients keep that of the pixels.

    Raises:
        InputError: the network is not as built: a subclass, a hook, another module or setting somewhere.
    """

    def __init__(self, network: Foldable, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        if (difference := unlike_built(network)) is not None:
            raise InputError(
                "network to be folded",
                expected="one as build_network makes it",
                got=Verbatim(difference),
                remedy="ask the network itself, in evaluation mode",
            )
        weight = network.head.linear.weight
        self._dtype = weight.dtype if dtype is None else dtype
        self._layout = layout(weight.device, self._dtype)
        self._graph = Graph(network)
        terms = [term for value in self._graph.values for term in value.convolutions]
        self._unrectified = {self._graph.output, *(term.source for term in terms if term.halved)}
        self._load(network)
        self.eval()

    @property
    def output(self) -> int:
        """The number of the value that the head reads."""
        return self._graph.output

    @property
    def head(self) -> int:
        """The number of what passed the ReLU of the head."""
        return len(self._graph.values)

    def value(self, number: int) -> FeatureMap:
        """What a value is made of."""
        return self._graph.values[number]

    @torch.no_grad()
    def _load(self, network: Foldable) -> None:
        norm, linear = network.head.norm, network.head.linear
        self._mean = network.normalize.mean.clone()
        self._scale, self._shift = (part.view(1, -1, 1, 1) for part in _affine(norm))
        self._linear, self._bias = linear.weight.clone(), linear.bias.clone()
        self._steps: list[list[tuple[Term, Convolution]]] = []
        self._constants: list[Tensor | None] = []
        folded: dict[nn.Conv2d, tuple[Tensor, Tensor | None]] = {}
        for value in self._graph.values:
            shifts = [bias.flatten() for bias in value.biases]
            weights = []
            for term in value.convolutions:
                if term.conv not in folded:
                    folded[term.conv] = _fold(term, network.normalize.std)
                weight, shift = folded[term.conv]
                weights.append(weight.chunk(term.parts)[term.part].to(self._dtype))
                shifts += [] if shift is None else [shift.chunk(term.parts)[term.part]]
            constant = sum(shifts[1:], shifts[0]).to(self._dtype) if shifts else None
            self._constants.append(constant)
            self._steps.append(
                [
                    (term, self._convolution(term, weight, None if number else constant))
                    for number, (term, weight) in enumerate(zip(value.convolutions, weights, strict=True))
                ]
            )

    def _convolution(self, term: Term, weight: Tensor, bias: Tensor | None) -> Convolution:
        stride = 2 if term.halved else int(term.conv.stride[0])
        return Convolution(weight, bias, stride, int(term.conv.padding[0]))

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits ``(batch, classes)`` of pixels ``(batch, in_channels, height, width)`` in [0, 1].

        Raises:
            RuntimeError: a derivative in forward mode or of `torch.func`, which its operations would not see.
        """
        dual = unpack_dual(pixels).tangent is not None  # type: ignore[no-untyped-call]
        if dual or torch._C._are_functorch_transforms_active():
            raise RuntimeError("a folded network knows no forward mode and no torch.func: ask the network itself")
        if torch.is_grad_enabled() and pixels.requires_grad:
            logits: Tensor = _Differentiable.apply(pixels, self)  # type: ignore[no-untyped-call]
            return logits
        with torch.no_grad():
            return self.ascend(pixels, None)

    def ascend(
        self, pixels: Tensor, kept: dict[int, Tensor] | None, unrectified: dict[int, Tensor] | None = None
    ) -> Tensor:
        """Pixels to logits. What passed a ReLU goes to `kept`, by number of the value; without it, nothing is kept.

        What weights read without ReLU goes to `unrectified`: centred pixels, inputs of shortcuts and of the head.

        Invariant: what stands in `raw`, `active`, `pooled` or `kept` is never written to. Only a convolution writes in
        place, and only into a `total` that is `owned`: made in this round of the loop by a sum or a convolution, so
        that nobody else holds it. Until there is such a sum, `total` is somebody's feature map (a copy is not copied,
        a pooling is shared by all that read it), which later readers and the backward pass need as it is. It is
        handed on once, after the last convolution of its round.
        """
        raw = {PIXELS: (pixels - self._mean).to(self._dtype).contiguous(memory_format=self._layout)}
        active: dict[int, Tensor] = {}
        pooled: dict[int, Tensor] = {}
        if unrectified is not None:
            unrectified[PIXELS] = raw[PIXELS]
        for number, value in enumerate(self._graph.values[1:], start=1):
            total, owned = None, False
            for source in value.copies:
                total, owned = (raw[source], False) if total is None else (total + raw[source], True)
            for source in value.pools:
                if source not in pooled:
                    pooled[source] = pool(raw[source])
                total, owned = (pooled[source], False) if total is None else (total + pooled[source], True)
            steps = self._steps[number]
            for term, convolution in steps:
                x = active[term.source] if term.relu else raw[term.source]
                alone = term is steps[-1][0] and not value.raw
                total = convolution(_even(x) if term.halved else x, total, inplace=owned, relu=alone)
                owned = True
            if not steps:
                total = _constant(self._constants[number], raw[value.shapes[0]] if total is None else total, total)
            assert total is not None
            if value.raw:
                raw[number] = total
            if unrectified is not None and number in self._unrectified:
                unrectified[number] = total
            if value.relu:
                active[number] = total if steps and not value.raw else F.relu(total)
            for source in value.read():
                if self._graph.values[source].last_reader == number:
                    raw.pop(source, None)
                    pooled.pop(source, None)
                    if kept is None:
                        active.pop(source, None)
        head = torch.addcmul(self._shift, raw[self._graph.output].to(pixels.dtype), self._scale).relu_()
        if kept is not None:
            kept.update(active)
            kept[len(self._graph.values)] = head
        return torch.addmm(self._bias, head.mean(dim=(2, 3)), self._linear.T)

    def descend(
        self, upstream: Tensor, kept: dict[int, Tensor], size: torch.Size, visit: Visit | None = None
    ) -> Tensor:
        """Gradient to the logits to gradient to the pixels of `size`; empties `kept`.

        With `visit` no gradient to the pixels but those to all values, as they are known, which later steps may
        overwrite.
        """
        head = kept.pop(len(self._graph.values))
        spread = (upstream @ self._linear)[:, :, None, None] * (self._scale / head[0, 0].numel())
        before_relu: dict[int, Tensor] = {}
        raw = {self._graph.output: torch.where(head > 0, spread, 0.0).to(self._dtype)}
        pools: dict[int, Tensor] = {}
        for number in range(len(self._graph.values) - 1, PIXELS, -1):
            gradient = self._collect(number, raw, pools, before_relu, kept)
            value = self._graph.values[number]
            if gradient is None or not (value.varies or visit):
                continue
            if visit:
                visit(number, gradient)
            for term, convolution in self._steps[number]:
                if not (self._graph.values[term.source].varies or visit) or (visit and term.source == PIXELS):
                    continue
                if term.relu:
                    source = term.source
                    before_relu[source] = convolution.gradient(gradient, kept[source].shape, before_relu.get(source))
                elif term.halved:
                    shape = kept[term.source].shape
                    _plus(raw, term.source, _even_gradient(convolution, gradient, shape))
                else:
                    _plus(raw, term.source, convolution.gradient(gradient, size, None))
            for source in value.copies:
                _plus(raw, source, gradient)
            for source in value.pools:
                _plus(pools, source, gradient)
        found = raw.get(PIXELS)
        return upstream.new_zeros(size) if found is None else found.to(upstream.dtype).contiguous()

    @staticmethod
    def _collect(
        number: int,
        raw: dict[int, Tensor],
        pools: dict[int, Tensor],
        before_relu: dict[int, Tensor],
        kept: dict[int, Tensor],
    ) -> Tensor | None:
        """Everything that flows back to one value."""
        parts = [raw.pop(number)] if number in raw else []
        active = kept.pop(number, None)
        if number in pools:
            parts.append(pool_gradient(pools.pop(number)))
        if number in before_relu:
            assert active is not None
            parts.append(torch.ops.aten.threshold_backward(before_relu.pop(number), active, 0))
        if not parts:
            return None
        total = parts.pop()  # the newest is nobody else's, unless it is the only one
        for part in parts:
            total = total.add_(part)
        return total


class _Differentiable(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pixels: Tensor, network: Folded) -> Tensor:
        ctx.save_for_backward(pixels)
        ctx.network, ctx.kept, ctx.size = network, {}, pixels.shape
        return network.ascend(pixels, ctx.kept)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        if not ctx.kept:
            raise RuntimeError("a folded network frees its activations in the first backward pass: call it again")
        with torch.no_grad():
            gradient = ctx.network.descend(upstream, ctx.kept, ctx.size)
        if torch.is_grad_enabled():  # somebody may want a second derivative, which must not look like zero
            gradient = _Once.apply(gradient, upstream, *ctx.saved_tensors)  # type: ignore[no-untyped-call]
        return gradient, None


class _Once(torch.autograd.Function):
    """A gradient that depends on what it was computed from, but cannot be differentiated.

    Torch's own `once_differentiable` lets the gradient depend on nothing, so that `grad` by the pixels finds no path
    and takes zero for the answer.
    """

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, upstream: Tensor, pixels: Tensor) -> Tensor:
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> None:
        raise RuntimeError("a folded network is once_differentiable: ask the network itself for second derivatives")


def _affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Factor and constant per channel that `norm` is in evaluation mode."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def _fold(term: Term, std: Tensor) -> tuple[Tensor, Tensor | None]:
    """Weights and constants of a convolution with all that surrounds it."""
    weight, shift = term.conv.weight, None
    if term.norm is not None:
        scale, shift = _affine(term.norm)
        weight = weight * scale.view(-1, 1, 1, 1)
    if term.source == PIXELS:
        weight = weight / std
    if term.halved:
        weight = (weight / 4).expand(-1, -1, 2, 2)
    return weight, shift


def _even(x: Tensor) -> Tensor:
    """With the last row and column repeated where the size is odd: a pooling that rounds up averages what is there."""
    bottom, right = x.shape[2] % 2, x.shape[3] % 2
    return F.pad(x, (0, right, 0, bottom), mode="replicate") if bottom or right else x


def _even_gradient(convolution: Convolution, upstream: Tensor, shape: torch.Size) -> Tensor:
    batch, channels, height, width = shape
    even = torch.Size((batch, channels, height + height % 2, width + width % 2))
    gradient = convolution.gradient(upstream, even, None)
    if height % 2:
        gradient[:, :, height - 1] += gradient[:, :, height]
    if width % 2:
        gradient[:, :, :, width - 1] += gradient[:, :, :, width]
    return gradient[:, :, :height, :width]


def _constant(constant: Tensor | None, like: Tensor, total: Tensor | None) -> Tensor:
    """`total` plus a constant per channel; either may be missing."""
    if constant is None:
        return torch.zeros_like(like) if total is None else total
    return (torch.zeros_like(like) if total is None else total) + constant.view(1, -1, 1, 1)


def _plus(gradients: dict[int, Tensor], source: int, gradient: Tensor) -> None:
    """Add without touching what others may hold."""
    gradients[source] = gradients[source] + gradient if source in gradients else gradient
