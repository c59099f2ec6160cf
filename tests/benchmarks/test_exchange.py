"""Tables as CSV and JSON."""

import json
import math

import numpy as np
import pytest

from robnas.benchmarks import Column, CurveColumn, Table, load, read_rows, write_rows
from robnas.errors import InputError
from tests.benchmarks.own_spaces import CELLS, CLEAN, LARGE, SMALL, TOY, WIDE, table_of, two_sizes
from tests.benchmarks.own_spaces import known as known
from tests.benchmarks.own_spaces import space as space
from tests.data.conftest import refused


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_what_is_written_for_others_reads_back(space, suffix, tmp_path):
    table, path = table_of(space), tmp_path / f"mine{suffix}"
    write_rows(table, path)
    found = read_rows(path) if space is not CELLS else load(path)
    assert (found.space.name, found.architectures, found.name) == (space.name, table.architectures, "mine")
    for ours, theirs in zip(table.columns, found.columns, strict=True):
        assert ours.name == theirs.name
        assert np.allclose(ours.mean, theirs.mean, rtol=0, atol=1e-14, equal_nan=True)
    assert [column.space for column in found.columns] == [None if space is CELLS else space.key] * 2


def test_two_sizes_are_written_for_others(tmp_path):
    write_rows(two_sizes(), tmp_path / "both.csv")
    found = read_rows(tmp_path / "both.csv")
    assert [column.space for column in found.columns] == [SMALL.key, LARGE.key, None]
    assert found.peek("323133", **CLEAN, seed="mean", space=LARGE) == 0.75
    write_rows(two_sizes(), tmp_path / "short.csv", "digits")
    found = read_rows(tmp_path / "short.csv", dataset="digits", split="test")
    assert [column.space for column in found.columns] == [SMALL.key, LARGE.key, None]


@pytest.mark.parametrize("suffix", [".csv", ".json"])
@pytest.mark.parametrize("dataset", [None, "d"])
def test_units_directions_and_sources_are_written_and_read_back(suffix, dataset, tmp_path):
    columns = [
        Column("d", "test", "latency:x", np.array([[5.25], [np.nan]]), unit="ms", direction="minimise", source="hw"),
        Column("d", "test", "errors", np.array([[7.0], [8.0]]), direction="minimise", source="hw"),
        Column("d", "test", "synflow", np.array([[-7.0], [8.0]]), unit="score", source="my test table (2)"),
        Column("d", "test", "pgd:cw@8/255", np.array([[0.5], [0.25]]), source="a:b"),
        Column("d", "test", "pgd:cw@8/255", np.array([[0.5], [0.25]]), source="c"),
        Column("d", "test", "fgsm@1", np.array([[0.5], [0.25]])),
    ]  # fmt: skip
    curve = CurveColumn("d", "test", "clean", (1, 2), np.array([[[0.25, 0.5]], [[0.5, 0.75]]]), source="c")
    table, path = Table("mine", [0, 1], columns, curves=[curve]), tmp_path / f"mine{suffix}"
    write_rows(table, path, dataset)
    found = load(path)
    for ours, theirs in zip(table.columns, found.columns, strict=True):
        assert (ours.name, ours.unit, ours.direction) == (theirs.name, theirs.unit, theirs.direction)
        assert ours.source == theirs.source
        assert np.array_equal(ours.mean, theirs.mean, equal_nan=True)
    assert [(one.name, one.source) for one in found.curves] == [("c:d test clean", "c")]
    assert found.column("d", "latency:x", "test").unit == "ms"


def test_costs_of_one_file_that_names_its_metrics_alone_need_a_unit(tmp_path):
    path = write(tmp_path / "own.csv", "architecture,latency:pixel3 [ms minimise],clean\n323133,5.5,0.5\n")
    found = read_rows(path, dataset="cifar10", split="test")
    assert [(one.metric, one.unit, one.direction) for one in found.columns] == [
        ("latency:pixel3", "ms", "minimise"), ("clean", "", "maximise"),
    ]  # fmt: skip
    path = write(tmp_path / "own.csv", "architecture,d test latency:pixel3\n323133,5.5\n")
    with refused("own.csv, row 1: expected accuracies in .0, 1., got '5.5'; other values have a unit: .* minimise"):
        read_rows(path)
    path = write(tmp_path / "own.csv", "architecture,d test clean [ms minimise]\n323133,5.5\n")
    with refused("own.csv: expected a consistent table, got column d test clean: expected no unit"):
        read_rows(path)


def write(path, text):
    path.write_text(text)
    return path


def test_ones_own_rows(tmp_path):
    path = write(tmp_path / "own.csv", 'depth,norm,width,clean 0,clean 1\n1,null,4,0.5,\n3,"batch, 1",8,0.25,0.75\n')
    table = read_rows(path, space="toy", dataset="digits", split="test", name="named")
    assert (table.name, table.space, table.columns[0].seeds) == ("named", TOY, (0, 1))
    assert table.query({"depth": 3, "norm": "batch, 1", "width": 8}, **CLEAN, seed="mean") == 0.5
    assert math.isnan(table.columns[0].values[0, 1])
    rows = [{"depth": 1, "norm": None, "width": 4, "space": "toy", "digits test clean": 1}]
    path = write(tmp_path / "own.json", json.dumps(rows))
    assert load(path).query("depth=1,norm=null,width=4", **CLEAN, seed="mean") == 1
    assert load(path, space="toy").space == TOY


BAD = {
    "a row of another length": ("architecture,d test clean\n323133,0.5,1\n", "a row of 3 cells under 2 columns"),
    "a column twice": ("architecture,d test clean,d test clean\n323133,0.5,1\n", "a column twice"),
    "nothing": ("", "at least one row"),
    "no architecture": ("d test clean\n0.5\n", "row 1: expected architectures of .* no edge_0_1"),
    "a text that is none": ("architecture,d test clean\n14,0.5\n", "row 1: expected architectures of space"),
    "one of another space": ("architecture,d test clean\n323133,0.5\n\"D1=4,W1=8,D2=4,W2=8,D3=4,W3=8\",0.5\n",
                             "row 2: .*belongs to wide-resnet"),
    "no split": ("architecture,clean\n323133,0.5\n", "columns such as 'digits test pgd@8/255', got 'clean'; name data"),
    "a wrong split": ("architecture,d tests clean\n323133,0.5\n", "columns such as .* got 'd tests clean'"),
    "percent": ("architecture,d test clean\n323133,50\n", r"row 1: expected accuracies in \[0, 1\], got '50'"),
    "words": ("architecture,d test clean\n323133,good\n", r"row 1: expected accuracies in \[0, 1\], got 'good'"),
    "an architecture twice": ("architecture,d test clean\n323133,0.5\n323133,0.5\n", "each architecture once"),
    "no column": ("architecture\n323133\n", "at least one column"),
    "two spaces": ("architecture,space,d test clean\n323133,toy,0.5\n323134,theory,1\n", "one space in all rows"),
    "an unknown space": ("architecture,space,d test clean\n323133,gone,0.5\n", "known here.*--import FILE"),
    "one run and their mean": ("architecture,d test clean,d test clean 0\n323133,0.5,1\n", "each column once"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_malformed_rows_are_refused_in_one_line(name, tmp_path):
    content, text = BAD[name]
    with refused(f"^{tmp_path}/own.csv.*{text}"):
        read_rows(write(tmp_path / "own.csv", content))


def test_a_file_of_another_space_than_the_one_named_is_refused(tmp_path):
    write_rows(table_of(WIDE), tmp_path / "own.csv")
    with refused("own.csv: expected architectures of space toy, got a file that belongs to wide-resnet$"):
        read_rows(tmp_path / "own.csv", space="toy")
    with refused("^table file: expected a name that ends in .csv or .json, got 'own.txt'$", InputError):
        read_rows("own.txt")
    with refused("gone.csv: expected a table file, got nothing"):
        load(tmp_path / "gone.csv")
    with refused("own.json: expected rows of architectures and accuracies"):
        read_rows(write(tmp_path / "own.json", "[NaN]"))
    with refused("own.json, row 2: expected the same columns in all rows"):
        read_rows(write(tmp_path / "own.json", '[{"a": 1}, {"b": 1}]'))
