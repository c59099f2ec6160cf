"""The columns of a table and the ways to find one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import final

from robnas.benchmarks._choice import Ambiguity
from robnas.benchmarks._column import Column
from robnas.errors import InputError, Verbatim

Key = tuple[str, str, str]
"""Data set, split, metric."""


@final
class Columns:
    """The columns of a table by data set, split and metric, and what was measured in several ways.

    Args:
        name: of the table, for errors.
        columns: what was measured.
        ambiguous: what was measured in several ways, so that asking for it is an error.
        rows: how many values each has.

    Raises:
        InputError: no column, one twice, or one of another length.
    """

    def __init__(self, name: str, columns: Iterable[Column], ambiguous: Mapping[Key, Ambiguity], rows: int) -> None:
        self._name, self.ambiguous = name, dict(ambiguous)
        self.by_key: dict[Key, Column] = {}
        for column in columns:
            key = (column.dataset, column.split, column.metric)
            if key in self.ambiguous or self.by_key.setdefault(key, column) is not column:
                raise InputError(f"table {name}", expected="each column once", got=Verbatim(f"{column.name} again"))
        if not self.by_key and not self.ambiguous:
            raise InputError(f"table {name}", expected="at least one column", got=Verbatim("none"))
        for column in self.by_key.values():
            if len(column.values) != rows:
                raise InputError(
                    f"column {column.name}", expected=f"{rows} rows", got=Verbatim(f"{len(column.values)}")
                )

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the data sets."""
        return tuple(dict.fromkeys(dataset for dataset, _, _ in self._keys))

    @property
    def _keys(self) -> list[Key]:
        return [*self.by_key, *self.ambiguous]

    def find(self, dataset: str | None, metric: str | None, split: str | None) -> Column:
        """A column by name, see `Table.column`."""
        for position, (part, value) in enumerate((("dataset", dataset), ("split", split), ("metric", metric))):
            before = (dataset, split)[:position]
            self.check_known(part, value, [key[position] for key in self._keys if key[:position] == before])
        key = (dataset, split, metric)
        if key in self.ambiguous:
            raise self.ambiguous[key].error(f"table {self._name}, {' '.join(map(str, key))}")
        return self.by_key[key]  # type: ignore[index]

    def check_known(self, part: str, value: object, known: Iterable[str]) -> None:
        """Raise the error that lists what exists, unless `value` does."""
        names = list(dict.fromkeys(known))
        if not isinstance(value, str) or value not in names:
            close = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
            remedy = f"did you mean {close[0]}?" if close else ""
            raise InputError(
                f"{part} of table {self._name}",
                expected=f"one of {', '.join(names)}",
                got=Verbatim("none") if value is None else value,
                remedy=f"name the {part}: it is never guessed" if value is None else remedy,
            )

    def chosen(self, dataset: str | None, split: str | None) -> list[Column]:
        """The columns of one data set and split, of all where None; at least one."""
        if dataset is not None:
            self.check_known("dataset", dataset, self.datasets)
        keys = [key for key in self._keys if dataset in (None, key[0])]
        if split is not None:
            self.check_known("split", split, [key[1] for key in keys])
            keys = [key for key in keys if key[1] == split]
        found = [self.by_key[key] for key in keys if key in self.by_key]
        return found or [self.find(keys[0][0], keys[0][2], keys[0][1])]
