import math
from dataclasses import replace

import pytest

from robnas.analysis import leaderboard, metrics_of, strongest, write_figure, write_report
from robnas.errors import InputError
from robnas.spaces import Architecture
from tests.records.test_store import CLEAN, RECORD

OTHER = Architecture("444444")
RECORDS = [
    CLEAN, RECORD, replace(RECORD, metric="autoattack@8/255", value=0.44, images=100),
    replace(CLEAN, architecture=OTHER, value=0.4), replace(RECORD, architecture=OTHER, value=0.2),
    replace(CLEAN, architecture=Architecture("111111"), value=0.5),
]  # fmt: skip


def test_rows_are_ranked_and_missing_values_come_last():
    rows = leaderboard(RECORDS, "pgd@8/255")
    assert [row.architecture.code for row in rows] == ["323133", "444444", "111111"]
    assert math.isnan(rows[-1].value("pgd@8/255"))
    assert rows[1].value("clean") == 0.4
    assert rows[0].standard_error("pgd@8/255") == pytest.approx(math.sqrt(0.4811 * 0.5189 / 10000))


def test_metrics_are_ordered_from_clean_to_strongest():
    rows = leaderboard([*RECORDS, replace(RECORD, metric="pgd@3/255", value=0.6)], "clean")
    assert metrics_of(rows) == ["clean", "pgd@3/255", "pgd@8/255", "autoattack@8/255"]
    assert strongest(metrics_of(rows)) == "pgd@8/255"
    assert strongest(["clean"]) == "clean"


def test_ranking_by_a_metric_that_was_not_measured_lists_those_that_were():
    with pytest.raises(InputError, match="metric: expected one of clean, pgd@8/255, autoattack@8/255, got 'pgd'"):
        leaderboard(RECORDS, "pgd")


def test_two_values_for_one_place_are_refused():
    with pytest.raises(InputError, match="records of 323133 seed 0 test pgd@8/255: expected one, got several"):
        leaderboard([*RECORDS, replace(RECORD, images=50, value=0.5)], "clean")


def test_the_report_is_one_file_and_markup_is_shown_as_text(tmp_path):
    path = tmp_path / "report.html"
    write_report(
        path, RECORDS, title="A & B <script>", rank_by="pgd@8/255", provenance={"data": "<i>x</i>"},
        warnings=["<b>flag</b>"],
    )  # fmt: skip
    text = path.read_text()
    assert text.startswith("<!doctype html>")
    assert "A &amp; B &lt;script&gt;" in text
    assert "&lt;i&gt;x&lt;/i&gt;" in text
    assert "&lt;b&gt;flag&lt;/b&gt;" in text
    assert "<script" not in text
    assert "<svg" in text
    assert 'src="' not in text
    assert "48.1 ±0.5" in text
    assert "44.0 ±5.0*" in text
    assert "–" in text


def test_the_plot_is_saved(tmp_path):
    write_figure(tmp_path / "plot.png", RECORDS, "pgd@8/255")
    assert (tmp_path / "plot.png").read_bytes()[:4] == b"\x89PNG"
