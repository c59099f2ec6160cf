"""An untrained network with its images: what several proxies share is computed once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robnas import kernels
from robnas._brief import brief
from robnas._ordinary import ordinary
from robnas._products import products
from robnas._seeds import derive_seed, generator
from robnas.attacks import seeded_randomness
from robnas.errors import InputError, RobnasError, Verbatim
from robnas.networks import count, unlike_built
from robnas.proxies._recording import ReLUs
from robnas.proxies._short_training import short_training
from robnas.proxies._textbook import Layer, check_weights, layers, textbook
from robnas.types import ThreatModel

_THREAT, _SETTINGS = ThreatModel.linf("8/255"), kernels.NTKSettings()


NO_GRADIENT = "no gradient reaches the weights"
"""Of scores with a sign, for which 0 would be a place in the middle."""


class UndefinedScoreError(RobnasError, ArithmeticError):
    """A proxy is not defined for this network; the text says why."""


@dataclass(frozen=True, eq=False)
class Clean:
    """One forward pass of the textbook network on the clean batch, in training mode, with its graph."""

    __repr__ = brief

    images: Tensor
    """Leaf of the graph, shape (n, channels, height, width)."""
    logits: Tensor
    """Shape (n, classes)."""
    outputs: list[tuple[int, Tensor]]
    """Output of every layer, with the layer's place."""
    agreement: Tensor
    """Per pair of images the ReLUs that are both on or both off, shape (n, n), float64; nan if the input of one is."""


@dataclass(frozen=True, eq=False)
class LossGradients:
    """One backward pass of the cross-entropy loss."""

    __repr__ = brief

    weights: list[Tensor]
    """Gradient of every layer's weight."""
    fisher: list[Tensor]
    """Per layer ½ mean_n (Σ_hw a·∂L/∂a)² of its output a, shape (outputs,)."""


@final
@dataclass(frozen=True, eq=False)
class Probe:
    """An untrained network and the images that proxies may ask it about.

    The passes are those of a copy in training mode, so batch norm takes the statistics of the batch, as the released
    code of these proxies does; the network is left as it is. The fields are those of `robnas.kernels.KernelProbe`.

    Raises:
        InputError: fewer than two images, images that are not finite floating point numbers, not one whole number as a
            label for each, labels that the network has no output for, a network without a layer, that cannot be
            copied, or whose layers share their weights or compute them.
    """

    __repr__ = brief

    network: nn.Module
    """Maps pixels in [0, 1] to logits (n, classes)."""
    images: Tensor
    """Shape (n, channels, height, width), in [0, 1]."""
    labels: Tensor
    """Shape (n,)."""
    threat: ThreatModel = _THREAT
    """Of the attacks that robust kernels need."""
    beta: float = 0.5
    """Of mixed kernels."""
    settings: kernels.NTKSettings = _SETTINGS
    """Of kernels."""
    calibration: Tensor | None = None
    """Images whose statistics batch norm takes for kernels; `images` if None."""
    seed: int = 0
    """Of the attacks, random inputs and random projections."""
    attacks: int = 2
    """How often images are attacked for kernels, at the most that any proxy asks for."""
    calibration_labels: Tensor | None = None
    """Labels of `calibration`, which then is what networks are trained on for a short time; `images` are if None."""

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or len(self.images) < 2:
            got = Verbatim(f"shape {tuple(self.images.shape)}")
            raise InputError(
                "images", expected="at least 2 of shape (channels, height, width)", got=got,
                remedy="batch norm and correlations need several",
            )  # fmt: skip
        if not self.images.is_floating_point():
            remedy = "robnas.data.to_pixels makes them of uint8"
            raise InputError("images", expected="floating point pixels", got=Verbatim(self.images.dtype), remedy=remedy)
        if not self.images.isfinite().all():
            raise InputError("images", expected="finite pixels", got=Verbatim("nan or infinity"))
        if self.labels.shape != self.images.shape[:1]:
            expected = f"shape ({len(self.images)},), one per image"
            raise InputError("labels", expected=expected, got=Verbatim(f"shape {tuple(self.labels.shape)}"))
        if self.labels.is_floating_point() or self.labels.is_complex() or self.labels.dtype == torch.bool:
            raise InputError("labels", expected="whole numbers", got=Verbatim(self.labels.dtype))
        if self.calibration_labels is not None and (
            self.calibration is None or self.calibration_labels.shape != self.calibration.shape[:1]
        ):
            got = Verbatim(f"shape {tuple(self.calibration_labels.shape)}")
            raise InputError("calibration labels", expected="one per image of calibration", got=got)
        for name in ("images", "labels", "calibration", "calibration_labels"):  # perhaps made in inference mode
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, ordinary(value))
        object.__setattr__(self, "labels", self.labels.long())
        if not self.layers:
            raise InputError("network", expected="at least one nn.Conv2d or nn.Linear", got=Verbatim("none"))
        check_weights(self.textbook)

    @cached_property
    def textbook(self) -> nn.Module:
        """The network with one convolution per edge."""
        return textbook(self.network)

    @cached_property
    def layers(self) -> list[Layer]:
        """Convolutions and linear layers of the textbook network."""
        return layers(self.textbook)

    @cached_property
    def weights(self) -> list[Tensor]:
        """Weights θ of the layers."""
        return [layer.weight for layer in self.layers]

    @cached_property
    def dtype(self) -> torch.dtype:
        """Of the network's weights."""
        return self.weights[0].dtype

    def ask(self, network: Callable[[Tensor], object], images: Tensor) -> Tensor:
        """What `network` makes of images; dropout and the like draw the same in every pass of one seed.

        The images are left as they are, and so are the generators of the process.

        Raises:
            InputError: not logits for every image, with an output for every label.
        """
        seed = derive_seed(self.seed, "proxies", "network")
        with products(images.device), seeded_randomness(seed, images.device):
            logits = network(images.clone())
        return check_logits(logits, self.labels[: len(images)])

    @cached_property
    def clean(self) -> Clean:
        """The forward pass that most proxies share."""
        found, changed = self._clean(apart=False)
        return self._clean(apart=True)[0] if changed else found

    def _clean(self, *, apart: bool) -> tuple[Clean, bool]:
        """The pass, and whether what follows a layer changed its output; not if it is handed a copy, `apart`."""
        images = self.images.detach().to(self.dtype, copy=True).requires_grad_()
        outputs: list[tuple[int, Tensor]] = []
        versions: list[int] = []
        agreement = Agreement(len(images), images.device)

        def keep(place: int, output: Tensor) -> Tensor:
            outputs.append((place, output))
            versions.append(output._version)
            return output.clone() if apart else output

        handles = [
            layer.register_forward_hook(lambda _, __, output, place=place: keep(place, output))
            for place, layer in enumerate(self.layers)
        ]
        try:
            with ReLUs(agreement):
                logits = self.ask(self.textbook, images)
        finally:
            for handle in handles:
                handle.remove()
        changed = any(output._version != version for (_, output), version in zip(outputs, versions, strict=True))
        return Clean(images, logits, outputs, agreement.matrix), changed

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        if unlike_built(self.network) is not None:  # what else multiplies there is seen by running it
            _, channels, *sides = self.images.shape
            with contextlib.suppress(InputError):  # it depends on values
                return count(self.network, in_channels=channels, input_size=sides).macs
        return sum(
            self.weights[place].numel() * output.numel() // (len(self.weights[place]) * len(output))
            for place, output in self.clean.outputs
        )

    @cached_property
    def loss(self) -> LossGradients:
        """The backward pass that grad_norm, plain, snip and fisher share."""
        fisher = [torch.zeros(len(weight), dtype=weight.dtype, device=weight.device) for weight in self.weights]

        def see(place: int, output: Tensor, gradient: Tensor) -> None:
            product = output.detach() * gradient.detach()
            if isinstance(self.layers[place], nn.Linear):
                product = product.movedim(-1, 1)
            product = product.flatten(2 if output.ndim > 2 else 1)
            per_image = product.sum(2) if output.ndim > 2 else product
            fisher[place] += per_image.square().mean(0) / 2

        clean = self.clean
        handles = [
            output.register_hook(  # type: ignore[no-untyped-call]
                lambda gradient, place=place, output=output: see(place, output, gradient)
            )
            for place, output in clean.outputs
        ]
        loss = F.cross_entropy(clean.logits, self.labels)
        try:
            with products(self.images.device):
                gradients = torch.autograd.grad(loss, self.weights, retain_graph=True, materialize_grads=True)
        finally:
            for handle in handles:
                handle.remove()
        return LossGradients(list(gradients), fisher)

    @cached_property
    def jacobian(self) -> Tensor:
        """∂(Σ logits)/∂x, shape (n, pixels); float64."""
        return self.pulled_back(torch.ones_like(self.clean.logits))

    def pulled_back(self, direction: Tensor) -> Tensor:
        """∂⟨direction, logits⟩/∂x of the batch, shape (n, pixels); float64."""
        clean = self.clean
        with products(self.images.device):
            (found,) = torch.autograd.grad(
                clean.logits, clean.images, direction, retain_graph=True, materialize_grads=True
            )
        return found.flatten(1).double()

    @cached_property
    def ntk(self) -> kernels.KernelProbe:
        """The same for scores of neural tangent kernels."""
        return kernels.KernelProbe(
            self.network, self.images, self.labels, threat=self.threat, beta=self.beta, settings=self.settings,
            calibration=self.calibration, seed=self.seed, attacks=self.attacks,
        )  # fmt: skip

    @cached_property
    def trained(self) -> kernels.KernelPath | str:
        """Clean kernels along a short training of a copy of the network, or why there are none."""
        if self.calibration is None or self.calibration_labels is None:
            return short_training(self.ntk, self.images, self.labels)
        return short_training(self.ntk, self.calibration, self.calibration_labels.long())

    def generator(self, purpose: str) -> torch.Generator:
        """Random numbers for one purpose, drawn on the CPU so that they do not depend on the device."""
        return generator("cpu", self.seed, "proxies", purpose)


class Agreement:
    """Counts, per pair of images, ReLUs that are both on or both off; a `ReLUs` listener."""

    def __init__(self, count: int, device: torch.device) -> None:
        self.matrix = torch.zeros(count, count, dtype=torch.float64, device=device)
        self._last: tuple[Tensor, int] | None = None
        self._found = self.matrix

    def __call__(self, before: Tensor, after: Tensor) -> None:
        """Count the units of one ReLU; several ReLUs of one tensor in a row count each, and are looked at once."""
        if self._last is None or before is not self._last[0] or before._version != self._last[1]:
            signs = (before.detach() > 0).flatten(1).float().mul_(2).sub_(1)  # of ±1: exact up to 2²⁴ units
            self._found = (signs @ signs.T).double().add_(signs.shape[1]).div_(2)
            if before.isnan().any():
                self._found.fill_(torch.nan)
            self._last = before, before._version
        if len(before) == len(self.matrix):
            self.matrix += self._found


def check_logits(logits: object, labels: Tensor) -> Tensor:
    """The logits; raise `InputError` unless there is an output for every label."""
    classes = int(labels.max()) + 1
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        got = logits.dtype if isinstance(logits, Tensor) else type(logits).__name__
        raise InputError("network", expected="a tensor of logits", got=Verbatim(got))
    if logits.ndim != 2 or logits.shape[0] != len(labels) or logits.shape[1] < classes or int(labels.min()) < 0:
        raise InputError(
            "network", expected=f"logits ({len(labels)}, at least {classes}), as the labels are up to {classes - 1}",
            got=Verbatim(f"logits {tuple(logits.shape)}"), remedy="build it with the data's number of classes",
        )  # fmt: skip
    return logits
