"""Which architectures are the same network: three partitions of the 15,625."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from importlib import resources
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from robnas._arrays import read_arrays
from robnas._brief import brief
from robnas.errors import InputError
from robnas.spaces._architecture import SIZE, Architecture, architectures
from robnas.spaces._encodings import EDGES, OPERATIONS

KIND = "robnas partitions 2"
Terms: TypeAlias = tuple[str, ...]
Keys: TypeAlias = Callable[[str], str]


@lru_cache(maxsize=SIZE)
def _official_node(code: str, node: int) -> str:
    """NAS-Bench-201's own string of a node; "#" where nothing arrives."""
    if node == 0:
        return "0"
    terms = []
    for (source, target), digit in zip(EDGES, code, strict=False):
        if target == node:
            value = _official_node(code[: _ARRIVING[source]], source)
            name = OPERATIONS[int(digit)]
            if name == "none" or value == "#":
                terms.append("#")
            else:
                terms.append(value if name == "skip_connect" else f"({value})@{name}")
    return "+".join(sorted(terms))


_ARRIVING = (0, 1, 3, 6)  # edges that end at a node or before it: the prefix of the code that decides its value


@lru_cache(maxsize=2 * SIZE)
def _terms(code: str, node: int, strict: bool) -> Terms:
    """The multiset of terms that add up in a node, sorted.

    `strict` keeps what only exact equality keeps: the constant of a convolution whose source carries nothing, and
    the pooling of a sum as one term.
    """
    if node == 0:
        return ("x",)
    terms: list[str] = []
    for (source, target), digit in zip(EDGES, code, strict=False):
        if target == node and digit != "0":
            arriving = _terms(code[: _ARRIVING[source]], source, strict)
            terms += _apply(OPERATIONS[int(digit)], arriving, strict)
    return tuple(sorted(terms))


def _apply(operation: str, arriving: Terms, strict: bool) -> Terms:
    if operation == "skip_connect" or (not arriving and (operation == "avg_pool_3x3" or not strict)):
        return arriving
    if operation == "avg_pool_3x3" and not strict:
        return tuple(f"{operation}({term})" for term in arriving)
    return (f"{operation}({'+'.join(arriving)})",)


def _official_key(code: str) -> str:
    return _official_node(code, 3)


def _terms_key(code: str, *, strict: bool) -> str:
    return "+".join(_terms(code, 3, strict))


PARTITIONS: dict[str, Keys] = {
    "official": _official_key,
    "effective": partial(_terms_key, strict=False),
    "identical": partial(_terms_key, strict=True),
}


@dataclass(frozen=True, eq=False)
class Partition:
    """The architectures grouped into classes.

    - ``official``: 6,466 classes, the canonical string of NAS-Bench-201.
    - ``effective``: 4,660 classes, the same family of functions up to the constant bias that batch norm adds on a
      branch that carries nothing.
    - ``identical``: 5,545 classes, the same network exactly.
    """

    __repr__ = brief

    name: str
    class_of: np.ndarray
    """Class number of every architecture, in the project's own order; shape (15625,)."""
    count: int
    """Number of classes."""

    def same(self, first: object, second: object) -> bool:
        """Whether both, in any encoding, are in one class."""
        return bool(self.class_of[Architecture(first).index] == self.class_of[Architecture(second).index])

    def members(self, arch: object) -> tuple[Architecture, ...]:
        """All architectures in the class of `arch`, which may be any encoding, in the project's own order."""
        indices = np.flatnonzero(self.class_of == self.class_of[Architecture(arch).index])
        return tuple(Architecture.from_index(int(index)) for index in indices)

    def representatives(self, rank: Sequence[int] | np.ndarray | None = None) -> tuple[Architecture, ...]:
        """One architecture per class: the member of lowest rank.

        Args:
            rank: rank of every architecture in the project's own order, shape (15625,), for example its published
                index; the project's own order if omitted.
        """
        order = np.arange(SIZE) if rank is None else np.argsort(np.asarray(rank), kind="stable")
        _, first = np.unique(self.class_of[order], return_index=True)
        return tuple(Architecture.from_index(int(index)) for index in order[first])


def canonical(arch: object, name: str) -> str:
    """The canonical form of `arch`, which may be any encoding, under a partition.

    It is equal for two architectures of one class, and only then.

    Raises:
        InputError: there is no such partition.
    """
    return _keys(name)(Architecture(arch).code)


@cache
def partition(name: str) -> Partition:
    """The partition of the whole space called ``official``, ``effective`` or ``identical``.

    Raises:
        InputError: there is no such partition.
    """
    _keys(name)
    # The result of `compute_partition`, kept in the package: a table loads in less time than that takes.
    (stored,) = read_arrays(resources.files("robnas.spaces").joinpath("partitions.npz"), KIND, name)
    return _freeze(name, stored.astype(np.int32))


def compute_partition(name: str) -> Partition:
    """The same from the definitions: every architecture is enumerated and canonicalised."""
    key, number = _keys(name), dict[str, int]()
    class_of = np.empty(SIZE, dtype=np.int32)
    for arch in architectures():
        class_of[arch.index] = number.setdefault(key(arch.code), len(number))
    return _freeze(name, class_of)


def _freeze(name: str, class_of: npt.NDArray[np.int32]) -> Partition:
    class_of.flags.writeable = False
    return Partition(name, class_of, int(class_of.max()) + 1)


def _keys(name: str) -> Keys:
    if name not in PARTITIONS:
        raise InputError("partition", expected=f"one of {', '.join(PARTITIONS)}", got=name)
    return PARTITIONS[name]
