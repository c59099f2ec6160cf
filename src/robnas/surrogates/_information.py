"""What a surrogate may look at, each kind by the text that switches it on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, final

import numpy as np

from robnas._brief import brief
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture, Space, space_of
from robnas.surrogates._descriptions import described
from robnas.surrogates._prediction import Matrix

_LARGEST = 1e100  # whose square is a number


class Information(Protocol):
    """One kind of what is known of every architecture before it is trained."""

    @property
    def text(self) -> str:
        """As the user writes it: ``structure``, ``scores:FILE``."""
        ...

    @property
    def groups(self) -> Sequence[str]:
        """Which features belong together: a name for each, features of one name share a length scale."""
        ...

    def features(self, architectures: Sequence[Architecture]) -> Matrix:
        """A row for each architecture, shape (architectures, features); nan where it is missing."""
        ...


@final
@dataclass(frozen=True, eq=False)
class Features:
    """All that is known of some architectures, shape (architectures, features)."""

    __repr__ = brief

    rows: Matrix
    groups: tuple[str, ...] = field(repr=False)


@final
@dataclass(frozen=True)
class Structure:
    """What the architecture alone tells: its genes or, in ``nas-bench-201``, its mean field, counts and ways.

    A gene whose order means something is a number, another one a column for each choice.

    Args:
        space: of the architectures; ``nas-bench-201`` if omitted.
    """

    space: Space = field(default_factory=lambda: space_of(None))
    text = "structure"

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The gene, or the part of the description, that each feature is from."""
        return tuple(name for name, part in described(self.space, []).items() for _ in range(part.shape[1]))

    def features(self, architectures: Sequence[Architecture]) -> Matrix:
        """A row for each architecture, shape (architectures, features)."""
        return np.concatenate(list(described(self.space, architectures).values()), axis=1)


def looked_at(information: Sequence[Information] | None, space: Space) -> tuple[Information, ...]:
    """What is given; the structure of a space's architectures where nothing is.

    Raises:
        InputError: something that is no information, such as a text.
    """
    given = (Structure(space),) if information is None else tuple(information)
    for one in given:
        if not all(hasattr(one, name) for name in ("text", "groups", "features")):
            remedy = "robnas.surrogates.information_of makes it of texts"
            raise InputError("information", expected="text, groups and features of each", got=one, remedy=remedy)
    return given


def of_networks(information: Sequence[Information] | None, space: Space) -> tuple[Information, ...]:
    """The same, the structure being that of networks with the settings of `space`."""
    return tuple(Structure(space) if isinstance(one, Structure) else one for one in looked_at(information, space))


def gather(information: Sequence[Information], architectures: Sequence[Architecture]) -> Features:
    """The features of all kinds of information side by side.

    Raises:
        InputError: no information at all, one kind twice, another number of features than of groups, or features that
            are infinite or nearly so.
    """
    texts = [one.text for one in information]
    if not texts or len(set(texts)) < len(texts):
        got = Verbatim(", ".join(texts) or "none")
        raise InputError("information of a surrogate", expected="at least one kind, each once", got=got)
    parts, groups = [], list[str]()
    for one in information:
        shape = (len(architectures), len(one.groups))
        rows = np.asarray(one.features(architectures) if len(architectures) else np.empty(shape), dtype=np.float64)
        if rows.shape != shape:
            expected = f"{shape[0]} rows of {shape[1]} features, as many as groups"
            raise InputError(f"information {one.text}", expected=expected, got=Verbatim(f"shape {rows.shape}"))
        if (far := np.abs(rows) > _LARGEST).any():
            expected, remedy = f"features of at most {_LARGEST:g}, nan where one is missing", "give their logarithms"
            raise InputError(f"information {one.text}", expected=expected, got=float(rows[far][0]), remedy=remedy)
        parts.append(rows)
        groups += [f"{one.text}/{group}" for group in one.groups]
    return Features(np.concatenate(parts, axis=1), tuple(groups))
