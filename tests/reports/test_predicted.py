"""A report of a completed table ranks measured and predicted values, marks the latter, and computes with the former."""

import json

import pytest

from robnas.benchmarks import write_table
from robnas.cli import main
from robnas.reports._report import plain
from robnas.reports._table_facts import table_facts
from robnas.reports._table_sections import table_lead, table_sections
from tests.benchmarks.completed import COUNT, MEASURED, completed, measured


@pytest.fixture(scope="module")
def table():
    return completed()


@pytest.fixture(scope="module")
def facts(table):
    return table_facts(table)


def texts(blocks):
    return [" ".join(map(str, vars(block).values())) for block in blocks]


def test_everything_but_the_ranking_is_of_measured_values(table, facts):
    alone = table_facts(measured(table))
    (split,), (own,) = facts.splits, alone.splits
    assert (split.architectures, split.predicted) == (COUNT, COUNT - MEASURED)
    assert (own.architectures, own.predicted) == (MEASURED, 0)
    assert (split.ranks, split.tied) == ({}, None)
    for name in ("front", "front_size", "constant", "correlations", "genes", "corruptions", "noise"):
        assert getattr(split, name) == getattr(own, name)
    for one, other in zip(split.metrics, own.metrics, strict=True):
        assert one.predicted == COUNT - MEASURED
        assert plain({**vars(one), "predicted": 0}) == plain(vars(other))
    assert facts.findings == alone.findings


def test_predicted_values_are_marked_in_the_ranking(table, facts):
    split = facts.splits[0]
    assert {entry.measured for row in split.best for entry in row.entries.values()} >= {False}
    (section, *_) = table_sections(table, facts)
    lead, *_ = texts(section.blocks)
    assert "%, predicted; 50 of 80 values are predicted. Which one is the best cannot be told from predictions." in lead
    ranking = next(block for block in section.blocks if getattr(block, "caption", "").startswith("Accuracy in %"))
    for row, cells in zip(split.best, ranking.rows, strict=False):
        for metric, cell in zip(("clean", "pgd@8/255"), cells[-2:], strict=True):
            assert cell.startswith("~") is not row.entries[metric].measured
            assert "±" in cell
    assert "~: predicted, with the standard deviation of what one training would measure around it" in ranking.caption
    assert any("Values with ~ are predicted, not measured" in text for text in texts(table_lead(table, facts)))
    assert "95 %" not in ranking.header


def test_a_report_without_predictions_says_nothing_of_them(table):
    own = measured(table)
    found = table_facts(own)
    pages = texts([*table_lead(own, found), *(block for part in table_sections(own, found) for block in part.blocks)])
    assert not any("predicted" in text or " ~" in text for text in pages)


def test_the_numbers_for_machines_say_what_is_predicted(table, tmp_path, capsys):
    write_table(table, path := tmp_path / "completed.parquet")
    with pytest.raises(SystemExit) as ended:
        main(["report", str(path), "--out", str(tmp_path / "report.html"), "--json"])
    assert ended.value.code == 0
    (split,) = json.loads(capsys.readouterr().out)["table"]["splits"]
    assert split["predicted"] == COUNT - MEASURED
    assert split["best"][0]["entries"]["pgd@8/255"]["measured"] is False
    assert "~" in (tmp_path / "report.html").read_text(encoding="utf-8")
