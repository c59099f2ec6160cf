"""The columns of a table, by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar, final

from robnas.benchmarks._choice import Ambiguity
from robnas.benchmarks._column import Column
from robnas.benchmarks._curve import CurveColumn
from robnas.errors import InputError, Verbatim
from robnas.spaces import Space, configured, parse_key, space_of

_C = TypeVar("_C", Column, CurveColumn)


@final
class Columns(Generic[_C]):
    """Columns, or curves, by data set, split, metric and, where that is not enough, space.

    Args:
        what: they are, for errors: ``table digits``.
        space: of the table.
        columns: each once.
        ambiguous: what was measured in several ways, see `Table`.

    Raises:
        InputError: one twice, or one of another space.
    """

    def __init__(self, what: str, space: Space, columns: Iterable[_C], ambiguous: Mapping[Any, Ambiguity]) -> None:
        given: list[_C] = list(columns)
        keys = {key: key if key is None else canonical(key, space) for key in {column.space for column in given}}
        self.what, self.space = what, space
        self.all: tuple[_C, ...] = tuple(
            column if keys[column.space] == column.space else replace(column, space=keys[column.space])
            for column in given
        )
        self._kinds: dict[tuple[str, str, str], dict[str | None, _C | Ambiguity]] = {}
        for column in self.all:
            if column.space is not None and parse_key(column.space)["name"] != space.name:
                got = Verbatim(f"one that belongs to {column.space}")
                raise InputError(f"{what}, column {column.name}", expected=f"one of space {space.name}", got=got)
            self._add((column.dataset, column.split, column.metric), column.space, column)
        for key, reason in ambiguous.items():
            self._add(tuple(key[:3]), key[3] if len(key) > 3 else None, reason)
        self.quick: dict[Any, _C] = {
            (dataset, split, metric, wanted): found
            for (dataset, split, metric), kinds in self._kinds.items()
            for key, found in kinds.items()
            for wanted in ({key, None} if len(kinds) == 1 else {key})
            if not isinstance(found, Ambiguity)
        }
        """By data set, split, metric and space or, where one is enough, None."""

    def _add(self, spot: tuple[Any, ...], space: str | None, found: _C | Ambiguity) -> None:
        kinds: dict[str | None, _C | Ambiguity] = self._kinds.setdefault(spot, {})
        if space in kinds or (kinds and None in (space, *kinds)):
            got = Verbatim(f"{' '.join(spot)} again")
            raise InputError(self.what, expected="each column once", got=got)
        kinds[space] = found

    def __len__(self) -> int:
        return len(self._kinds)

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the data sets."""
        return tuple(dict.fromkeys(dataset for dataset, _, _ in self._kinds))

    def full_name(self, column: _C) -> str:
        """`Column.name`, and the key of its space where several columns are called so."""
        alone = len(self._kinds[column.dataset, column.split, column.metric]) == 1
        return column.name if alone else f"{column.name} {column.space}"

    def find(self, dataset: object, metric: object, split: object, space: object = None) -> _C:
        """The column of these names.

        Raises:
            InputError: a part is missing or unknown, or was measured in several ways; the text lists what exists.
        """
        for position, (part, value) in enumerate((("dataset", dataset), ("split", split), ("metric", metric))):
            before = (dataset, split)[:position]
            self.check_known(part, value, [key[position] for key in self._kinds if key[:position] == before])
        kinds = self._kinds[dataset, split, metric]  # type: ignore[index]
        key = space.key if isinstance(space, Space) else space
        key = canonical(key, self.space) if isinstance(key, str) and key not in kinds else key
        if len(kinds) == 1 and (key is None or (key == self.space.name and key not in kinds)):
            (found,) = kinds.values()
        else:
            known = [str(known) for known in kinds if known is not None]
            self.check_known("space", key, known or ["None, because it is not known"])
            found = kinds[key]  # type: ignore[index]
        if isinstance(found, Ambiguity):
            raise found.error(f"{self.what}, {dataset} {split} {metric}")
        return found

    def key_of(self, given: str | Space) -> str | None:
        """The key of columns, of a space that is named with settings; None, for all columns, where it has none.

        Raises:
            InputError: another space than the table's, or settings of none of its columns.
        """
        facts = given.to_dict() if isinstance(given, Space) else parse_key(given)
        if facts["name"] != self.space.name:
            shown = given.key if isinstance(given, Space) else given
            raise InputError("space", expected=f"{self.space.name}, that of {self.what}", got=shown)
        if len(facts) == 1:
            return None
        key = space_of(facts).key
        known = sorted({column.space for column in self.all if column.space is not None})
        self.check_known("space", key, known or [f"{self.space.name} alone, because its settings are not known"])
        return key

    def check_known(self, part: str, value: object, known: Iterable[str]) -> None:
        """Raise the error that lists what exists, unless `value` does."""
        names = list(dict.fromkeys(known))
        if not isinstance(value, str) or value not in names:
            close = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
            remedy = f"did you mean {close[0]}?" if close else ""
            raise InputError(
                f"{part} of {self.what}",
                expected=f"one of {', '.join(names)}",
                got=Verbatim("none") if value is None else value,
                remedy=f"name the {part}: it is never guessed" if value is None else remedy,
            )

    def chosen(self, dataset: str | None, split: str | None) -> list[_C]:
        """The columns of one data set and split, of all where None; at least one."""
        if dataset is not None:
            self.check_known("dataset", dataset, self.datasets)
        keys = [key for key in self._kinds if dataset in (None, key[0])]
        if split is not None:
            self.check_known("split", split, [key[1] for key in keys])
            keys = [key for key in keys if key[1] == split]
        found = [found for key in keys for found in self._kinds[key].values() if not isinstance(found, Ambiguity)]
        return found or [self.find(keys[0][0], keys[0][2], keys[0][1])]


def canonical(key: str, space: Space) -> str:
    """A key with all settings of `space` in their order; other texts, and the name alone, as they are."""
    try:
        name, *settings = parse_key(key).items()
        return configured(space, dict(settings)).key if settings and name[1] == space.name else key
    except (InputError, ValueError):
        return key
