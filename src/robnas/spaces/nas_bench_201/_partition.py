"""Which architectures are the same network: three partitions of the 15,625."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources
from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

from robnas._arrays import read_arrays
from robnas._brief import brief
from robnas.errors import InputError
from robnas.spaces.nas_bench_201 import _canonical
from robnas.spaces.nas_bench_201._architecture import SIZE, CellArchitecture, architectures

KIND = "robnas partitions 2"
Keys: TypeAlias = Callable[[str], str]

_VERSIONS: dict[str, tuple[Keys, ...]] = {
    "official": (_canonical.official,),
    "effective": (partial(_canonical.unfolded, strict=False), partial(_canonical.network, strict=False)),
    "identical": (partial(_canonical.unfolded, strict=True), partial(_canonical.network, strict=True)),
}
"""The definitions of each partition, the first version first; the last is meant where none is named."""

PARTITIONS: dict[str, Keys] = {name: versions[-1] for name, versions in _VERSIONS.items()}


@final
@dataclass(frozen=True, eq=False)
class Partition:
    """The architectures grouped into classes.

    - ``official``: 6,466 classes, the canonical string of NAS-Bench-201.
    - ``effective``: 5,044 classes, the same family of functions up to the constant bias that batch norm adds on a
      branch that carries nothing.
    - ``identical``: 5,875 classes, the same network exactly: the same modules between the same sums.
    """

    __repr__ = brief

    name: str
    class_of: np.ndarray
    """Class number of every architecture, in the project's own order; shape (15625,)."""
    count: int
    """Number of classes."""

    def same(self, first: object, second: object) -> bool:
        """Whether both, in any encoding, are in one class."""
        return bool(self.class_of[CellArchitecture(first).index] == self.class_of[CellArchitecture(second).index])

    def members(self, arch: object) -> tuple[CellArchitecture, ...]:
        """All architectures in the class of `arch`, which may be any encoding, in the project's own order."""
        indices = np.flatnonzero(self.class_of == self.class_of[CellArchitecture(arch).index])
        return tuple(CellArchitecture.from_index(int(index)) for index in indices)

    def representatives(self, rank: Sequence[int] | np.ndarray | None = None) -> tuple[CellArchitecture, ...]:
        """One architecture per class: the member of lowest rank.

        Args:
            rank: rank of every architecture in the project's own order, shape (15625,), for example its published
                index; the project's own order if omitted.
        """
        order = np.arange(SIZE) if rank is None else np.argsort(np.asarray(rank), kind="stable")
        _, first = np.unique(self.class_of[order], return_index=True)
        return tuple(CellArchitecture.from_index(int(index)) for index in order[first])


def canonical(arch: object, name: str) -> str:
    """The canonical form of `arch`, which may be any encoding, under a partition.

    It is equal for two architectures of one class, and only then.

    Raises:
        InputError: there is no such partition.
    """
    return _definition(name)(CellArchitecture(arch).code)


def partition(name: str, version: int | None = None) -> Partition:
    """The partition of the whole space called ``official``, ``effective`` or ``identical``.

    Args:
        name: of the partition; ``effective@1`` names an earlier version of it, too.
        version: the present one if omitted. Version 1 of ``effective`` and ``identical`` (4,660 and 5,545 classes) took
            one convolution that is used twice and two convolutions for the same; what was made with it reads with it.

    Raises:
        InputError: there is no such partition, or it has no such version.
    """
    return _stored(versioned(name, version))


@cache
def _stored(name: str) -> Partition:
    # The result of `compute_partition`, kept in the package: a table loads in less time than that takes.
    (stored,) = read_arrays(resources.files("robnas.spaces.nas_bench_201").joinpath("partitions.npz"), KIND, name)
    return _freeze(name, stored.astype(np.int32))


def compute_partition(name: str, version: int | None = None) -> Partition:
    """The same from the definitions: every architecture is enumerated and canonicalised."""
    name = versioned(name, version)
    key, number = _definition(name), dict[str, int]()
    class_of = np.empty(SIZE, dtype=np.int32)
    for arch in architectures():
        class_of[arch.index] = number.setdefault(key(arch.code), len(number))
    return _freeze(name, class_of)


def versioned(name: str, version: int | None = None) -> str:
    """The one name of a version: ``effective`` for the present one, ``effective@1`` for an earlier one.

    Raises:
        InputError: there is no such partition, or it has no such version.
    """
    base, number = _parsed(name if version is None else f"{name}@{version}")
    return base if number == len(_VERSIONS[base]) else f"{base}@{number}"


def partition_facts(name: str | None) -> dict[str, Any]:
    """What a file says of a partition: its name, and beside it ``partition_version`` where that is not 1."""
    if name is None:
        return {"partition": None}
    base, number = _parsed(name)
    return {"partition": base} | ({"partition_version": number} if number > 1 else {})


def partition_of(facts: Mapping[str, Any]) -> str | None:
    """The partition that a file names, which is of version 1 where the file says no version.

    Raises:
        InputError: there is no such partition, or it has no such version.
    """
    name = facts.get("partition")
    return None if name is None else versioned(name, facts.get("partition_version", 1))


def _freeze(name: str, class_of: npt.NDArray[np.int32]) -> Partition:
    class_of.flags.writeable = False
    return Partition(name, class_of, int(class_of.max()) + 1)


def _definition(name: str) -> Keys:
    base, number = _parsed(name)
    return _VERSIONS[base][number - 1]


def _parsed(name: str) -> tuple[str, int]:
    """Name and version, the present one where none is named."""
    base, earlier, version = str(name).partition("@")
    if base not in _VERSIONS:
        raise InputError("partition", expected=f"one of {', '.join(PARTITIONS)}", got=name)
    known = [str(number) for number in range(1, len(_VERSIONS[base]) + 1)]
    if earlier and version not in known:
        raise InputError(f"version of partition {base}", expected=f"one of {', '.join(known)}", got=version)
    return base, int(version or known[-1])
