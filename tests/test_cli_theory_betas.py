"""`robnas theory` with several weights of the robust loss, with a table, and of cells."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from robnas.attacks import PGD, perturb
from robnas.benchmarks import Column, Table, write_table
from robnas.cli._theory_betas import Measured, orders
from robnas.cli._theory_options import _classes, sample_of
from robnas.cli._theory_samples import SphereSample
from robnas.cli.nas_bench_201 import CellSample
from robnas.data import load_data
from robnas.errors import InputError
from robnas.kernels import (
    EmpiricalKernel,
    InfiniteKernel,
    infinite_cell_ntk,
    mixed_regression,
    robust_accuracy,
)
from robnas.spaces import TheorySpace, parse_key, space_of
from robnas.types import ThreatModel
from tests.test_cli import robnas

SMALL = ("--inputs", "12", "--test", "10", "--width", "16")
CELL = space_of(parse_key("nas-bench-201:channels=8,cells=1"))
CELLS = ("000300", "010401", "000202", "112033")
OPTIONS = {
    "classes": None, "inputs": 12, "tested": 10, "rho": None, "epsilon": None, "width": 4, "seed": 0,
    "second_init": False, "memory": 512,
}  # fmt: skip


def answer(capsys, *arguments):
    code, out, err = robnas(capsys, "theory", *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_every_beta_has_a_column(capsys):
    arch = "fc:relu,relu:1"
    found = answer(capsys, arch, *SMALL, "--betas", "0,.5,1")
    assert found["betas"] == [0, 0.5, 1]
    (row,) = found["rows"]
    for at in row["betas"]:
        one = answer(capsys, arch, *SMALL, "--beta", str(at["beta"]))["rows"][0]
        assert {key: one[key] for key in ("lambda_min", "bound", "random_labels", "regression")} == {
            key: at[key] for key in ("lambda_min", "bound", "random_labels", "regression")
        }
    first = row["betas"][0]
    assert row["without_attacks"] == {"λ_min": first["lambda_min"]["clean"], "term": -first["bound"]["clean"]}
    out = robnas(capsys, "theory", arch, *SMALL, "--betas", "0,.5,1")[1]
    assert f"{arch:<24}{0:>10}{0.5:>10}{1:>10}\n" in out
    terms = "".join(f"{at['bound']['robust']:>10.4g}" for at in row["betas"])
    assert f"  {'robust error ~':<22}{terms}\n" in out
    accuracies = "".join(f"{at['regression']['attacked']:>10.3f}" for at in row["betas"])
    assert f"  {'regression, attacked':<22}{accuracies}\n" in out
    blind = "".join(f"{at['random_labels']['bound']['clean']:>10.4g}" for at in row["betas"][1:])
    assert f"    {'random attacks':<20}{'':>10}{blind}\n" in out  # at 0 there is no attacked input


def test_regression_is_that_of_the_mixed_kernel_and_is_attacked_itself(capsys):
    arch, sample = TheorySpace(3).parse("fc:relu,tanh:1"), sample_of(None, load_data("digits"), **OPTIONS)
    assert isinstance(sample, SphereSample)
    kernel, hit = InfiniteKernel(arch), sample.attacked(arch, sample.labels)
    regression = mixed_regression(
        kernel, sample.train.numpy(), hit.robust.numpy(), sample.labels, beta=0.5, ridge=0.1, time=3.0
    )
    clean, attacked = sample.accuracies(arch, hit, 0.1, 3.0)(0.5)
    assert clean == regression.accuracy(sample.test.numpy(), sample.wanted)
    assert attacked == robust_accuracy(regression, sample.test.numpy(), sample.wanted, sample.attack)
    arguments = (str(arch), "--inputs", "12", "--test", "10", "--width", "4", "--ridge", ".1", "--time", "3")
    found = answer(capsys, *arguments)
    assert found["rows"][0]["regression"] == {"clean": clean, "attacked": attacked}
    assert (found["regression"], found["width"]) == ({"test": 10, "ridge": 0.1, "time": 3}, 4)
    out = robnas(capsys, "theory", *arguments)[1]
    assert f"  kernel regression    clean {clean:.3f}  attacked {attacked:.3f}\n" in out


def test_a_singular_kernel_without_ridge_has_no_accuracy(capsys, monkeypatch):
    monkeypatch.setattr("robnas.kernels._regression.is_singular", lambda values: True)
    row = answer(capsys, "fc:relu,relu:1", *SMALL)["rows"][0]
    assert row["regression"] == {"clean": None, "attacked": None}
    assert "attacked singular" in robnas(capsys, "theory", "fc:relu,relu:1", *SMALL)[1]


def test_samples_are_balanced_and_of_the_classes():
    data = load_data("digits")
    sample = sample_of(None, data, **OPTIONS | {"classes": "7,1"})
    assert torch.allclose(sample.train.flatten(1).norm(dim=1), torch.ones(12, dtype=torch.float64))
    assert (sample.labels.sum(), np.abs(sample.labels).sum(), len(sample.wanted)) == (0, 12, 10)
    assert len(sample_of(None, data, **OPTIONS | {"tested": None}).wanted) == 80  # all that there are
    turned = sample_of(None, data, **OPTIONS | {"classes": "1,7"})
    assert (turned.labels == -sample.labels).all()  # the second class is +1
    cells = sample_of(CELL, data, **OPTIONS | {"inputs": 20})
    assert isinstance(cells, CellSample)
    assert cells.classes == "0,1,2,3,4,5,6,7,8,9"
    assert (cells.pictures.train.min(), cells.pictures.train.max()) == (0, 1)


def test_cells_are_attacked_at_finite_width_and_their_kernels_are_of_infinite_width():
    arch, data = CELL.parse("000202"), load_data("digits")
    sample = sample_of(CELL, data, **OPTIONS | {"classes": "3,8,1", "inputs": 6, "tested": 4, "epsilon": "32/255"})
    hit = sample.attacked(arch, sample.labels)
    pixels, places = sample.pictures.train, torch.tensor(np.unique(sample.labels, return_inverse=True)[1])
    attack = PGD(ThreatModel.linf("32/255"), steps=10, step_size=8 / 255)
    robust = perturb(attack, sample._network(arch, 0, 3), pixels, places, seed=0).images
    assert torch.equal(hit.robust, robust)
    clean, moved = (sample.normalize(part).numpy() for part in (pixels, robust))
    wanted = infinite_cell_ntk(arch, clean, moved, cells=1, calibration=clean)
    np.testing.assert_allclose(hit.kernels.cross, wanted, rtol=1e-9)
    kernel = EmpiricalKernel(sample._network(arch, 0, 1))
    regression = mixed_regression(kernel, pixels.numpy(), robust.numpy(), sample.labels, beta=0.5)
    tested = sample.pictures.test.numpy(), sample.pictures.wanted
    clean, attacked = sample.accuracies(arch, hit, 0.0, np.inf)(0.5)
    assert clean == regression.accuracy(*tested)
    assert attacked <= clean


@pytest.fixture
def path(tmp_path):
    """Four cells; what grows with β is robust accuracy."""
    rng, columns = np.random.default_rng(0), []
    for beta in (0.0, 0.5):
        for metric, low in (("clean", 0.8), ("pgd@16/255", 0.5), ("pgd@32/255", 0.2 + beta)):
            values = np.round(low + 0.1 * rng.random((4, 2)), 3)
            columns.append(Column("digits", "test", metric, values, (0, 1), facts={"images": 1000}, beta=beta))
    table = Table("small", CELLS, columns, space=CELL)
    write_table(table, tmp_path / "small.parquet")
    return table, str(tmp_path / "small.parquet")


QUICK = ("--inputs", "6", "--classes", "3,8", "--width", "1", "--test", "0", "--no-control")


def test_a_table_stands_beside_the_kernels_of_its_cells(capsys, path):
    table, name = path
    found = answer(capsys, "--table", name, "--sample", "4", *QUICK)
    assert (found["betas"], found["epsilon"]) == ([0, 0.5], "32/255")  # of the strongest attack
    assert found["table"] == {"name": "small", "dataset": "digits", "metric": "pgd@32/255"}
    assert (found["width"], found["seed"], "regression" in found) == (1, 0, False)
    assert {row["architecture"] for row in found["rows"]} == {table.at(row).text for row in range(4)}
    for row in found["rows"]:
        for at in row["betas"]:
            assert at["measured"] == {
                metric: table.peek(row["architecture"], dataset="digits", metric=metric, split="test", seed="mean",
                                   beta=at["beta"])
                for metric in ("clean", "pgd@32/255")
            }  # fmt: skip
    orders = {(one["score"], one["metric"], one["beta"]): one for one in found["orders"]}
    assert set(orders) == {
        (f"{side}, {what}", metric, beta) for side, metric in (("clean", "clean"), ("robust", "pgd@32/255"))
        for what in ("λ_min", "term") for beta in (0, 0.5)
    }  # fmt: skip
    terms = [-row["betas"][1]["bound"]["robust"] for row in found["rows"]]
    truth = [row["betas"][1]["measured"]["pgd@32/255"] for row in found["rows"]]
    ranks = [np.argsort(np.argsort(one)) for one in (terms, truth)]
    one = orders["robust, term", "pgd@32/255", 0.5]
    assert one["spearman"]["value"] == pytest.approx(np.corrcoef(ranks)[0, 1])
    assert one["spearman"]["low"] is None  # four architectures have no interval
    assert orders["clean, term", "clean", 0]["gain"]["value"] == 0  # its rival is itself


def test_the_table_names_betas_metric_and_architectures(capsys, path):
    arguments = ("--table", path[1], *QUICK, "--metric", "pgd@16/255", "--betas", ".5")
    found = answer(capsys, *CELLS[:3], *arguments)
    assert (found["betas"], found["epsilon"]) == ([0.5], "16/255")
    assert [row["architecture"] for row in found["rows"]] == list(CELLS[:3])
    code, out, _ = robnas(capsys, "theory", *CELLS[:3], *arguments)
    assert code == 0
    assert "digits 3,8, N = 6, ε = 16/255\n" in out
    assert "  measured, pgd@16/255" in out
    assert "Spearman over 3 architectures" in out
    assert answer(capsys, *CELLS[:2], *arguments)["orders"] == []


def test_networks_count_once_and_too_few_have_no_order():
    space = space_of(None)
    archs = [space.parse(code) for code in ("310034", "130043", "000202", "112033")]  # the first two are one network
    values = np.array([[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]])
    columns = [Column("digits", "test", metric, values, (0, 1), beta=beta)
               for metric in ("clean", "pgd@8/255") for beta in (0.0, 1.0)]  # fmt: skip
    table = Table("three", [arch.text for arch in archs[1:]], columns, partition="identical")
    measured = Measured(table, "digits", "pgd@8/255", (0.0, 1.0))
    assert table.row(archs[0]) == table.row(archs[1])

    def row(arch, value):
        at = {"lambda_min": {"mixed": value, "mixed-twice": value}, "bound": {"clean": -value, "robust": -value}}
        betas = [at | {"measured": measured.at(arch, beta)} for beta in (0.0, 1.0)]
        return {"without_attacks": {"λ_min": value, "term": value}, "betas": betas}

    rows = [row(arch, value) for arch, value in zip(archs, (0.5, 9.0, 0.6, 0.7), strict=True)]
    for one in orders(rows, measured, archs):
        assert (one.spearman.value, one.spearman.count) == (pytest.approx(1), 3)
    assert orders(rows[1:3], measured, archs[1:3]) == []


def test_a_table_of_the_theory_space_will_do(capsys, tmp_path):
    archs = ("fc:relu,relu:1", "fc:tanh,relu:1", "fc:relu,tanh:0")
    values = np.array([[0.7], [0.8], [0.9]])
    columns = [Column("digits", "test", metric, values, (0,), beta=beta)
               for metric in ("clean", "pgd@8/255") for beta in (0.0, 1.0)]  # fmt: skip
    write_table(Table("shallow", archs, columns, space=TheorySpace(3)), tmp_path / "shallow.parquet")
    found = answer(capsys, *archs, "--table", str(tmp_path / "shallow.parquet"), "--inputs", "8", "--width", "8",
                   "--test", "0", "--rho", ".2")  # fmt: skip
    assert (found["rho"], found["betas"]) == (0.2, [0, 1])
    assert [row["betas"][1]["measured"]["clean"] for row in found["rows"]] == [0.7, 0.8, 0.9]
    assert found["orders"][0]["spearman"]["count"] == 3


def written(tmp_path, spots, archs=CELLS, space=CELL, rows=4):
    """The path of a table of these data sets, metrics and betas."""
    values = np.linspace(0.1, 0.9, rows)[:, None]
    columns = [Column(dataset, "test", metric, values, (0,), beta=beta) for dataset, metric, beta in spots]
    write_table(Table("odd", archs[:rows], columns, space=space), tmp_path / "odd.parquet")
    return str(tmp_path / "odd.parquet")


def test_the_betas_of_a_table_are_those_of_the_data_set_and_the_metric(capsys, tmp_path):
    spots = [("digits", metric, beta) for metric in ("clean", "pgd@8/255") for beta in (0.0, 0.5)]
    spots += [("digits", "clean", 0.75), ("cifar10", "clean", 1.0), ("cifar10", "pgd@8/255", 1.0)]
    name = written(tmp_path, spots)
    found = answer(capsys, "--table", name, "--dataset", "digits", CELLS[0], *QUICK)
    assert found["betas"] == [0, 0.5]
    err = robnas(capsys, "theory", "--table", name, "--dataset", "cifar10", CELLS[0], *QUICK)[2]
    assert "betas of table odd: expected several with clean and pgd@8/255 on cifar10 test, got 1\n" in err


def test_an_average_over_attacks_says_no_radius_and_long_names_keep_columns_straight(capsys, tmp_path):
    metric = "autoattack@8/255"
    name = written(tmp_path, [("digits", one, beta) for one in ("clean", "pgd@average", metric) for beta in (0.0, 1.0)])
    found = answer(capsys, "--table", name, CELLS[0], *QUICK, "--metric", "pgd@average")
    assert found["epsilon"] == "8/255"
    assert found["rows"][0]["betas"][0]["measured"]["pgd@average"] == 0.1
    lines = robnas(capsys, "theory", "--table", name, CELLS[0], *QUICK, "--metric", metric)[1].splitlines()[1:8]
    assert f"  measured, {metric}" in lines[-1]
    assert {len(line.replace("\u0303", "")) for line in lines} == {len(lines[0])}  # the tilde of K̃ takes no room


@pytest.mark.parametrize("metric", ["pgd-l2@0.5", "pgd-l2@average"])
def test_a_radius_of_another_norm_is_not_taken_for_one_of_pixels(capsys, tmp_path, metric):
    name = written(tmp_path, [("digits", one, beta) for one in ("clean", metric) for beta in (0.0, 1.0)])
    code, out, err = robnas(capsys, "theory", "--table", name, CELLS[0], *QUICK)
    assert (code, out) == (2, "")
    assert f"--epsilon: expected the radius of an L∞ attack, since {metric} is of another norm, got none\n" in err
    assert answer(capsys, "--table", name, CELLS[0], *QUICK, "--epsilon", "8/255")["epsilon"] == "8/255"


@pytest.mark.parametrize("metric", ["brightness@3", "corruptions", "clean"])
def test_an_accuracy_without_attacks_is_none_that_attacked_kernels_order(capsys, tmp_path, metric):
    spots = [("digits", one, beta) for one in dict.fromkeys(("clean", metric)) for beta in (0.0, 1.0)]
    name = written(tmp_path, spots)
    code, out, err = robnas(capsys, "theory", "--table", name, CELLS[0], *QUICK, "--metric", metric)
    assert (code, out) == (2, "")
    assert f"--metric: expected a robust accuracy, got '{metric}'\n" in err


def test_networks_that_failed_are_not_counted(capsys, tmp_path):
    values = np.array([[0.1], [0.2], [0.3], [0.4]])
    lost = np.where(values == 0.4, np.nan, values)
    columns = [Column("digits", "test", metric, lost if beta else values, (0,), beta=beta)
               for metric in ("clean", "pgd@8/255") for beta in (0.0, 1.0)]  # fmt: skip
    write_table(Table("lost", CELLS, columns, space=CELL), tmp_path / "lost.parquet")
    out = robnas(capsys, "theory", *CELLS, "--table", str(tmp_path / "lost.parquet"), *QUICK)[1]
    assert "Spearman over 3 to 4 architectures" in out


def test_tables_of_what_cannot_be_infinitely_wide_and_of_no_robust_accuracy_are_refused(capsys, tmp_path):
    wide = space_of("wide-resnet")
    archs = [arch.text for arch in wide.sample(np.random.default_rng(0), 3)]
    spots = [("digits", metric, beta) for metric in ("clean", "pgd@8/255") for beta in (0.0, 1.0)]
    name = written(tmp_path, spots, archs, wide, 3)
    expected = "space of table odd: expected theory or nas-bench-201, whose networks may be infinitely wide, got"
    assert expected in refused(capsys, "--table", name, "--sample", "3")
    name = written(tmp_path, spots)
    assert "--metric: expected a robust accuracy, got 'clean'" in refused(
        capsys, "--table", name, "--sample", "3", "--metric", "clean"
    )
    assert "dataset of table odd: expected one of digits, got 'Digits'" in refused(
        capsys, "--table", name, "--sample", "3", "--dataset", "Digits"
    )


def test_two_classes_need_no_names(tmp_path):
    data = load_data("digits")
    few = SimpleNamespace(num_classes=2)
    assert (_classes(few, None, False), _classes(data, None, False)) == ([0, 1], [3, 8])
    assert _classes(data, " 08, 3", False) == [8, 3]
    for text in ("", ",8", "3,", "3,3", "03,3", "-1,3", "9" * 5000 + ",1"):
        with pytest.raises(InputError, match="--classes: expected two numbers below 10, such as 3,8"):
            _classes(data, text, False)


def refused(capsys, *arguments):
    code, out, err = robnas(capsys, "theory", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    return err


def test_a_cell_that_lets_nothing_through_is_singular(capsys):
    arguments = ("000000", "--space", "nas-bench-201:cells=1", *QUICK, "--test", "4", "--betas", "0,1")
    row = answer(capsys, *arguments)["rows"][0]
    assert row["betas"][1]["regression"] == {"clean": None, "attacked": None}
    assert row["betas"][1]["bound"]["robust"] is None
    out = robnas(capsys, "theory", *arguments)[1]
    assert f"  {'robust error ~':<22}{'singular':>10}{'singular':>10}\n" in out


def test_cells_need_no_table(capsys):
    found = answer(capsys, "000202", "--space", "nas-bench-201:cells=1", *QUICK, "--epsilon", "16/255")
    (row,) = found["rows"]
    assert (found["epsilon"], found["beta"], row["lower_bounds_clean"]) == ("16/255", 0.5, {})
    assert row["bound"]["clean"] <= row["bound"]["clean_spectral"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "architectures: expected texts such as fc:relu,tanh:1, got none"),
        (("fc:relu,relu:1", "--betas", "0,x"), "--betas: expected numbers with commas between, such as 0,.5,1"),
        (("fc:relu,relu:1", "--betas", ""), "--betas: expected numbers with commas between, such as 0,.5,1, got ''"),
        (("fc:relu,relu:1", "--seed", "-1"), "seed: expected at least 0, got -1"),
        (("fc:relu,relu:1", "--betas", "0,2"), "--betas: expected a number in [0, 1], got 2.0"),
        (("fc:relu,relu:1", "--betas", "0,1", "--beta", "1"), "--beta: expected --betas instead, with a table or for"),
        (("fc:relu,relu:1", "--sample", "3"), "--sample: expected a --table beside it, got 3"),
        (("fc:relu,relu:1", "--metric", "clean"), "--metric: expected a --table beside it"),
        (("fc:relu,relu:1", "--epsilon", "8/255"), "--epsilon: expected --rho, as attacks move inputs on the unit"),
        (("fc:relu,relu:1", "--ridge", "-1"), "ridge: expected at least 0, got -1"),
        (("fc:relu,relu:1", "--time", "-1"), "time: expected at least 0, got -1"),
        (("fc:relu,relu:1", "--ridge", "inf", "--test", "9"), "ridge: expected a finite number, got inf"),
        (("fc:relu,relu:1", "--ridge", "1"), "--test: expected a number above 0 beside --ridge or --time, of regr"),
        (("fc:relu,relu:1", "--betas", "1", "--test", "0", "--time", "1"), "--test: expected a number above 0 beside"),
        (("fc:relu,relu:1", "--test", "-1"), "--test: expected a number in [2, 80], got -1"),
        (("fc:relu,relu:1", "--test", "81"), "--test: expected a number in [2, 80], got 81"),
        (
            ("000202", "--table", "digits-beta", "--inputs", "12"),
            "--inputs: expected at least 20, two of each class, g",
        ),
        (("--table", "digits", "--sample", "3"), "betas of table digits: expected several, got none that is known"),
        (("--table", "digits-beta"), "architectures: expected texts, or --sample, got neither"),
        (("000202", "--table", "digits-beta", "--sample", "3"), "architectures: expected texts, or --sample, got both"),
        (("000202", "--table", "digits-beta", "--betas", ".3"), "beta"),
        (("000202", "--table", "digits-beta", "--rho", ".3"), "--rho: expected --epsilon for cells, whose pixels are"),
        (
            ("000202", "--table", "digits-beta", "--classes", "1,1"),
            "--classes: expected several numbers below 10, such as 3,8, got '1,1'",
        ),
        (("--table", "digits-beta", "--sample", "501"), "sample count: expected a number in [1, 500], got 501"),
        (("width=1", "--space", "wide-resnet"), "--space: expected theory or nas-bench-201, whose networks may be"),
    ],
)
def test_bad_input_is_one_line(capsys, arguments, text):
    code, out, err = robnas(capsys, "theory", *arguments)
    assert (code, out) == (2, "")
    assert text in err
    assert err.count("\n") == 1
