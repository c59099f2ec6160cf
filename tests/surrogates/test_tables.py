from dataclasses import replace

import numpy as np
import pytest

from robnas.benchmarks import Column, Scores, Table, write_table
from robnas.errors import DataError, InputError
from robnas.proxies import SCALES
from robnas.spaces import Architecture
from robnas.surrogates import ColumnValues, information_of
from tests.surrogates.small import CELLS, OWN, cells, own


def test_each_kind_of_information_is_read_from_its_text(tmp_path):
    table = cells(40)
    write_table(table, tmp_path / "t.parquet")
    codes = table.texts[:30]
    means = np.column_stack([np.arange(30.0) + 1, np.arange(30.0)])
    means[4, 1] = np.nan
    Scores(codes, ("snip", "mine"), means, np.full((30, 2), np.nan)).write(tmp_path / "s.parquet")
    texts = ["structure", f"scores:{tmp_path}/s.parquet", f"columns:{tmp_path}/t.parquet::second::pgd@8/255::test"]
    structure, scores, columns = information_of(texts)
    assert [one.text for one in (structure, scores, columns)] == texts
    assert structure.features(table.architectures).shape == (40, len(structure.groups))
    found = scores.features(table.architectures[:31])
    assert tuple(scores.groups) == ("snip", "mine")
    np.testing.assert_allclose(found[:30, 0], [SCALES["snip"](value) for value in means[:, 0]])
    np.testing.assert_array_equal(found[:30, 1], means[:, 1])
    assert np.isnan(found[30]).all()
    values, crowded = columns.features(table.architectures).T
    assert values == pytest.approx(table.column("second", "pgd@8/255", "test").mean)
    order = np.argsort(values)
    assert (np.diff(crowded[order]) >= 0).all()
    assert np.ptp(crowded[order][-5:]) / np.ptp(values[order][-5:]) > np.ptp(crowded[order][:5]) / np.ptp(
        values[order][:5]
    )


def test_a_column_tells_of_relatives_too():
    table = cells(40)
    (first,) = information_of(["columns:digits::digits::pgd@32/255::test"])
    twins = [Architecture(code) for code in ("001000", "002000", "003000")]
    values = first.features(twins)
    assert np.isfinite(values).all()
    assert len(set(values[:, 0])) == 1
    assert np.isfinite(first.features(table.architectures)).all()


def test_the_source_of_a_joined_metric_and_a_beta_are_understood(tmp_path):
    table = cells(40)
    column = table.column("first", "clean", "test")
    several = [replace(column, beta=beta, values=column.values * beta) for beta in (0.5, 1.0)]
    write_table(Table("several", table.architectures, several), tmp_path / "b.parquet")
    (found,) = information_of([f"columns:{tmp_path}/b.parquet::first::clean::test::0.5"])
    assert found.features(table.architectures)[:, 0] == pytest.approx(column.mean / 2)
    with pytest.raises(InputError, match="beta"):
        information_of([f"columns:{tmp_path}/b.parquet::first::clean::test"])
    joined = table.join(cells(40, name="other", seed=0))
    write_table(joined, tmp_path / "j.parquet")
    (found,) = information_of([f"columns:{tmp_path}/j.parquet::first::other::clean::test"])
    assert found.column.source == "other"


def test_scores_of_a_table_are_of_the_data_set_that_is_named(tmp_path):
    table = cells(40)
    columns = [
        Column(dataset, "test", "synflow", np.arange(40.0)[:, None] * sign, unit="score")
        for dataset, sign in (("first", 1), ("second", -1))
    ]
    write_table(Table("scores", table.architectures, columns), tmp_path / "s.parquet")
    (found,) = information_of([f"scores:{tmp_path}/s.parquet::second"])
    np.testing.assert_array_equal(found.features(table.architectures)[:, 0], -np.arange(40.0))
    assert found.text.endswith("::second")
    with pytest.raises(InputError, match="data set of the scores in table scores: expected one of first, second, got"):
        information_of([f"scores:{tmp_path}/s.parquet"])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("nothing", "information: expected one of structure, scores:FILE, columns:TABLE::DATASET::METRIC::SPLIT, got"),
        ("scores:", "information: expected one of structure"),
        ("columns:digits", "information: expected one of structure"),
        ("columns:digits::digits::test", "information: expected one of structure"),
        ("columns:digits::digits::no::test", "metric of table digits: expected one of clean"),
        ("columns:digits::digits::clean::train", "split of table digits"),
        ("scores:no.parquet", "no.parquet: expected a file of scores, got nothing"),
        ("columns:no::digits::clean::test", "no"),
        ("scores:digits", "data set of the scores in table digits: expected scores"),
    ],
)
def test_information_that_is_none_is_refused(text, error):
    with pytest.raises((InputError, DataError), match=error):
        information_of([text])


def test_information_of_another_space_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected architectures of space own, got some of nas-bench-201"):
        information_of(["columns:digits::digits::clean::test"], OWN)
    write_table(own(), tmp_path / "own.parquet")
    with pytest.raises(InputError):
        information_of([f"columns:{tmp_path}/own.parquet::first::clean::test"], CELLS)


def test_what_a_table_takes_for_the_same_stands_in_where_it_has_no_member_of_the_class():
    official, effective = (CELLS.partition(name).class_of for name in ("official", "effective"))
    pairs = [
        (first, second)
        for members in (np.flatnonzero(official == number) for number in range(400))
        for first in members[:1].tolist()
        for second in members[1:].tolist()
        if effective[first] != effective[second]
    ]
    here, there = map(CELLS.from_index, pairs[0])
    column = Column("first", "test", "clean", [[0.5]])
    table = Table("one", [here], [column], partition="official")
    found = ColumnValues("columns:one", table, table.columns[0]).features([here, there, Architecture("323133")])
    np.testing.assert_array_equal(found[:, 0], [0.5, 0.5, np.nan])
