from dataclasses import replace

import numpy as np
import pytest

from robnas.benchmarks import read_table, table_of_records, table_of_store, write_table
from robnas.errors import InputError
from robnas.records import Record, RecordStore
from robnas.spaces import Architecture, partition
from tests.benchmarks.conftest import same_table
from tests.data.conftest import refused

RECORD = Record(
    architecture=Architecture("323133"), dataset_hash="d" * 16, split="test", recipe_hash="r" * 16, seed=0,
    metric="pgd@8/255", attack_hash="a" * 16, images=10000, dataset="cifar10", value=0.4811, seconds=12.5,
    torch_version="2.13.0", device="cpu",
)  # fmt: skip
CLEAN = replace(RECORD, metric="clean", attack_hash="", value=0.7938)
OTHER = Architecture("333133")
RECORDS = [
    RECORD,
    replace(RECORD, seed=2, value=0.49),
    replace(RECORD, architecture=OTHER, seed=2, value=0.47, device="cuda"),
    CLEAN,
    replace(CLEAN, split="validation", images=5000, value=0.8),
    replace(CLEAN, architecture=OTHER, dataset="digits", dataset_hash="e" * 16, value=0.99),
]
PGD = {"dataset": "cifar10", "metric": "pgd@8/255", "split": "test"}


def test_records_become_columns_with_their_seeds():
    table = table_of_records("own", RECORDS)
    assert sorted(column.name for column in table.columns) == [
        "cifar10 test clean", "cifar10 test pgd@8/255", "cifar10 validation clean", "digits test clean",
    ]  # fmt: skip
    column = table.column(**PGD)
    assert column.seeds == (0, 2)
    assert np.array_equal(column.values, [[0.4811, 0.49], [np.nan, 0.47]], equal_nan=True)
    mean = table.query("323133", **PGD, seed="mean")
    assert (mean, mean.runs) == (pytest.approx((0.4811 + 0.49) / 2), 2)
    assert table.query("333133", **PGD, seed="mean").runs == 1
    assert table.query("323133", dataset="cifar10", metric="clean", split="validation", seed=0) == 0.8
    assert table.provenance == {
        "recipe_hash": "r" * 16,
        "dataset_hash": {"cifar10": "d" * 16, "digits": "e" * 16},
        "torch_version": ["2.13.0"],
        "device": ["cpu", "cuda"],
        "images": {
            "cifar10 test pgd@8/255": 10000, "cifar10 test clean": 10000, "cifar10 validation clean": 5000,
            "digits test clean": 10000,
        },
    }  # fmt: skip


def test_missing_seeds_and_data_sets_are_missing_values():
    table = table_of_records("own", RECORDS)
    with refused("cifar10 test pgd@8/255 of 333133: expected a measured value, got a missing one", InputError):
        table.query("333133", **PGD, seed=0)
    with refused("digits test clean of 323133: expected a measured value, got a missing one", InputError):
        table.query("323133", dataset="digits", metric="clean", split="test", seed="mean")


def test_rows_stand_for_themselves_unless_a_partition_is_named():
    first, second = partition("official").members(Architecture("000000"))[:2]
    records = [replace(RECORD, architecture=first)]
    with pytest.raises(InputError, match="resolve='official' finds"):
        table_of_records("own", records).row(second)
    assert table_of_records("own", records, partition="official").row(second) == 0


def test_the_order_of_the_records_changes_no_value():
    first, second = table_of_records("own", RECORDS), table_of_records("own", RECORDS[::-1])
    assert np.array_equal(first.rows, second.rows)
    for column in first.columns:
        other = second.column(column.dataset, column.metric, column.split)
        assert column.seeds == other.seeds
        assert np.array_equal(column.values, other.values, equal_nan=True)


MIXED = [
    (replace(RECORD, seed=1, recipe_hash="q"), r"table own: .* one recipe_hash, got q, r+; .*\(recipe_hash='q'\)"),
    (replace(RECORD, seed=1, dataset_hash="c"), r"table own, cifar10: .* one dataset_hash, got c, d+; select one"),
    (replace(CLEAN, split="validation", images=5000, dataset_hash="c"), r"cifar10: .* one dataset_hash, got c, d+"),
    (replace(RECORD, seed=1, attack_hash="b"), r"cifar10 test pgd@8/255: .* one attack_hash, got a+, b; select one"),
    (replace(RECORD, seed=1, images=9), r"cifar10 test pgd@8/255: .* one images, got 9, 10000; .*\(images=9\)"),
    (replace(RECORD, value=0.5), r"cifar10 test pgd@8/255 of 323133, seed 0: expected one value, got 0\.4811 and 0\.5"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "text"), MIXED)
@pytest.mark.parametrize("first", [True, False])
def test_records_that_are_not_comparable_are_refused(record, text, first):
    if first:
        text = text.replace("0\\.4811 and 0\\.5", "0\\.5 and 0\\.4811")
    with refused(text, InputError):
        table_of_records("own", [record, *RECORDS] if first else [*RECORDS, record])


def test_the_same_record_twice_counts_once():
    assert same_table(table_of_records("own", RECORDS + RECORDS), table_of_records("own", RECORDS))


def test_no_records_are_no_table():
    with refused("table own: expected records, got none", InputError):
        table_of_records("own", iter(()))


def test_a_store_becomes_a_table_that_can_be_written(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    with RecordStore(url) as store:
        store.add(RECORDS)
    table = table_of_store(url)
    assert table.name == "runs"
    assert np.array_equal(table.column(**PGD).values, [[0.4811, 0.49], [np.nan, 0.47]], equal_nan=True)
    write_table(table, tmp_path / "t.parquet")
    assert same_table(read_table(tmp_path / "t.parquet"), table)


def test_training_seeds_may_have_attack_seeds_of_their_own():
    records = [replace(RECORD, seed=seed, attack_seed=seed, value=seed / 4) for seed in (0, 1, 2)]
    assert table_of_records("own", records).query("323133", **PGD, seed=2) == 0.5


def test_a_missing_store_is_refused_and_not_made(tmp_path):
    with refused("typo.db: expected a store of records, got nothing; check the URL"):
        table_of_store(f"sqlite:///{tmp_path}/typo.db")
    assert not list(tmp_path.iterdir())
