"""Information from files: scores of untrained networks, and other columns of the same architectures."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import final

import numpy as np

from robnas._brief import brief
from robnas.benchmarks import Column, Scores, Table, load, load_scores
from robnas.errors import InputError, Verbatim
from robnas.proxies import SCALES
from robnas.spaces import SPACES, Architecture, Space, space_of
from robnas.surrogates._classes import class_keys
from robnas.surrogates._information import Information, Structure
from robnas.surrogates._prediction import Matrix, Vector
from robnas.surrogates._same import same_trainings, same_values

FORMS = ("structure", "scores:FILE", "columns:TABLE::DATASET::METRIC::SPLIT")  # more may follow, see `information_of`
"""How `information_of` reads each kind."""
_ABOVE = 1.0  # standard deviations, of the best value: top, see `ColumnValues`


@final
@dataclass(frozen=True, eq=False)
class ScoreValues:
    """Scores of untrained networks, each on the scale on which differences mean something, `robnas.proxies.SCALES`."""

    __repr__ = brief

    text: str
    scores: Scores = field(repr=False)

    @property
    def groups(self) -> tuple[str, ...]:
        """Each score is a group."""
        return self.scores.names

    def features(self, architectures: Sequence[Architecture]) -> Matrix:
        """Shape (architectures, scores); nan where a score is missing."""
        codes = [arch.text for arch in architectures]
        return np.stack([_scaled(name, self.scores.at(codes, name)) for name in self.scores.names], axis=1)

    def holds(self, table: Table, column: Column) -> bool:
        """Whether one of these is the values of a column."""
        return same_values(self.scores.codes, self.scores.means.T, table, [column])


def _scaled(name: str, values: Vector) -> Vector:
    scale = SCALES.get(name, float)
    return np.array([value if np.isnan(value) else scale(float(value)) for value in values], dtype=np.float64)


@final
@dataclass(frozen=True, eq=False)
class ColumnValues:
    """Values of a column: the mean over what the table has of the class of an architecture.

    Each as it is and as −log(top − value), which spreads the best: they crowd, here as in what is predicted.
    """

    __repr__ = brief

    text: str
    table: Table = field(repr=False)
    column: Column = field(repr=False)

    @property
    def groups(self) -> tuple[str, ...]:
        """The value, and how it stands to the best."""
        return ("value", "crowded")

    @cached_property
    def _means(self) -> dict[Hashable, float]:
        found: dict[Hashable, list[float]] = {}
        keys = class_keys(self.table.architectures, self.table.space)
        for key, value in zip(keys, self.column.measured_mean.tolist(), strict=True):
            if value == value:
                found.setdefault(key, []).append(value)
        return {key: float(np.mean(values)) for key, values in found.items()}

    def features(self, architectures: Sequence[Architecture]) -> Matrix:
        """Shape (architectures, 2); nan where the table has no value of the class, or of what it takes for the same."""
        keys = class_keys(architectures, self.table.space)
        pairs = zip(keys, architectures, strict=True)
        values = np.array([self._means[key] if key in self._means else self._relative(arch) for key, arch in pairs])
        return np.stack([values, -np.log(self._top - self.column.sign * values)], axis=1)

    @cached_property
    def _top(self) -> float:
        """What no value reaches."""
        known = self.column.sign * self.column.measured_mean[self.column.measured]
        return float(known.max() + _ABOVE * (known.std() or 1.0))

    def _relative(self, arch: Architecture) -> float:
        """Value of the architecture that the table says was trained in its place."""
        try:
            return float(self.column.measured_mean[self.table.row(arch)])
        except InputError:
            return math.nan

    def is_of(self, table: Table, column: Column) -> bool:
        """Whether it was measured on the data set of a column of the same table, whatever file that was read from."""
        if self.column.dataset != column.dataset:
            return False
        own = [one for one in table.columns if one.dataset == column.dataset and one.is_accuracy]
        theirs = [one for one in self.table.columns if one.dataset == column.dataset]
        return (
            self.table.name == table.name
            or same_trainings(self.table, [self.column], table, own)
            or same_trainings(self.table, theirs, table, [column])
        )

    def holds(self, table: Table, column: Column) -> bool:
        """Whether these are the values of a column."""
        return same_trainings(self.table, [self.column], table, [column])


def check_other(information: Iterable[Information], table: Table, column: Column) -> None:
    """Refuse information that is the column itself, which is to be predicted."""
    for one in information:
        if isinstance(one, ColumnValues | ScoreValues) and one.holds(table, column):
            raise InputError("information", expected="another column than the predicted one", got=one.text)


def information_of(texts: Sequence[str], space: Space | None = None) -> tuple[Information, ...]:
    """Information by the texts that switch it on; each is recorded as it is written here.

    Args:
        texts: ``structure``, what the architecture alone tells; ``scores:FILE``, scores of untrained networks, of a
            file that ``robnas score --out`` wrote or of a table of scores, ``::DATASET`` behind it where the table has
            those of several; ``columns:TABLE::DATASET::METRIC::SPLIT``, measured values of a column of a table,
            ``::BETA`` behind it where the table has several.
        space: of the architectures; ``nas-bench-201`` if omitted.

    Raises:
        InputError: another text, a file, table or column that is not there, or one of another space.
    """
    own = space_of(None) if space is None else space
    return tuple(_one(text, own) for text in texts)


def _one(text: str, space: Space) -> Information:
    kind, _, rest = text.partition(":")
    if text == FORMS[0]:
        return Structure(space)
    if kind == "scores" and rest:
        name, _, dataset = rest.partition("::")
        scores = load_scores(name, None if space.name in SPACES else space, dataset=dataset or None)
        _check_space(text, scores.space, space)
        return ScoreValues(text, scores)
    if kind == "columns":
        name, _, where = rest.partition("::")
        dataset, _, where = where.partition("::")
        where, beta = _with_beta(where)
        metric, _, split = where.rpartition("::")  # a metric may have a source: jung-2023::pgd@8/255
        if name and dataset and metric and split:
            table = load(name)
            _check_space(text, table.space, space)
            return ColumnValues(text, table, table.column(dataset, metric, split, beta=beta))
    raise InputError("information", expected=f"one of {', '.join(FORMS)}", got=text)


def _with_beta(where: str) -> tuple[str, float | None]:
    """What is before the beta, and the beta, if the last part is one: no split is a number."""
    before, _, last = where.rpartition("::")
    try:
        return before, float(last)
    except ValueError:
        return where, None


def _check_space(text: str, given: Space, space: Space) -> None:
    if (given.name, given.genes) != (space.name, space.genes):
        other = given.name if given.name != space.name else f"{given.name} with other genes"
        raise InputError(
            f"information {text}", expected=f"architectures of space {space.name}", got=Verbatim(f"some of {other}")
        )
