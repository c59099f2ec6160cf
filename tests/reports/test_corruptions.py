"""A report shows corruptions in a grid and a picture of their own, not as a column each."""

import numpy as np
import pytest

from robnas.benchmarks import Column, Table, write_table
from robnas.reports import report_of, write_page
from robnas.reports._corruptions import corruption_facts, corruption_figure
from robnas.reports._table_figures import histogram
from robnas.spaces import partition
from robnas.statistics import spearman
from robnas.types import SEVERITIES, is_one_corruption

COUNT, NAMES = 12, ("frost", "fog", "brightness", "saturate")


def table_of(label=""):
    """Random accuracies; one architecture lacks fog, severity 2 of brightness is not measured."""
    rng, suffix = np.random.default_rng(0), f":{label}" * bool(label)
    values = {key: rng.uniform(0.2, 0.9, (COUNT, 1)) for key in ("clean", "pgd@8/255", f"corruptions{suffix}")}
    values |= {f"{name}{suffix}@{s}": rng.uniform(0.1, 0.8, (COUNT, 1)) for name in NAMES for s in SEVERITIES}
    del values[f"brightness{suffix}@2"]
    values[f"fog{suffix}@1"][3] = np.nan
    columns = [Column("cifar10", "test", key, of, (0,), facts={"images": 500}) for key, of in values.items()]
    rows = [arch.index for arch in partition("official").representatives()[:COUNT]]
    return Table("corrupted", rows, columns, partition="official"), values


def report(table, tmp_path, kind="md", **options):
    write_table(table, tmp_path / "table.parquet")
    found = report_of(tmp_path / "table.parquet", **options)
    written = write_page(found.page, tmp_path / f"report.{kind}")
    return found.facts["table"]["splits"][0], written, written[0].read_text()


@pytest.mark.parametrize("label", ["", "made"])
def test_accuracy_by_corruption_and_severity_is_that_of_the_table(label, tmp_path):
    table, values = table_of(label)
    facts, files, text = report(table, tmp_path)
    suffix, pgd = f":{label}" * bool(label), values["pgd@8/255"][:, 0]
    of_name = [[values[f"{name}{suffix}@{s}"] for s in SEVERITIES if f"{name}{suffix}@{s}" in values] for name in NAMES]
    best = int(np.nanargmax(np.mean([np.mean(of, axis=0) for of in of_name], axis=0)))
    (of,) = facts["corruptions"]
    assert of["best"] == table.architectures[best].text
    assert (of["label"], [one["name"] for one in of["corruptions"]]) == (label, list(NAMES))
    for one in of["corruptions"]:
        columns = {
            s: values[f"{one['name']}{suffix}@{s}"][:, 0] for s in SEVERITIES if f"{one['name']}{suffix}@{s}" in values
        }
        assert one["best"] == {str(s): pytest.approx(of[best]) for s, of in columns.items()}
        assert one["median"] == {str(s): pytest.approx(np.nanmedian(of)) for s, of in columns.items()}
        mean = np.mean(list(columns.values()), axis=0)
        known = ~np.isnan(mean)
        assert one["with_ranking"] == pytest.approx(spearman(mean[known], pgd[known]))
    assert {metric["metric"] for metric in facts["metrics"]} == {"clean", "pgd@8/255", f"corruptions{suffix}"}
    name = f"corruptions-1{'-' * bool(label)}{label}.png"
    assert name in [path.name for path in files]
    assert "| brightness | " in text
    assert "19 of corruptions: noise of trainings unknown" in text
    assert "| brightness" not in text.split("Accuracy in % by corruption")[0]
    assert ("no official ones" in text) == ("their frost is synthetic" in text) == bool(label)
    row = next(line for line in text.splitlines() if line.startswith("| brightness | ")).split(" | ")
    assert row[2] == row[8] == "–"


def test_official_and_made_images_stand_apart(tmp_path):
    (official, _), (_, made) = table_of(), table_of("made")
    more = [Column("cifar10", "test", key, of, (0,)) for key, of in made.items() if ":made" in key]
    facts, files, _ = report(Table("both", official.rows, [*official.columns, *more], partition="official"), tmp_path)
    assert [of["label"] for of in facts["corruptions"]] == ["", "made"]
    assert {path.name for path in files} >= {"corruptions-1.png", "corruptions-1-made.png"}


def test_one_of_them_may_rank(tmp_path):
    table, _ = table_of()
    facts, _, text = report(table, tmp_path, kind="html", rank_by="fog@3")
    assert facts["ranked_by"] == "fog@3"
    assert {metric["metric"] for metric in facts["metrics"]} == {"clean", "pgd@8/255", "corruptions", "fog@3"}
    assert "ρ with fog@3" in text


def test_a_table_without_corruptions_has_no_such_section(tmp_path):
    table, _ = table_of()
    kept = [column for column in table.columns if not is_one_corruption(column.metric)]
    facts, files, text = report(Table("plain", table.rows, kept, partition="official"), tmp_path)
    assert facts["corruptions"] == []
    assert not [path for path in files if "corruptions" in path.name]
    assert "by corruption" not in text


def test_the_picture_has_a_cell_per_value():
    table, _ = table_of()
    columns = {column.metric: column for column in table.columns}
    (facts,) = corruption_facts(columns, columns["pgd@8/255"], table.architectures)
    figure = corruption_figure(facts)
    assert [len(axes.texts) for axes in figure.axes[:2]] == [19, 19]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(NAMES)


@pytest.mark.parametrize("key", ["fog@3", "fog:made@3"])
def test_one_corruption_at_one_severity_stands_in_the_grid(key):
    assert is_one_corruption(key)


@pytest.mark.parametrize("key", ["corruptions", "corruptions:made", "pgd@8/255", "clean", "latency:pixel3"])
def test_nothing_else_does(key):
    assert not is_one_corruption(key)


def test_pictures_of_many_metrics_keep_their_axes():
    rng = np.random.default_rng(0)
    columns = [Column("cifar10", "test", f"pgd@{level}/255", rng.uniform(0, 1, (20, 1))) for level in range(1, 31)]
    for some in (columns[:8], columns):
        figure = histogram(some)
        figure.canvas.draw()
        low, high = figure.axes[0].get_window_extent().intervaly
        assert high - low > 0.4 * figure.bbox.height
        shown = [text.get_text() for one in (*figure.legends, figure.axes[0].get_legend()) if one for text in one.texts]
        assert shown == [column.metric for column in some]
