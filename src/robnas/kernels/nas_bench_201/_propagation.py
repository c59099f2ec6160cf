"""How signals and perturbations travel through the batch-normed networks of cells before they are trained.

**Derivation.** Of the network of `robnas.networks.build_network`, wide, with PyTorch's initial weights, its batch norms
frozen at the statistics of the clean images. h(x, p) is a channel of a map at image x and pixel p, h' the same with a
perturbation δ of x. Followed are, as means over channels, images and pairs of pixels of one offset d (`_offsets`):

    R = E h(x, p) h(x, p+d)     E, the same of two images     C = E h h'     Q = E h' h'     F, C of two images
    D = E δh(p) δh(p+d), first order in white noise, so that D of the output is the squared norm of a Jacobian
    S, the covariance that channels share, below

- **Gaussian.** A channel is a sum of many others with random weights: over images and pixels it is Gaussian, with what
  batch norm makes of it. Behind a ReLU E relu(u) relu(v) = √(ab) κ(c/√(ab)) (Cho and Saul 2009), a and b the variances,
  c the covariance, κ(r) = (√(1−r²) + r(π − arccos r))/2π; D is multiplied by P(u, v > 0) = (π − arccos(R/a))/2π, since
  gates do not depend on a small perturbation that is random.
- **Convolution.** Fresh weights of mean zero: covariances become their mean over the taps, both pixels moved together,
  zeros outside, and so differ from those before at the border alone. At a stride of 2 every second offset is kept.
- **Sums.** Branches with weights of their own are not correlated, so covariances add. What arrives from one branch on
  several ways of skips and 3×3 poolings meets itself: it adds as A h, A a polynomial in the pooling, to A R Aᵀ.
- **Batch norm** subtracts √(a/2π) as the mean over pairs of two images, E included, and divides by *each channel's own*
  deviation. The variance of a channel, a quadratic form q in its weights, differs from channel to channel, however wide
  the network is, where what it reads has few directions: images are mostly brightness. One direction in front of many,
  with the share λ of the variance, makes q = (1 − λ) + λz², z normal, and λ² = S(0)² the mean square covariance of two
  channels. What stands across it, such as a perturbation, is multiplied by I = E 1/q > 1: rarely varying channels carry
  noise on. Covariances become I (R − S) + β S, with λβ = 1 − (1 − λ)I, S becomes βS, D becomes I D.
- What all images have at one place, such as a frame, has its share E(0) of that direction.
- **S** is √E G(0)G(d) by its size at 0, G the covariance of two channels at an offset. It adds with itself in sums, as
  what branches share comes from the same images; behind a ReLU G becomes κ(G) − κ(0), so S² becomes
  S²/16 + 3S⁴/(1 + 2S(0)²)/16π²; a 3×3 filter averages S² over its pairs of taps.
- **Head.** The mean over pixels has over images the variance of R less E; random weights of variance 1/(3 fan-in) read.

Not in it: that pixels differ in norm (a scale mixture, which lowers the variance of features), that filters of one map
differ in smoothness, and all that is 1/width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.errors import InputError, Verbatim, reason
from robnas.kernels._activations import Floats
from robnas.kernels.nas_bench_201 import _offsets
from robnas.kernels.nas_bench_201._program import Program, Step
from robnas.kernels.nas_bench_201._stem import NATURAL, natural_stem, stem
from robnas.spaces.nas_bench_201 import CellArchitecture
from robnas.types import check_count, check_range

_CLEAN, _OTHERS, _CROSS, _MOVED, _APART, _NOISE, _STRONGEST = range(7)
_MOMENTS = slice(0, _NOISE)
_READ_OUT = _SHORTCUT = 1 / 3
"""PyTorch's initial weights have the variance 1 / (3 fan_in)."""
_TOGETHER = 64
_LINE = 4
"""Rows or columns that end as one in the last stage, where means over pairs of an offset say nothing across it."""
_MOST, _LEAST = 0.5, 1e-6
"""Of the mean square covariance of channels: beyond, what is perturbed is mostly of that direction, too; and none."""


@final
@dataclass(frozen=True, eq=False)
class Propagation:
    """What stands at a logit of each network, a mean over its random weights; each of shape (architectures,).

    All are nan where images are too unlike a stationary field for a mean field: of up to four rows or columns, and
    others whose covariances come out negative.
    """

    __repr__ = brief

    variance: Floats
    """Of the logit over images; 0 where nothing reaches the output."""
    jacobian: Floats
    """Squared norm of its gradient to an image."""
    sensitivity: Floats
    """E (f(x + δ) − f(x))² by the variance, for white noise δ of size ρ; nan where nothing reaches the output."""


def signal_propagation(
    architectures: Sequence[object],
    images: npt.ArrayLike | None = None,
    *,
    cells: int = 5,
    size: float = 0.125,
    shape: Sequence[int] = (3, 32, 32),
) -> Propagation:
    """Mean field of the batch-normed networks of ``nas-bench-201`` at initialisation: no network is built.

    Variance of the logits, norm of their Jacobian, and how far a perturbation of a given size moves them, in the limit
    of many channels. The module says how it is derived, docs/propagation.md how far random networks are from it.

    Args:
        architectures: of ``nas-bench-201``, in any encoding.
        images: as the stem sees them, normalised, shape (n, channels, height, width); their covariances are read, and
            means over them are the statistics of batch norm. 64 normal images of power 1/k² if omitted.
        cells: cells N per stage.
        size: ρ, the standard deviation of the white noise, by that of the images: 8/255 of CIFAR-10 is .125.
        shape: channels, height and width of those images that are not given.

    Raises:
        InputError: a malformed architecture, cells below 1, a negative size, or images that are fewer than two, no
            numbers, all alike or of another shape.
    """
    check_count("cells", cells)
    check_range("size", size, 0, 1e6)
    first, count = _first(images, size, shape)
    archs = [CellArchitecture(arch) for arch in architectures]
    wide = min(first.covariances.shape[1:]) > _LINE
    found = np.zeros((3, len(archs)))
    order = sorted(range(len(archs)), key=lambda place: archs[place].code)
    for start in range(0, len(order), _TOGETHER):
        places = order[start : start + _TOGETHER]
        program = Program(cells)
        outputs = [program.add(archs[place]) for place in places]
        logits = _run(program, first, 1 / count)
        for place, output in zip(places, outputs, strict=True):
            if output is not None:
                defined = wide and logits[output][0] > 0 and min(logits[output]) >= 0
                found[:, place] = logits[output] if defined else np.nan
    variance, jacobian, moved = found
    with np.errstate(invalid="ignore"):
        return Propagation(variance, jacobian, np.where(variance > 0, moved / variance, np.nan))


class _Map(NamedTuple):
    covariances: Floats
    """By kind and offset, shape (7, height, width)."""
    own: float
    """Sum of S(0)² of the branches whose channels have variance 1 each, not on average."""


def _first(images: npt.ArrayLike | None, size: float, shape: Sequence[int]) -> tuple[_Map, int]:
    """What stands behind the stem, and the number of images."""
    if images is None:
        if len(shape) != 3:
            raise InputError("shape", expected="channels, height and width", got=tuple(shape))
        channels, height, width = (check_count("shape", side) for side in shape)
        return _perturbed(*natural_stem(height, width, channels), size), NATURAL
    x = _numbers(images)
    if x.ndim != 4 or len(x) < 2 or 0 in x.shape:
        raise InputError("images", expected="two or more, shape (n, channels, height, width)", got=Verbatim(x.shape))
    if not np.isfinite(x).all():
        raise InputError("images", expected="finite numbers", got=Verbatim("nan or infinity"))
    if (x == x[:1]).all():
        raise InputError("images", expected="images that differ", got=Verbatim("one image, again and again"))
    return _perturbed(*stem(x), size * float(x.std())), len(x)


def _numbers(images: npt.ArrayLike) -> Floats:
    try:
        return np.asarray(images, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:  # the last from a tensor with gradients
        raise InputError("images", expected="an array of numbers", got=reason(error)) from None


def _perturbed(one: Floats, two: Floats, noise: Floats, strongest: Floats, size: float) -> _Map:
    moved = one + size**2 * noise
    return _Map(np.stack([one, two, one, moved, two, noise, strongest]), float(strongest[0, 0] ** 2))


def _run(program: Program, first: _Map, share: float) -> dict[int, tuple[float, float, float]]:
    """Variance, squared Jacobian norm and squared movement of a logit, by the number of its ``head``.

    Args:
        program: the steps.
        first: behind the stem.
        share: of pairs of images that are one image twice.
    """
    last, ends = program.last_uses(), dict[int, list[int]]()
    for number, user in enumerate(last):
        ends.setdefault(user, []).append(number)
    maps: dict[int, _Map] = {}
    found = {}
    for number, step in enumerate(program.steps):
        given = [maps[source] for source in step.sources] or [first]
        here = _Map(sum(one.covariances for one in given), sum(one.own for one in given))  # type: ignore[arg-type]
        if step.kind == "head":
            found[number] = _head(here)
        else:
            maps[number] = _step(step, here, program, share)
        for ended in ends.get(number, ()):
            maps.pop(ended, None)
    return found


def _step(step: Step, here: _Map, program: Program, share: float) -> _Map:
    covariances = here.covariances
    match step.kind:
        case "gate":
            return _gated(here)
        case "filter":
            return _Map(_strongest_patched(_offsets.filtered(covariances), covariances, 1), 0.0)
        case "stride":
            gated = _gated(here).covariances
            return _Map(_strongest_patched(_offsets.strided(gated), gated, 2), 0.0)
        case "shortcut":
            return _Map(_SHORTCUT * _offsets.halved(covariances), 0.0)
        case "term":
            found = _offsets.pooled(covariances, step.powers)
            return _Map(found, here.own * float(found[_STRONGEST, 0, 0] / covariances[_STRONGEST, 0, 0]) ** 2)
        case "scale":
            before = program.steps[step.sources[0]].kind
            if before == "stem":  # which is normed as it is
                return here
            centred = _centred(here, share)
            return _normed(centred, 0.0) if before in ("gate", "filter", "stride") else centred
        case _:  # stem, sum, thin
            return here


def _gated(here: _Map) -> _Map:
    """After a ReLU."""
    clean, moved = (float(here.covariances[kind, 0, 0]) for kind in (_CLEAN, _MOVED))
    if not (clean > 0 and moved > 0):  # no covariances: images that are too unlike a stationary field
        return _Map(np.full_like(here.covariances, np.nan), 0.0)
    mixed = (clean * moved) ** 0.5
    scales = np.array([clean, clean, mixed, moved, mixed])[:, None, None]
    found = np.empty_like(here.covariances)
    correlations = np.clip(here.covariances[_MOMENTS] / scales, -1, 1)
    angles = np.pi - np.arccos(correlations)
    found[_MOMENTS] = scales * (np.sqrt(1 - correlations**2) + correlations * angles) / (2 * np.pi)
    found[_NOISE] = here.covariances[_NOISE] * angles[_CLEAN] / (2 * np.pi)
    shared = here.covariances[_STRONGEST] / clean
    squares = shared**2 / 16 + 3 * shared**4 / (1 + 2 * shared[0, 0] ** 2) / (16 * np.pi**2)
    found[_STRONGEST] = clean * np.copysign(np.sqrt(squares), shared)
    return _Map(found, 0.0)


def _strongest_patched(covariances: Floats, before: Floats, stride: int) -> Floats:
    covariances[_STRONGEST] = np.sqrt(_offsets.patched(before[_STRONGEST] ** 2, stride))
    return covariances


def _centred(here: _Map, share: float) -> _Map:
    """Less the mean of each channel over clean images and pixels, by the mean variance."""
    means = _offsets.average(here.covariances)
    clean = share * means[_CLEAN] + (1 - share) * means[_OTHERS]
    mixed = share * means[_CROSS] + (1 - share) * means[_APART]
    found = here.covariances.copy()
    found[_MOMENTS] -= np.array([clean, clean, mixed, 2 * mixed - clean, mixed])[:, None, None]
    variance = float(found[_CLEAN, 0, 0])
    return _Map(found / variance, here.own / variance**2)


def _normed(here: _Map, own: float) -> _Map:
    """By each channel's own deviation, where variances are 1 on average; `own` is what does not let them differ."""
    found = here.covariances
    strongest = float(found[_STRONGEST, 0, 0])
    square = min(strongest**2 - own, _MOST)
    if square > _LEAST:
        part = square**0.5
        across = _across(part)
        along = (1 - (1 - part) * across) / part
        direction = found[_STRONGEST] * (part / strongest)
        found = found * across
        found[[_CLEAN, _CROSS, _MOVED]] += direction * (along - across)
        common = max(float(here.covariances[_OTHERS, 0, 0]), 0.0)  # what all images have, such as a frame
        found[[_OTHERS, _APART]] += common * direction * (along - across)
        found[_STRONGEST] = here.covariances[_STRONGEST] * along
    return _Map(found, float(found[_STRONGEST, 0, 0]) ** 2)


def _across(share: float) -> float:
    """E 1 / ((1 − λ) + λz²) of a normal z."""
    from scipy.special import erfcx

    rest = 1 - share
    return float(np.sqrt(np.pi / (2 * rest * share)) * erfcx(np.sqrt(rest / (2 * share))))


def _head(here: _Map) -> tuple[float, float, float]:
    """Behind batch norm, ReLU, mean over pixels and read-out."""
    means = _offsets.average(_gated(_normed(here, here.own)).covariances)
    moved = max(means[_CLEAN] + means[_MOVED] - 2 * means[_CROSS], 0.0)
    return _READ_OUT * (means[_CLEAN] - means[_OTHERS]), _READ_OUT * means[_NOISE], _READ_OUT * moved
