"""The columns of a table, by name."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar, final

from robnas._betas import as_beta, beta_text
from robnas.benchmarks._choice import Ambiguity
from robnas.benchmarks._column import Column
from robnas.benchmarks._curve import CurveColumn
from robnas.benchmarks._renamed import warn_renamed
from robnas.benchmarks._runs import address_of, is_called, qualified
from robnas.errors import InputError, Verbatim
from robnas.spaces import Space, configured, parse_key, space_of
from robnas.types import by_severity

_C = TypeVar("_C", Column, CurveColumn)
_Spot = tuple[str, str, str, str]
"""Data set, split, metric and source."""
_Kind = tuple[str | None, float | None]
"""Space and beta."""


@final
class Columns(Generic[_C]):
    """Columns, or curves, by data set, split, metric and, where that is not enough, space and beta.

    Args:
        what: they are, for errors: ``table digits``.
        space: of the table.
        columns: each once.
        ambiguous: what was measured in several ways, see `Table`.
        renamed: present names of metrics, with the reason, by the names that they had once.

    Raises:
        InputError: one twice, or one of another space.
    """

    def __init__(
        self,
        what: str,
        space: Space,
        columns: Iterable[_C],
        ambiguous: Mapping[Any, Ambiguity],
        renamed: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        given: list[_C] = list(columns)
        keys = {key: key if key is None else canonical(key, space) for key in {column.space for column in given}}
        self.what: str = what
        self._renamed = renamed or {}
        self.space: Space = space
        self.all: tuple[_C, ...] = tuple(
            column if keys[column.space] == column.space else replace(column, space=keys[column.space])
            for column in given
        )
        self._kinds: dict[_Spot, dict[_Kind, _C | Ambiguity]] = {}
        for column in self.all:
            if column.space is not None and parse_key(column.space)["name"] != space.name:
                got = Verbatim(f"one that belongs to {column.space}")
                raise InputError(f"{what}, column {column.name}", expected=f"one of space {space.name}", got=got)
            self._add(spot_of(column), (column.space, column.beta), column)
        for key, reason in ambiguous.items():
            dataset, split, metric, trained, source, beta = whole_key(key)
            self._add((dataset, split, metric, source), (trained, beta), reason)
        self.quick: dict[Any, _C] = self._by_name()
        """By data set, split, metric (as it stands where one source has it, and with the source), space and beta or,
        where these tell nothing more, None."""

    def _by_name(self) -> dict[Any, _C]:
        called = Counter((spot[:2], name) for spot in self._kinds for name in _names(spot))
        quick: dict[Any, _C] = {}
        for spot, kinds in self._kinds.items():
            for name in (name for name in _names(spot) if called[spot[:2], name] == 1):
                for (space, beta), found in kinds.items():
                    if not isinstance(found, Ambiguity):
                        wanted: list[_Kind] = [(one, other) for one in {space, None} for other in {beta, None}]
                        only = [kind for kind in wanted if sum(_alike(kind, each) for each in kinds) == 1]
                        quick |= {(spot[0], spot[1], name, kind[0], kind[1]): found for kind in only}
        return quick

    def _add(self, spot: _Spot, kind: _Kind, found: _C | Ambiguity) -> None:
        kinds: dict[_Kind, _C | Ambiguity] = self._kinds.setdefault(spot, {})
        if any(_alike(kind, other) for other in kinds):
            *where, source = spot
            got = Verbatim(f"{' '.join(where)}{f' of {source}' if source else ''} again")
            raise InputError(self.what, expected="each column once", got=got)
        kinds[kind] = found

    def __len__(self) -> int:
        return len(self._kinds)

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the data sets."""
        return tuple(dict.fromkeys(spot[0] for spot in self._kinds))

    def full_name(self, column: _C) -> str:
        """`Column.name`, and the key of its space and its beta where several columns are called so."""
        spaces, betas = (set(found) for found in zip(*self._kinds[spot_of(column)], strict=True))
        space = column.space if len(spaces) > 1 else None
        beta = beta_text(column.beta) if len(betas) > 1 else None
        return " ".join(filter(None, (column.name, space, beta)))

    def find(
        self, dataset: object, metric: object, split: object, space: object = None, beta: float | None = None
    ) -> _C:
        """The column of these names; `metric` may be called with its source.

        Raises:
            InputError: a part is missing or unknown, or was measured in several ways, or several sources have it; the
                text lists what exists.
        """
        self.check_known("dataset", dataset, self.datasets)
        self.check_known("split", split, [spot[1] for spot in self._kinds if spot[0] == dataset])
        here = [spot for spot in self._kinds if spot[:2] == (dataset, split)]
        meant = [spot for spot in here if isinstance(metric, str) and is_called(*spot[2:], metric)]
        if not meant:
            old = str(metric).rpartition(":")[2]
            if isinstance(metric, str) and old in self._renamed:
                new, because = self._renamed[old]
                present = self.find(dataset, metric.removesuffix(old) + new, split, space, beta)
                warn_renamed(self.what, metric, new, because)
                return present
            self.check_known("metric", metric, map(_qualified, here))
        key = space.key if isinstance(space, Space) else space
        beta = None if beta is None else as_beta(f"beta of {self.what}", beta)
        for place, wanted in enumerate((key, beta)):
            if len(meant) > 1 and wanted is not None:
                meant = [spot for spot in meant if any(wanted == kind[place] for kind in self._kinds[spot])] or meant
        if len(meant) > 1:
            several = " or ".join(
                address_of(*spot[2:]) if _qualified(spot) == metric else _qualified(spot) for spot in meant
            )
            raise InputError(f"metric of {self.what}", expected=f"the source, as in {several}", got=metric)
        found = self._of_kind(self._kinds[meant[0]], key, beta)
        if isinstance(found, Ambiguity):
            raise found.error(f"{self.what}, {dataset} {split} {metric}")
        return found

    def _of_kind(self, kinds: dict[_Kind, _C | Ambiguity], key: object, beta: float | None) -> _C | Ambiguity:
        """The one of a space and a beta, of which only what tells them apart need be named."""
        spaces: set[str | None] = {space for space, _ in kinds}
        key = canonical(key, self.space) if isinstance(key, str) and key not in spaces else key
        if len(spaces) == 1 and key == self.space.name and key not in spaces:
            key = None
        of_space = {kind: one for kind, one in kinds.items() if key in (None, kind[0])}
        found = {kind: one for kind, one in of_space.items() if beta is None or has_beta(one, kind[1], beta)}
        if len(found) == 1:
            return next(iter(found.values()))
        if not of_space or len({space for space, _ in found}) > 1:
            known = [space for space, _ in found or kinds if space is not None]
            self.check_known("space", key, known or ["None, because it is not known"])
        raise self._no_beta(beta, (known for _, known in of_space))

    def check_beta(self, beta: float) -> float:
        """A beta that some column has.

        Raises:
            InputError: none has it; the text lists those that there are.
        """
        wanted, known = as_beta(f"beta of {self.what}", beta), [column.beta for column in self.all]
        if wanted not in known:
            raise self._no_beta(beta, known)
        return wanted

    def _no_beta(self, beta: float | None, known: Iterable[float | None]) -> InputError:
        names = ", ".join(f"{one:.12g}" for one in sorted({one for one in known if one is not None}))
        return InputError(
            f"beta of {self.what}",
            expected=f"one of {names}" if names else "none, because it is not known",
            got=Verbatim("none" if beta is None else f"{beta:.12g}"),
            remedy="name the beta: it is never guessed" if beta is None else "",
        )

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
                expected=f"one of {', '.join(by_severity(names))}",
                got=Verbatim("none") if value is None else value,
                remedy=f"name the {part}: it is never guessed" if value is None else remedy,
            )

    def splits(self, dataset: object, metric: str | None = None) -> tuple[str, ...]:
        """Splits of a data set on which there is this metric, in whatever spelling; any metric where None."""
        here = [spot for spot in self._kinds if spot[0] == dataset]
        return tuple(dict.fromkeys(spot[1] for spot in here if metric is None or is_called(*spot[2:], metric)))

    def chosen(self, dataset: str | None, split: str | None) -> list[_C]:
        """The columns of one data set and split, of all where None; at least one."""
        if dataset is not None:
            self.check_known("dataset", dataset, self.datasets)
        keys = [key for key in self._kinds if dataset in (None, key[0])]
        if split is not None:
            self.check_known("split", split, [key[1] for key in keys])
            keys = [key for key in keys if key[1] == split]
        found = [found for key in keys for found in self._kinds[key].values() if not isinstance(found, Ambiguity)]
        return found or [self.find(keys[0][0], _qualified(keys[0]), keys[0][1])]


def whole_key(key: tuple[Any, ...]) -> tuple[str, str, str, str | None, str, float | None]:
    """Data set, split, metric, space, source and beta in a key of `Table.ambiguous`, of which the last may lack."""
    rest: tuple[Any, ...] = (None, "", None)
    dataset, split, metric, space, source, beta = key + rest[len(key) - 3 :]
    return dataset, split, metric, space, source, beta


def name_of_key(key: tuple[Any, ...]) -> str:
    """A key of `Table.ambiguous` as a name, as columns have it."""
    dataset, split, metric, space, source, beta = whole_key(key)
    told = filter(None, (dataset, split, metric, space, beta_text(beta)))
    return (f"{source}:" if source else "") + " ".join(told)


def _alike(one: _Kind, other: _Kind) -> bool:
    """Whether space and beta are equal, as far as both have them."""
    return all(ours == theirs or None in (ours, theirs) for ours, theirs in zip(one, other, strict=True))


def has_beta(found: Column | CurveColumn | Ambiguity, own: float | None, wanted: float) -> bool:
    """Whether a column is of a beta; what is no accuracy and has none, such as a latency, is the same for all.

    So is what was measured in several ways of whatever beta: whoever asks for it is told so.
    """
    if own is None:
        return isinstance(found, Ambiguity) or (isinstance(found, Column) and not found.is_accuracy)
    return own == wanted


def source_of_key(key: tuple[Any, ...]) -> str:
    """The source in a key of `Table.ambiguous`."""
    return whole_key(key)[4]


def spot_of(column: Column | CurveColumn) -> _Spot:
    """Data set, split, metric and source."""
    return column.dataset, column.split, column.metric, column.source


def _qualified(spot: _Spot) -> str:
    """The metric of a spot with its source, if it has one."""
    return qualified(*spot[2:])


def _names(spot: _Spot) -> set[str]:
    """What the metric of a spot may be called."""
    return {spot[2], _qualified(spot), address_of(*spot[2:])}


def canonical(key: str, space: Space) -> str:
    """A key with all settings of `space` in their order; other texts, and the name alone, as they are."""
    try:
        name, *settings = parse_key(key).items()
        return configured(space, dict(settings)).key if settings and name[1] == space.name else key
    except (InputError, ValueError):
        return key
