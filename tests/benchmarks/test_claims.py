"""Published rows: how their digits are read, and which architectures of a table have them."""

from itertools import combinations

import numpy as np
import pytest

from robnas.benchmarks import Claim, Column, Table, check_claim, read_claims
from robnas.errors import DataError, InputError
from tests.benchmarks.conftest import small_table
from tests.data.conftest import refused

METRICS = ("clean", "fgsm@3/255", "pgd@3/255", "fgsm@8/255", "pgd@8/255")


def number(text, unit=None):
    (found,) = Claim.of("row", {"clean": text}, unit=unit).numbers.values()
    return found


@pytest.mark.parametrize(
    ("text", "value", "rounding"),
    [
        ("79.6", 0.796, 0.0005), ("79.60", 0.796, 0.00005), ("80", 0.8, 0.005), ("80.", 0.8, 0.005),
        ("0.8", 0.8, 0.05), ("0.80", 0.8, 0.005), (".7937", 0.7937, 0.00005), ("79.6%", 0.796, 0.0005),
        ("0.5 %", 0.005, 0.0005), ("7.96e1", 0.796, 0.0005), ("8e-1", 0.8, 0.05), ("100", 1.0, 0.005),
        ("100.0", 1.0, 0.0005), ("1.5", 0.015, 0.0005),
    ],
)  # fmt: skip
def test_rounding_is_half_a_unit_of_the_last_digit_that_is_written(text, value, rounding):
    found = number(text)
    assert (found.text, found.average) == (text, False)
    assert (found.value, found.rounding) == pytest.approx((value, rounding), abs=1e-15)


@pytest.mark.parametrize(
    "text", ["79.6 ± .2", "79.6±0.2", "79.6 +- 0.2", "79.6 +/- 0.2", "79.6 $\\pm$ 0.2", "79.6 (0.2)", "79.6 ± 0.2 %"]
)
def test_a_spread_makes_a_mean_of_several_runs(text):
    found = number(text)
    assert (found.value, found.rounding, found.average) == (0.796, pytest.approx(0.0005), True)
    assert Claim.of("row", {"clean": text, "pgd@8/255": "48.1"}).average


@pytest.mark.parametrize(
    "text", ["many", "79,6", "nan", "inf", "1e999", "79.6.1", "**79.6**", "79.6 ±", "± 2", "0x10", "٧٩", "1_0"]
)
def test_what_is_no_number_is_refused(text):
    with refused(r"row, clean: expected a number such as 79.6, 0.796 or 79.6 ± 0.2, got '", InputError):
        number(text)


@pytest.mark.parametrize(
    ("cells", "unit", "text"),
    [
        ({"clean": "79.6", "pgd@8/255": "101"}, None, r"row, pgd@8/255: expected a number from 0 to 100 \(percent\)"),
        ({"clean": "-0.1"}, None, r"row, clean: expected a number from 0 to 1 \(fraction\), got '-0.1'"),
        ({"clean": "-0"}, "percent", r"expected a number from 0 to 100 \(percent\), got '-0'"),
        ({"clean": "79.6"}, "fraction", r"expected a number from 0 to 1 \(fraction\), got '79.6'"),
        ({"clean": "79.6", "pgd@8/255": ".481"}, None, "expected one unit in the row, got 0.481 for pgd@8/255 beside "
         "numbers in percent; say which with --unit percent or --unit fraction"),
        ({"clean": "79.6%", "pgd@8/255": ".481"}, None, "expected one unit in the row, got 0.481 for pgd@8/255"),
        ({"clean": "0.0", "pgd@8/255": "0.0"}, None, "expected numbers in percent or fractions, got 0 as its largest"),
        ({"clean": "1.00"}, None, "expected numbers in percent or fractions, got 1 as its largest number"),
        ({}, None, "row: expected at least one number, got none"),
        ({"clean": "-", "pgd@8/255": ""}, None, "row: expected at least one number, got none"),
    ],
)  # fmt: skip
def test_numbers_outside_and_mixed_units_are_refused(cells, unit, text):
    with refused(text, InputError):
        Claim.of("row", cells, unit=unit)


def test_a_unit_or_a_sign_settles_what_may_be_either():
    assert number("1.00", "percent").value == 0.01
    assert number("1.00", "fraction").value == 1
    assert number("0.5", "percent").value == 0.005
    signed = Claim.of("row", {"clean": "94.5", "pgd@8/255": "0.1%", "fgsm@8/255": "0"})
    assert [round(found.value, 4) for found in signed.numbers.values()] == [0.945, 0.001, 0.0]
    assert signed.unit == "percent"
    assert signed.numbers["fgsm@8/255"].rounding == 0.005


@pytest.fixture
def write(tmp_path):
    def at(text, encoding="utf-8"):
        path = tmp_path / "rows.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return at


def test_rows_are_read_with_or_without_names_and_data_sets(write):
    first, second = read_claims(write("name,dataset,clean,pgd@8/255\nmine,cifar10,79.6,48.1\n,,.80,-\n"))
    assert (first.name, first.dataset, first.unit, list(first.numbers)) == (
        "mine", "cifar10", "percent", ["clean", "pgd@8/255"],
    )  # fmt: skip
    assert (second.name, second.dataset, second.unit, list(second.numbers)) == ("row 2", None, "fraction", ["clean"])


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("name,clean\nmine,79.6\n", "utf-8-sig"),
        ("name;clean\nmine;79,6\n", "utf-8-sig"),
        ("name;clean\r\nmine;79.6\r\n\r\n", "utf-8"),
        ("name\tclean\nmine\t79,6\n", "utf-8"),
        ('"name" , "clean"\nmine , 79.6 \n'.replace('"', ""), "utf-8"),
    ],
)
def test_files_of_spreadsheets_are_read(write, text, encoding):
    (claim,) = read_claims(write(text, encoding))
    assert (claim.name, claim.numbers["clean"].value) == ("mine", 0.796)


def test_a_name_keeps_its_comma_between_semicolons(write):
    (claim,) = read_claims(write("name;clean\nmine, again;79,6 ± 0,2\n"))
    assert (claim.name, claim.average) == ("mine, again", True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a header and at least one row, got nothing$"),
        ("\n\n", "expected a header and at least one row, got nothing$"),
        ("name,clean\n", "expected a header and at least one row, got a header alone$"),
        ("name,clean\na,79.6\na,79.7\n", "row 2: expected a name of its own for each row, got 'a'$"),
        ("name,clean,clean\na,79.6,79.6\n", "a column twice"),
        ("name,clean, clean\na,79.6,79.6\n", "expected each column once, got name, clean,  clean$"),
        ("name,clean\na,79.6,48.1\n", "a row of 3 cells under 2 columns"),
        ("name,clean,authors\na,79.6,Wu\n", "columns: expected name, dataset, metrics such as clean, got 'authors'$"),
        ("name,clean,\na,79.6,\n", "columns: expected name, dataset, metrics such as clean, got ''$"),
        ("a,79.6\nb,79.7\n", "columns: expected name, dataset, metrics such as clean, got 'a'$"),
        ('name,clean\n"a,79.6\n', "expected a CSV file of published rows, got Error"),
    ],
)
def test_malformed_files_are_refused(write, text, said):
    with refused(said, InputError):
        read_claims(write(text))


def test_files_that_are_no_text_or_not_there_are_refused(write, tmp_path):
    with refused(r"expected a CSV file of published rows, got UnicodeDecodeError", DataError):
        read_claims(write("name,clean\nä,79.6 ± 1\n", "latin-1"))
    with refused("expected a CSV file of published rows, got nothing", DataError):
        read_claims(tmp_path / "none.csv")
    with refused("expected a CSV file of published rows, got a folder", DataError):
        read_claims(tmp_path)
    with refused("columns: expected name, dataset, clean, autoattack@8/255, pgd@8/255, got 'pgd@3/255'", InputError):
        read_claims(write("name,pgd@3/255\na,1.5\n"), table=small_table())
    with refused("unit: expected percent or fraction, got 'points'", InputError):
        read_claims(write("clean\n1\n"), "points")


# beside a table


def table_of(*rows, metrics=("clean", "pgd@8/255")):
    values = np.array(rows)
    columns = [Column("d", "test", metric, values[:, [place]]) for place, metric in enumerate(metrics)]
    return Table("t", range(len(rows)), columns)


def check(table, *texts, **settings):
    return check_claim(table, Claim.of("row", dict(zip(("clean", "pgd@8/255"), texts, strict=False)), "d"), **settings)


THREE = ((0.7937, 0.4811), (0.7956, 0.4779), (0.7904, 0.4806))


def test_the_architectures_within_rounding_of_every_number_are_found():
    table = table_of(*THREE)
    for texts, rows in {
        ("79.4", "48.1"): [0], ("79", "48"): [0, 2], ("80", "48"): [1], ("0.8", "0.5"): [0, 1, 2],
        (".7937", ".4811"): [0], (".79370", ".48110"): [0], (".7937", ".4810"): [], ("79.4",): [0],
    }.items():  # fmt: skip
        found = check(table, *texts)
        assert [table.row(arch) for arch in found.architectures] == rows, texts
        assert found.possible == bool(rows)
        assert (found.misses_by == 0) == bool(rows)


def test_half_a_unit_is_rounded_either_way():
    table = table_of((0.7955, 0.5), (0.1, 0.1))
    assert check(table, "79.5").possible
    assert check(table, "79.6").possible
    assert not check(table, "79.7").possible


def test_a_row_of_column_maxima_is_told_from_one_that_an_architecture_has():
    table = table_of(*THREE)
    found = check(table, "79.6", "48.1")
    assert (found.possible, found.best_of_each, found.beyond) == (False, True, ())
    assert (table.row(found.nearest), found.values) == (0, {"clean": 0.7937, "pgd@8/255": 0.4811})
    assert found.misses_by == pytest.approx(0.796 - 0.7937 - 0.0005, abs=2e-7)
    assert not check(table, "79.4", "48.1").best_of_each
    assert check(table_of((0.3, 0.3), (0.5, 0.4)), "50", "40").best_of_each


def test_numbers_beyond_all_values_are_named():
    found = check(table_of(*THREE), "79.8", "47.5")
    assert (found.possible, found.beyond) == (False, ("clean", "pgd@8/255"))
    assert check(table_of(*THREE), "79.6", "48.2").beyond == ("pgd@8/255",)


def test_missing_values_leave_it_open():
    table = table_of((0.7, np.nan), (0.7, 0.2), (0.6, np.nan))
    found = check(table, "70", "30")
    assert ([table.row(arch) for arch in found.undecided], found.possible) == ([0], True)
    assert table.row(found.nearest) == 1
    lacking = table_of((0.7, np.nan), (np.nan, 0.3))
    found = check(lacking, "70", "30")
    assert (found.nearest, found.values, found.possible, len(found.undecided)) == (None, {}, True, 2)
    assert check(lacking, "70 ± 1", "30").possible is False
    with refused("d test clean: expected values in table t, got none", InputError):
        check(table_of((np.nan, 0.5), (np.nan, 0.6)), "70", "30")


def test_means_need_no_single_architecture_but_one_mixture():
    """Against all mixtures of two of three architectures, each metric being linear in the weight."""
    table = table_of(*THREE)
    assert check(table, "79.6 ± .1", "48.1").possible is False
    assert check(table, "79.47 ± .1", "47.95").possible
    found = check(table, "79.60 ± .1", "48.11")
    weights = np.linspace(0, 1, 20_001)[:, None]
    mixed = np.concatenate([w * weights + v * (1 - weights) for w, v in combinations(np.array(THREE), 2)])
    slow = np.maximum(np.abs(mixed - [0.796, 0.4811]) - 0.00005, 0).max(axis=1).min()
    assert found.misses_by == pytest.approx(slow, abs=3e-7)
    assert not found.architectures
    assert check(table, "79.4 ± .1", "48.1").architectures == (table.at(0),)


def test_the_table_decides_which_columns_there_are():
    table = small_table()
    where = {"dataset": "cifar10", "split": "test"}
    assert check_claim(table, Claim.of("row", {"clean": "65"}), **where).possible  # the mean of the seeds
    assert check_claim(table, Claim.of("row", {"pgd@0.03137254901960784": "20"}, "cifar100")).metrics == ("pgd@8/255",)
    for claim, settings, text in (
        (Claim.of("row", {"clean": "65"}), {}, "dataset of table small: expected one of .* got none; name the dataset"),
        (Claim.of("row", {"clean": "65"}, "cifar10"), {}, "split of table small: .* name the split"),
        (Claim.of("row", {"clean": "65"}, "svhn"), where, "dataset of table small: .*got 'svhn'"),
        (Claim.of("row", {"pgd@3/255": "65"}), where, "row, columns: expected name, .* got 'pgd@3/255'"),
        (Claim.of("row", {"pgd@8/255": "65"}), where, "metric of table small: .* got 'pgd@8/255'"),
        (Claim.of("row", {"Clean": "65"}), where, "row, columns: expected name, .* got 'Clean'"),
        (Claim.of("row", {"authors": "65"}), where, "expected name, dataset, clean, .*, got 'authors'"),
        (Claim.of("row", {"pgd@8/255": "20", "pgd@0.03137254901960784": "20"}, "cifar100"), {}, "each metric once"),
    ):  # fmt: skip
        with refused(text, InputError):
            check_claim(table, claim, **settings)


def test_sources_are_told_apart_and_costs_are_no_accuracies():
    columns = [
        Column("d", "test", "clean", [[0.7], [0.8]]),
        Column("d", "test", "clean", [[0.75], [0.6]], source="other"),
        Column("d", "test", "latency:pixel3", [[3.0], [4.0]], unit="ms", direction="minimise"),
        Column("d", "test", "brightness@3", [[0.5], [0.4]]),
    ]
    table = Table("joined", [0, 1], columns)
    found = check_claim(table, Claim.of("row", {"other:clean": "75", "brightness@3": "50"}, "d"))
    assert (found.metrics, found.architectures) == (("other:clean", "brightness@3"), (table.at(0),))
    with refused("metric of table joined: expected the source, as in clean or other:clean, got 'clean'", InputError):
        check_claim(table, Claim.of("row", {"clean": "75"}, "d"))
    with refused("columns: expected name, dataset, clean, other:clean, brightness@3, got 'latency:pixel3'", InputError):
        check_claim(table, Claim.of("row", {"latency:pixel3": "3"}, "d"))


# the published table


def five(text):
    return Claim.of("row", dict(zip(METRICS, text.split("/"), strict=True)), "cifar10")


def test_no_architecture_has_the_row_that_trnas_reports(robbench):
    found = check_claim(robbench, five("79.6/69.7/69.2/53.5/48.1"))
    assert (found.possible, found.best_of_each, found.architectures, found.beyond) == (False, True, (), ())
    assert found.nearest.text == "323133"
    assert [f"{value:.4f}" for value in found.values.values()] == ["0.7937", "0.6955", "0.6893", "0.5351", "0.4811"]
    assert not check_claim(robbench, five("79.6 ± .2/69.7/69.2/53.5/48.1")).possible
    assert check_claim(robbench, five(".7937/.6955/.6893/.5351/.4811")).architectures == (found.nearest,)


@pytest.mark.parametrize("digits", [2, 3, 4, 6])
def test_each_row_of_the_published_table_is_found_again_however_it_is_rounded(robbench, digits):
    held = np.stack([robbench.values("cifar10", metric, split="test") for metric in METRICS], axis=1)
    for row in range(0, len(robbench), 400):
        for scale, unit in ((1, "fraction"), (100, "percent")):
            texts = [f"{scale * value:.{digits - (scale == 100) * 2}f}" for value in held[row]]
            claim = Claim.of("row", dict(zip(METRICS, texts, strict=True)), "cifar10", unit)
            assert robbench.at(row) in check_claim(robbench, claim).architectures
