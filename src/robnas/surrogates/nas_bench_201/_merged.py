"""Cells of ``nas-bench-201`` with convolutions merged that read the same signal into the same sum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np

from robnas.spaces import EDGES, CellArchitecture
from robnas.surrogates._prediction import Matrix

Sum: TypeAlias = "frozenset[Term]"
"""What stands at a node."""


class Term(NamedTuple):
    """One signal that is added at a node."""

    given: Sum | None
    """What its convolution reads; None of the input of the cell itself."""
    three: bool
    """Whether the convolution is 3×3."""
    pools: int
    """Poolings behind it."""


_GAINS = 2.0, 3.0  # of a convolution, and again if it is 3×3


def merged(architectures: Sequence[object]) -> Matrix:
    """What is left of each cell when convolutions of one signal that are added count as one, the larger; (n, 16).

    Batch norm aside, their sum is one linear map of ReLU(signal), so a second one adds nothing that can be learned; nor
    does a second copy of a signal. Columns: different convolutions and 3×3 ones among them; convolutions, and copies of
    the input, that are added at the output, and whether the bare input is; ways through; mean, most and fewest
    convolutions, 3×3 ones and poolings on a way; and the logarithm of the sum over ways of the product of gains, 2 for
    a 1×1 and 6 for a 3×3 convolution.
    """
    return np.array([_numbers(CellArchitecture(arch).code) for arch in architectures]).reshape(-1, 16)


@cache
def _numbers(code: str) -> tuple[float, ...]:
    found = _output(code)
    ways = np.array(_ways(found) or [(-1, -1, -1)], dtype=np.float64)
    convolutions = _convolutions(found)
    gain = sum(math.prod(base**power for base, power in zip(_GAINS, way, strict=False)) for way in _ways(found))
    return (
        len(convolutions), sum(convolutions.values()), sum(term.given is not None for term in found),
        sum(term.given is None for term in found), float(Term(None, False, 0) in found), len(_ways(found)),
        *ways.mean(axis=0), *ways.max(axis=0), *ways.min(axis=0), math.log(1e-3 + gain),
    )  # fmt: skip


def _output(code: str) -> Sum:
    """What stands at the last node."""
    nodes = [frozenset({Term(None, False, 0)})]
    for node in range(1, 4):
        larger: dict[tuple[Sum | None, int], bool] = {}
        for digit, (source, target) in zip(code, EDGES, strict=True):
            if target == node and digit != "0" and nodes[source]:
                for term in _carried(digit, nodes[source]):
                    key = term.given, term.pools
                    larger[key] = larger.get(key, False) or term.three
        nodes.append(frozenset(Term(given, three, pools) for (given, pools), three in larger.items()))
    return nodes[3]


def _carried(digit: str, given: Sum) -> list[Term]:
    """What an operation makes of a sum."""
    if digit in "23":
        return [Term(given, digit == "3", 0)]
    return [term._replace(pools=term.pools + (digit == "4")) for term in given]


def _convolutions(given: Sum) -> dict[Sum, bool]:
    """What convolutions read anywhere on the way here, and whether one of them is 3×3."""
    found: dict[Sum, bool] = {}
    for term in given:
        if term.given is not None:
            parts = {term.given: term.three, **_convolutions(term.given)}
            for signal, three in parts.items():
                found[signal] = found.get(signal, False) or three
    return found


@cache
def _ways(given: Sum) -> list[tuple[int, int, int]]:
    """Convolutions, 3×3 ones and poolings on each way from the input, in an order of their own."""
    found = []
    for term in given:
        if term.given is None:
            found.append((0, 0, term.pools))
        else:
            found += [(one + 1, three + term.three, pools + term.pools) for one, three, pools in _ways(term.given)]
    return sorted(found)
