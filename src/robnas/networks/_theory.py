"""Networks of finite width of the theory space."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robnas._seeds import generator as derived
from robnas.errors import InputError, Verbatim
from robnas.networks._blocks import Normalize, check_normalization
from robnas.spaces import LEAKY_SLOPE, TheoryArchitecture
from robnas.types import check_count

CLASSIFIER_WIDTH = 128
"""Neurons or channels per layer of networks that are trained."""
ACTIVATION_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "leaky-relu": lambda u: F.leaky_relu(u, LEAKY_SLOPE),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "gelu": F.gelu,
    "erf": torch.erf,
    "sin": torch.sin,
    "softplus": lambda u: F.softplus(u, threshold=40),  # above 20, the default, it is off by 2e-9
    "elu": F.elu,
    "identity": lambda u: u,
}


@final
class TheoryNetwork(nn.Module):
    """A residual network in NTK parametrisation, without biases; build it with `build_theory_network`.

    u₁ = W₁x, u_l = W_l f_{l−1}/√m, f₁ = σ₁(u₁), f_l = σ_l(u_l)/L + α_{l−1} f_{l−1}, output ⟨w, f_{L−1}⟩/√m, all weights
    N(0, 1); convolutions also carry 1/√κ, κ the taps of the filter. Wu et al. 2024, Eq. 1 and 2 as recalled, draw
    weights from N(0, 1/m) without factors instead. For ReLU and LeakyReLU, fully connected, both have the same kernel.
    With filters N(0, 1/(κm)) gives the same outputs, but filters then add κ times as much to the kernel; with N(0, 1/m)
    outputs grow with every layer. For other activations only this scaling has a limit.
    """

    def __init__(self, arch: TheoryArchitecture, input_shape: tuple[int, ...], width: int, outputs: int = 1) -> None:
        super().__init__()
        self.arch, self.input_shape, self.width = arch, input_shape, width
        self._functions = [ACTIVATION_FUNCTIONS[name] for name in arch.activations]
        if arch.convolutional:
            kind = nn.Conv1d if len(input_shape) == 2 else nn.Conv2d
            inputs, taps = input_shape[0], arch.kernel_size ** (len(input_shape) - 1)
            padding = arch.kernel_size // 2
            layers: list[nn.Module] = [
                kind(channels, width, arch.kernel_size, padding=padding, bias=False)
                for channels in (inputs, *(width,) * (arch.depth - 2))
            ]
            last = width if arch.readout == "pool" else width * math.prod(input_shape[1:])
        else:
            inputs, taps, last = math.prod(input_shape), 1, width
            layers = [nn.Linear(size, width, bias=False) for size in (inputs, *(width,) * (arch.depth - 2))]
        self.layers = nn.ModuleList(layers)
        self.readout = nn.Linear(last, outputs, bias=False)
        self._scales = [taps**-0.5, *((taps * width) ** -0.5,) * (arch.depth - 2)]

    def forward(self, x: Tensor) -> Tensor:
        """Outputs, shape (batch, outputs); inputs as built, or flat if fully connected."""
        if not self.arch.convolutional:
            x = x.flatten(1)
        value = self._functions[0](self.layers[0](x * self._scales[0]))
        for layer, function, scale, skip in zip(
            self.layers[1:], self._functions[1:], self._scales[1:], self.arch.skips, strict=True
        ):
            moved = function(layer(value * scale)) / self.arch.depth
            value = moved + value if skip else moved
        if self.arch.readout == "pool":
            value = value.flatten(2).mean(2)
        result: Tensor = self.readout(value.flatten(1) * self.width**-0.5)
        return result

    def extra_repr(self) -> str:
        """Architecture and width, for `repr`."""
        return f"{self.arch}, m={self.width}"


def build_theory_network(
    arch: TheoryArchitecture | str,
    *,
    input_shape: Sequence[int],
    width: int,
    outputs: int = 1,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> TheoryNetwork:
    """The network of `arch` with weights from N(0, 1).

    Args:
        arch: an architecture of the theory space, or its text.
        input_shape: of one input: (d,) or any if fully connected; (channels, pixels), the paper's, or (channels,
            height, width) with κ×κ filters if convolutional.
        width: m, neurons or channels per layer.
        outputs: of the network, which the paper has one of; a read-out each.
        seed: of the weights; the same on every device, and no other randomness is used.
        dtype: of the weights.

    Raises:
        InputError: a width or size below 1, or a shape that convolutions do not take.
    """
    arch = TheoryArchitecture.parse(arch) if isinstance(arch, str) else arch
    shape = tuple(check_count("input shape", size) for size in input_shape)
    if not shape or (arch.convolutional and len(shape) not in (2, 3)):
        expected = "(channels, pixels) or (channels, height, width)" if arch.convolutional else "at least one size"
        raise InputError("input shape", expected=expected, got=Verbatim(shape))
    with torch.random.fork_rng(devices=()):  # torch's layers initialise themselves; those weights are replaced below
        network = TheoryNetwork(arch, shape, check_count("width", width), check_count("outputs", outputs)).to(dtype)
    generator = derived("cpu", seed, "theory network")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return network


def build_theory_classifier(
    arch: TheoryArchitecture,
    *,
    num_classes: int,
    in_channels: int,
    image_size: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    seed: int = 0,
    width: int = CLASSIFIER_WIDTH,
) -> nn.Sequential:
    """The network of `arch` on pixels in [0, 1] of square images, with an output per class, as trainings need it.

    Args:
        arch: an architecture of the theory space.
        num_classes: number of classes.
        in_channels: channels of the images.
        image_size: height and width of the images.
        mean: mean of the data set per channel in pixels, shape ``(in_channels,)``; no normalisation if omitted.
        std: standard deviation likewise.
        seed: of the weights.
        width: m, neurons or channels per layer.

    Raises:
        InputError: a size below 1, or mean and std that do not fit.
    """
    normalize = Normalize(*check_normalization(in_channels, mean, std))
    shape = (in_channels, image_size, image_size)
    network = build_theory_network(arch, input_shape=shape, width=width, outputs=num_classes, seed=seed)
    return nn.Sequential(OrderedDict(normalize=normalize, network=network))
