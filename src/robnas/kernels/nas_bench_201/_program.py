"""What has to be computed for the kernels of many cells: each step once, however many cells need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias, final

from robnas.spaces.nas_bench_201 import EDGES, CellArchitecture

Powers: TypeAlias = tuple[int, ...]
"""How often a map arrives after 0, 1, 2, … poolings: coefficients of a polynomial in the pooling."""

_SKIP, _CONV1, _CONV3, _POOL = "1234"
_GATES = ("gate", "stride", "head")
STAGES = 3


class Step(NamedTuple):
    """One step; equal steps are one.

    ``stem``; ``gate``, a ReLU; ``filter``, mean over the taps of a 3×3 filter; ``scale``, to unit variance and maybe
    centred; ``term``, a polynomial in the pooling; ``sum`` of maps with weights of their own. A reduction reads
    ``thin``, what of a map the next stage needs: ``stride`` is ReLU and 3×3 convolution with stride 2 of a sum,
    ``shortcut`` its 2×2 mean and 1×1 convolution. ``head`` is ReLU, mean over pixels and read-out.
    """

    kind: str
    sources: tuple[int, ...]
    powers: Powers = ()
    stage: int = 0


@final
class Program:
    """Steps in the order of computation, for architectures one after the other.

    A node of a cell is a sum of its input and of convolutions, each after skips and poolings that are linear: only
    where a map meets itself, having arrived on several ways, is there a covariance between terms. So a node is
    described by the maps that it is made of and the polynomial of each. Convolutions that have the same description
    make different maps with the same covariance.
    """

    def __init__(self, cells: int, *, centred: bool = False) -> None:
        self.cells, self.centred = cells, centred
        self.steps: list[Step] = []
        self._number: dict[Step, int] = {}

    def add(self, arch: CellArchitecture) -> int | None:
        """The step that gives the kernel of `arch`; None where nothing reaches the output.

        Architectures with the same step have the same kernel.
        """
        if not any(arch.live_edges):
            return None
        terms: tuple[int, ...] = (self._step("scale", self._step("stem")),)
        for stage in range(STAGES):
            if stage:
                terms = self._reduced(terms, stage)
            for _ in range(self.cells):
                terms = self._cell(arch, self._sum(terms, stage), stage)
        last = STAGES - 1
        return self._step("head", self._step("scale", self._sum(terms, last), stage=last), stage=last)

    def last_uses(self) -> list[int]:
        """For each step the last one that reads its numbers; itself where none does."""
        last = list(range(len(self.steps)))
        for number, step in reversed(list(enumerate(self.steps))):
            for source in step.sources:  # what is scaled is the same numbers with a factor
                last[source] = max(last[source], last[number] if step.kind == "scale" else number)
        return last

    def largest(self, sizes: Sequence[tuple[int, int]]) -> int:
        """Most numbers per pair of images that are kept at the same time, given height and width in each stage."""
        last, most, now = self.last_uses(), 0, 0
        ends: dict[int, list[int]] = {}
        for number, step in enumerate(self.steps):
            now += self._numbers(step, sizes)
            most = max(most, now)
            ends.setdefault(last[number], []).append(number)
            now -= sum(self._numbers(self.steps[ended], sizes) for ended in ends.pop(number, ()))
        return most

    def _numbers(self, step: Step, sizes: Sequence[tuple[int, int]]) -> int:
        """Numbers per pair of images that the result of a step holds."""
        height, width = sizes[step.stage]
        if step.kind == "head":
            return 0
        if step.kind == "scale":  # a factor beside what is there; gradients alone are there if it is centred
            return (height * width) ** 2 if self.centred else 0
        if step.kind != "thin":
            return 2 * (height * width) ** 2
        kept = (height + 1) // 2 * ((width + 1) // 2)  # the mean of 2×2 pixels; then rows and columns, even and odd
        rows, columns = ((side + 1) // 2 * ((side + 1) // 2) + (side // 2) ** 2 for side in (height, width))
        return 2 * (kept**2 + rows * columns)

    def gates(self, sizes: Sequence[tuple[int, int]]) -> int:
        """Pixels in front of all ReLUs, of one image."""
        stages = [step.stage - (step.kind == "stride") for step in self.steps if step.kind in _GATES]
        return sum(sizes[stage][0] * sizes[stage][1] for stage in stages)

    def _step(self, kind: str, *sources: int, powers: Powers = (), stage: int = 0) -> int:
        step = Step(kind, sources, powers, stage)
        if step not in self._number:
            self._number[step] = len(self.steps)
            self.steps.append(step)
        return self._number[step]

    def _sum(self, terms: tuple[int, ...], stage: int) -> int:
        return terms[0] if len(terms) == 1 else self._step("sum", *terms, stage=stage)

    def _convolution(self, source: int, kernel_size: int, stage: int) -> int:
        found = self._step("gate", source, stage=stage)
        if kernel_size > 1:
            found = self._step("filter", found, stage=stage)
        return self._step("scale", found, stage=stage)

    def _cell(self, arch: CellArchitecture, start: int, stage: int) -> tuple[int, ...]:
        """The terms of the output, of which there is at least one."""
        maps = {-1: start}  # the input, and the convolution on each edge
        nodes: list[dict[int, Powers]] = [{-1: (1,)}, {}, {}, {}]

        def terms(node: int) -> tuple[int, ...]:
            return tuple(sorted(self._term(maps[name], powers, stage) for name, powers in nodes[node].items()))

        for edge, (source, target) in enumerate(EDGES):
            digit, there = arch.code[edge], nodes[target]
            if not arch.live_edges[edge]:
                continue
            if digit in (_CONV1, _CONV3):
                maps[edge] = self._convolution(self._sum(terms(source), stage), 1 if digit == _CONV1 else 3, stage)
                there[edge] = (1,)
                continue
            for name, powers in nodes[source].items():
                there[name] = _added(there.get(name, ()), powers if digit == _SKIP else (0, *powers))
        return terms(3)

    def _term(self, source: int, powers: Powers, stage: int) -> int:
        return source if powers == (1,) else self._step("term", source, powers=powers, stage=stage)

    def _reduced(self, terms: tuple[int, ...], stage: int) -> tuple[int, ...]:
        thin = [self._step("thin", term, stage=stage - 1) for term in terms]
        first = self._step("scale", self._step("stride", *thin, stage=stage), stage=stage)
        shortcut = self._step("shortcut", *thin, stage=stage)
        return tuple(sorted((self._convolution(first, 3, stage), shortcut)))


def stage_sizes(size: Sequence[int]) -> list[tuple[int, int]]:
    """Height and width of the maps of each stage, given those of the images."""
    found = [(size[0], size[1])]
    for _ in range(1, STAGES):
        found.append(((found[-1][0] + 1) // 2, (found[-1][1] + 1) // 2))
    return found


def _added(first: Powers, second: Powers) -> Powers:
    size = max(len(first), len(second))
    pairs = (one + (0,) * (size - len(one)) for one in (first, second))
    return tuple(sum(pair) for pair in zip(*pairs, strict=True))
