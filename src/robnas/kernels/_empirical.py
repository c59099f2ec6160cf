"""Neural tangent kernels of finite networks, exact, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from robnas._ordinary import ordinary
from robnas._products import products
from robnas._seeds import derive_seed
from robnas._seeds import generator as derived
from robnas.attacks import check_labels as integers
from robnas.attacks import seeded_randomness
from robnas.errors import InputError, MemoryLimitError, Verbatim
from robnas.kernels._activations import Floats
from robnas.kernels._batch_norm import ask, prepared
from robnas.kernels._folded_gradients import add_folded, folded_for
from robnas.kernels._gradients import has_onednn
from robnas.kernels._gram import Gram
from robnas.kernels._jacobian import Piece, bytes_per_image, check_calls, fill, pieces, split
from robnas.kernels._kernels import RobustKernels
from robnas.kernels._ntk_settings import NTKSettings
from robnas.kernels._spectrum import NonFiniteKernelError
from robnas.types import Progress, silent

_CHUNK = 3 * 2**25  # bytes of a chunk of images
_IMAGES = 2  # in a chunk, before cotangents share its memory


def empirical_ntk(
    network: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    others: Tensor | None = None,
    settings: NTKSettings | None = None,
    calibration: Tensor | None = None,
    progress: Progress = silent,
) -> Floats:
    """The neural tangent kernel ⟨∂_W f(x_i), ∂_W f(x_j)⟩ of a network at its present weights.

    The network itself is left as it is, whatever its mode.

    Args:
        network: maps (n, …) to (n, outputs); made of linear layers, convolutions, transposed ones, norms and PReLU
            besides what has no parameters and layers of one's own (`add_rule`), as long as it treats images one by one.
            Parameters of shape (1, …) in a `ParameterDict` or
            `ParameterList` count as values that are broadcast over images, like the constants of a `Cell`.
        images: shape (n, …).
        labels: shape (n,), needed for the reduction ``label``.
        others: images to compare them with, m of the same shape; `images` themselves if None.
        settings: what is meant by the kernel.
        calibration: images for batch norm; `images` if omitted.
        progress: told about the passes.

    Returns:
        Shape (n, m), or (n·outputs, m·outputs) for ``full``; float64, without `others` positive semi-definite up to
        rounding.

    Raises:
        NonFiniteKernelError: a gradient or a product of them overflowed, or the network is not finite.
        InputError: images that are not finite or not of one shape, no image, missing labels, an unsupported layer, a
            batch norm without statistics, too little memory; with `others` the reduction ``label`` or the batch norm
            ``train``, where the kernel of two images depends on more than these.
    """
    settings = settings or NTKSettings()
    if others is None:
        return _finite(kernel_blocks(network, [images], labels, settings, calibration, progress)[0, 0])
    check_pairwise(settings)
    calibration = images if calibration is None else calibration
    count = len(images)
    both = _both(images, others)
    found = kernel_blocks(network, [both], None, settings, calibration, progress, against=count)
    return _finite(found[0, 0])


def check_pairwise(settings: NTKSettings) -> None:
    """Raise `InputError` unless the kernel of two images depends on these alone."""
    if settings.reduction == "label":
        got, remedy = Verbatim("label"), "take trace"
        raise InputError("reduction", expected="one that needs no labels of other images", got=got, remedy=remedy)
    if settings.batch_norm == "train":
        got, remedy = Verbatim("train"), "take calibrated-eval"
        raise InputError("batch norm", expected="one that treats images one by one", got=got, remedy=remedy)


def _both(images: Tensor, others: Tensor) -> Tensor:
    """Images and what they are compared with, in one batch."""
    for batch in (images, others):
        if not isinstance(batch, Tensor) or batch.shape[1:] != images.shape[1:] or not len(batch):
            shapes = " and ".join(str(tuple(getattr(one, "shape", ()))) for one in (images, others))
            raise InputError("images and others", expected="images of one size", got=Verbatim(f"shapes {shapes}"))
    return torch.cat([images, others.to(images)])


def _finite(*kernels: Floats) -> Floats:
    """The first of them.

    Raises:
        NonFiniteKernelError: one holds nan or infinity.
    """
    if not all(np.isfinite(kernel).all() for kernel in kernels):
        raise NonFiniteKernelError(
            "kernel",
            expected="finite entries",
            got=Verbatim("nan or infinity"),
            remedy="set float64=True if it overflows",
        )
    return kernels[0]


def empirical_kernels(
    network: nn.Module,
    clean: Tensor,
    robust: Tensor,
    twice: Tensor,
    labels: Tensor | None = None,
    *,
    settings: NTKSettings | None = None,
    calibration: Tensor | None = None,
    progress: Progress = silent,
) -> RobustKernels:
    """The five kernels of images, attacked images and twice attacked images, from one stacked pass.

    Args:
        network: as in `empirical_ntk`.
        clean: shape (n, …).
        robust: the same images, attacked.
        twice: the attacked images, attacked again.
        labels: as in `empirical_ntk`.
        settings: likewise.
        calibration: images for batch norm; `clean` if omitted.
        progress: told about the passes.

    Raises:
        NonFiniteKernelError: as `empirical_ntk`.
        InputError: shapes differ; or as `empirical_ntk`.
    """
    settings = settings or NTKSettings()
    found = kernel_blocks(network, [clean, robust, twice], labels, settings, calibration, progress)
    _finite(*found.values())
    return RobustKernels(*(found[key] for key in ((0, 0), (0, 1), (1, 1), (1, 2), (2, 2))))


@torch.inference_mode(False)
@torch.enable_grad()
def kernel_blocks(
    network: nn.Module,
    batches: Sequence[Tensor],
    labels: Tensor | None,
    settings: NTKSettings,
    calibration: Tensor | None = None,
    progress: Progress = silent,
    against: int | None = None,
) -> dict[tuple[int, int], Floats]:
    """Kernels within each batch and between neighbouring ones, finite or not.

    With a number in `against`, that of so many images of the one batch with all others of it.
    """
    dtype = computed_in(network, settings)
    batches = [checked_images(batch, network, dtype) for batch in batches]
    if any(batch.shape != batches[0].shape for batch in batches):
        shapes = ", ".join(str(tuple(batch.shape)) for batch in batches)
        raise InputError("clean, robust and twice attacked images", expected="one shape", got=Verbatim(shapes))
    calibration = batches[0] if calibration is None else checked_images(calibration, network, dtype)
    with products(batches[0].device), seeded_randomness(derive_seed(settings.seed, "kernel"), batches[0].device):
        twin = prepared(network, calibration, settings.batch_norm, dtype)
        outputs = count_outputs(twin, batches[0] if settings.batch_norm == "train" else batches[0][:1])
        cotangents = cotangents_of(settings, labels, batches[0], outputs)
        gram = Gram(batches, cotangents, settings, against)
        work = _by_image if settings.batch_norm == "train" else _by_layer
        work(twin, batches, cotangents, settings, gram, progress)
    return gram.blocks()


def computed_in(network: nn.Module, settings: NTKSettings) -> torch.dtype | None:
    """Of gradients: float64 where it is asked for, float32 for half precision, which is noise to kernels; or None."""
    if settings.float64:
        return torch.float64
    parameter = next(network.parameters(), None)
    return torch.float32 if parameter is not None and parameter.dtype in (torch.float16, torch.bfloat16) else None


def checked_images(images: Tensor, network: nn.Module, dtype: torch.dtype | None) -> Tensor:
    if not isinstance(images, Tensor) or not images.is_floating_point() or images.ndim < 2:
        got = Verbatim(f"{images.dtype} of shape {tuple(images.shape)}") if isinstance(images, Tensor) else images
        raise InputError("images", expected="a floating point tensor of shape (n, …)", got=got)
    if not len(images):
        raise InputError("images", expected="at least one", got=Verbatim(0))
    if not torch.isfinite(images).all():
        raise InputError("images", expected="finite pixels", got=Verbatim("nan or infinity"))
    parameter = next(network.parameters(), None)
    if parameter is None:
        raise InputError("network", expected="at least one parameter", got=Verbatim("none"))
    return ordinary(images.detach()).to(device=parameter.device, dtype=dtype or parameter.dtype)


def count_outputs(network: nn.Module, images: Tensor) -> int:
    """Outputs per image.

    Raises:
        InputError: outputs of another shape than (n, outputs), or a network that does not take the images.
    """
    with torch.no_grad():
        logits = ask(network, images)
    if not isinstance(logits, Tensor):
        raise InputError("network", expected="a tensor of outputs", got=Verbatim(type(logits).__name__))
    if logits.ndim != 2 or len(logits) != len(images):
        raise InputError("network", expected="outputs of shape (n, outputs)", got=Verbatim(tuple(logits.shape)))
    return int(logits.shape[1])


def check_labels(labels: Tensor, outputs: int) -> Tensor:
    """Labels as int64, as those of 8 bits index like a mask; raise `InputError` unless each has an output."""
    found = integers(labels, len(labels))
    if (high := int(found.max())) >= outputs:
        raise InputError("labels", expected=f"from 0 to {outputs - 1}", got=Verbatim(high))
    return found


def cotangents_of(settings: NTKSettings, labels: Tensor | None, images: Tensor, outputs: int) -> list[Tensor]:
    """Per backward pass, what each image's outputs are weighted with, shape (n, outputs)."""
    shape, unit = (len(images), outputs), torch.eye(outputs, dtype=images.dtype, device=images.device)
    if settings.reduction == "sum":
        return [torch.ones(shape, dtype=images.dtype, device=images.device)]
    if settings.reduction == "label":
        if labels is None or labels.shape != shape[:1]:
            got = Verbatim("none" if labels is None else tuple(labels.shape))
            raise InputError("labels", expected=f"shape ({len(images)},) for the reduction label", got=got)
        return [unit[check_labels(labels, outputs).to(images.device)]]
    if settings.reduction == "proj":
        random = derived("cpu", settings.seed, "projections")
        drawn = torch.randn(settings.projections, outputs, generator=random, dtype=torch.float64)
        scale = (settings.projections * outputs) ** -0.5
        return [row.expand(shape) for row in (scale * drawn).to(unit)]
    scale = 1.0 if settings.reduction == "full" else outputs**-0.5
    return [row.expand(shape) for row in scale * unit]


@dataclass(frozen=True, eq=False)
class _Pass:
    """Part of the work that fits into memory."""

    cotangents: Sequence[Tensor]
    pieces: Sequence[Piece]

    @property
    def columns(self) -> int:
        """Numbers per image."""
        return len(self.cotangents) * sum(piece.columns for piece in self.pieces)


def _by_layer(
    network: nn.Module,
    batches: Sequence[Tensor],
    cotangents: Sequence[Tensor],
    settings: NTKSettings,
    gram: Gram,
    progress: Progress,
) -> None:
    """All images in evaluation mode, some layers at a time."""
    chosen = pieces(network, settings.parameters, settings.unknown)
    if not chosen:
        raise InputError("parameters", expected="at least one in the kernel", got=Verbatim("none"))
    images, budget = torch.cat(list(batches)), settings.memory_mib * 2**20 - gram.working_bytes
    if not gram.full and (found := folded_for(network, images, budget)) is not None:
        folded, at_once = found
        every = torch.stack(list(cotangents), 1).repeat(len(batches), 1, 1)
        for start in range(0, len(cotangents), at_once):
            some = every[:, start : start + at_once]
            add_folded(network, folded, images, some, settings.parameters, gram)
            progress(start + some.shape[1], len(cotangents), "kernel")
        return
    images = _laid_out(network, images)
    check_calls(network, images[0], chosen)
    fixed, each = bytes_per_image(network, images[0], chosen)
    row_bytes = gram.stack * gram.count * images.element_size()
    least = max(part.columns for piece in chosen for part in split(piece, 1)) * row_bytes + fixed + each
    _check_memory(settings, least, gram)
    working = min(budget / 3, _CHUNK) if images.device.type == "cpu" else budget / 3
    at_once = min(len(cotangents), max(1, int((working / min(_IMAGES, len(images)) - fixed) / max(1, each))))
    per_image = fixed + at_once * each
    chunk = max(1, min(len(images), int(working / per_image)))
    passes = _passes(chosen, cotangents, gram, int(budget - chunk * per_image) // row_bytes)
    store = images.new_empty(len(images) * max(part.columns for part in passes))
    done, total = 0, len(passes) * -(-len(images) // chunk)
    for part in passes:
        slabs = _slabs(store, part, len(images))
        for start in range(0, len(images), chunk):
            some = images[start : start + chunk]
            place = torch.arange(start, start + len(some), device=images.device) % len(batches[0])
            here = [[slab[start : start + chunk] for slab in line] for line in slabs]
            fill(network, some, [cotangent[place] for cotangent in part.cotangents], part.pieces, here, at_once)
            done += 1
            progress(done, total, "kernel")
        for slab in (slab for line in slabs for slab in line):
            gram.add(slab.flatten(0, 1) if gram.full else slab.flatten(1))


def _laid_out(network: nn.Module, images: Tensor) -> Tensor:
    """Images, and the network with them, as oneDNN's convolutions like them, if the network takes them so."""
    if images.ndim != 4 or not has_onednn(images):
        return images
    found = images.contiguous(memory_format=torch.channels_last)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        with torch.no_grad():
            network(found[:1])
    except RuntimeError:  # x.view(len(x), -1)
        network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        return images
    return found


def _check_memory(settings: NTKSettings, least: float, gram: Gram) -> None:
    """Raise `InputError` unless `least` bytes fit beside the buffer of `gram`, which is larger where the limit is."""
    if settings.memory_mib * 2**20 < least + gram.working_bytes:
        wanted = 1.01 * (least + min(gram.most_bytes, least / 3)) / 2**20  # with room for the digits that are not shown
        got = Verbatim(f"{settings.memory_mib:g}")
        raise MemoryLimitError("memory_mib", expected=f"at least {wanted:.3g} for these images", got=got)


def _slabs(store: Tensor, part: _Pass, images: int) -> list[list[Tensor]]:
    """Parts of `store` per piece and wanted parameter, of shape (images, cotangents, numbers)."""
    depth, start, found = len(part.cotangents), 0, list[list[Tensor]]()
    for piece in part.pieces:
        found.append([])
        for size in piece.sizes:
            stop = start + images * depth * size
            found[-1].append(store[start:stop].view(images, depth, size))
            start = stop
    return found


def _passes(chosen: Sequence[Piece], cotangents: Sequence[Tensor], gram: Gram, columns: int) -> list[_Pass]:
    """All pairs of cotangent and piece, in passes of at most `columns` columns of the Jacobian where layers allow."""
    total = sum(piece.columns for piece in chosen)
    together = len(cotangents) if gram.full else max(1, columns // total)
    groups = [cotangents[start : start + together] for start in range(0, len(cotangents), together)]
    columns = max(1, columns if gram.full else columns // len(groups[0]))
    bundles: list[list[Piece]] = [[]]
    for part in (part for piece in reversed(chosen) for part in split(piece, columns)):
        if bundles[-1] and sum(piece.columns for piece in bundles[-1]) + part.columns > columns:
            bundles.append([])
        bundles[-1].append(part)
    return [_Pass(group, bundle) for group in groups for bundle in bundles]


def _by_image(
    network: nn.Module,
    batches: Sequence[Tensor],
    cotangents: Sequence[Tensor],
    settings: NTKSettings,
    gram: Gram,
    progress: Progress,
) -> None:
    """One backward pass per image through the whole batch, for batch norm in training mode."""
    named = {name: p for name, p in network.named_parameters() if settings.parameters == "all" or "weight" in name}
    if not named:
        raise InputError("parameters", expected="at least one in the kernel", got=Verbatim("none"))
    rows, size = gram.stack * gram.count, batches[0].element_size()
    columns = int((settings.memory_mib * 2**20 - gram.working_bytes) / size) // (rows + 1)  # and gradients of one image
    least = max(parameter.numel() for parameter in named.values()) * (rows + 1) * size
    _check_memory(settings, least, gram)
    groups: list[list[nn.Parameter]] = [[]]
    for parameter in reversed(named.values()):
        if groups[-1] and sum(p.numel() for p in groups[-1]) + parameter.numel() > columns:
            groups.append([])
        groups[-1].append(parameter)
    repeats = 1 if gram.full else len(cotangents)
    done, total = 0, len(groups) * len(batches) * len(cotangents) * len(batches[0])
    store = batches[0].new_empty(rows * max(sum(p.numel() for p in group) for group in groups))
    for group in groups:
        for parameter in group:
            parameter.requires_grad_()
        slab = store[: rows * sum(p.numel() for p in group)].view(rows, -1)
        for repeat in range(repeats):
            some, row = list(cotangents) if gram.full else [cotangents[repeat]], 0
            for batch in batches:
                logits = network(batch)
                for place in range(len(batch)):
                    for cotangent in some:
                        value = logits[place] @ cotangent[place]
                        found = torch.autograd.grad(value, group, retain_graph=True, materialize_grads=True)
                        start = 0
                        for gradient in found:
                            slab[row, start : start + gradient.numel()] = gradient.flatten()
                            start += gradient.numel()
                        row += 1
                        done += 1
                        progress(done, total, "kernel")
            gram.add(slab)
        for parameter in group:
            parameter.requires_grad_(False)
