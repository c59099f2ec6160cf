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


def gather(information: Sequence[Information], architectures: Sequence[Architecture]) -> Features:
    """The features of all kinds of information side by side.

    Raises:
        InputError: no information at all, one kind twice, or another number of features than of groups.
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
        parts.append(rows)
        groups += [f"{one.text}/{group}" for group in one.groups]
    return Features(np.concatenate(parts, axis=1), tuple(groups))
