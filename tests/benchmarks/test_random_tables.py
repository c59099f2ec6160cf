"""Tables of whatever columns, by space, beta, source, unit and prediction, come back from every file."""

import numpy as np
import pytest

from robnas.benchmarks import Column, CurveColumn, Table, load, write_rows, write_table

CODES = ["323133", "333333", "111111", "000000"]
SPACES = (None, "nas-bench-201:channels=4,cells=1", "nas-bench-201:channels=8,cells=1")
BETAS = (None, 0.0, 0.5, 1.0, 0.1 + 0.2)


def some(rng, shape):
    """Numbers of which a third are missing."""
    values = np.round(rng.random(shape), 3)
    return np.where(rng.random(shape) < 0.3, np.nan, values)


def drawn(seed):
    """A table of up to nine columns and some curves; what could not be told apart is drawn once."""
    rng, columns, taken = np.random.default_rng(seed), [], []

    def is_new(name, space, beta):
        alike = any(
            name == other and (space == its or None in (space, its)) and (beta == weight or None in (beta, weight))
            for other, its, weight in taken
        )
        taken.append((name, space, beta))
        return not alike

    for _ in range(rng.integers(1, 10)):
        dataset, split, metric = (
            str(rng.choice(of))
            for of in (
                ("digits", "cifar10"),
                ("validation", "test"),
                ("clean", "pgd@8/255", "latency:x", "brightness@3"),
            )
        )
        source = str(rng.choice(("a b", "x:y"))) if seed % 2 else ""
        beta, space = BETAS[rng.integers(len(BETAS))], SPACES[rng.integers(len(SPACES))]
        seeds = ((), (0, 1))[rng.integers(2)]
        kind = {"unit": "ms", "direction": "minimise"} if metric == "latency:x" else {}
        if rng.random() < 0.5:
            kind |= {"predicted": some(rng, 4), "sd": (None, some(rng, 4))[rng.integers(2)]}
        values = some(rng, (4, len(seeds) or 1))
        if is_new((dataset, split, metric, source), space, beta):
            columns.append(Column(dataset, split, metric, values, seeds, space=space, beta=beta, source=source, **kind))
    betas = [BETAS[place] for place in rng.permutation(len(BETAS))[: rng.integers(3)]]
    curves = [
        CurveColumn("digits", "validation", "clean", (1, 3), some(rng, (4, 1, 2)), beta=beta)
        for beta in betas
        if is_new("curves", None, beta)
    ]
    return Table("t", CODES, columns, curves=curves, space="nas-bench-201")


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".json"])
@pytest.mark.parametrize("seed", range(16))
def test_whatever_table_is_written_comes_back(seed, suffix, tmp_path):
    table, path = drawn(seed), tmp_path / f"t{suffix}"
    (write_table if suffix == ".parquet" else write_rows)(table, path)
    found = load(path)
    for ours, theirs in zip(by_name(table, table.columns), by_name(found, found.columns), strict=True):
        assert (ours.name, ours.unit, ours.direction) == (theirs.name, theirs.unit, theirs.direction)
        check_beta(ours, theirs, suffix)
        np.testing.assert_allclose(ours.mean, theirs.mean, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(ours.measured, theirs.measured)
        for part in ("predicted", "sd"):
            one, other = (np.full(4, np.nan) if (had := getattr(of, part)) is None else had for of in (ours, theirs))
            np.testing.assert_array_equal(one, other)
        assert table.column(ours.dataset, ours.address, ours.split, ours.space, ours.beta) is ours
    for ours, theirs in zip(by_name(table, table.curves), by_name(found, found.curves), strict=True):
        check_beta(ours, theirs, suffix)
        np.testing.assert_array_equal(ours.values, theirs.values)


def by_name(table, columns):
    return sorted(columns, key=table.column_name)


def check_beta(ours, theirs, suffix):
    """A beta of 1 need not be said in files for others."""
    assert ours.beta == theirs.beta or (suffix != ".parquet" and (ours.beta, theirs.beta) == (1, None))
