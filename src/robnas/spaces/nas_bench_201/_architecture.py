"""One NAS-Bench-201 architecture: a frozen, hashable value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np

from robnas.errors import InputError
from robnas.spaces._architecture import Architecture
from robnas.spaces._owners import of_another_space
from robnas.spaces.nas_bench_201 import _encodings
from robnas.spaces.nas_bench_201._encodings import EDGES, FORMATS, OPERATIONS

NAME = "nas-bench-201"
GENES: tuple[str, ...] = tuple(f"edge_{source}_{target}" for source, target in EDGES)
SIZE: int = len(OPERATIONS) ** len(EDGES)
CONVOLUTIONS = ("nor_conv_1x1", "nor_conv_3x3")


@final
@dataclass(frozen=True, init=False, repr=False)
class CellArchitecture(Architecture):
    """A cell of 4 nodes and 6 edges, one of 5 operations on each (Dong and Yang 2020, NAS-Bench-201).

    Args:
        given: a genotype string ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``, a digit code ``"323133"``, six operation
            names, a NASLib tuple of six integers, an HPOBench dictionary, one of these written as a text such as
            ``"(2, 3, 0, 2, 2, 2)"``, or an architecture.
        encoding: what `given` is: ``genotype``, ``code``, ``operations``, ``naslib`` or ``hpobench``; if omitted, that
            is seen from its form. A list of six integers shows no form: it may be NASLib's or the digits of a code.

    Raises:
        InputError: the encoding is malformed; the text names the position and the accepted values.
    """

    code: str
    """Six digits, one per edge in the order 0→1 0→2 1→2 0→3 1→3 2→3; each is an index into `OPERATIONS`."""

    def __init__(self, given: object, /, *, encoding: str | None = None) -> None:
        if isinstance(given, CellArchitecture):
            code = given.code
        else:
            try:
                code = _encodings.parse(given, encoding)
            except InputError as error:
                raise of_another_space(given, NAME) or error from None
        object.__setattr__(self, "code", code)

    @classmethod
    def from_index(cls, index: int) -> CellArchitecture:
        """The architecture at `index` (0 … 15,624) of the project's own order: the base-5 value of the digit code."""
        is_number = isinstance(index, int | np.integer) and not isinstance(index, bool)
        if not is_number or not 0 <= index < SIZE:
            raise InputError("architecture index", expected=f"a number from 0 to {SIZE - 1}", got=index)
        digits = ""
        for _ in EDGES:
            index, digit = divmod(index, len(OPERATIONS))
            digits = str(digit) + digits
        return cls._trusted(digits)

    @classmethod
    def _trusted(cls, code: str) -> CellArchitecture:
        self: CellArchitecture = object.__new__(cls)
        object.__setattr__(self, "code", code)
        return self

    def __repr__(self) -> str:
        return f"Architecture({self.code!r})"

    def __str__(self) -> str:
        return self.code

    def __hash__(self) -> int:
        return hash(self.code)

    def _key(self) -> tuple[Any, ...]:
        return (self.code,)

    @property
    def space(self) -> str:
        """``nas-bench-201``."""
        return NAME

    @property
    def text(self) -> str:
        """The digit code."""
        return self.code

    @property
    def genes(self) -> Mapping[str, str]:
        """The operation on each edge."""
        return dict(zip(GENES, self.operations, strict=True))

    @property
    def index(self) -> int:
        """Position in the project's own order; not the published index."""
        return int(self.code, len(OPERATIONS))

    @property
    def operations(self) -> tuple[str, ...]:
        """The six operation names, in edge order."""
        return _encodings.to_operations(self.code)

    @property
    def genotype(self) -> str:
        """The NAS-Bench-201 string."""
        return _encodings.to_genotype(self.code)

    def format(self, encoding: str) -> Any:
        """This architecture as ``genotype``, ``code``, ``operations``, ``naslib`` or ``hpobench``."""
        if not isinstance(encoding, str) or encoding not in FORMATS:
            raise InputError("encoding", expected=f"one of {', '.join(FORMATS)}", got=encoding)
        return FORMATS[encoding](self.code)

    @cached_property
    def reaches_output(self) -> tuple[bool, ...]:
        """Per node: whether a path of operations other than ``none`` leads from it to the output (node 3)."""
        reaches = [False, False, False, True]
        for (source, target), digit in zip(reversed(EDGES), reversed(self.code), strict=True):
            reaches[source] |= reaches[target] and digit != "0"
        return tuple(reaches)

    @cached_property
    def live_edges(self) -> tuple[bool, ...]:
        """Per edge: whether it lies on a path of operations other than ``none`` from the input to the output."""
        reached = [True, False, False, False]
        for (source, target), digit in zip(EDGES, self.code, strict=True):
            reached[target] |= reached[source] and digit != "0"
        return tuple(
            digit != "0" and reached[source] and self.reaches_output[target]
            for (source, target), digit in zip(EDGES, self.code, strict=True)
        )

    def with_operation(self, edge: int, operation: int) -> CellArchitecture:
        """This architecture with the operation number on one edge replaced."""
        return self._trusted(f"{self.code[:edge]}{operation}{self.code[edge + 1 :]}")

    def neighbours(self) -> Iterator[CellArchitecture]:
        """The 24 architectures that differ in the operation of one edge."""
        for edge, digit in enumerate(self.code):
            for operation in range(len(OPERATIONS)):
                if operation != int(digit):
                    yield self.with_operation(edge, operation)


def architectures() -> Iterator[CellArchitecture]:
    """All 15,625 architectures, in the project's own order."""
    for index in range(SIZE):
        yield CellArchitecture.from_index(index)


def live_convolutions(arch: Architecture) -> int:
    """Edges with a convolution that lie on a path from the input to the output.

    Raises:
        InputError: an architecture of another space.
    """
    cell = CellArchitecture(arch)
    return sum(
        is_live and operation in CONVOLUTIONS
        for operation, is_live in zip(cell.operations, cell.live_edges, strict=True)
    )
