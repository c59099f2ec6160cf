import json

import numpy as np
import pytest

from robnas.benchmarks import Column, Table, load, write_table
from robnas.errors import InputError
from robnas.reports import code_text, report_of, write_page
from robnas.spaces import partition
from robnas.statistics import constant_rows, data_quality, leaderboard, unchecked


def table(metrics, dataset="mine", seeds=(), **facts):
    """Rows are different networks; `metrics` holds a value per row."""
    rows = [arch.index for arch in partition("identical").representatives()[: len(next(iter(metrics.values())))]]
    facts = {"images": 400, **facts}
    columns = [
        Column(dataset, "test", metric, np.array(values)[:, None] * np.ones((1, len(seeds) or 1)), seeds, facts=facts)
        for metric, values in metrics.items()
    ]
    return Table("own", rows, columns)


OWN = {"clean": [0.2, 0.9, 0.6, 0.21], "pgd@8/255": [0.2, 0.1, 0.15, 0.05]}


def constant(found):
    rows = constant_rows(found, "mine", "test")
    return None if rows is None else rows.tolist()


def page(found, tmp_path, kind="md"):
    write_table(found, tmp_path / "own.parquet")
    made = report_of(tmp_path / "own.parquet")
    return made, write_page(made.page, tmp_path / f"report.{kind}")[0].read_text()


def test_a_constant_network_that_wins_on_own_data_is_marked(tmp_path):
    own = table(OWN, num_classes=5)
    assert constant(own) == [True, False, False, True]  # the last is at chance level
    best = leaderboard(own, "mine", "test", "pgd@8/255")[0]
    assert (best.rank, best.constant, code_text(best)) == (1, True, f"{best.architecture.code} †")
    assert ("clean accuracy at chance level", 2) in [(found.check, found.count) for found in data_quality(own)]
    made, text = page(own, tmp_path)
    assert f"1 | {best.architecture.code} † |" in text
    assert f"| {best.architecture.code} † | 20.00 | 20.00 |" in text  # in the Pareto front
    assert "It gives one answer whatever the image shows, or learned nothing: no attack can harm it" in text
    assert "Nothing looks wrong" not in text
    assert made.facts["table"]["splits"][0]["constant"] == 2
    json.dumps(made.facts)


def test_without_the_number_of_classes_the_page_says_that_it_was_not_checked(tmp_path):
    own = table(OWN)
    assert constant(own) is None
    assert leaderboard(own, "mine", "test", "clean")[0].constant is None
    assert "chance level of mine test: number of classes unknown" in unchecked(own)
    made, text = page(own, tmp_path)
    assert "Nothing looks wrong in what was checked." in text
    assert "chance level of mine test: number of classes unknown" in text
    assert "outliers of mine test clean, pgd@8/255: noise of trainings unknown" in text
    assert made.facts["table"]["splits"][0]["constant"] is None


@pytest.mark.parametrize("wrong", ["ten", 0, 1, 2.5, True, 10**400])
def test_a_number_of_classes_that_is_none_counts_as_unknown(wrong):
    assert constant(table(OWN, num_classes=wrong)) is None


def test_what_is_recorded_comes_before_what_a_name_says():
    assert Column("digits", "test", "clean", [[0.1]]).num_classes == 10
    assert Column("digits", "test", "clean", [[0.1]], facts={"num_classes": 3}).num_classes == 3
    assert Column("mine", "test", "clean", [[0.1]]).num_classes is None
    assert Column("mine", "test", "clean", [[0.1]], facts={"num_classes": 4}).constant_accuracy == 0.25
    assert Column("mine", "test", "clean", [[0.1]], facts={"num_classes": 4, "majority": 0.4}).constant_accuracy == 0.4


@pytest.mark.parametrize(
    ("clean", "attacked", "facts", "expected"),
    [
        (0.35, 0.35, {"num_classes": 5, "majority": 0.35}, True),  # the most frequent class
        (0.25, 0.25, {"num_classes": 5, "majority": 0.35}, True),  # another one
        (0.35, 0.345, {"num_classes": 5, "majority": 0.35}, False),  # two of 400 images changed
        (0.36, 0.36, {"num_classes": 5, "majority": 0.35}, False),  # more than any constant reaches
        (0.35, 0.35, {"num_classes": 5}, True),  # the share is not known: up to twice an average class
        (0.45, 0.45, {"num_classes": 5}, False),
        (0.95, 0.95, {"num_classes": 10, "majority": 0.1}, False),  # a tiny epsilon harms no one
        (0.35, np.nan, {"num_classes": 5, "majority": 0.35}, False),  # never attacked
        (np.nan, 0.2, {"num_classes": 5}, False),
        (0.6, 0.6, {"num_classes": 2, "majority": 0.6}, True),
    ],
)
def test_constant_is_what_one_answer_can_reach_and_no_attack_changes(clean, attacked, facts, expected):
    assert constant(table({"clean": [clean], "pgd@8/255": [attacked]}, **facts)) == [expected]


def test_every_attack_counts_and_fewer_images_have_other_shares():
    values = {"clean": [0.3, 0.3], "pgd@8/255": [0.3, 0.3], "autoattack@8/255": [0.3, 0.2]}
    assert constant(table(values, num_classes=5, majority=0.3)) == [True, False]
    clean = Column("mine", "test", "clean", [[0.3]], facts={"images": 400, "num_classes": 5, "majority": 0.3})
    fewer = Column("mine", "test", "pgd@8/255", [[0.33]], facts={"images": 100, "num_classes": 5, "majority": 0.34})
    assert constant(Table("own", [0], [clean, fewer])) == [True]
    assert constant(Table("own", [0], [clean])) == [False]  # 0.3 of 5 classes without an attack tells nothing


def test_attacks_on_other_trainings_tell_nothing():
    """In a joined table each column says which table it is from."""
    values = {"clean": [0.35, 0.35], "pgd@8/255": [0.35, 0.35]}
    other = {"clean": [0.9, 0.35], "pgd@8/255": [0.5, 0.35]}
    both = table(values, num_classes=5, majority=0.35).join(table(other, num_classes=5, majority=0.35))
    first, second = dict.fromkeys(column.source for column in both.columns)
    assert constant(both.select(source=first)) == [True, True]
    assert constant(both.select(source=second)) == [False, True]
    with pytest.raises(InputError, match="expected accuracies of one source, got "):
        constant(both)


def test_the_number_of_classes_survives_files(tmp_path):
    write_table(table(OWN, num_classes=5, majority=0.4), tmp_path / "own.parquet")
    column = load(tmp_path / "own.parquet").column("mine", "clean", "test")
    assert (column.num_classes, column.constant_accuracy) == (5, 0.4)


def test_dead_networks_of_the_bundled_table_are_known_and_few():
    digits = load("digits")
    for split in ("validation", "test"):
        rows = constant_rows(digits, "digits", split)
        clean = digits.values("digits", "clean", split=split)
        assert np.array_equal(rows, clean < 0.11)
        assert 0 < rows.sum() < 200
    assert not [line for line in unchecked(digits) if line.startswith("chance")]


@pytest.mark.parametrize(
    ("checks", "line"),
    [
        (True, None),
        (False, "strength of the attacks: the plan left out the sanity checks of its evaluations"),
        (None, "strength of the attacks: whether sanity checks ran is not recorded"),
    ],
)
def test_pages_say_whether_the_attacks_were_checked(checks, line, monkeypatch):
    digits = load("digits")
    plan = {"evaluation": {} if checks is None else {"checks": checks}}
    monkeypatch.setattr(digits, "provenance", {**digits.provenance, "plan": plan})
    assert [found for found in unchecked(digits) if found.startswith("strength")] == ([line] if line else [])
