"""The mean field of a cell: how signals and perturbations travel through its batch-normed network, without weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import final

import numpy as np
import numpy.typing as npt

from robnas.spaces import EDGES, CellArchitecture
from robnas.types import check_count

Matrix = npt.NDArray[np.float64]

_NONE, _SKIP, _CONV1, _CONV3, _POOL = range(5)
_GAIN = 1 / (1 - 1 / np.pi)
"""Of relative perturbation energy in ReLU, convolution, batch norm: a half of the perturbation passes the ReLU, and
1/2 − 1/(2π) of the variance, which batch norm scales back to 1."""
_SIDE, _BINS = 32, 12
_SHORTCUT = 1 / 3
"""Variance that PyTorch's initial weights keep: 1 / (3 fan_in) each."""
_LEAST = 1e-12
_OF_CELL = ("variance", "perturbation", "depth", "depth_3x3", "poolings", "smoothness", "perturbation_smoothness")
MEAN_FIELD: tuple[str, ...] = (
    *(f"cell_{name}" for name in (*_OF_CELL, "skipped", "direct")),
    *(f"network_{name}" for name in _OF_CELL),
)
"""Names of the columns of `mean_field`."""


def mean_field(architectures: Sequence[object], *, cells: int = 5) -> Matrix:
    """Numbers that say how a network of ``nas-bench-201`` treats signals and perturbations before it is trained.

    Of wide networks with random weights and batch norm. A branch that ends in a batch norm has variance 1, and branches
    with weights of their own are not correlated, so variances add; copies of one branch that meet again add as
    amplitudes. Poolings damp fine detail: each branch carries its power by the response of the 3×3 mean filter, which
    starts as that of natural images, 1/k², and which each ReLU roughens. Beside it travels the energy of a small
    perturbation, white at the input, which a ReLU, convolution and batch norm multiply by 1 / (1 − 1/π) relative to the
    signal. Three stages of N cells, with the residual blocks between them.

    Columns are named in `MEAN_FIELD`; ``cell_`` is the output of the first cell, ``network_`` that of the last:

    - ``variance`` and ``perturbation``, logarithms of the variance and of the relative energy of the perturbation;
    - ``depth``, ``depth_3x3``, ``poolings``: convolutions, 3×3 ones and poolings on the way here, weighted by variance;
    - ``smoothness`` and ``perturbation_smoothness``: mean response of the 3×3 mean filter, 1 for constants;
    - ``skipped``: share of the variance that passed the cell without a convolution, and ``direct``, the number of ways
      that have skips alone.

    Args:
        architectures: of ``nas-bench-201``, in any encoding.
        cells: cells N per stage.

    Returns:
        Shape (architectures, 16), the same for cells that differ in dead edges alone.

    Raises:
        InputError: a malformed architecture, or cells below 1.
    """
    check_count("cells", cells)
    codes = [_live(CellArchitecture(arch)) for arch in architectures]
    if not codes:
        return np.empty((0, len(MEAN_FIELD)))
    unique, place = np.unique(codes, return_inverse=True)
    operations = np.array([[int(digit) for digit in code] for code in unique])
    found: Matrix = _network(_Wiring.of(operations), cells)[place]
    return found


def _live(arch: CellArchitecture) -> str:
    return "".join(digit if live else "0" for digit, live in zip(arch.code, arch.live_edges, strict=True))


@final
@dataclass(frozen=True, eq=False)
class _Spectra:
    """Powers by the response of the mean filter, each shape (bins,) with sum 1, responses aside."""

    response: Matrix
    signal: Matrix
    noise: Matrix
    """Of the perturbation."""
    rough: Matrix
    """Of what a ReLU adds to a signal, beside `linear` of it."""
    linear: float
    halving: Matrix
    """What a mean over 2×2 pixels leaves of the power."""


@cache
def _spectra() -> _Spectra:
    wave = np.fft.fftfreq(_SIDE) * 2 * np.pi
    across, down = np.meshgrid(wave, wave, indexing="ij")
    response = (1 + 2 * np.cos(across)) * (1 + 2 * np.cos(down)) / 9
    halving = (np.cos(across / 2) * np.cos(down / 2)) ** 2
    squared = across**2 + down**2
    squared[0, 0] = np.sort(squared.ravel())[1] / 2  # means differ between images, too
    signal, noise = 1 / squared, np.ones_like(squared)
    signal, noise = signal / signal.sum(), noise / noise.sum()
    correlation = np.clip(np.fft.fft2(signal).real, -1, 1)
    passed = np.sqrt(1 - correlation**2) + correlation * (np.pi - np.arccos(correlation)) - 1
    passed = passed / (2 * np.pi)  # covariance of ReLUs of unit normal pairs (Cho and Saul 2009), less their means
    rough = np.maximum(np.fft.fft2(passed - correlation / 4).real, 0)
    place = np.digitize(response.ravel(), np.linspace(-1 / 3, 1, _BINS + 1)[1:-1])

    def binned(power: Matrix) -> Matrix:
        found: Matrix = np.bincount(place, weights=power.ravel(), minlength=_BINS).astype(np.float64)
        return found

    both = signal + noise
    return _Spectra(
        response=binned(response * both) / binned(both), signal=binned(signal), noise=binned(noise),
        rough=binned(rough / rough.sum()), linear=float(0.25 / passed[0, 0]),
        halving=binned(halving * both) / binned(both),
    )  # fmt: skip


@final
@dataclass(frozen=True, eq=False)
class _Wiring:
    """How each node of a cell is made of its sources: the input, then the convolution on each edge.

    Skips and poolings only weigh a source by a power of the mean filter, so these weights are the same in all cells.
    """

    convolves: npt.NDArray[np.bool_]
    """Whether there is a convolution with a signal on each edge, shape (cells, edges)."""
    threes: Matrix
    """Whether it is 3×3, shape (cells, edges)."""
    weights: tuple[Matrix, ...]
    """Power of each source that reaches nodes 0 to 3, each shape (cells, sources, bins)."""
    pools: tuple[Matrix, ...]
    """Mean poolings on its ways there, each shape (cells, sources)."""
    direct: Matrix
    """Ways of skips alone from the input to the output, shape (cells,)."""

    @classmethod
    def of(cls, operations: npt.NDArray[np.int64]) -> _Wiring:
        """Of the operation numbers of each edge, shape (cells, edges)."""
        count = len(operations)
        ways = np.zeros((4, count, 1 + len(EDGES), 4))  # node, cell, source, poolings: number of ways
        ways[0, :, 0, 0] = 1
        convolves = np.zeros(operations.shape, dtype=np.bool_)
        for edge, (source, target) in enumerate(EDGES):
            arriving, operation = ways[source], operations[:, edge]
            skips, pools = ((operation == kind)[:, None, None] for kind in (_SKIP, _POOL))
            ways[target] += np.where(skips, arriving, 0)
            ways[target, :, :, 1:] += np.where(pools, arriving[:, :, :-1], 0)
            convolves[:, edge] = ((operation == _CONV1) | (operation == _CONV3)) & arriving.any(axis=(1, 2))
            ways[target, :, 1 + edge, 0] += convolves[:, edge]
        powers = _spectra().response[None] ** np.arange(4)[:, None]
        sources = [1 + sum(target <= node for _, target in EDGES) for node in range(4)]
        mine = [ways[node][:, :many] for node, many in enumerate(sources)]
        return cls(
            convolves,
            (operations == _CONV3).astype(np.float64),
            tuple((one[..., None] * powers).sum(axis=2) ** 2 for one in mine),
            tuple(one @ np.arange(4.0) / np.maximum(one.sum(axis=2), 1) for one in mine),
            ways[3, :, 0, 0],
        )


@final
@dataclass(frozen=True, eq=False)
class _Signal:
    """What stands at one place of each network."""

    power: Matrix
    """Shape (networks, bins)."""
    noise: Matrix
    """Energy of the perturbation, shape (networks, bins)."""
    marks: Matrix
    """Convolutions, 3×3 convolutions and poolings so far, weighted by variance; shape (networks, 3)."""

    def convolved(self, three: Matrix | float) -> _Signal:
        """After ReLU, convolution and batch norm; nothing where there is no signal."""
        spectra = _spectra()
        scale = 1 / np.maximum(self.power.sum(axis=1, keepdims=True), _LEAST)
        energy = self.noise.sum(axis=1, keepdims=True)
        power = spectra.linear * self.power * scale + (1 - spectra.linear) * spectra.rough
        noise = _GAIN * scale * (self.noise + energy * spectra.noise) / 2  # the ReLU's gates scatter one half
        marks = self.marks.copy()
        marks[:, 0] += 1
        marks[:, 1] += three
        return _Signal(power, noise, marks)


def _network(cell: _Wiring, cells: int) -> Matrix:
    spectra, count = _spectra(), len(cell.direct)
    here = _Signal(np.tile(spectra.signal, (count, 1)), np.tile(spectra.noise, (count, 1)), np.zeros((count, 3)))
    first: list[Matrix] = []
    for stage in range(3):
        for _ in range(cells):
            here, skipped = _passed(cell, here)
            first = first or [*_described(here), skipped, cell.direct]
        if stage < 2:
            here = _reduced(here)
    return np.stack([*first, *_described(here)], axis=1)


def _passed(cell: _Wiring, given: _Signal) -> tuple[_Signal, Matrix]:
    """The output of a cell, and the share of its variance that no convolution made, shape (networks,)."""
    nodes, sources, skipped = [given], [given], np.zeros(len(given.power))
    edge = 0
    for node in range(1, 4):
        while edge < len(EDGES) and EDGES[edge][1] == node:
            there, made = cell.convolves[:, [edge]], nodes[EDGES[edge][0]].convolved(cell.threes[:, edge])
            sources.append(_Signal(made.power * there, made.noise * there, made.marks))
            edge += 1
        power = np.stack([one.power for one in sources], axis=1) * cell.weights[node]
        noise = np.stack([one.noise for one in sources], axis=1) * cell.weights[node]
        variance = power.sum(axis=2)
        share = variance / np.maximum(variance.sum(axis=1, keepdims=True), _LEAST)
        marks = sum(share[:, [place]] * one.marks for place, one in enumerate(sources))
        marks[:, 2] += (share * cell.pools[node]).sum(axis=1)
        nodes.append(_Signal(power.sum(axis=1), noise.sum(axis=1), marks))
        skipped = share[:, 0]
    return nodes[-1], skipped


def _reduced(given: _Signal) -> _Signal:
    """After the residual block between stages: two convolutions, beside a 2×2 mean and a 1×1 convolution alone."""
    alive = given.power.any(axis=1, keepdims=True)
    main = given.convolved(1.0).convolved(1.0)
    kept = _SHORTCUT * _spectra().halving
    power, noise = main.power + kept * given.power, main.noise + kept * given.noise
    share = 1 / (1 + (kept * given.power).sum(axis=1, keepdims=True))
    return _Signal(power * alive, noise * alive, share * main.marks + (1 - share) * given.marks)


def _described(here: _Signal) -> list[Matrix]:
    """The columns of `_OF_CELL`, each shape (networks,)."""
    response = _spectra().response
    variance, energy = here.power.sum(axis=1), here.noise.sum(axis=1)
    floor = np.maximum(variance, _LEAST)
    return [
        np.log(variance + 1e-3), np.log(energy / floor + 1e-6), *here.marks.T,
        (here.power * response).sum(axis=1) / floor,
        (here.noise * response).sum(axis=1) / np.maximum(energy, _LEAST),
    ]  # fmt: skip
