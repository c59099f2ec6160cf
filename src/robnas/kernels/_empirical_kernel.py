"""The kernel of a network of finite width, as a function of two inputs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from robnas._brief import brief
from robnas._products import products
from robnas.errors import InputError, Verbatim
from robnas.kernels._activations import Floats
from robnas.kernels._batch_norm import has_batch_norm, prepared
from robnas.kernels._empirical import (
    check_pairwise,
    checked_images,
    computed_in,
    cotangents_of,
    count_outputs,
    empirical_ntk,
)
from robnas.kernels._jacobian import Piece, bytes_per_image, pieces
from robnas.kernels._kernel import check_factors
from robnas.kernels._ntk_settings import NTKSettings
from robnas.kernels._spectrum import NonFiniteKernelError

_SETTINGS = NTKSettings()
_AT_ONCE = 16  # images whose kernel is taken for its diagonal
_PASSES = 8  # about as much memory as so many passes is needed to differentiate a gradient


@final
@dataclass(frozen=True, eq=False)
class EmpiricalKernel:
    """The kernel of a network at the weights that it has when this is made (`empirical_ntk`).

    Several outputs count as `NTKSettings` say, all but ``label`` and ``full``, so that an entry is one number.

    Raises:
        InputError: those reductions, batch norm in mode ``train``, calibrated batch norm without images for it.
    """

    __repr__ = brief

    network: nn.Module
    """Maps (n, …) to (n, outputs); of layers as `empirical_ntk` takes them."""
    settings: NTKSettings = _SETTINGS
    """What is meant by the kernel."""
    calibration: Tensor | None = None
    """Images for batch norm; needed where there is any, unless its mode is ``eval-raw``."""
    _twin: nn.Module = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_pairwise(self.settings)
        if self.settings.reduction == "full":
            got = Verbatim("full")
            raise InputError("reduction", expected="one with a number per pair of images", got=got, remedy="take trace")
        mode, dtype = self.settings.batch_norm, computed_in(self.network, self.settings)
        if self.calibration is None:
            if mode == "calibrated-eval" and has_batch_norm(self.network):
                remedy = "give calibration, some hundred images"
                raise InputError("calibration", expected="images for batch norm", got=Verbatim("none"), remedy=remedy)
            mode = "eval-raw"
        images = torch.empty(0) if self.calibration is None else checked_images(self.calibration, self.network, dtype)
        twin = prepared(self.network, images, mode, dtype)
        object.__setattr__(self, "_twin", twin)

    def __call__(self, inputs: npt.ArrayLike, others: npt.ArrayLike | None = None) -> Floats:
        """See `robnas.kernels.Kernel`; errors as for `empirical_ntk`."""
        against = None if others is None else _tensor(others)
        return empirical_ntk(self._twin, _tensor(inputs), others=against, settings=self._fixed)

    def diagonal(self, inputs: npt.ArrayLike) -> Floats:
        """k(x_i, x_i), shape (n,)."""
        parts = torch.split(_tensor(inputs), _AT_ONCE)
        return np.concatenate([np.diag(empirical_ntk(self._twin, part, settings=self._fixed)) for part in parts])

    @torch.inference_mode(False)
    @torch.enable_grad()
    def gradient(
        self, inputs: npt.ArrayLike, others: npt.ArrayLike, coefficients: npt.ArrayLike, cotangents: npt.ArrayLike
    ) -> Floats:
        """See `robnas.kernels.DifferentiableKernel`.

        f_c(x) = ⟨∂_W f(x), v_c⟩ with v_c = Σ_j coefficients_jc ∂_W f(x'_j), so the gradient is one of a gradient: a
        pass per output and class, of two classes one, and no kernel.
        """
        factors = _fewest(*check_factors(coefficients, cotangents))
        x, against, a, g = (self._like_weights(one) for one in (inputs, others, *factors))
        if x.shape[1:] != against.shape[1:] or not len(x):
            got = Verbatim(f"shapes {tuple(x.shape)} and {tuple(against.shape)}")
            raise InputError("inputs and others", expected="images of one size", got=got)
        if len(a) != len(against) or len(g) != len(x):
            got = Verbatim(f"{len(a)} and {len(g)} rows for {len(against)} and {len(x)} images")
            raise InputError("coefficients and cotangents", expected="a row per image", got=got)
        outputs = cotangents_of(self._fixed, None, x[:1], count_outputs(self._twin, x[:1]))
        chosen, step = self._chosen(), self._at_once(x[0])
        found = torch.zeros_like(x)
        for value in chosen:
            value.requires_grad_()
        try:
            with products(x.device):
                for output, of_class in itertools.product(outputs, range(a.shape[1])):
                    weights = torch.split(a[:, of_class], step)
                    along = [torch.zeros_like(value) for value in chosen]
                    for images, some in zip(torch.split(against, step), weights, strict=True):
                        sums = self._summed(images, output[0], some, chosen)
                        along = [one + other for one, other in zip(along, sums, strict=True)]
                    for start in range(0, len(x), step):
                        part = slice(start, start + step)
                        found[part] += self._along(x[part], output[0], g[part, of_class], chosen, along)
        finally:
            for value in chosen:
                value.requires_grad_(False)
        if not bool(torch.isfinite(found).all()):
            got = Verbatim("nan or infinity")
            raise NonFiniteKernelError("gradient of the kernel", expected="finite entries", got=got)
        return found.double().cpu().numpy()

    @property
    def _fixed(self) -> NTKSettings:
        """Settings of the kernel of the twin, whose batch norms are as they should be."""
        return replace(self.settings, batch_norm="eval-raw")

    def _pieces(self) -> list[Piece]:
        return pieces(self._twin, self.settings.parameters, self.settings.unknown)

    def _chosen(self) -> list[nn.Parameter]:
        """Parameters that count."""
        own = [
            piece.layer.get_parameter(key)
            for piece in self._pieces()
            if piece.layer is not None
            for key in piece.wanted
        ]
        return own + [self._twin.get_parameter(piece.name) for piece in self._pieces() if piece.layer is None]

    def _like_weights(self, values: npt.ArrayLike) -> Tensor:
        return _tensor(values).to(next(self._twin.parameters()))

    def _summed(self, images: Tensor, output: Tensor, weights: Tensor, chosen: list[nn.Parameter]) -> list[Tensor]:
        """Σ_j weights_j ∂⟨output, f(x_j)⟩ for each of the chosen parameters."""
        value = ((self._twin(images) @ output) * weights).sum()
        return list(torch.autograd.grad(value, chosen, materialize_grads=True))

    def _along(
        self, images: Tensor, output: Tensor, weights: Tensor, chosen: list[nn.Parameter], along: list[Tensor]
    ) -> Tensor:
        """Gradient in the images of Σ_i weights_i ⟨∂⟨output, f(x_i)⟩, along⟩."""
        point = images.clone().requires_grad_()
        value = ((self._twin(point) @ output) * weights).sum()
        slopes = torch.autograd.grad(value, chosen, create_graph=True, materialize_grads=True)
        product = torch.stack([(s * v).sum() for s, v in zip(slopes, along, strict=True)]).sum()
        if not product.requires_grad:  # linear in the weights alone
            return torch.zeros_like(images)
        return torch.autograd.grad(product, point, materialize_grads=True)[0]

    def _at_once(self, image: Tensor) -> int:
        """As many images as memory allows."""
        each = _PASSES * sum(bytes_per_image(self._twin, image, self._pieces()))
        return max(1, int(self.settings.memory_mib * 2**20 / each))


def _fewest(coefficients: Floats, cotangents: Floats) -> tuple[Floats, Floats]:
    """As few columns with the same products: those of two classes are each other's negatives."""
    left, sizes, right = np.linalg.svd(coefficients, full_matrices=False)
    kept = sizes > len(coefficients) * np.finfo(np.float64).eps * sizes[:1]
    return left[:, kept] * sizes[kept], cotangents @ right[kept].T


def _tensor(values: npt.ArrayLike) -> Tensor:
    return values.detach() if isinstance(values, Tensor) else torch.tensor(np.asarray(values, dtype=np.float64))
