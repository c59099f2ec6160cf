"""Convolution and average pooling with what follows them, as few passes over memory as the device offers.

On a CPU in float32 or bfloat16 this calls the oneDNN operations that torch's own compiler emits; elsewhere plain torch.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_ONE = [1, 1]
_MIN_CHANNELS = 16  # from which weights packed beforehand are faster
_MIN_PIXELS = 64  # from which average pooling is faster as a depthwise convolution


def _has_onednn(tensor: Tensor) -> bool:
    return (
        tensor.device.type == "cpu"
        and tensor.dtype in (torch.float32, torch.bfloat16)
        and bool(torch.backends.mkldnn.enabled)
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
        and (tensor.dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))
    )


def layout(device: torch.device, dtype: torch.dtype) -> torch.memory_format:
    """How feature maps are laid out: channels last, but on a GPU that multiplies in float32 or float64 as they are.

    The tensor cores (TF32, bfloat16) want channels last; cuDNN's plain kernels are up to 1.7 times slower on it.
    """
    if device.type != "cuda" or dtype not in (torch.float32, torch.float64) or torch.is_autocast_enabled("cuda"):
        return torch.channels_last
    plain = dtype == torch.float64 or torch.backends.cudnn.conv.fp32_precision == "ieee"  # type: ignore[attr-defined]
    return torch.contiguous_format if plain else torch.channels_last


class Convolution:
    """A convolution with fixed weights that can add its result to a map and apply ReLU in the same pass.

    Args:
        weight: shape (outputs, inputs, k, k).
        bias: shape (outputs,), or none.
        stride: 1 or 2.
        padding: pixels of zeros on each side.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> None:
        self._bias, self._stride, self._padding = bias, [stride] * 2, [padding] * 2
        self._layout = layout(weight.device, weight.dtype)
        self._fused = _has_onednn(weight)
        self._weight = self._pack(weight)
        turned = weight.flip(2, 3) if self._padding[0] else weight
        self._flipped = (
            self._pack(turned.transpose(0, 1)) if stride == 1 else weight.contiguous(memory_format=self._layout)
        )

    def _pack(self, weight: Tensor) -> Tensor:
        if not self._fused or min(weight.shape[:2]) < _MIN_CHANNELS:
            return weight.contiguous(memory_format=self._layout)
        packed: Tensor = torch.ops.mkldnn._reorder_convolution_weight(
            weight, self._padding, self._stride, _ONE, 1, None
        )
        return packed

    def __call__(self, x: Tensor, add: Tensor | None, *, inplace: bool, relu: bool) -> Tensor:
        """convolution(x) + bias + `add`, then ReLU; with `inplace` the result takes the place of `add`."""
        return self._apply(x, self._weight, self._bias, self._stride, add, inplace=inplace, relu=relu)

    def gradient(self, upstream: Tensor, size: torch.Size, add: Tensor | None) -> Tensor:
        """Gradient to an input of `size`; takes the place of `add`, and is added to it, if that is given."""
        if self._stride == _ONE:
            return self._apply(upstream, self._flipped, None, _ONE, add, inplace=True, relu=False)
        like = torch.empty(size, dtype=upstream.dtype, device=upstream.device, memory_format=self._layout)
        gradient = torch.ops.aten.convolution_backward(
            upstream, like, self._flipped, None, self._stride, self._padding, _ONE,
            False, [0, 0], 1, [True, False, False],
        )[0]  # fmt: skip
        return gradient if add is None else add.add_(gradient)

    def _apply(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, stride: list[int], add: Tensor | None, *,
        inplace: bool, relu: bool,
    ) -> Tensor:  # fmt: skip
        if not self._fused:
            result = F.conv2d(x, weight, bias, stride, self._padding)
            result = result if add is None else add.add_(result) if inplace else result.add_(add)
            return result.relu_() if relu else result
        settings = (weight, bias, self._padding, stride, _ONE, 1)
        unary = "relu" if relu else None
        call = torch.ops.mkldnn._convolution_pointwise
        if add is None:
            return call(x, *settings, unary or "none", [], "")  # type: ignore[no-any-return]
        if inplace:
            into = torch.ops.mkldnn._convolution_pointwise_.binary
            return into(add, x, *settings, "add", 1.0, unary, [], "")  # type: ignore[no-any-return]
        return call.binary(x, add, *settings, "add", 1.0, unary, [], "")  # type: ignore[no-any-return]


@cache  # nothing is dropped: a captured graph may go on reading it
def _box(channels: int, height: int, width: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """A depthwise kernel of ones, and one over the number of pixels under it at each place.

    What is kept must not belong to a transform or mode that is active now.
    """
    at = [np.arange(size) for size in (height, width)]
    rows, columns = (np.minimum(place + 1, place[-1]) - np.maximum(place - 1, 0) + 1 for place in at)
    precise = np.float64 if dtype == torch.float64 else np.float32
    inverse = np.reciprocal(np.outer(rows, columns).astype(precise))
    with torch.inference_mode(False), torch._C._DisableFuncTorch():
        ones = torch.from_numpy(np.ones((channels, 1, 3, 3), np.float32))
        return ones.to(device, dtype), torch.from_numpy(inverse).to(device, dtype)


def _by_convolution(x: Tensor) -> bool:
    if x.device.type == "cuda":  # faster; and torch's gradient of padded pooling was wrong (pytorch/pytorch#188344)
        return True
    return x.shape[2] * x.shape[3] >= _MIN_PIXELS and _has_onednn(x)


def pool(x: Tensor) -> Tensor:
    """What `average_pool` computes, where nothing is differentiated."""
    if not _by_convolution(x):
        return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    ones, inverse = _box(*x.shape[1:], x.dtype, x.device)
    return F.conv2d(x, ones, padding=1, groups=x.shape[1]).mul_(inverse)


def pool_gradient(upstream: Tensor) -> Tensor:
    """Gradient to the input of `average_pool`; the sum over a box is its own transpose."""
    if not _by_convolution(upstream):
        return torch.ops.aten.avg_pool2d_backward(  # type: ignore[no-any-return]
            upstream, upstream, [3, 3], _ONE, _ONE, False, False, None
        )
    ones, inverse = _box(*upstream.shape[1:], upstream.dtype, upstream.device)
    return F.conv2d(upstream * inverse, ones, padding=1, groups=upstream.shape[1])


class _AveragePool(torch.autograd.Function):
    """Pooling and its gradient are each other's transpose, so derivatives of any order consist of these two."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return pool(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> Tensor:
        return pool_gradient(upstream)

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:
        return average_pool(tangent)


def average_pool(x: Tensor) -> Tensor:
    """3×3 average pooling with stride 1 that leaves padded pixels out of the count."""
    pooled: Tensor = _AveragePool.apply(x)  # type: ignore[no-untyped-call]
    return pooled
