"""Kernels of infinitely wide networks of cells, many architectures at a time.

**Derivation.** In the network of `robnas.networks.build_wide_cell_network` the channels of a map become independent
Gaussian processes over images and pixels, all with one covariance Σ; the product of the gradients of two channels
becomes δ Θ (NTK). A pre-activation network adds at its nodes what no ReLU has touched:

- Every convolution has weights of its own with mean zero, so what it makes is independent of its input and of all that
  was there before, and so are the gradients: cross terms of Σ and of Θ contain such a weight once, and vanish. The mean
  of a ReLU only meets weights of mean zero: there is no mean term, unlike where activations are added (`infinite_ntk`).
- Skips and 3×3 poolings are linear. A map that arrives at a node on several ways, such as a convolution at node 1 that
  skips to the output and to node 2, meets itself: it adds as A s with A a polynomial in the pooling, and contributes
  A Σ_s Aᵀ and A Θ_s Aᵀ. These are all the covariances between nodes that matter.
- ReLU, convolution and factor: Σ' = s² M(2 E relu relu), Θ' = Σ' + s² M(2 Σ̇ ∘ Θ), with Σ̇ = E 1[u>0] 1[v>0], M the mean
  over the taps of the filter, both pixels moved together, zeros outside. The stem: s² M(XᵀX / channels), for both.
- Reduction: two such convolutions, the first with stride 2, plus B Σ Bᵀ and B Σ Bᵀ + B Θ Bᵀ, B the 2×2 mean, through
  the 1×1 convolution beside them. Read-out: K = mean over pairs of pixels of 2 E relu relu + 2 Σ̇ ∘ Θ.
- ``unit``: s² is one over the mean variance of the map over pixels and calibration images. ``he``: s² is 1.
- ``centred``: Σ' becomes H Σ' Hᵀ, H subtracts the mean over pixels and calibration images, before s² is taken; Θ' keeps
  the products of inputs as they are, since the mean is a constant of the network that is trained.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas._settings import check_keys
from robnas.errors import InputError, Verbatim
from robnas.kernels._activations import Floats
from robnas.kernels._infinite import KINDS, Kind
from robnas.kernels.nas_bench_201._block import Block, Known
from robnas.kernels.nas_bench_201._program import Program, stage_sizes
from robnas.kernels.nas_bench_201._work import CellKernels, Work, check_scaling, missing_calibration
from robnas.spaces.nas_bench_201 import CellArchitecture
from robnas.types import Progress, check_count, check_range, silent

_BLOCK = 262_144  # pairs of pixels of the first stage that are computed at a time
_SPARE = 4  # arrays of the first stage that a step needs besides its result
_TOGETHER = 128  # architectures whose steps are shared


def infinite_cell_kernels(
    architectures: Iterable[object],
    inputs: npt.ArrayLike,
    others: npt.ArrayLike | None = None,
    *,
    cells: int = 5,
    scaling: str = "unit",
    calibration: npt.ArrayLike | None = None,
    memory_mib: float = 1024,
    progress: Progress = silent,
) -> Iterator[tuple[CellArchitecture, CellKernels]]:
    """Neural tangent kernels and covariances of infinitely wide networks of many cells, which share what is equal.

    Of `robnas.networks.build_wide_cell_network`, whose documentation says what the network is: no batch norm, no
    biases. The kernels do not depend on widths, and were derived for this project; networks of finite width agree.

    Args:
        architectures: of ``nas-bench-201``, in any encoding.
        inputs: images, shape (n, channels, height, width), taken as they are: subtract a mean where one is meant.
        others: images of the columns, shape (m, channels, height, width); `inputs` if omitted.
        cells: cells N per stage.
        scaling: ``unit``, which divides each branch by its root mean square; ``centred``, which subtracts the mean of
            each channel before, as batch norm does; or ``he``, which does neither.
        calibration: images whose means these are; `inputs` if omitted, and needed beside `others`, as all blocks of a
            kernel must be of the same network. Not read by ``he``.
        memory_mib: limit of the working memory in MiB, images and results aside. All pairs of pixels of all calibration
            images with themselves stand there at a time; if ``centred``, of all images with all calibration images.
        progress: told about architectures.

    Yields:
        Each architecture given and its kernels, in the order of digits, which shares the most.

    Raises:
        InputError: a malformed architecture, wrong or different shapes, values that are not finite, an unknown scaling,
            `others` without `calibration`, calibration images that are all alike if ``centred``, or a memory limit
            that is too small.
    """
    check_scaling(scaling)
    check_range("memory_mib", memory_mib, 0)
    check_count("cells", cells)
    work = Work.of(inputs, others, calibration, scaling)
    todo = sorted((CellArchitecture(arch) for arch in architectures), key=lambda arch: arch.code)
    return _kernels(todo, work, cells, memory_mib, progress)


def infinite_cell_ntk(
    architecture: object,
    inputs: npt.ArrayLike,
    others: npt.ArrayLike | None = None,
    *,
    cells: int = 5,
    scaling: str = "unit",
    calibration: npt.ArrayLike | None = None,
    memory_mib: float = 1024,
) -> Floats:
    """Neural tangent kernel of the infinitely wide network of one cell, shape (n, m); see `infinite_cell_kernels`.

    Five kernels of attacked images are ``RobustKernels.from_stack(infinite_cell_ntk(arch, stack, calibration=clean))``
    with the clean, attacked and twice attacked images one after the other in the stack.

    Raises:
        InputError: as `infinite_cell_kernels`.
    """
    ((_, found),) = infinite_cell_kernels(
        [architecture], inputs, others, cells=cells, scaling=scaling, calibration=calibration, memory_mib=memory_mib
    )
    return found.ntk


@final
@dataclass(frozen=True, eq=False)
class InfiniteCellKernel:
    """The kernel of the infinitely wide network of one cell, as a function of images; see `infinite_cell_kernels`.

    Raises:
        InputError: as `infinite_cell_kernels`; or no calibration images unless ``he``.
    """

    __repr__ = brief

    architecture: object
    """Of ``nas-bench-201``, in any encoding."""
    cells: int = 5
    scaling: str = "unit"
    calibration: npt.ArrayLike | None = None
    """Images that fix means and scales, those of training: with them this is one network for all images."""
    kind: Kind = "ntk"
    """Neural tangent kernel, or covariance of the outputs."""
    memory_mib: float = 1024

    def __post_init__(self) -> None:
        CellArchitecture(self.architecture)
        check_count("cells", self.cells)
        check_keys("kind of a kernel", [self.kind], KINDS)
        check_scaling(self.scaling)
        if self.scaling != "he" and self.calibration is None:
            raise missing_calibration()

    def __call__(self, inputs: npt.ArrayLike, others: npt.ArrayLike | None = None) -> Floats:
        """k(x, x') of images (n, channels, height, width) and (m, channels, height, width), shape (n, m), float64."""
        ((_, found),) = infinite_cell_kernels(
            [self.architecture], inputs, others, cells=self.cells, scaling=self.scaling,
            calibration=self.calibration, memory_mib=self.memory_mib,
        )  # fmt: skip
        return found.ntk if self.kind == "ntk" else found.nngp

    def diagonal(self, inputs: npt.ArrayLike) -> Floats:
        """k(x, x) of images, shape (n,), without the kernel between them."""
        work = Work.of(inputs, None, self.calibration, self.scaling, alone=True)
        ((_, found),) = _kernels([CellArchitecture(self.architecture)], work, self.cells, self.memory_mib, silent)
        return np.diag(found.ntk if self.kind == "ntk" else found.nngp).copy()


def _kernels(
    todo: Sequence[CellArchitecture], work: Work, cells: int, memory_mib: float, progress: Progress
) -> Iterator[tuple[CellArchitecture, CellKernels]]:
    done = 0
    while done < len(todo):
        group, program, outputs, room = _fitting(todo[done : done + _TOGETHER], work, cells, memory_mib)
        found = _run(program, work, room)
        for arch, output in zip(group, outputs, strict=True):
            done += 1
            progress(done, len(todo), arch.code)
            yield arch, CellKernels(found[output].ntk.copy(), found[output].nngp.copy())


def _fitting(
    group: Sequence[CellArchitecture], work: Work, cells: int, memory_mib: float
) -> tuple[Sequence[CellArchitecture], Program, list[int | None], int]:
    """As many of the first architectures as there is memory for; for how many pairs of images there is room."""
    while True:
        program = Program(cells, centred=work.centred)
        outputs = [program.add(arch) for arch in group]
        one, two = (_needed(program, work, pairs) for pairs in (1, 2))
        room = int((memory_mib - one) / (two - one)) + 1 if memory_mib >= one else 0
        if room >= work.together:
            return group, program, outputs, room
        if len(group) == 1:
            least = _needed(program, work, work.together)
            raise InputError("memory_mib", expected=f"at least {least:.4g}", got=Verbatim(f"{memory_mib:g}"))
        group = group[: len(group) // 2]


def _needed(program: Program, work: Work, pairs: int) -> float:
    """MiB for that many pairs of images."""
    sizes = stage_sizes(work.pixels.shape[1:3])
    spare = _SPARE * (sizes[0][0] * sizes[0][1]) ** 2
    return 8 * (pairs * (program.largest(sizes) + spare) + program.gates(sizes) * work.images) / 2**20


def _run(program: Program, work: Work, room: int) -> dict[int | None, CellKernels]:
    """Kernels by step; None stands for a network whose output nothing reaches."""
    heads = [number for number, step in enumerate(program.steps) if step.kind == "head"]
    found = {number: work.nothing() for number in (*heads, None)}
    known, last = Known(work.images, work.calibration, work.centred), program.last_uses()
    each = min(room, max(1, _BLOCK // prod(work.pixels.shape[1:3]) ** 2))
    for rows, columns in work.blocks(each):
        calibrate = bool(work.calibration) and not known.variances
        block = Block(program, known, work.pixels, rows, columns, calibrate=calibrate)
        for number, (ntk, nngp) in block.run(last).items():
            work.enter(ntk, found[number].ntk, rows, columns)
            work.enter(nngp, found[number].nngp, rows, columns)
    return found
