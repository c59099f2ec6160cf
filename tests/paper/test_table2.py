import dataclasses
import math

import numpy as np
import pytest

from robnas.paper import _table2 as table2
from robnas.search import Loop
from robnas.types import silent
from tests.search.conftest import partial_table
from tests.statistics.test_search_tests import result


@dataclasses.dataclass(frozen=True)
class Twice:
    """Asks for each architecture of the table twice, the worst first."""

    def start(self, space, rng):
        return Loop(self._steps(space))

    def _steps(self, space):
        for arch in space.architectures:
            yield arch
            yield arch


@pytest.fixture
def clean_only(monkeypatch):
    """One criterion and one metric, on a table whose accuracies are 0.1, 0.2 … 0.9."""
    monkeypatch.setattr(table2, "METRICS", ("clean",))
    monkeypatch.setattr(table2, "CRITERIA", ("clean",))
    return partial_table(9)


def searched(name, accuracies, mean):
    """A result by clean accuracy whose runs return these, with this mean regret after each query."""
    found = result(name, [0.0] * len(accuracies))
    return dataclasses.replace(
        found,
        task={**found.task, "reported": ["cifar10 test clean"]},
        outcomes=np.array(accuracies)[:, None],
        mean=np.array(mean),
    )


def test_a_recalled_value_differs_beyond_rounding_and_two_errors_of_a_difference():
    assert not table2.differs(0.5004, math.nan, 0.5)
    assert table2.differs(0.5006, math.nan, 0.5)
    just = 0.0005 + 2 * math.sqrt(2) * 0.001
    assert not table2.differs(0.5 + just - 1e-6, 0.001, 0.5)
    assert table2.differs(0.5 + just + 1e-6, 0.001, 0.5)
    assert table2.differs(0.5 - just - 1e-6, 0.001, 0.5)


@pytest.mark.parametrize(
    ("mean", "text"),
    [
        ([0.2, 0.1006, 0.1004, 0.0996, 0.0994, 0.01], "after 3 to 5 queries."),
        ([0.2, 0.1006, 0.1004, 0.0996], "after 3 or more queries."),
        ([0.2, 0.19, 0.18], "after more than 3 queries."),
    ],
)
def test_the_budget_is_that_at_which_the_mean_regret_is_what_the_paper_lacks(clean_only, monkeypatch, mean, text):
    monkeypatch.setattr(table2, "RECALLED", {("clean", "mine"): (0.8,)})
    (line,) = table2._budgets(clean_only, {("clean", "mine"): searched("mine", [0.85, 0.87], mean)})
    assert line == f"- mine by clean: 0.8600 here, 0.800 in the paper, which the mean of our runs reaches {text}"


@pytest.mark.parametrize(("other", "apart"), [(0.8, False), (0.6, True)])
def test_rows_of_random_search_without_a_common_budget_are_named(clean_only, monkeypatch, other, apart):
    monkeypatch.setattr(table2, "METRICS", ("clean", "again"))
    monkeypatch.setattr(
        table2, "RECALLED", {("clean", "random-search"): (0.8, 0.0), ("again", "random-search"): (0.0, other)}
    )
    one = searched("random-search", [0.85, 0.87], [0.3, 0.2, 0.1, 0.0])
    two = dataclasses.replace(one, task={**one.task, "reported": ["cifar10 test again"]})
    columns = clean_only.columns[0], dataclasses.replace(clean_only.columns[0], metric="again")
    table = type(clean_only)("partial", clean_only.rows, columns)
    lines = table2._budgets(table, {("clean", "random-search"): one, ("again", "random-search"): two})
    assert [line.startswith("- random-search asks for the same") for line in lines[2:]] == [True] * apart


def test_chance_explains_a_row_up_to_a_number_of_runs(monkeypatch):
    monkeypatch.setattr(table2, "METRICS", ("one", "two", "three"))
    rows = [
        ("", "oracle", (0.6,) * 3, (math.nan,) * 3, (0.5,) * 3),
        ("one", "sure", (0.6,) * 3, (0.0,) * 3, (0.6, 0.6, 0.5)),
        ("one", "mine", (0.51, 0.5, 0.512), (0.001,) * 3, (0.5,) * 3),
        ("two", "equal", (0.5,) * 3, (0.001,) * 3, (0.5,) * 3),
    ]
    _, sure, mine = table2._by_chance(rows)
    assert sure == "- sure by one differs in three: that is not chance, however few the paper's runs."
    runs = int(mine.rpartition(" ")[2].rstrip("."))
    assert mine.startswith("- mine by one differs in one, three: chance would do it if the paper's means were of no ")
    for most, within in ((runs, True), (runs + 1, False)):
        error = math.sqrt(0.001**2 + 0.001**2 * table2.RUNS / most)  # of ours, and of a mean of so many runs
        assert (0.0005 + 2 * error >= 0.012) == within


def test_charging_repetitions_counts_the_distinct_ones_among_as_many_questions(clean_only, monkeypatch):
    monkeypatch.setattr(table2, "RUNS", 2)
    monkeypatch.setattr(table2, "BUDGET", 5)
    monkeypatch.setattr(table2, "ALGORITHMS", {"twice": Twice()})
    told = []
    for paper, part in ((0.2, ", 67 % of the gap"), (0.5, ""), (0.6, "")):
        monkeypatch.setattr(table2, "RECALLED", {("clean", "twice"): (paper,)})
        results = {("clean", "twice"): searched("twice", [0.5, 0.5], [0.4])}
        line, *rest = table2._if_repeats_were_charged(clean_only, results, lambda *facts: told.append(facts))
        assert line == (
            f"- twice, if repetitions were charged too, finds 0.3000 by clean (3 distinct{part}) in 5 questions."
        )
        assert len(rest) == bool(part)
    assert told[:2] == [(done, 4, "twice by clean, repetitions charged") for done in (3, 4)]
    assert table2._if_repeats_were_charged(clean_only, results, silent)[0] == line
