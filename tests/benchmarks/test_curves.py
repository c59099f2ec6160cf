"""Learning curves of tables: asked, joined, written, read back, made of records; and what is refused."""

import json
import math
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from robnas.benchmarks import (
    Choice,
    Column,
    CurveColumn,
    Table,
    load,
    read_rows,
    read_table,
    table_of_records,
    write_rows,
    write_table,
)
from robnas.benchmarks.adapters import NaslibGraph, NatsBench
from robnas.cli import main
from robnas.errors import InputError
from robnas.records import Curve, Record, RecordStore
from robnas.spaces import SIZE, Architecture
from tests.data.conftest import refused

CODES = ("323133", "333133", "000000")
CLEAN = {"dataset": "cifar10", "metric": "clean", "split": "validation"}
LOSS = {"dataset": "cifar10", "metric": "loss", "split": "train"}
NAN = np.nan
VALUES = np.array([  # architectures, seeds, epochs
    [[0.25, 0.5, 0.75], [0.5, 0.75, 0.8]],
    [[0.1, 0.2, NAN], [NAN, NAN, NAN]],
    [[NAN, NAN, NAN], [NAN, NAN, NAN]],
])  # fmt: skip


def curved(name="small", codes=CODES, **settings):
    columns = [Column("cifar10", split, "clean", np.full((len(codes), 1), 0.9)) for split in ("validation", "test")]
    rows = [CODES.index(code) for code in codes]
    curves = [
        CurveColumn("cifar10", "validation", "clean", (1, 2, 4), VALUES[rows], (0, 3), facts={"images": 20}),
        CurveColumn("cifar10", "train", "loss", (1, 2, 3), 3 - VALUES[rows], (0, 3)),
        CurveColumn("cifar10", "train", "seconds", (1, 2, 3), 3 + VALUES[rows], (0, 3)),
    ]
    return Table(name, list(codes), columns, curves=curves, **settings)


def same_curves(ours, theirs):
    for a, b in zip(ours.curves, theirs.curves, strict=True):
        assert (a.name, a.epochs, a.seeds, a.runs, a.facts, a.space) == (
            b.name, b.epochs, b.seeds, b.runs, b.facts, b.space)  # fmt: skip
        assert np.array_equal(a.values, b.values, equal_nan=True)
    return True


def test_a_curve_is_that_of_a_seed_or_the_mean_of_those_that_got_so_far():
    table = curved()
    assert table.curve("323133", **CLEAN, seed=3).tolist() == [0.5, 0.75, 0.8]
    assert table.curve("323133", **CLEAN, seed="mean").tolist() == [0.375, 0.625, 0.775]
    assert np.array_equal(table.curve("333133", **CLEAN, seed="mean"), [0.1, 0.2, NAN], equal_nan=True)
    assert table.curve("323133", **LOSS, seed=0).tolist() == [2.75, 2.5, 2.25]
    assert table.charged == 0
    table.curve("323133", **CLEAN, seed=0)[0] = 0  # a copy
    assert table.curve("323133", **CLEAN, seed=0)[0] == 0.25
    assert table.curve_column(**CLEAN).images == 20


def test_a_query_of_an_epoch_is_charged_and_answers_from_the_curve():
    table = curved()
    assert table.query("323133", **CLEAN, seed="mean") == 0.9
    value = table.query("323133", **CLEAN, seed="mean", epoch=4)
    assert (value, value.runs, table.charged) == (0.775, 2, 1)
    assert table.query("333133", **CLEAN, seed="mean", epoch=np.int64(2)).runs == 1
    assert table.charged == 2
    assert table.peek("323133", **LOSS, seed=3, epoch=3) == 3 - 0.8
    rng = np.random.default_rng(0)
    assert table.peek("333133", **CLEAN, seed="random", rng=rng, epoch=2) == 0.2
    assert np.array_equal(table.values(**CLEAN, epoch=1), [0.375, 0.1, NAN], equal_nan=True)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"epoch": 3}, "epoch of cifar10 validation clean: expected one of 1, 2, 4, got 3$"),
        ({"epoch": True}, "epoch of cifar10 validation clean: expected one of 1, 2, 4, got True$"),
        ({"epoch": "2"}, "epoch of cifar10 validation clean: expected one of 1, 2, 4, got '2'$"),
        ({"metric": "pgd@8/255"}, "metric of the curves of table small: expected one of clean, got 'pgd@8/255'$"),
        ({"split": "test"}, "split of the curves of table small: expected one of validation, train, got 'test'$"),
        ({"dataset": ["cifar10"]}, r"dataset of the curves of table small: expected one of cifar10, got \['cifar10'\]"),
        ({"seed": 1}, "seed of cifar10 validation clean after epoch 1: expected 'mean' or one of: 0, 3, got 1$"),
        ({"arch": "000000"}, "cifar10 validation clean after epoch 1 of 000000: expected a measured value, got a miss"),
        ({"arch": "444444"}, "architecture 444444: expected one of the 3 that table small holds"),
    ],
)  # fmt: skip
def test_what_the_curves_lack_is_one_clear_line(asked, text):
    table = curved()
    with refused(text, InputError):
        table.query(**{"arch": "323133", **CLEAN, "seed": "mean", "epoch": 1, **asked})
    assert table.charged == 0


def test_a_curve_that_is_not_there_is_refused():
    table = curved()
    with refused(
        "the curve cifar10 validation clean of 000000: expected a measured value, got a missing one", InputError
    ):
        table.curve("000000", **CLEAN, seed="mean")
    with refused("seed: expected 'mean' or the number of a run, got none; name it: it is never guessed", InputError):
        table.curve("323133", **CLEAN)
    digits = Table("plain", ["323133"], [Column("cifar10", "validation", "clean", [[0.5]])])
    text = "curves of table plain: expected learning curves, got none: it holds last epochs only"
    for ask in (lambda: digits.curve("323133", **CLEAN, seed=0), lambda: digits.query("323133", **CLEAN, epoch=1)):
        with refused(text, InputError):
            ask()
    with refused("curves of table plain: expected learning curves, of which there are none", InputError):
        digits.to_pandas(epochs=True)


@pytest.mark.parametrize(
    ("epochs", "values", "text"),
    [
        ((), np.zeros((1, 1, 0)), r"curves d test clean: expected epochs from 1 on, ascending, got \(\)"),
        ((0, 1), np.zeros((1, 1, 2)), "expected epochs from 1 on, ascending"),
        ((2, 1), np.zeros((1, 1, 2)), "expected epochs from 1 on, ascending"),
        ((1, 1), np.zeros((1, 1, 2)), "expected epochs from 1 on, ascending"),
        ((1, 2.5), np.zeros((1, 1, 2)), "expected epochs from 1 on, ascending"),
        (3, np.zeros((1, 1, 1)), "expected epochs from 1 on, ascending, got 3"),
        ((1, 2), np.zeros((1, 1, 3)), "expected a value for each of 2 epochs, got 3 values"),
        ((1,), np.zeros((1, 1)), r"expected shape \(rows, 1, epochs\), got shape \(1, 1\)"),
        ((1,), np.full((1, 1, 1), 1.5), r"expected accuracies in \[0, 1\], got 1.5"),
        ((1,), np.full((1, 1, 1), np.inf), r"expected accuracies in \[0, 1\], got inf"),
    ],
)  # fmt: skip
def test_curves_that_cannot_be_are_refused(epochs, values, text):
    with refused(text, InputError):
        CurveColumn("d", "test", "clean", epochs, values)


def test_a_curve_has_a_row_per_architecture_and_is_there_once():
    curve = CurveColumn("d", "test", "clean", (1,), np.zeros((1, 1, 1)))
    column = Column("d", "test", "clean", np.zeros((2, 1)))
    with refused("curves d test clean: expected 2 rows, got 1", InputError):
        Table("t", [0, 1], [column], curves=[curve])
    twice = replace(curve, values=np.zeros((2, 1, 1)))
    with refused("the curves of table t: expected each column once", InputError):
        Table("t", [0, 1], [column], curves=[twice, twice])


def test_join_and_select_keep_the_curves_of_the_rows():
    other = curved("other", CODES[1::-1])
    both = curved("ours").join(other)

    def found(arch, where, source, seed):
        return both.curve(arch, **where | {"metric": f"{source}:{where['metric']}"}, seed=seed).tolist()

    assert found("333133", CLEAN, "ours", 0)[1] == found("333133", CLEAN, "other", 0)[1]
    assert found("323133", LOSS, "other", 3) == (3 - VALUES[0, 1]).tolist()
    names = ["clean", "loss", "seconds"]
    assert [curve.qualified for curve in both.curves] == [
        f"{one}:{name}" for one in ("ours", "other") for name in names
    ]
    assert [curve.metric for curve in curved().join(other, "*").curves] == [*names, *(f"{name}*" for name in names)]
    assert same_curves(curved().select("cifar10"), curved())


def test_data_frames_have_a_column_per_epoch_if_asked():
    frame = curved().to_pandas("cifar10", split="validation", epochs=True)
    assert [name for name in frame.columns if "clean" in name] == [
        "clean", "clean epoch 1", "clean epoch 2", "clean epoch 4",
    ]  # fmt: skip
    assert frame.loc["323133", "clean epoch 4"] == 0.775
    assert "cifar10 train loss epoch 3" in curved().to_pandas(epochs=True)
    assert not any("epoch" in name for name in curved().to_pandas())


# files


def test_a_file_keeps_curves_to_the_bit(tmp_path):
    path, rng = tmp_path / "t.parquet", np.random.default_rng(0)
    thirds = rng.integers(0, 360, (5, 2, 3)) / 359
    thirds[rng.random(thirds.shape) < 0.3] = np.nan
    thirds = np.minimum(thirds, 1)
    decimal, nothing = rng.normal(size=thirds.shape), np.full(thirds.shape, np.nan)
    decimal[0, 0] = -0.0, 1e-300, np.nan
    curves = [
        CurveColumn("d", "validation", "clean", (1, 2, 5), thirds, (7, 1), facts={"images": 359}),
        CurveColumn("d", "validation", "pgd@8/255", (1, 2, 5), nothing, (7, 1)),
        CurveColumn("d", "train", "loss", (1, 2, 5), decimal, (7, 1)),
        CurveColumn("d", "test", "clean", (3,), np.zeros((5, 1, 1)), runs=3),
    ]
    table = Table("t", list(range(5)), [Column("d", "test", "clean", np.zeros((5, 1)))], curves=curves)
    write_table(table, path)
    assert same_curves(read_table(path), table)
    kinds = {field.name: str(field.type) for field in pq.read_schema(path)}
    assert (kinds["d validation clean 7 epoch 5"], kinds["d train loss 1 epoch 2"]) == ("uint16", "double")
    assert json.loads(pq.read_schema(path).metadata[b"robnas"])["schema_version"] == 3


def test_a_table_without_curves_is_written_as_before(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(Table("t", [0], [Column("d", "test", "clean", [[0.5]])]), path)
    facts = json.loads(pq.read_schema(path).metadata[b"robnas"])
    assert (facts["schema_version"], "curves" in facts) == (2, False)
    assert same_curves(load("digits").select("digits"), load("digits"))


def test_curves_of_the_digits_take_less_than_800_kilobytes(tmp_path):
    rng, rows = np.random.default_rng(0), 6466
    trained = np.zeros((rows, 3, 1), bool)
    trained[:, 0] = trained[rng.choice(rows, 500, replace=False)] = True
    true = rng.random((rows, 1, 1)) * np.array([0.5, 0.7, 0.85, 1])

    def figure(divisor):
        noisy = np.clip(true + rng.normal(0, 0.03, (rows, 3, 4)), 0, 1)
        return np.where(trained, np.round(noisy * divisor) / divisor if divisor else noisy, np.nan)

    names = {("validation", "clean"): 397, ("validation", "pgd@32/255"): 397, ("train", "robust"): 1000,
             ("train", "loss"): None, ("train", "seconds"): None}  # fmt: skip
    curves = [CurveColumn("d", *name, (1, 2, 3, 4), figure(most), (0, 1, 2)) for name, most in names.items()]
    columns = [Column("d", "test", "clean", np.zeros((rows, 1)))]
    sizes = []
    for number, given in enumerate(([], curves)):
        write_table(Table("t", np.arange(rows), columns, curves=given), tmp_path / f"{number}.parquet")
        sizes.append((tmp_path / f"{number}.parquet").stat().st_size)
    assert sizes[1] - sizes[0] < 800_000


@pytest.mark.parametrize("change", [{"divisor": 0}, {"divisor": -1}, {"epochs": [1, 2]}, {"epochs": ["a", "b", "c"]}])
def test_a_file_with_impossible_curves_is_refused(change, tmp_path):
    path = tmp_path / "t.parquet"
    write_table(curved(), path)
    whole = pq.read_table(path)
    facts = json.loads(whole.schema.metadata[b"robnas"])
    facts["curves"][0] |= change
    pq.write_table(whole.replace_schema_metadata({b"robnas": json.dumps(facts)}), path)
    with refused(r"expected a table written by robnas, got"):
        read_table(path)


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_files_for_others_keep_the_means(suffix, tmp_path):
    path = tmp_path / f"t{suffix}"
    write_rows(curved(), path)
    found = load(path)
    assert np.allclose(found.curve("323133", **CLEAN, seed="mean"), [0.375, 0.625, 0.775])
    assert np.allclose(found.curve("323133", **LOSS, seed="mean"), curved().curve("323133", **LOSS, seed="mean"))
    assert found.curve_column(**CLEAN).epochs == (1, 2, 4)
    write_rows(curved().select("cifar10"), path, "cifar10")
    assert len(load(path).curves) == 3


def test_single_runs_of_a_file_are_curves_of_their_seeds(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("architecture,d test clean,d test clean 1 epoch 2,d test clean 0 epoch 2,d test clean 0 epoch 10\n"
                    "323133,0.5,0.1,0.2,0.3\n")  # fmt: skip
    column = load(path).curve_column("d", "clean", "test")
    assert (column.seeds, column.epochs) == ((1, 0), (2, 10))
    assert np.array_equal(column.values, [[[0.1, NAN], [0.2, 0.3]]], equal_nan=True)
    path.write_text("architecture,d test clean,d test clean epoch 0\n323133,0.5,0.1\n")
    with refused("expected epochs from 1 on, ascending"):
        read_rows(path)
    path.write_text("architecture,d test clean,d train loss epoch 1\n323133,0.5,inf\n")
    with refused("expected finite numbers, got 'inf'"):
        read_rows(path)


# records

RECORD = Record(
    architecture=Architecture("323133"), dataset_hash="d" * 16, split="validation", recipe_hash="r" * 16, seed=0,
    metric="clean", attack_hash="", images=100, dataset="cifar10", value=0.9, seconds=1,
    torch_version="2", device="cpu",
)  # fmt: skip
CURVE = Curve(
    architecture=Architecture("323133"), dataset_hash="d" * 16, split="validation", recipe_hash="r" * 16, seed=0,
    metric="clean", attack_hash="", images=20, dataset="cifar10", epochs=(1, 2, 3), values=(0.25, 0.5, 0.75),
)  # fmt: skip
OTHER = replace(RECORD, architecture=Architecture("333133"), seed=1)


def test_curves_of_records_belong_to_their_trainings():
    longer = replace(CURVE, architecture=OTHER.architecture, seed=1, epochs=(1, 2, 3, 4), values=(0.1, 0.2, 0.3, 0.4))
    loss = replace(CURVE, split="train", metric="loss", images=0, values=(2.5, 1.5, 1.25))
    strangers = [replace(CURVE, seed=5), replace(CURVE, recipe_hash="s" * 16, values=(0.0, 0.0, 0.0)),
                 replace(CURVE, architecture=Architecture("444444"))]  # fmt: skip
    table = table_of_records("own", [RECORD, OTHER], curves=[CURVE, longer, loss, *strangers])
    assert len(table) == 2
    column = table.curve_column(**CLEAN)
    assert (column.seeds, column.epochs, column.images) == ((0, 1), (1, 2, 3, 4), 20)
    assert np.array_equal(table.curve("323133", **CLEAN, seed=0), [0.25, 0.5, 0.75, NAN], equal_nan=True)
    assert table.query("333133", **CLEAN, seed="mean", epoch=4) == 0.4
    assert table.curve("323133", **LOSS, seed=0).tolist() == [2.5, 1.5, 1.25]
    with refused("table own, curve cifar10 validation clean of 323133, seed 0: expected one value after", InputError):
        table_of_records("own", [RECORD], curves=[CURVE, replace(CURVE, values=(0.25, 0.5, 0.5))])


def test_curves_of_several_kinds_are_not_mixed():
    several = [CURVE, replace(CURVE, images=40, values=(0.3, 0.6, 0.8))]
    table = table_of_records("own", [RECORD], curves=several)
    assert table.query("323133", **CLEAN, seed=0) == 0.9
    with refused("curves of table own, cifar10 validation clean: expected records of one number of images, got 20, 40",
                 InputError):  # fmt: skip
        table.curve("323133", **CLEAN, seed=0)
    assert "curves cifar10 validation clean" in table.provenance["left_out"]
    chosen = table_of_records("own", [replace(RECORD, images=40)], curves=several, choice=Choice(images=40))
    assert chosen.curve("323133", **CLEAN, seed=0).tolist() == [0.3, 0.6, 0.8]
    kept = table_of_records("own", [RECORD], curves=[CURVE], choice=Choice(images=100))
    assert kept.curve("323133", **CLEAN, seed=0)[0] == 0.25


def test_a_store_gives_its_curves(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    with RecordStore(url) as store, store.write() as connection:
        store.add_within(connection, [RECORD], {}, curves=[CURVE])
    assert load(url).curve("323133", **CLEAN, seed=0).tolist() == [0.25, 0.5, 0.75]


# other calls


def test_nats_bench_answers_after_an_epoch():
    nats = NatsBench(curved(published=np.arange(SIZE)), metric="clean", split="validation")
    accuracy, _, seconds, total = nats.simulate_train_eval("323133", "cifar10", iepoch=1)
    assert (accuracy, seconds, total) == (62.5, 2 * 3 + 0.375 + 0.625, seconds)
    info = nats.get_more_info("323133", "cifar10", iepoch=1)
    assert (info["validation-accuracy"], info["train-loss"], info["train-per-time"]) == (62.5, 3 - 0.625, 3.625)
    assert nats.simulate_train_eval("323133", "cifar10")[0] == 90
    for wrong in (4, -1, True, "1"):
        with refused("iepoch: expected one of 0, 1, 2, 3, after which table small has curves, got", InputError):
            nats.get_more_info("323133", "cifar10", iepoch=wrong)
    with refused("epoch of cifar10 validation clean: expected one of 1, 2, 4, got 3", InputError):
        nats.simulate_train_eval("323133", "cifar10", iepoch=2)


def test_a_graph_gives_epochs_and_the_whole_curve():
    graph = NaslibGraph(curved(), "323133", metric="clean")
    assert graph.query("VAL_ACCURACY", "cifar10") == 90
    assert graph.query("VAL_ACCURACY", "cifar10", epoch=3) == 77.5
    assert graph.query("VAL_ACCURACY", "cifar10", full_lh=True) == [37.5, 62.5, 77.5]
    assert graph.table.charged == 1
    with refused("epoch: expected -1, after the training, or one of 0, 1, 3, got 2", InputError):
        graph.query("VAL_ACCURACY", "cifar10", epoch=2)


def test_the_command_line_asks_for_epochs(tmp_path, capsys):
    path = tmp_path / "t.parquet"
    write_table(curved(), path)
    asked = ["query", "323133", "--table", str(path), "--dataset", "cifar10", "--metric"]

    def out(*arguments):
        with pytest.raises(SystemExit):
            main([*asked, *arguments])
        return capsys.readouterr()

    assert "323133 cifar10 validation clean after epoch 2: 62.50 % (mean of 2 runs)" in out("clean", "--epoch", "2").out
    found = json.loads(out("loss", "--split", "train", "--seed", "3", "--epoch", "1", "--json").out)
    assert (found["value"], found["epoch"], found["runs"], found["epochs"]) == (2.5, 1, 1, [1, 2, 3])
    wrong = out("clean", "--split", "validation", "--epoch", "3").err
    assert wrong.strip() == "error: epoch of cifar10 validation clean: expected one of 1, 2, 4, got 3"
    with pytest.raises(SystemExit):
        main(["tables", str(path)])
    assert "learning curves cifar10 validation clean: epochs 1, 2, 4, 20 images" in capsys.readouterr().out
    assert not math.isnan(found["value"])
