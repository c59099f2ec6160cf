from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from robnas.benchmarks import Column, Table
from robnas.errors import InputError
from robnas.spaces import Space
from robnas.surrogates import Campaign, ColumnValues, Structure, assess, classes_of
from robnas.surrogates._assess import Trial
from tests.surrogates.small import CELLS, OWN, cells, own

FIRST = {"dataset": "first", "metric": "pgd@8/255", "split": "test"}


def test_an_assessment_is_of_architectures_whose_class_had_no_part_in_the_fit(monkeypatch):
    seen = []
    run = Trial.run
    monkeypatch.setattr(Trial, "run", lambda self, seed: seen.append((self, self.chosen(seed))) or run(self, seed))
    table = cells(300)
    found = assess(table, **FIRST, train=30, splits=3)
    classes = classes_of(table.architectures, table.space)
    for held, (_, known) in zip(found.held, seen, strict=True):
        assert len(known) == len(set(classes[known])) == 30
        assert held == (~np.isin(classes, classes[known])).sum()
    assert len({tuple(known) for _, known in seen}) == 3
    assert found.summary["spearman"] > 0.8
    assert found.summary["mae"] < 0.05


def test_values_of_held_out_classes_change_nothing_of_the_predictions():
    table = cells(200)
    column = table.column("first", "pgd@8/255", "test")
    found = assess(table, **FIRST, train=30, splits=1)
    classes = classes_of(table.architectures, table.space)
    trial = Trial(Campaign(table.architectures), column.mean, None, 1, 30, "spread", "everywhere")
    held = ~np.isin(classes, classes[trial.chosen(0)])
    values = np.where(held[:, None], column.values[::-1], column.values)
    other = Table("other", table.architectures, [replace(column, values=values)])
    again = assess(other, **FIRST, train=30, splits=1)
    # the noise of a training is that of the whole table, and all that may differ
    np.testing.assert_allclose(again.predicted.mean, found.predicted.mean, atol=1e-3)
    assert not np.allclose(again.measured, found.measured)


class Paired(Space):
    """Neighbours in the space's order are the same network, and it says so."""

    partitions = ("identical",)

    def partition(self, name):
        return SimpleNamespace(class_of=np.arange(self.size) // 2, count=self.size // 2)


def test_the_same_network_is_not_judged_where_a_space_of_ones_own_knows_it():
    space = Paired("paired", genes=OWN.genes)
    values = np.repeat(np.random.default_rng(0).uniform(size=space.size // 2), 2)  # only its twin tells of a network
    table = Table("paired", np.arange(space.size), [Column("first", "test", "clean", values[:, None])], space=space)
    found = assess(table, dataset="first", metric="clean", split="test", train=60, splits=2)
    assert found.held == (96, 96)
    assert abs(found.summary["spearman"]) < 0.3


@pytest.mark.parametrize("design", ["random", "active"])
def test_every_design_is_assessed_and_the_numbers_do_not_depend_on_the_processes(design):
    table = cells(150)
    given = {**FIRST, "train": 26, "splits": 2, "design": design}
    alone = assess(table, **given).to_dict()
    assert alone["design"] == design
    assert assess(table, **given).to_dict() == alone
    if design == "random":
        assert assess(table, **given, jobs=2).to_dict() == alone


def test_an_assessment_says_what_it_is_of():
    said = []
    found = assess(cells(120), **FIRST, train=20, splits=2, seed=4, progress=lambda *given: said.append(given))
    facts = found.to_dict()
    expected = {
        "table": "small", "dataset": "first", "metric": "pgd@8/255", "split": "test", "beta": None, "train": 20,
        "splits": 2, "design": "spread", "model": "gaussian-process", "information": ["structure"], "noise": "seeds",
        "seed": 4,
    }  # fmt: skip
    assert expected.items() <= facts.items()
    assert "focus" not in facts
    assert said == [(done, 2, "first test pgd@8/255, 20 values") for done in range(3)]
    assert len(found.measured) == len(found.predicted.mean) == found.held[0]


def test_the_noise_is_left_to_the_fit_where_the_table_has_no_repeated_trainings():
    assert assess(own(), dataset="first", metric="clean", split="test", train=20, splits=1).noise == "fit"


def test_what_is_to_be_low_is_assessed_by_its_direction():
    table = cells(150)
    found = assess(table, dataset="first", metric="latency:cpu", split="test", train=30, splits=1)
    order = np.argsort(found.predicted.mean)[:10]
    assert found.summary["regret_top10"] == pytest.approx(found.measured[order].min() - found.measured.min(), abs=0.2)
    assert found.to_dict()["unit"] == "ms"
    assert found.summary["spearman"] > 0.8


def test_predicted_values_are_no_values_to_judge_by():
    table = cells(150)
    column = table.column("first", "pgd@8/255", "test")
    values = column.values.copy()
    values[100:] = np.nan
    made_up = replace(column, values=values, predicted=np.full(150, 0.9), sd=np.full(150, 0.1))
    found = assess(Table("completed", table.architectures, [made_up]), **FIRST, train=20, splits=1)
    assert found.held[0] <= 80
    assert found.measured.max() < 0.9


def test_another_data_set_is_information():
    table = cells(200, hidden=0.1)
    given = {**FIRST, "train": 15, "splits": 2, "design": "random"}
    alone = assess(table, **given)
    column = table.column("second", "pgd@8/255", "test")
    other = ColumnValues("columns:small::second::pgd@8/255::test", table, column)
    both = assess(table, **given, information=[Structure(), other])
    assert both.information == ("structure", "columns:small::second::pgd@8/255::test")
    assert both.summary["mae"] < alone.summary["mae"]


def test_the_answer_is_no_information():
    table = cells(100)
    copied = Table("renamed", table.architectures[::-1], [one.take(np.arange(100)[::-1]) for one in table.columns])
    for held in (table, copied):
        clean = ColumnValues("columns:x", held, held.column("first", "clean", "test"))
        with pytest.raises(InputError, match="information: expected columns of another data set than first, or of an"):
            assess(table, **FIRST, train=20, splits=1, information=[clean])
        assert assess(table, **FIRST, train=20, splits=1, information=[clean], same_dataset=True).held
        target = ColumnValues("columns:x", held, held.column("first", "pgd@8/255", "test"))
        with pytest.raises(InputError, match="expected another column than the predicted one, got 'columns:x'"):
            assess(table, **FIRST, train=20, splits=1, information=[target], same_dataset=True)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"train": 0}, "train: expected at least 1"),
        ({"train": 3}, "at least 5"),
        (
            {"train": 100_000},
            r"train: expected at most \d+, for there are \d+ classes with a value in first test",
        ),
        ({"train": 90}, "at least 20 measured architectures that no fit has seen, got"),
        ({"splits": 0}, "splits: expected at least 1, got 0"),
        ({"jobs": 0}, "jobs: expected at least 1, got 0"),
        ({"seed": -1}, "seed: expected at least 0"),
        ({"design": "no"}, "design: expected one of random, spread, active, got 'no'"),
        ({"model": "no"}, "surrogate: expected one of gaussian-process"),
        ({"metric": None}, "metric"),
        ({"dataset": "third"}, "expected one of first, second, got 'third'"),
    ],
)
def test_bad_input_of_an_assessment_is_refused(change, text):
    with pytest.raises(InputError, match=text):
        assess(cells(100), **{**FIRST, "train": 20, "splits": 1, **change})


def test_constant_values_are_refused():
    table = cells(60, seeds=())
    constant = replace(table.columns[0], values=np.full((60, 1), 0.5))
    with pytest.raises(InputError, match=r"at least two different ones, got 0\.5"):
        assess(Table("flat", table.architectures, [constant]), **{**FIRST, "metric": "clean"}, train=20, splits=1)


def test_structure_is_that_of_the_networks_that_were_trained():
    """A table of two sizes has a space without settings; a column knows its own."""
    table = cells(120)
    column = table.column("first", "clean", "test")
    small, usual = (CELLS.configure(channels=8, cells=size).key for size in (1, 5))
    both = Table("both", table.texts, [replace(column, space=key) for key in (small, usual)], space=CELLS)
    one = Table("both", table.texts, [replace(column, space=small)], space=CELLS.configure(channels=8, cells=1))
    where = {"dataset": "first", "metric": "clean", "split": "test", "train": 30, "splits": 1}
    alone = assess(one, **where)
    assert assess(both, space=small, **where).predicted.mean.tolist() == alone.predicted.mean.tolist()
    assert assess(both, space=usual, **where).predicted.mean.tolist() != alone.predicted.mean.tolist()
