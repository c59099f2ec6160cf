"""Queries saved, and differences between search algorithms, as tables of a page: their size first, p-values second."""

from __future__ import annotations

from collections.abc import Sequence

from robnas.reports._page import Grid, Section
from robnas.reports._search_units import regret_number, rope_text
from robnas.statistics import HOLM_FAMILY, IN_PERCENT, REFERENCE, PairedTest, Saved

_SHOWN = 40  # pairs that the page lists


def saved_grid(rows: Sequence[Saved]) -> Grid:
    """The rows as a table of a page."""
    caption = (
        "Mean queries until 99 % of the optimum were found (of several objectives, of the hypervolume) and kept to the "
        "end of the run, for with noise or transfer a better one may be given up again; and how many fewer than "
        f"{REFERENCE}, with a 95 % bootstrap interval over runs paired by seed. Runs that do not end there count with "
        "the whole budget: the mean is then at least the one shown, what is saved at least (≥, runs of "
        f"{REFERENCE}) or at most (≤, runs of the algorithm) that; where runs of both did not, it is not known (–)."
    )
    lines = tuple(
        (
            row.task, row.algorithm, ("" if row.reached == 1 else "≥ ") + f"{row.queries:.1f}",
            f"{100 * row.reached:.1f} %", _saved_text(row),
        )
        for row in sorted(rows, key=lambda row: (row.task, row.queries))
    )  # fmt: skip
    return Grid(caption, ("task", "algorithm", "queries", "runs that end there", "saved"), lines)


def _saved_text(row: Saved) -> str:
    """``+12.3 [+10.1, +14.2]``, ``≥ +12.3 [+10.1, …]`` or ``≤ +12.3 […, +14.2]``."""
    if row.saved is None:
        return "–"
    low, high = ("…" if end is None else f"{end:+.1f}" for end in (row.low, row.high))
    return f"{row.bound} {row.saved:+.1f} [{low}, {high}]".lstrip()


def test_sections(tests: Sequence[PairedTest]) -> list[Section]:
    """How much, how surely, and then whether at all.

    Args:
        tests: at least one, all with the same region of equivalence.
    """
    shown, rest = list(tests), ""
    if len(tests) > _SHOWN:
        shown = sorted(tests, key=lambda test: (-test.budget, test.adjusted))[:_SHOWN]
        rest = f"; the first {_SHOWN} at the largest budget, the rest is in tests.csv"
    return [
        Section("Differences", (_differences(shown, rest),)),
        Section("Paired tests", (_p_values(shown, rest),)),
    ]


def _differences(tests: Sequence[PairedTest], rest: str) -> Grid:
    units = dict.fromkeys(test.unit for test in tests if test.unit not in IN_PERCENT)
    other = f"; of costs in their unit, {', '.join(units)}" if units else ""
    caption = (
        "Mean regret of one minus that of the other, in percentage points (with several objectives in % of the "
        f"hypervolume{other}): below 0 the one is better. 95 % intervals, each for its pair alone, of runs paired by "
        "seed and of independent runs; r is the correlation of the regrets of equal seeds: near 0, pairing gains "
        f"nothing. Differences up to {rope_text(tests)} do not matter: better is what the paired interval shows beyond "
        "that. P: Bayesian signed-rank probabilities that the one is better, that the difference does not matter, and "
        f"that the other is better{rest}."
    )
    rows = tuple(
        (
            test.task, test.first, test.second, f"{test.budget}",
            interval_text(test.difference, test.low, test.high, test.unit),
            interval_text(test.unpaired, test.unpaired_low, test.unpaired_high, test.unit),
            "–" if test.correlation is None else f"{test.correlation:+.2f}", verdict_text(test), chances_text(test),
        )
        for test in tests
    )  # fmt: skip
    header = ("task", "one", "other", "queries", "difference", "unpaired", "r", "better", "P one · equal · other")
    return Grid(caption, header, rows, texts=(1, 2, 7))


def _p_values(tests: Sequence[PairedTest], rest: str) -> Grid:
    caption = (
        "Wilcoxon signed-rank tests of runs paired by seed, exact over the signs of the pairs that differ. "
        f"{HOLM_FAMILY}{rest}."
    )
    rows = tuple(
        (
            test.task, test.first, test.second, f"{test.budget}", f"{test.runs}", f"{test.equal}", f"{test.p:.2g}",
            f"{test.adjusted:.2g}", f"{test.family}",
        )
        for test in tests
    )  # fmt: skip
    header = ("task", "one", "other", "queries", "pairs", "of them equal", "p", "p after Holm", "tests in the family")
    return Grid(caption, header, rows, texts=(1, 2))


def interval_text(value: float | None, low: float | None, high: float | None, unit: str) -> str:
    """``-0.123 [-0.200, -0.046]``, in percentage points or the unit."""
    if value is None:
        return "–"
    ends = [regret_number(end, unit, "+") for end in (low, high) if end is not None]
    return regret_number(value, unit, "+") + (f" [{', '.join(ends)}]" if len(ends) == 2 else "")


def verdict_text(test: PairedTest) -> str:
    """The name of the better one, or that there is none."""
    return {"first": test.first, "second": test.second}.get(test.verdict, test.verdict)


def chances_text(test: PairedTest) -> str:
    """``.98 · .02 · .00``: first better, equivalent, second better."""
    found = (test.first_better, test.equivalent, test.second_better)
    return " · ".join("–" if chance is None else f"{chance:.2f}" for chance in found)
