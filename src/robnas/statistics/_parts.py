"""What stands together in a table: accuracies on one split of one data set, of networks of one size and one beta."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from robnas._betas import as_beta, beta_text
from robnas._brief import brief
from robnas.benchmarks import Column, Table
from robnas.errors import InputError, Verbatim
from robnas.spaces import Space


@final
@dataclass(frozen=True, eq=False)
class Part:
    """Accuracies of the same trainings, as far as a table tells."""

    __repr__ = brief

    dataset: str
    split: str
    space: str | None
    """Key of the space that was trained in where the table has this split of several; else None."""
    columns: Mapping[str, Column]
    """By metric."""
    source: str = ""
    """Name of the table that they were joined from, where the table has this split of several; else empty."""
    beta: float | None = None
    """Weight of the robust loss that was trained with, where the table has this split of several; else None."""

    @property
    def name(self) -> str:
        """``cifar10 test``, and where the table has several of these the source, the key of the space and the beta."""
        source = f"{self.source}:" if self.source else ""
        return source + " ".join(filter(None, (self.dataset, self.split, self.space, beta_text(self.beta))))


def parts(table: Table) -> list[Part]:
    """The parts of a table, in the order of its columns; costs and scores are in none."""
    columns: dict[tuple[str, str, str], list[Column]] = {}
    for column in table.columns:
        if column.is_accuracy:
            columns.setdefault((column.dataset, column.split, column.source), []).append(column)
    found = []
    sources = Counter(spot[:2] for spot in columns)
    for (dataset, split, source), all_ in columns.items():
        source *= sources[dataset, split] > 1
        one_space, one_beta = (len(set(known) - {None}) < 2 for known in zip(*map(_kind, all_), strict=True))
        groups: dict[tuple[str | None, float | None], dict[str, Column]] = {}
        for column in all_:
            key = None if one_space else column.space, None if one_beta else column.beta
            groups.setdefault(key, {})[column.metric] = column
        found += [Part(dataset, split, space, of, source, beta) for (space, beta), of in groups.items()]
    return found


def _kind(column: Column) -> tuple[str | None, float | None]:
    return column.space, column.beta


def parts_of(table: Table, dataset: str, split: str) -> list[Part]:
    """Those of one split of one data set."""
    return [part for part in parts(table) if (part.dataset, part.split) == (dataset, split)]


def part_with(table: Table, column: Column) -> Part:
    """The part that a column is in; one of its own where the table has none like it."""
    found = [part for part in parts_of(table, column.dataset, column.split) if column.source in _sources(part)]
    spaces, betas = ({part.space for part in found}, {part.beta for part in found})
    same = [
        part
        for part in found
        if (len(spaces) == 1 or part.space == column.space) and (len(betas) == 1 or part.beta == column.beta)
    ]
    own = {column.metric: column} if column.is_accuracy else {}
    return same[0] if same else Part(column.dataset, column.split, None, own)


def part_of(
    table: Table,
    dataset: str,
    split: str,
    space: str | Space | None = None,
    metric: str | None = None,
    beta: float | None = None,
) -> Part | None:
    """The part of these names that has the metric, if one is given; None where the table has none.

    Raises:
        InputError: there are several, and `space` and `beta` name none of them; the text lists what tells them apart.
    """
    found = parts_of(table, dataset, split)
    if space is None and metric is not None:
        found = [part for part in found if metric in part.columns]
    key = space.key if isinstance(space, Space) else space
    if key is not None and len(found) > 1:
        found = [part for part in found if key in (part.space, *_spaces(part))] or found
    where = f"table {table.name}, {dataset} {split}"
    betas = sorted({one for part in found for one in _betas(part)})
    if beta is not None and betas:
        wanted = as_beta(f"beta of {where}", beta)
        found = [part for part in found if wanted in _betas(part)]
        if not found:
            raise _no_beta(where, betas, beta)
    if len(found) < 2:
        return found[0] if found else None
    if len(sources := list(dict.fromkeys(part.source for part in found))) > 1:
        remedy = f"take one: table.select(source={sources[0]!r}), or that table itself"
        raise InputError(where, expected="accuracies of one source", got=Verbatim(", ".join(sources)), remedy=remedy)
    if len({part.space for part in found}) == 1:
        raise _no_beta(where, betas, None)
    raise InputError(
        f"space of {where}",
        expected=f"one of {', '.join(dict.fromkeys(str(part.space) for part in found))}",
        got=Verbatim("none") if key is None else key,
        remedy="name the space: it is never guessed" if key is None else "",
    )


def _no_beta(where: str, betas: Sequence[float], beta: float | None) -> InputError:
    return InputError(
        f"beta of {where}",
        expected=f"one of {', '.join(f'{one:.12g}' for one in betas)}",
        got=Verbatim("none") if beta is None else beta,
        remedy="name the beta: it is never guessed" if beta is None else "",
    )


def _sources(part: Part) -> set[str]:
    """Sources of the columns of a part: one."""
    return {column.source for column in part.columns.values()}


def _spaces(part: Part) -> set[str]:
    """Keys of the spaces that the columns of a part were trained in."""
    return {column.space for column in part.columns.values() if column.space is not None}


def _betas(part: Part) -> set[float]:
    """Weights of the robust loss that the columns of a part were trained with."""
    return {column.beta for column in part.columns.values() if column.beta is not None}
