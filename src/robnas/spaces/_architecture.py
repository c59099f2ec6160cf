"""What an architecture is: a value of a space with one text."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from robnas.spaces._gene import GeneValue
    from robnas.spaces.nas_bench_201 import CellArchitecture


class Architecture:
    """A frozen, hashable, ordered value of a search space; the name of the space and the text identify it.

    ``Architecture(given)`` makes one of ``nas-bench-201``, see `CellArchitecture`; those of other spaces are made by
    their space, as in ``SPACES["wide-resnet"].from_genes({"D1": 4, …})``.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def __new__(cls, given: object, /, *, encoding: str | None = None) -> CellArchitecture: ...

        @classmethod
        def from_index(cls, index: int) -> CellArchitecture: ...

    else:

        def __new__(cls, *_given, **_settings):
            """`cls` decides, or ``nas-bench-201`` where nobody says more than ``Architecture``."""
            return object.__new__(_cell() if cls is Architecture else cls)

        @classmethod
        def from_index(cls, index):
            """`CellArchitecture.from_index`."""
            return _cell().from_index(index)

    @property
    def space(self) -> str:
        """Name of the space."""
        raise NotImplementedError

    @property
    def text(self) -> str:
        """The one canonical text, which the space reads back."""
        raise NotImplementedError

    @property
    def genes(self) -> Mapping[str, GeneValue]:
        """The value of each gene, in the order of the space's genes."""
        raise NotImplementedError

    def _key(self) -> tuple[Any, ...]:
        """By which architectures of one space are sorted."""
        raise NotImplementedError

    def __lt__(self, other: Any) -> bool:
        return self._key() < other._key() if type(self) is type(other) else NotImplemented

    def __le__(self, other: Any) -> bool:
        return self._key() <= other._key() if type(self) is type(other) else NotImplemented

    def __gt__(self, other: Any) -> bool:
        return self._key() > other._key() if type(self) is type(other) else NotImplemented

    def __ge__(self, other: Any) -> bool:
        return self._key() >= other._key() if type(self) is type(other) else NotImplemented

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"SPACES[{self.space!r}].parse({self.text!r})"


def _cell() -> type[CellArchitecture]:
    from robnas.spaces.nas_bench_201 import CellArchitecture

    return CellArchitecture


@final
class GeneArchitecture(Architecture):
    """An architecture of a space that has nothing but genes; `Space.parse` and `Space.from_genes` make them.

    Args:
        space: name of the space.
        positions: place of each gene's value among its choices.
        text: ``gene=value,…``.
        genes: the values.
    """

    __slots__ = ("_genes", "_positions", "_space", "_text")
    _space: str
    _positions: tuple[int, ...]
    _text: str
    _genes: Mapping[str, GeneValue]

    def __init__(self, space: str, positions: tuple[int, ...], text: str, genes: Mapping[str, GeneValue]) -> None:
        for name, value in (("_space", space), ("_positions", positions), ("_text", text)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_genes", MappingProxyType(dict(genes)))

    @property
    def space(self) -> str:
        """Name of the space."""
        return self._space

    @property
    def positions(self) -> tuple[int, ...]:
        """Place of each gene's value among its choices."""
        return self._positions

    @property
    def text(self) -> str:
        """``gene=value,…`` in the order of the space's genes."""
        return self._text

    @property
    def genes(self) -> Mapping[str, GeneValue]:
        """The value of each gene."""
        return self._genes

    def _key(self) -> tuple[Any, ...]:
        return self._space, self._positions, self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GeneArchitecture) and (self._text, self._space) == (other._text, other._space)

    def __hash__(self) -> int:
        return hash(self._text)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an architecture is a value: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"an architecture is a value: {name} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        return GeneArchitecture, (self._space, self._positions, self._text, dict(self._genes))
