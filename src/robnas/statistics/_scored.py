"""Scores of untrained networks beside the table that trained them, and how well one orders the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import final

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Scores, Table, measured_noise, measured_only, tied
from robnas.errors import InputError, Verbatim
from robnas.networks import count
from robnas.spaces import Architecture, Space
from robnas.statistics._correlation import Correlation, kendall, table_ceiling
from robnas.statistics._parts import part_of, parts_of

Floats = npt.NDArray[np.float64]
Known = npt.NDArray[np.bool_]
SPLIT = "test"
_FEWEST, _UNDEFINED = 10, 0.05  # architectures, and share of resamples without a value, for an interval
_FEW = 1000  # architectures up to which intervals rest on 1,000 resamples, above on 200


@final
@dataclass(frozen=True, eq=False)
class Scored:
    """Architectures that have both scores and a row of the table, each network of the table once."""

    codes: tuple[str, ...]
    """Their texts."""
    truth: dict[str, Floats]
    """By metric the table's accuracy, shape (architectures,), see `tied`; nan where the training failed."""
    parameters: Floats
    """Of what is built, in cells on live edges, shape (architectures,): what any score has to beat. nan where nothing
    builds the networks of the space here."""
    outside: int
    """Architectures with scores that the table does not hold, or holds under another name that is there too."""


def join(
    scores: Sequence[Scores],
    table: Table,
    dataset: str,
    split: str = SPLIT,
    space: str | Space | None = None,
    beta: float | None = None,
) -> Scored:
    """What is in all of `scores` and in the table, by space and text.

    Args:
        scores: of untrained networks; the sizes of these and of the trained ones may differ.
        table: of trained ones; predicted values are left out, which were made of such scores.
        dataset: of the table.
        split: of the table.
        space: key of the space that was trained in where the table has the split of several; that of the scores if
            omitted.
        beta: weight of the robust loss that was trained with, where the table has several.

    Raises:
        InputError: fewer than 3 architectures, scores of another space than the table, or the table has no such data
            set or no accuracies there.
    """
    table = measured_only(table)
    for one in scores:
        check_space(one, table)
    keys = {one.space.key for one in scores}
    held = [part.space for part in parts_of(table, dataset, split)]
    if space is None and len(held) > 1 and len(keys) == 1 and keys <= set(held):
        space = keys.pop()
    shared = set.intersection(*(set(one.codes) for one in scores))
    found = trained(shared, table, dataset, split)
    codes, rows = list(found), list(found.values())
    part = part_of(table, dataset, split, space, beta=beta)
    if part is None:  # costs, or scores of others
        got = Verbatim("none")
        raise InputError(
            f"table {table.name}", expected=f"accuracies of trained networks on {dataset} {split}", got=got
        )
    return Scored(
        tuple(codes),
        {metric: tied(column.mean[rows]) for metric, column in part.columns.items()},
        _parameters(table, codes),
        len(shared) - len(codes),
    )


def check_space(scores: Scores, table: Table) -> None:
    """Raise `InputError` where scores are of another space than the table."""
    ours, theirs = table.space, scores.space
    if (ours.name, ours.genes) != (theirs.name, theirs.genes):
        other = f"space {theirs.name}" + " with other genes" * (ours.name == theirs.name)
        wanted = f"those of space {ours.name}, as table {table.name}"
        raise InputError("scores", expected=wanted, got=Verbatim(f"some that belong to {other}"))


def _parameters(table: Table, codes: Sequence[str]) -> Floats:
    space = table.space
    try:
        found: list[float] = [count(space.parse(code), live=True, space=space).parameters for code in codes]
    except (InputError, ImportError):  # nothing builds them here
        found = [np.nan] * len(codes)
    return np.array(found, dtype=np.float64)


def trained(codes: Iterable[str], table: Table, dataset: str, split: str = SPLIT) -> dict[str, int]:
    """Row of the table for the architectures that it holds, each row once, in the order of the space.

    A row is that of the architecture that was trained, where it is among them, else of the first of its class.

    Args:
        codes: texts of architectures.
        table: of trained networks.
        dataset: of the table.
        split: of the table.

    Raises:
        InputError: fewer than 3 architectures, one of another space, or the table has no such data set.
    """
    if not any((column.dataset, column.split) == (dataset, split) for column in table.columns):
        table.column(dataset, None, split)  # says what there is
    asked = sorted(map(table.space.parse, set(codes)))
    pairs = list(zip(asked, _rows(table, asked), strict=True))
    own = {row: arch for arch, row in pairs if row >= 0 and table.architectures[row] == arch}
    seen, found = set[int](), dict[str, int]()
    for arch, row in pairs:
        if row >= 0 and row not in seen and own.get(row, arch) == arch:
            seen.add(row)
            found[arch.text] = row
    if len(found) < 3:
        got = Verbatim(f"{len(found)} of {len(asked)} with scores")
        raise InputError("architectures", expected=f"at least 3 that {table.name} holds", got=got)
    return found


def _rows(table: Table, architectures: Sequence[Architecture]) -> list[int]:
    """Row of each architecture, -1 where the table does not hold it."""
    if not table.space.listable:
        row = {arch: place for place, arch in enumerate(table.architectures)}
        return [row.get(arch, -1) for arch in architectures]
    rows: list[int] = table.row_of()[[table.space.index_of(arch) for arch in architectures]].tolist()
    return rows


@final
class Bootstrap:
    """Correlations of columns over architectures, all on the same resamples, so that differences have intervals too.

    Every method returns an array of shape (1 + resamples,): the value itself, then those of resamples of the
    architectures that `known` marks. nan where a column is constant.
    """

    def __init__(self, count: int, rng: np.random.Generator, resamples: int | None = None) -> None:
        self._draws = rng.random((resamples or (1000 if count <= _FEW else 200), count))
        self._kept: dict[tuple[int, bytes], tuple[Floats, Floats]] = {}

    def spearman(self, first: Floats, second: Floats, known: Known) -> Floats:
        """Spearman's ρ."""
        found: Floats = np.einsum("rn,rn->r", self._ranks(first, known), self._ranks(second, known))
        return found

    def partial(self, first: Floats, second: Floats, given: Floats, known: Known) -> Floats:
        """Partial Spearman given a third column, (ρ_xy − ρ_xz ρ_yz) / √((1 − ρ_xz²)(1 − ρ_yz²)).

        The correlation of what a linear fit of ranks on the ranks of `given` leaves; nan where that explains all.
        """
        xy, xz, yz = (self.spearman(*pair, known) for pair in ((first, second), (first, given), (second, given)))
        rest = (1 - xz**2) * (1 - yz**2)
        with np.errstate(invalid="ignore"):
            found: Floats = (xy - xz * yz) / np.sqrt(np.where(rest > 1e-12, rest, np.nan))
        return found

    def kendall(self, first: Floats, second: Floats, known: Known) -> Floats:
        """Kendall's τ-b.

        With w the number of times that each architecture was drawn, τ-b is wᵀ(S ∘ T)w / √(wᵀ|S|w · wᵀ|T|w), S and T
        the signs of all differences: a product of matrices where there are few architectures.
        """
        x, y, index = first[known], second[known], self.index(known)
        if len(x) > _FEW:
            return np.array([kendall(x[rows], y[rows]) for rows in index])
        weights = np.stack([np.bincount(rows, minlength=len(x)) for rows in index]).astype(np.float32)
        signs = [np.sign(column[:, None] - column).astype(np.float32) for column in (x, y)]
        product, left, right = (
            np.einsum("rn,rn->r", weights @ matrix, weights, dtype=np.float64)
            for matrix in (signs[0] * signs[1], np.abs(signs[0]), np.abs(signs[1]))
        )
        scale = left * right
        found: Floats = product / np.sqrt(np.where(scale > 0, scale, np.nan))
        return found

    def index(self, known: Known) -> npt.NDArray[np.int64]:
        """Rows among the known ones: all of them, then the resamples."""
        size = int(known.sum())
        return np.concatenate([[np.arange(size)], (self._draws[:, :size] * size).astype(np.int64)])

    def _ranks(self, column: Floats, known: Known) -> Floats:
        """Ranks of each resample with mean 0 and length 1."""
        from scipy.stats import rankdata

        key = id(column), known.tobytes()
        if key not in self._kept:
            ranks = rankdata(column[known][self.index(known)], axis=1)
            ranks -= ranks.mean(axis=1, keepdims=True)
            length = np.linalg.norm(ranks, axis=1, keepdims=True)
            self._kept[key] = column, ranks / np.where(length > 0, length, np.nan)  # the column stays, and so its id
        return self._kept[key][1]


def missing_last(score: Floats) -> Floats:
    """Scores with those that are missing (nan) below all others."""
    return np.where(np.isnan(score), -np.inf, score)


def known_in(*columns: Floats) -> Known:
    """Architectures that have a number in every column."""
    known: Known = np.logical_and.reduce([~np.isnan(column) for column in columns])
    return known


def summarised(found: Floats, count: int, level: float = 0.95) -> Correlation:
    """Value and percentile interval of an array of `Bootstrap`.

    There is no interval (nan) for fewer than 10 architectures, whose resamples all look alike, nor where more than 5 %
    of the resamples are undefined; and no value for fewer than 3.
    """
    drawn = _drawn(found, count)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]) if len(drawn) else (np.nan, np.nan)
    return Correlation(float(found[0]) if count >= 3 else np.nan, float(low), float(high), level, count)


def simultaneous(found: Floats, count: int, tests: int, level: float = 0.95) -> Correlation:
    """Value and an interval at the level that holds for `tests` intervals at once (Bonferroni), nan as `summarised`.

    So far out some hundred resamples have no percentiles: the interval is the value ± z bootstrap standard errors.
    """
    drawn, single = _drawn(found, count), 1 - (1 - level) / tests
    value = float(found[0]) if count >= 3 else np.nan
    half = NormalDist().inv_cdf((1 + single) / 2) * float(drawn.std(ddof=1)) if len(drawn) else np.nan
    return Correlation(value, value - half, value + half, single, count)


def _drawn(found: Floats, count: int) -> Floats:
    """The resamples that an interval can rest on; none where it would look more certain than it is."""
    drawn = found[1:][~np.isnan(found[1:])]
    enough = count >= _FEWEST and len(drawn) > 1 and len(drawn) >= (1 - _UNDEFINED) * (len(found) - 1)
    return drawn if enough and not np.isnan(found[0]) else drawn[:0]


def correlations(first: Floats, second: Floats, given: Floats, draws: Bootstrap) -> tuple[Correlation, ...]:
    """Spearman, Kendall and partial Spearman given a third column, each with its interval.

    Where the third is not known of any (all nan), the first two are of what the others know, and the last is nan.
    """
    lacking = bool(np.isnan(given).all())
    known = known_in(first, second) if lacking else known_in(first, second, given)
    count = int(known.sum())
    if count < 3:
        return (summarised(np.full(2, np.nan), count),) * 3
    partial = np.full(2, np.nan) if lacking else draws.partial(first, second, given, known)
    return (
        summarised(draws.spearman(first, second, known), count),
        summarised(draws.kendall(first, second, known), count),
        summarised(partial, count),
    )


def ceiling(
    table: Table,
    dataset: str,
    metric: str,
    rng: np.random.Generator,
    split: str = SPLIT,
    space: str | Space | None = None,
    beta: float | None = None,
) -> float:
    """Spearman that the noise of trainings leaves to a perfect score; nan where no trainings were repeated."""
    column = table.column(dataset, metric, split, space, beta)
    return float("nan") if measured_noise(table, column) is None else table_ceiling(table, column, rng, 1).value
