"""The steps of a program on some pairs of images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias, final

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, Verbatim
from robnas.kernels._activations import Floats
from robnas.kernels.nas_bench_201 import _pairs
from robnas.kernels.nas_bench_201._pairs import Pair, Parts
from robnas.kernels.nas_bench_201._program import Program
from robnas.networks.nas_bench_201 import LEAST_VARIANCE

Index: TypeAlias = npt.NDArray[np.intp]

_TINY, _HUGE = 1e-150, 1e150
"""Variances whose products are numbers."""


class _Map(NamedTuple):
    pair: Pair
    factor: float = 1.0
    """By which both covariances are multiplied; a ReLU lets it pass."""


class _Thin(NamedTuple):
    """What a reduction needs of a map."""

    signal: Parts
    tangent: Parts
    mean: Pair
    factor: float


@dataclass(eq=False)
class Known:
    """What depends on one image only, or on all calibration images: by the number of the step."""

    images: int
    calibration: int
    """How many of the first fix means and scales."""
    centred: bool
    variances: dict[int, list[Floats]] = field(default_factory=dict)
    """In front of a ReLU, each shape (height, width, images)."""
    scales: dict[int, float] = field(default_factory=dict)
    means: dict[int, tuple[Floats, float]] = field(default_factory=dict)
    """Covariance of each value, shape (height, width, images), and of the mean itself, with the mean over pixels and
    calibration images; where maps are centred."""


@final
class Block:
    """The steps of a program for some pairs of images, in the order of the program.

    Args:
        program: the steps.
        known: what is known of single images.
        pixels: of all images, shape (channels, height, width, images).
        rows: the left image of each pair.
        columns: the right one.
        calibrate: whether means and scales become known. Variances do, where images are paired with themselves.
    """

    def __init__(
        self, program: Program, known: Known, pixels: Floats, rows: Index, columns: Index, *, calibrate: bool
    ) -> None:
        self._program, self._known, self._pixels = program, known, pixels
        self._rows, self._columns, self._calibrate = rows, columns, calibrate
        self._same = np.flatnonzero(rows == columns)
        self._maps: dict[int, _Map | _Thin] = {}

    def run(self, last: Sequence[int]) -> dict[int, tuple[Floats, Floats]]:
        """Tangent kernel and covariance of outputs of each ``head``, shape (pairs,); `last` uses free memory."""
        found, ends = {}, dict[int, list[int]]()
        for number, user in enumerate(last):
            ends.setdefault(user, []).append(number)
        for number, step in enumerate(self._program.steps):
            if step.kind == "head":
                found[number] = self._head(number, self._map(step.sources[0]))
            elif step.kind == "thin":
                self._maps[number] = self._thin(self._map(step.sources[0]))
            else:
                self._maps[number] = self._step(number)
            for ended in ends.get(number, ()):
                self._maps.pop(ended, None)
        return found

    def _step(self, number: int) -> _Map:
        step = self._program.steps[number]
        if step.kind == "stem":
            images = (self._pixels[..., part] for part in (self._rows, self._columns))
            signal = _pairs.stem(*images)
            return _Map(Pair(signal, signal))
        if step.kind in ("stride", "shortcut"):
            thin = [found for source in step.sources if isinstance(found := self._maps[source], _Thin)]
            return self._stride(number, thin) if step.kind == "stride" else _shortcut(thin)
        maps = [self._map(source) for source in step.sources]
        if step.kind == "sum":
            return _Map(Pair(*(_sum([(one.pair[side], one.factor) for one in maps]) for side in (0, 1))))
        (only,) = maps
        if step.kind == "scale":
            return self._scale(number, only)
        if step.kind == "gate":
            return only._replace(pair=_pairs.gated(only.pair, *self._variances(number, [only.pair.signal])[0]))
        change: dict[str, Callable[[Floats], Floats]] = {
            "filter": _pairs.filtered,
            "term": lambda values: _pairs.pooled(values, step.powers),
        }
        return only._replace(pair=_both(change[step.kind], only.pair))

    def _map(self, number: int) -> _Map:
        found = self._maps[number]
        assert isinstance(found, _Map)
        return found

    def _variances(self, number: int, signals: Sequence[Floats]) -> list[tuple[Floats, Floats]]:
        """For each array those of the left and of the right images."""
        tables = self._known.variances
        if len(self._same):
            if number not in tables:
                tables[number] = [np.empty((*one.shape[:2], self._known.images)) for one in signals]
            for table, one in zip(tables[number], signals, strict=True):
                table[..., self._rows[self._same]] = _checked(_pairs.diagonal(one)[..., self._same])
        return [(table[..., self._rows], table[..., self._columns]) for table in tables[number]]

    def _scale(self, number: int, given: _Map) -> _Map:
        scales, raw = self._known.scales, given.pair.signal
        if self._known.centred:
            given = given._replace(pair=given.pair._replace(signal=self._centred(number, raw)))
        if self._calibrate:
            square = self._square(given.pair.signal)
            if self._known.centred and not square > LEAST_VARIANCE * self._square(raw):
                raise InputError("calibration", expected="images that differ", got=Verbatim("a map that does not"))
            scales[number] = 1 / (given.factor * square) if square > 0 else 1.0
        return given._replace(factor=given.factor * scales.get(number, 1.0))

    def _square(self, signal: Floats) -> float:
        """Mean over pixels and calibration images."""
        chosen = self._same[self._rows[self._same] < self._known.calibration]
        return float(_pairs.diagonal(signal)[..., chosen].mean())

    def _centred(self, number: int, signal: Floats) -> Floats:
        """Covariance of the values less their mean over pixels and calibration images."""
        known = self._known
        if self._calibrate:  # all images, each with all calibration images, come first
            size = known.images * known.calibration
            against = signal[..., :size].mean(axis=(2, 3)).reshape(*signal.shape[:2], known.images, known.calibration)
            each = against.mean(axis=-1)
            known.means[number] = each, float(each[..., : known.calibration].mean())
        each, mean = known.means[number]
        found: Floats = signal - each[..., self._rows][:, :, None, None]
        found -= each[..., self._columns]
        found += mean
        return found

    @staticmethod
    def _thin(given: _Map) -> _Thin:
        signal, tangent = (_pairs.parted(values) for values in given.pair)
        return _Thin(signal, tangent, _both(_pairs.halved, given.pair), given.factor)

    def _stride(self, number: int, thin: Sequence[_Thin]) -> _Map:
        parts = [
            Pair(
                _sum([(one.signal[place], one.factor) for one in thin]),
                _sum([(one.tangent[place], one.factor) for one in thin]),
            )
            for place in range(4)
        ]
        variances = self._variances(number, [part.signal for part in parts])
        gated = [_pairs.gated(part, *of_part) for part, of_part in zip(parts, variances, strict=True)]
        return _Map(Pair(*(_pairs.strided([part[side] for part in gated]) for side in (0, 1))))

    def _head(self, number: int, given: _Map) -> tuple[Floats, Floats]:
        gated = _pairs.gated(given.pair, *self._variances(number, [given.pair.signal])[0])
        signal, tangent = (given.factor * values.mean(axis=(0, 1, 2, 3)) for values in gated)
        return tangent, signal


def _shortcut(thin: Sequence[_Thin]) -> _Map:
    signal, tangent = (_sum([(one.mean[side], one.factor) for one in thin]) for side in (0, 1))
    tangent += signal
    return _Map(Pair(signal, tangent))


def _both(function: Callable[[Floats], Floats], pair: Pair) -> Pair:
    signal = function(pair.signal)
    return Pair(signal, signal if pair.tangent is pair.signal else function(pair.tangent))


def _sum(terms: Sequence[tuple[Floats, float]]) -> Floats:
    total: Floats = terms[0][0] * terms[0][1]
    for values, factor in terms[1:]:
        total += values if factor == 1 else values * factor
    return total


def _checked(variances: Floats) -> Floats:
    """The same, as long as products of two of them can be computed."""
    signals = variances[variances != 0]
    if signals.size and not (signals.min() > _TINY and signals.max() < _HUGE):
        got = Verbatim(f"{signals.min():.2g} to {signals.max():.2g}")
        expected = f"zero or between {_TINY:g} and {_HUGE:g}"
        raise InputError("variance in front of a ReLU", expected=expected, got=got, remedy="scale the images")
    return variances
