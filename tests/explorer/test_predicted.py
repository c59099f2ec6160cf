"""The page tells predicted values from measured ones wherever it shows a value."""

import csv
import io
import re

import numpy as np
import pytest

from robnas.benchmarks import Scores
from robnas.explorer import build_site, read_searches
from robnas.search import Experiment, RandomSearch, Repetitions, Task
from tests.benchmarks.completed import COUNT, MEASURED, SD, completed, measured
from tests.explorer.acting import downloaded, row_of, until

READ = """async () => {
  const { Data } = await import("/app/data.js"), data = await Data.load();
  return data.tables.map((table) => table.columns.map((column) => ({
    predicted: Array.from(table.indices, (_, row) => column.isPredicted(row)),
    errors: Array.from(table.indices, (_, row) => column.sdOf(row)), best: column.best.size,
    low: Array.from(table.indices, (_, row) => column.rankOf(row).low),
    ranks: Array.from(table.indices, (_, row) => column.rankOf(row).rank),
  })));
}"""
MAP = "#/map?x=completed~digits~test~clean&y=completed~digits~test~pgd@8/255&front=no"


@pytest.fixture(scope="module")
def ours():
    return completed()


@pytest.fixture(scope="module")
def address(ours, serve, tmp_path_factory):
    own = measured(ours)
    own.name = "measured"
    means = np.arange(COUNT, dtype=float)[:, None]
    scores = Scores(tuple(ours.texts), ("mine",), means, np.full_like(means, 0.1), {}, {})
    tables = [("completed.parquet", ours), ("measured.parquet", own)]
    searched = Task.named(ours, "digits", "pgd@8/255", split="test", noise="predictive")
    folder = tmp_path_factory.mktemp("search")
    list(Experiment.of({"random-search": RandomSearch()}, [searched], Repetitions(10, 2)).run(out=folder / "results"))
    return serve(build_site(tables, [("scores.parquet", scores)], read_searches(folder, [ours])))


def test_the_page_knows_which_values_are_predicted_and_how_sure_they_are(visit, address, ours):
    found, alone = visit(address).open().evaluate(READ)
    for column, own in zip(found, alone, strict=True):
        assert column["predicted"] == [False] * MEASURED + [True] * (COUNT - MEASURED)
        np.testing.assert_allclose(column["errors"][MEASURED:], SD, rtol=1e-6)
        np.testing.assert_allclose(column["errors"][:MEASURED], own["errors"])
        assert set(column["low"]) == {None} or all(np.isnan(low) for low in column["low"])
        assert sorted(column["ranks"]) == list(range(1, COUNT + 1))
        assert (column["best"], any(own["predicted"])) == (0, False)
        assert own["best"] > 0


def test_a_cell_says_what_is_predicted(visit, address, ours):
    for row, mark, runs in ((0, "", "3"), (MEASURED, "~", "predicted")):
        page = visit(address).open(f"#/cell?arch={ours.texts[row]}")
        _, accuracy, rank, told = row_of(page, "completed", "digits test pgd@8/255")
        value = f"{mark}{100 * ours.columns[1].mean[row]:.2f} %"
        assert accuracy.startswith(value)
        assert "±" in accuracy
        assert rank.endswith(f"of {COUNT}")
        assert told == runs
    assert "Values with ~ are predicted" in page.inner_text('section[aria-label="completed"]')


def test_lists_and_files_of_the_map_mark_what_is_predicted(visit, address, ours):
    page = visit(address).open(MAP)
    plot = page.inner_text('section[aria-label="Plot"]')
    assert f"Of {COUNT - MEASURED} a value is predicted, not measured" in plot
    cells = page.locator("table.points tbody tr").all()
    for line in cells[:5] + cells[-5:]:
        name, *values = line.locator("th, td").all_inner_texts()
        predicted = ours.row(name.split()[0]) >= MEASURED
        assert all(value.startswith("~") is predicted for value in values)
        assert all(("±" in value) is predicted for value in values)
    _, text = downloaded(page, "CSV", "Plot")
    header, *rows = csv.reader(io.StringIO(text))
    assert header[-2:] == ["completed: digits test clean measured", "completed: digits test pgd@8/255 measured"]
    assert sorted(row[-1] for row in rows) == ["no"] * (COUNT - MEASURED) + ["yes"] * MEASURED


def test_a_comparison_says_that_a_model_made_some_of_the_values(visit, address):
    page = visit(address).open("#/compare?a=completed~digits~test~clean&b=completed~digits~test~pgd@8/255")
    text = page.inner_text('section[aria-label="Correlation"]')
    assert "Predicted values were made by a model" in text
    assert re.search(r"Best by the first: \S+, ~\d+\.\d\d % ±2\.00; by the second", text)
    page = visit(address).open("#/compare?a=measured~digits~test~clean&b=measured~digits~test~pgd@8/255")
    assert "redicted" not in page.inner_text("main")


def test_the_data_view_counts_what_is_predicted(visit, address):
    text = visit(address).open("#/data").inner_text('section[aria-label="completed"]')
    assert f"{COUNT}, {COUNT - MEASURED} predicted" in text


def test_scores_are_correlated_with_measured_values_alone(visit, address):
    text = (
        visit(address).open("#/kernels?accuracy=completed~digits~test~clean").inner_text('section[aria-label="Scores"]')
    )
    assert f"{MEASURED} architectures" in text
    assert "measured values alone" in text


def test_a_regret_against_predicted_values_is_called_an_estimate(visit, address):
    page = visit(address).open("#/search")
    until(page, "document.body.innerText.includes('Regret is against the')")
    text = page.inner_text("main")
    assert f"of {COUNT} architectures of completed, {COUNT - MEASURED} of them predicted: it is an estimate" in text
    assert "no replay" not in text
