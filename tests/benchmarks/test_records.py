import re
from dataclasses import replace

import numpy as np
import pytest

from robnas.benchmarks import (
    Choice,
    holdings,
    load,
    read_table,
    table_of_records,
    table_of_store,
    write_table,
)
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
    assert table.provenance == {"torch_version": ["2.13.0"], "device": ["cpu", "cuda"]}
    assert column.facts == {
        "recipe": "r" * 16, "recipe_name": "", "images": 10000, "attack": "a" * 16, "dataset_version": "d" * 16,
    }  # fmt: skip
    assert table.column("cifar10", "clean", "validation").facts["images"] == 5000
    assert table.column("cifar10", "clean", "test").facts["attack"] == ""


def test_the_number_of_classes_reaches_the_column():
    known = [replace(record, dataset="mine", num_classes=7, majority=0.3) for record in (RECORD, CLEAN)]
    column = table_of_records("own", known).column("mine", "clean", "test")
    assert (column.facts["num_classes"], column.facts["majority"]) == (7, 0.3)
    assert (column.num_classes, column.constant_accuracy) == (7, 0.3)


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
    (
        replace(RECORD, seed=1, recipe_hash="q" * 16),
        "recipe, got qqqqqqqq, rrrrrrrr; choose one: --recipe qqqqqqqq on the .*, recipe='qqqqqqqq' in Python$",
        {"recipe": "rr"},
    ),
    (
        replace(RECORD, seed=1, dataset_hash="c" * 16),
        "version of the data set, got cccccccc, d+; choose one: --dataset-version cccccccc .*, dataset_version='c",
        {"dataset_version": "d"},
    ),
    (
        replace(RECORD, seed=1, attack_hash="b" * 16),
        r"attack \(hash of its settings\), got a+, bbbbbbbb; choose one: --attack aaaaaaaa .*, attack='aaaaaaaa' in",
        {"attack": "a"},
    ),
    (
        replace(RECORD, seed=1, images=9),
        "number of images, got 9, 10000; choose one: --images 9 on the command line, images=9 in Python$",
        {"images": 10000},
    ),
    (
        replace(RECORD, attack_seed=5, value=0.5),
        "attack seed, got 0, 5; choose one: --attack-seed 0 on the command line, attack_seed=0 in Python$",
        {"attack_seed": 0},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("record", "text", "chosen"), MIXED)
@pytest.mark.parametrize("first", [True, False])
def test_only_the_column_of_records_that_are_not_comparable_is_refused(record, text, chosen, first):
    records = [record, *RECORDS] if first else [*RECORDS, record]
    table = table_of_records("own", records)
    assert table.query("323133", dataset="cifar10", metric="clean", split="test", seed="mean") == CLEAN.value
    asked = f"table own, cifar10 test pgd@8/255: expected records of one {text}"
    for call in (table.query, table.peek):
        with refused(asked, InputError):
            call("323133", **PGD, seed="mean")
    for call in (table.values, table.best, table.objective, table.noise, table.local_noise):
        with refused(asked, InputError):
            call(**PGD)
    assert list(table.provenance["left_out"]) == ["cifar10 test pgd@8/255"]
    only = table_of_records("own", records, choice=Choice(**chosen))
    assert np.array_equal(only.column(**PGD).values, [[0.4811, 0.49], [np.nan, 0.47]], equal_nan=True)
    assert "left_out" not in only.provenance
    assert only.column("cifar10", "clean", "test")


def test_two_values_under_one_key_are_refused():
    with refused(r"cifar10 test pgd@8/255 of 323133, seed 0: expected one value, got 0\.4811 and 0\.5", InputError):
        table_of_records("own", [*RECORDS, replace(RECORD, value=0.5)])


OTHER_RECIPE = "q" * 15
NAMES = {"r" * 16: "digits", OTHER_RECIPE + "1": "wide", OTHER_RECIPE + "2": "narrow"}
SEVERAL = [*RECORDS, *(replace(CLEAN, recipe_hash=OTHER_RECIPE + digit, value=int(digit) / 10) for digit in "12")]


@pytest.mark.parametrize(
    ("recipe", "value"), [("wide", 0.1), (OTHER_RECIPE + "2", 0.2), ("r", 0.7938), ("digits", 0.7938)]
)
def test_a_recipe_is_chosen_by_its_name_or_the_beginning_of_its_hash(recipe, value):
    table = table_of_records("own", SEVERAL, recipe_names=NAMES, choice=Choice(recipe=recipe))
    found = table.column("cifar10", "clean", "test")
    assert found.values[table.row("323133"), 0] == value
    assert NAMES[found.facts["recipe"]] == found.facts["recipe_name"]


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        (
            {"recipe": "q"},
            r"recipe: expected the name or beginning of one hash among q+1 \(wide\), q+2 \(narrow\), rrrrrrrr",
        ),
        ({"recipe": "digit"}, r"recipe: .*, got 'digit'"),
        ({"recipe": ""}, r"recipe: .*, got ''"),
        ({"recipe": 7}, r"recipe: .*, got 7"),
        ({"images": 3}, r"images: expected one of 5000, 10000, got 3"),
        ({"images": True}, r"images: expected one of 5000, 10000, got True"),
        ({"images": "10000"}, r"images: .*, got '10000'"),
        ({"attack": "c"}, r"attack: expected the beginning of one hash among aaaaaaaa, got 'c'"),
        (
            {"dataset_version": "f"},
            r"dataset version: expected the beginning of one hash among dddddddd, eeeeeeee, got",
        ),
        ({"attack_seed": 4}, r"attack seed: expected one of 0, got 4"),
        ({"recipe": "wide", "attack": "a"}, r"attack: expected the beginning of one hash among none, got 'a'"),
    ],
)
def test_a_choice_that_fits_nothing_lists_what_there_is(choice, text):
    with refused(text, InputError):
        table_of_records("own", SEVERAL, recipe_names=NAMES, choice=Choice(**choice))


def test_metrics_of_several_recipes_are_not_compared():
    records = [replace(record, recipe_hash="q" * 16) if record.metric == "clean" else record for record in RECORDS]
    table = table_of_records("own", records)
    assert table.best("cifar10", "clean", split="test")
    with refused("table own: expected metrics of one recipe, got q+, r+; load the store with recipe='q+'", InputError):
        table.pareto("cifar10", "clean", "pgd@8/255", split="test")


def test_ambiguous_columns_stay_so_in_other_forms():
    table = table_of_records("own", SEVERAL)
    assert "cifar10 test clean" not in table.to_pandas()
    assert "digits test clean" in table.to_pandas()
    text = "cifar10 test clean: expected records of one recipe"
    with refused(text, InputError):
        table.select("cifar10").column("cifar10", "clean", "test")
    assert not table.select("digits").ambiguous
    joined = table.join(table_of_records("other", SEVERAL))
    for metric in ("own:clean", "other:clean"):
        with refused(text.replace("clean", re.escape(metric)), InputError):
            joined.column("cifar10", metric, "test")
    with refused(r"metric of table own: expected one of .*clean.*, got 'clear'; did you mean clean\?", InputError):
        table.column("cifar10", "clear", "test")
    only = table_of_records(
        "own",
        [
            record
            for record in SEVERAL
            if record.metric == "clean" and record.split == "test" and record.dataset == "cifar10"
        ],
    )
    for call in (only.to_pandas, lambda: only.to_pandas("cifar10"), lambda: only.select("cifar10").to_pandas()):
        with refused(text, InputError):
            call()


def test_a_table_that_was_written_says_what_its_columns_rest_on(tmp_path):
    table = table_of_records("own", SEVERAL, recipe_names=NAMES)
    write_table(table, tmp_path / "t.parquet")
    again = read_table(tmp_path / "t.parquet")
    assert [column.facts for column in again.columns] == [column.facts for column in table.columns]
    assert again.column(**PGD).facts["recipe_name"] == "digits"
    assert list(again.provenance["left_out"]) == ["cifar10 test clean"]


def test_a_store_lists_what_it_holds(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    with RecordStore(url) as store:
        store.add(SEVERAL, {hash_: {"name": name} for hash_, name in NAMES.items() if name != "narrow"})
    found = holdings(url)
    assert sum(entry.records for entry in found) == len(SEVERAL)
    assert [(e.dataset, e.recipe_name, e.split, e.metric, e.images, e.records) for e in found] == [
        ("cifar10", "wide", "test", "clean", 10000, 1), ("cifar10", "", "test", "clean", 10000, 1),
        ("cifar10", "digits", "test", "clean", 10000, 1), ("cifar10", "digits", "test", "pgd@8/255", 10000, 3),
        ("cifar10", "digits", "validation", "clean", 5000, 1), ("digits", "digits", "test", "clean", 10000, 1),
    ]  # fmt: skip
    pgd = found[3]
    assert (pgd.seeds, pgd.attack_seeds, pgd.architectures, pgd.attack) == ((0, 2), (0,), 2, "a" * 16)
    assert (pgd.recipe, pgd.dataset_version) == ("r" * 16, "d" * 16)
    assert load(url, recipe="wide").column("cifar10", "clean", "test").values[0, 0] == 0.1
    assert load(url, images=5000).query("323133", dataset="cifar10", metric="clean", split="validation", seed=0) == 0.8


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


def test_corrupted_images_are_taken_whatever_the_seed_of_the_attack():
    corrupted = [
        replace(RECORD, metric=metric, attack_hash=2 * metric[:8]) for metric in ("brightness@3", "fog:made@1")
    ]
    attacked = [replace(RECORD, attack_seed=seed, value=seed / 10) for seed in (0, 5)]
    table = table_of_records("mine", [CLEAN, *corrupted, *attacked], choice=Choice(attack_seed=5))
    assert {column.metric: column.mean[0] for column in table.columns} == {
        "clean": CLEAN.value, "brightness@3": RECORD.value, "fog:made@1": RECORD.value, "pgd@8/255": 0.5,
    }  # fmt: skip


def test_training_seeds_may_have_attack_seeds_of_their_own():
    records = [replace(RECORD, seed=seed, attack_seed=seed, value=seed / 4) for seed in (0, 1, 2)]
    assert table_of_records("own", records).query("323133", **PGD, seed=2) == 0.5


def test_a_missing_store_is_refused_and_not_made(tmp_path):
    with refused("typo.db: expected a store of records, got nothing; check the URL"):
        table_of_store(f"sqlite:///{tmp_path}/typo.db")
    assert not list(tmp_path.iterdir())


def test_a_long_name_of_a_recipe_is_kept_as_one_line(tmp_path):
    names = {CLEAN.recipe_hash: "digits\n\x1b[2J+" + "epochs=3," * 100}
    table = table_of_records("own", [CLEAN], recipe_names=names)
    write_table(table, tmp_path / "own.parquet")
    kept = read_table(tmp_path / "own.parquet").columns[0].facts["recipe_name"]
    assert (kept[:9], len(kept), kept.isprintable()) == ("digits  [", 200, True)
