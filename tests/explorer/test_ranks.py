"""Ranks, their sets and errors as the page's own code makes them are those of Python, to the last digit."""

import numpy as np
import pytest

from robnas.benchmarks import Column, Table
from robnas.explorer import build_site
from robnas.spaces import partition
from robnas.statistics import rank_sets, shown_noise, standard_errors, tied_with_best

COUNT = 150
READ = """async () => {
  const { Data } = await import("/app/data.js"), data = await Data.load();
  return data.tables.map((table) => table.columns.map((column) => ({
    errors: [...column.spread.errors], best: [...column.best],
    sets: Array.from(table.indices, (_, row) => column.rankOf(row))
      .map((set) => [set.rank, set.sharing, set.low, set.high, set.count]),
  })));
}"""


def twins():
    """The members of 120 classes of identical networks."""
    classes = partition("identical").class_of
    several = np.flatnonzero(np.isin(np.bincount(classes), (2, 3, 4)))[:120]
    return np.flatnonzero(np.isin(classes, several))


def hostile_tables():
    """Noise of every kind: local, pooled, of one group, of none; holes, ends of the scale, heavy tails."""
    rng = np.random.default_rng(0)
    rows = [arch.index for arch in partition("identical").representatives()[:COUNT]]
    base = rng.uniform(0.2, 0.8, (COUNT, 1))
    counts = np.round((base + rng.normal(0, 0.02, (COUNT, 3))) * 100) / 100
    holes = counts.copy()
    holes[::3, 1], holes[::5, 2], holes[::7] = np.nan, np.nan, np.nan
    uneven = np.clip(base + rng.normal(0, 1, (COUNT, 2)) * np.where(base > 0.5, 1e-6, 0.1), 0, 1)
    same = rng.uniform(0.2, 0.7, 15625)[partition("identical").class_of][twins()]
    same = np.round(same + rng.normal(0, 0.01, len(same)), 3)[:, None]
    group = np.unique([*rows[:40], *np.flatnonzero(partition("identical").class_of == 0)[:8]])
    constant = np.arange(COUNT) % 4 == 0
    clean = np.where(constant[:, None], 0.1, base + rng.normal(0, 0.02, (COUNT, 2)))
    clean[constant, 0] += rng.choice([0, 0.01], constant.sum())
    attacked = np.where(constant[:, None], clean, 0.5 * clean + rng.normal(0, 0.01, (COUNT, 2)))
    ends = np.where(
        rng.random((COUNT, 1)) < 0.5, rng.integers(0, 2, (COUNT, 1)), base + rng.normal(0, 0.02, (COUNT, 2))
    )
    facts, ten = {"images": 100}, {"num_classes": 10, "images": 1000}
    return {
        "two seeds": own(rows, base + rng.normal(0, 0.02, (COUNT, 2))),
        "whole counts": own(rows, counts, facts),
        "holes": own(rows, holes, facts),
        "a few": own(rows[:20], holes[1:21], facts),
        "uneven": own(rows, uneven),
        "ends": own(rows, np.clip(ends, 0, 1)),
        "heavy tails": own(rows, np.clip(base + 0.01 * rng.standard_t(1.2, (COUNT, 2)), 0, 1)),
        "twins": Table("t", twins(), [column(same, facts)]),
        "one group": Table("t", group, [column(rng.uniform(0.2, 0.8, (len(group), 1)), facts)]),
        "constant": Table("t", rows, [seeded(clean, ten, "clean"), seeded(attacked, ten)]),
        "a hair apart": own(rows, 0.5 + rng.normal(0, 1.5e-7, (COUNT, 2))),
        "all equal": own(rows, np.full((COUNT, 2), 0.5)),
        "one": own(rows[:1], np.arange(0.1, 0.8, 0.1)[None]),
        "images only": own(rows, base, facts),
        "nothing known": own(rows, base),
        "nothing measured": own(rows[:10], np.full((10, 2), np.nan)),
    }


def column(values, facts=None, seeds=(), metric="pgd@8/255"):
    return Column("mine", "test", metric, values, seeds, facts=facts or {})


def seeded(values, facts=None, metric="pgd@8/255"):
    return column(values, facts, tuple(range(values.shape[1])), metric)


def own(rows, values, facts=None):
    return Table("t", rows, [seeded(values, facts) if values.shape[1] > 1 else column(values, facts)])


@pytest.fixture(scope="module")
def tables():
    return {name: Table(name, table.rows, table.columns) for name, table in hostile_tables().items()}


@pytest.fixture(scope="module")
def shown(tables, serve, browser):
    """What the page makes of each column."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(serve(build_site([(name, table) for name, table in tables.items()])))
    page.wait_for_selector("main[data-ready=cell]")
    found = page.evaluate(READ)
    context.close()
    return dict(zip(tables, found, strict=True))


@pytest.mark.parametrize("name", hostile_tables())
def test_sets_errors_and_who_may_be_best_are_those_of_the_statistics(tables, shown, name):
    table = tables[name]
    for column, found in zip(table.columns, shown[name], strict=True):
        where = {"dataset": column.dataset, "metric": column.metric, "split": column.split}
        errors, of = standard_errors(table, column)
        tolerance = 1e-5 if of == "images" else 1e-15  # those of images are rounded
        np.testing.assert_allclose(found["errors"], errors, rtol=0, atol=tolerance)
        known = ~np.isnan(column.mean)
        sets = np.array(found["sets"])
        if shown_noise(table, column) is None or known.sum() < 2:
            assert np.isnan(sets[:, 2:4]).all()
            assert found["best"] == []
            continue
        expected = [[one.rank, one.sharing, one.low, one.high, one.count] for one in rank_sets(table, **where)]
        assert sets[known].tolist() == expected
        assert np.isnan(sets[~known, :1]).all()
        assert found["best"] == sorted(table.row(arch) for arch, _ in tied_with_best(table, **where))


def test_the_tables_are_of_every_kind(tables):
    kinds = {name: shown_noise(table, table.columns[-1]) for name, table in tables.items()}
    assert {name for name, noise in kinds.items() if noise is None} == {
        "all equal", "images only", "nothing known", "nothing measured",
    }  # fmt: skip
    pooled = {name for name, noise in kinds.items() if noise and noise.kind == "pooled"}
    assert pooled == {"a few", "one group", "one"}
    assert {noise.source for noise in kinds.values() if noise} == {"seeds", "duplicates"}
