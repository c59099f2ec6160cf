"""Accuracies under corruptions stand in a grid, by corruption and severity."""

import numpy as np
import pytest

from robnas.benchmarks import Column, Table
from robnas.explorer import build_site
from robnas.types import SEVERITIES, Metric
from tests.explorer.acting import text_of
from tests.explorer.test_site import header_of

ROWS = [0, 7, 15624]


@pytest.fixture(scope="module")
def corrupted():
    """Official brightness and fog, brightness made from the images, and both means; fog lacks severity 4."""
    rng = np.random.default_rng(0)
    names = ["clean", "pgd@8/255", "corruptions", "corruptions:made"]
    names += [f"{name}@{s}" for name in ("fog", "brightness") for s in SEVERITIES if (name, s) != ("fog", 4)]
    names += [f"{name}:made@{s}" for name in ("brightness", "frost") for s in SEVERITIES] + ["frost@1"]
    values = {name: np.round(rng.uniform(0.2, 0.9, (len(ROWS), 1)), 3) for name in names}
    columns = [Column("cifar10", "test", name, of, facts={"images": 1000}) for name, of in values.items()]
    return Table("corrupted", ROWS, columns), values


def test_the_header_says_what_is_a_corruption(corrupted):
    table, values = corrupted
    header = header_of(build_site([("c", table)]))["tables"][0]
    for column in header["columns"]:
        metric = Metric.parse(column["metric"])
        facts = {"name": metric.attack, "label": metric.label, "severity": metric.severity, "source": ""}
        assert column.get("corruption") == (facts if metric.severity else None)
    assert len(header["columns"]) == len(values)
    assert header["columns"][header["main"]]["metric"] == "pgd@8/255"


def test_a_grid_has_each_accuracy_and_the_way_to_the_map(corrupted, visit, serve):
    table, values = corrupted
    page = visit(serve(build_site([("c", table)]))).open("#/cell?arch=000012")
    lines = page.locator('section[aria-label="corrupted"] table.measurements tbody tr').all_inner_texts()
    assert [line.split()[0] for line in lines] == ["clean", "pgd@8/255", "corruptions", "corruptions:made"]
    summaries = page.locator(".corrupted summary").all_inner_texts()
    assert [("made" in text, "no official ones" in text) for text in summaries] == [(False, False), (True, True)]
    rows = [text.split("\t") for text in page.locator(".corrupted tbody tr").all_inner_texts()]
    assert [row[0] for row in rows] == ["fog", "brightness", "frost", "brightness", "frost (synthetic)"]
    keys = ("fog@{}", "brightness@{}", "frost@{}", "brightness:made@{}", "frost:made@{}")
    for row, key in zip(rows, keys, strict=True):
        expected = [100 * values[key.format(s)][1, 0] if key.format(s) in values else None for s in SEVERITIES]
        assert row[1:6] == ["–" if value is None else f"{value:.1f}" for value in expected]
        assert row[6] == ("–" if None in expected else f"{np.mean(expected):.1f}")
    button = page.locator('.corrupted button[data-column="cifar10 test brightness@3"]')
    assert " of 3" in button.get_attribute("title")
    button.click()
    assert "brightness@3" in page.evaluate("decodeURIComponent(location.hash)")
    assert text_of(page, "h1")


def test_tables_that_were_joined_have_a_grid_each(visit, serve):
    values = {source: [[0.25], [value]] for source, value in (("first", 0.5), ("second", 0.75))}
    columns = [Column("cifar10", "test", "fog@2", of, source=source) for source, of in values.items()]
    page = visit(serve(build_site([("c", Table("joined", [0, 15624], columns))]))).open("#/cell?arch=444444")
    summaries = page.locator(".corrupted summary").all_inner_texts()
    assert [text.rpartition(", ")[2] for text in summaries] == ["first", "second"]
    rows = [text.split("\t") for text in page.locator(".corrupted tbody tr").all_inner_texts()]
    assert [row[:3] for row in rows] == [["fog", "–", "50.0"], ["fog", "–", "75.0"]]
