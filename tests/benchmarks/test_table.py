import copy
import pickle
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from robnas.benchmarks import (
    Ambiguity,
    Column,
    CurveColumn,
    Table,
    Value,
    pareto_front,
    read_table,
    write_table,
)
from robnas.errors import InputError
from robnas.spaces import FORMATS, SIZE, Architecture, architectures, partition
from robnas.spaces.nas_bench_201 import NASBench201
from tests.benchmarks.conftest import CODES, INDICES, MEANS, SEEDS, VALUES, same_table, small_table
from tests.data.conftest import refused

CLEAN = {"dataset": "cifar10", "metric": "clean", "split": "test"}
ATTACK = {"dataset": "cifar10", "metric": "autoattack@8/255", "split": "test"}
PGD = {"dataset": "cifar10", "metric": "pgd@8/255", "split": "test"}
ROTATED = np.roll(np.arange(SIZE), 1)  # published index of every own index


# query


def test_a_query_gives_the_mean_or_a_seed_and_how_many_runs_it_rests_on(small):
    mean = small.query("333133", **CLEAN, seed="mean")
    assert mean == pytest.approx(0.8, abs=1e-15)
    assert (type(mean), mean.runs) == (Value, 3)
    for seed, value in zip(SEEDS, VALUES[1], strict=True):
        one = small.query("333133", **CLEAN, seed=seed)
        assert (one, one.runs) == (value, 1)
    assert small.query("333133", **CLEAN, seed=np.int64(7)) == 0.9


@pytest.mark.parametrize(
    ("code", "where", "value", "runs"),
    [("323133", CLEAN, 0.65, 2), ("333133", ATTACK, 0.44, 1), ("333133", {**CLEAN, "split": "validation"}, 0.79, 3)],
)
def test_a_mean_counts_only_the_runs_that_are_there(small, code, where, value, runs):
    found = small.peek(code, **where, seed="mean")
    assert found == pytest.approx(value, abs=1e-15)
    assert found.runs == runs


@pytest.mark.parametrize("encoding", FORMATS)
def test_every_encoding_is_accepted(small, encoding):
    for code, mean in zip(CODES[:3], MEANS, strict=False):
        assert small.peek(Architecture(code).format(encoding), **CLEAN, seed="mean") == pytest.approx(mean)


@pytest.mark.parametrize("kind", [int, np.int16, np.int64])
def test_a_published_index_is_not_the_own_index(kind):
    table = small_table(published=ROTATED)
    number = kind(ROTATED[INDICES[1]])
    assert number != INDICES[1]
    assert table.row(number) == table.row("333133") == 1


def test_a_random_seed_is_one_of_the_runs_that_are_there_and_depends_on_the_generator_alone(small):
    def draws(code, seed):
        rng = np.random.default_rng(seed)
        return [small.query(code, **CLEAN, seed="random", rng=rng) for _ in range(40)]

    assert draws("333133", 0) == draws("333133", 0) != draws("333133", 1)
    assert set(draws("333133", 0)) == {0.7, 0.8, 0.9}
    assert set(draws("323133", 0)) == {0.6, 0.7}
    assert {value.runs for value in draws("333133", 0)} == {1}


def test_only_queries_are_charged_and_each_architecture_once(small):
    small.peek("333133", **CLEAN, seed="mean")
    small.values(**CLEAN)
    assert small.charged == 0
    for arch in ("333133", Architecture("333133"), Architecture("333133").genotype):
        small.query(arch, **CLEAN, seed=1)
    small.query("333133", **ATTACK, seed="mean")
    assert small.charged == 1
    small.query("323133", **CLEAN, seed=1)
    assert small.charged == 2


@pytest.mark.parametrize("rows", [["a"], [10**6], [-1], [0.5], [SIZE - 1]])
def test_rows_that_a_table_does_not_have_are_not_charged(small, rows):
    with pytest.raises(InputError, match="rows charged to table"):
        small.charge(rows)
    small.charge([])
    assert small.charged == 0
    small.charge(iter([0, 0, 1]))
    assert small.charged == 2


def test_a_query_that_fails_is_not_charged(small):
    for arch, seed in (("444444", "mean"), ("323133", 7), ("323133", 3), ("111111", 1), ("333133", "random")):
        with pytest.raises(InputError):
            small.query(arch, **CLEAN, seed=seed)
    assert small.charged == 0


def test_isomorphic_architectures_are_charged_as_one():
    table = small_table(partition="official")
    members = partition("official").members(Architecture("000000"))
    assert len(members) > 10
    assert {table.query(arch, **CLEAN, seed=1) for arch in members} == {0.1}
    assert table.charged == 1


# what is not there

WRONG = [
    ({}, r"dataset of table small: expected one of cifar10, cifar100, got none; name the dataset: it is never guessed"),
    ({"dataset": "cifar10"}, r"split of table small: expected one of test, validation, got none; name the split: it"),
    ({"dataset": "cifar10", "split": "test"}, r"metric .*: expected one of clean, autoattack@8/255, got none; name"),
    ({"metric": "clean", "split": "test"}, r"dataset of table small: .*, got none"),
    ({**CLEAN, "dataset": "cifar-10"}, r"dataset .*: expected one of cifar10, cifar100, got 'cifar-10'; .* cifar10\?"),
    ({**CLEAN, "dataset": "svhn"}, r"dataset .*: expected one of cifar10, cifar100, got 'svhn'$"),
    ({**CLEAN, "split": "valid"}, r"split .*: expected one of test, validation, got 'valid'; .* validation\?"),
    ({**CLEAN, "metric": "autoattack"}, r"metric .* got 'autoattack'; did you mean autoattack@8/255\?"),
    ({**CLEAN, "metric": "pgd@8/255"}, r"metric of table small: expected one of clean, autoattack@8/255, got 'pgd@8"),
    ({"dataset": "cifar100", "metric": "pgd@8/255", "split": "validation"}, r"split .*: expected one of test, got"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "text"), WRONG)
@pytest.mark.parametrize("call", ["query", "values", "best", "objective", "noise"])
def test_nothing_is_guessed_and_the_error_lists_what_exists(small, where, text, call):
    arguments = ("333133",) if call == "query" else ()
    with refused(text, InputError):
        getattr(small, call)(*arguments, **where)


@pytest.mark.parametrize(
    ("seed", "text"),
    [
        (None, r"seed: expected 'mean', 'random' or the number of a run, got none; name it: it is never guessed"),
        ("median", r"seed: expected 'mean', 'random' or the number of a run, got 'median'"),
        (1.0, r"seed: expected 'mean', .*, got 1\.0"),
        (3, r"seed of cifar10 test clean: expected 'mean' or one of: 1, 2, 7, got 3"),
        ("random", r"rng: expected a numpy generator for seed='random', got None"),
    ],
)
def test_an_unknown_seed_is_refused(small, seed, text):
    with refused(text, InputError):
        small.query("333133", **CLEAN, seed=seed)


@pytest.mark.parametrize("seed", [1, "random"])
def test_a_mean_has_no_single_runs(small, seed):
    where = {**CLEAN, "split": "validation"}
    with refused(r"seed of cifar10 validation clean: expected 'mean'.* mean", InputError):
        small.query("333133", **where, seed=seed, rng=np.random.default_rng(0))


def test_one_run_of_unknown_seed_may_be_drawn(small):
    assert small.query("333133", **ATTACK, seed="random", rng=np.random.default_rng(0)) == 0.44


@pytest.mark.parametrize(("arch", "seed"), [("444444", "mean"), ("444444", "random"), ("000000", 7)])
def test_a_missing_value_is_an_error_not_nan(small, arch, seed):
    with refused(rf"cifar10 test clean of {arch}: expected a measured value, got a missing one", InputError):
        small.query(arch, **CLEAN, seed=seed, rng=np.random.default_rng(0))


def test_an_unknown_architecture_names_its_neighbours(small):
    with refused(
        r"architecture 333233: expected one of the 4 that table small holds, got none; one operation away: 333133$",
        InputError,
    ):
        small.query("333233", **CLEAN, seed=1)


def test_an_unknown_architecture_with_an_isomorphic_one_says_how_to_find_it(small):
    twin = next(a for a in partition("official").members(Architecture("000000")) if a.code != "000000")
    with refused(rf"architecture {twin.code}: .*; resolve='official' finds an isomorphic one", InputError):
        small.query(twin, **CLEAN, seed=1)
    assert small.query(twin, **CLEAN, seed=1, resolve="official") == 0.1


@pytest.mark.parametrize("number", [-1, SIZE, 323133])
def test_a_published_index_out_of_range_is_refused(number):
    with refused(rf"published index: expected 0 to 15624, got {number}", InputError):
        small_table(published=ROTATED).row(number)


def test_a_table_without_published_indices_says_so(small):
    with refused(
        r"architecture: expected an encoding, because table small brings no published indices, got 7", InputError
    ):
        small.row(7)


@pytest.mark.parametrize("arch", [True, False, np.True_])
@pytest.mark.parametrize("published", [None, ROTATED])
def test_a_truth_value_is_no_published_index(arch, published):
    table = small_table(published=published)
    for call in (table.row, table.architecture, lambda arch: table.peek(arch, **CLEAN, seed="mean")):
        with refused(r"architecture.*: expected .*, got (np\.)?(True|False)", InputError):
            call(arch)


@pytest.mark.parametrize("part", ["dataset", "split", "metric"])
@pytest.mark.parametrize("wrong", [["clean"], ("clean",), {"clean": 1}, 3, np.array(["clean", "x"]), True])
def test_a_list_where_a_name_belongs_is_refused(small, part, wrong):
    where = {**CLEAN, part: wrong}
    for call in (lambda **w: small.query("333133", **w, seed="mean"), small.values, small.best, small.noise):
        with refused(f"{part} of table small: expected one of ", InputError):
            call(**where)


@pytest.mark.parametrize("wrong", [["cifar10"], 3, {}])
def test_other_forms_refuse_a_list_where_a_name_belongs(small, wrong):
    for call in (small.select, small.to_pandas):
        with refused("dataset of table small: expected one of cifar10, cifar100, got ", InputError):
            call(wrong)
    with refused("split of table small: expected one of test, validation, got ", InputError):
        small.to_pandas(split=wrong)
    with refused("join: expected a table and a text, got ", InputError):
        small.join(wrong)
    with refused("resolve: expected one of declared, exact, .*, got ", InputError):
        small.row("333133", resolve=wrong)


@pytest.mark.parametrize("seed", [True, [1], np.array([1, 2]), {}, np.array("mean")])
def test_what_is_no_seed_is_refused(small, seed):
    with refused("seed: expected 'mean', 'random' or the number of a run, got ", InputError):
        small.query("333133", **CLEAN, seed=seed)
    with refused("seed of cifar10 test clean: expected 'mean' or one of: 1, 2, 7, got ", InputError):
        small.values(**CLEAN, seed=seed)


def test_a_random_run_needs_a_generator_not_a_number(small):
    with refused("rng: expected a numpy generator for seed='random', got 0", InputError):
        small.query("333133", **CLEAN, seed="random", rng=0)


# isomorphic architectures


def test_resolve_decides_who_may_stand_in():
    table = small_table(partition="official")
    for name in ("official", "effective", "identical"):
        classes = partition(name)
        rows = table.row_of(name)
        for row, index in enumerate(INDICES):
            assert rows[index] == row
        held = {classes.class_of[index] for index in INDICES}
        assert [number in held for number in classes.class_of] == (rows >= 0).tolist()
        for index in np.flatnonzero(rows >= 0):
            assert classes.class_of[index] == classes.class_of[INDICES[rows[index]]]
    assert np.array_equal(table.row_of(), table.row_of("official"))
    assert np.flatnonzero(table.row_of("exact") >= 0).tolist() == sorted(INDICES)
    assert np.array_equal(small_table().row_of(), table.row_of("exact"))


def test_an_architecture_with_a_row_of_its_own_is_never_replaced():
    twins = [arch.index for arch in partition("official").members(Architecture("000000"))][:5]
    table = Table(
        "twins", twins[::-1], [Column("d", "test", "clean", np.arange(5)[:, None] / 10)], partition="official"
    )
    assert [table.row(Architecture.from_index(index)) for index in twins] == [4, 3, 2, 1, 0]
    other = partition("official").members(Architecture("000000"))[7]
    assert table.row(other) == 0  # the first row of the class
    with pytest.raises(InputError, match="resolve='official' finds"):
        table.row(other, "exact")


@pytest.mark.parametrize("resolve", ["offical", "", None, 3])
def test_an_unknown_way_to_resolve_lists_the_known_ones(small, resolve):
    with refused("resolve: expected one of declared, exact, official, effective, identical, got ", InputError):
        small.row("333133", resolve)


# many at once


def test_values_are_the_means_or_one_seed(small):
    assert small.values("cifar10", "clean", split="test") == pytest.approx(MEANS, nan_ok=True)
    assert np.array_equal(small.values("cifar10", "clean", split="test", seed=7), VALUES[:, 2], equal_nan=True)
    with refused("seed of cifar10 test clean: expected 'mean' or one of: 1, 2, 7, got 'random'", InputError):
        small.values("cifar10", "clean", split="test", seed="random")


def test_values_cannot_be_written_back(small):
    small.values(**CLEAN)[:] = 0
    small.values(**CLEAN, seed=1)[:] = 0
    assert small.peek("333133", **CLEAN, seed="mean") == pytest.approx(0.8)
    assert small.peek("333133", **CLEAN, seed=1) == 0.7


def test_values_at_own_indices_have_their_shape_and_nan_where_there_is_none(small):
    at = np.array([[INDICES[2], 5], [INDICES[1], INDICES[3]]])
    found = small.values(**CLEAN, index=at)
    assert found == pytest.approx(np.array([[0.65, np.nan], [0.8, np.nan]]), nan_ok=True)


@pytest.mark.parametrize("at", [[-1], [SIZE], [0.5], ["333133"], [True], True, [[1], [1, 2]]])
def test_values_at_what_is_no_own_index_are_refused(small, at):
    with refused(r"index: expected integers from 0 to 15624, got ", InputError):
        small.values(**CLEAN, index=at)


def test_vectorised_values_equal_queries_one_by_one_for_the_whole_space(robbench):
    everything = list(architectures())
    for seed, where in (("mean", PGD), ("mean", ATTACK)):
        many = robbench.values(**where, index=np.arange(SIZE))
        assert not np.isnan(many).any()
        assert many.tolist() == [robbench.peek(arch, **where, seed=seed) for arch in everything]


def test_values_at_published_indices_are_those_of_queries(small):
    table = small_table(published=ROTATED)
    at = np.array([[ROTATED[INDICES[2]], 5], [ROTATED[INDICES[1]], ROTATED[INDICES[3]]]])
    found = table.values(**CLEAN, published_index=at)
    assert found == pytest.approx(np.array([[0.65, np.nan], [0.8, np.nan]]), nan_ok=True)
    assert table.peek(int(at[1, 0]), **CLEAN, seed="mean") == found[1, 0]
    with refused("published_index: expected a table with published indices, got table small", InputError):
        small.values(**CLEAN, published_index=at)
    with refused("published_index: expected integers from 0 to 15624, got 15625", InputError):
        table.values(**CLEAN, published_index=SIZE)
    with refused("index: expected index or published_index, got both", InputError):
        table.values(**CLEAN, index=0, published_index=0)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "at least 1, got 0"),
        (-1, "at least 1, got -1"),
        (1.5, "a whole number"),
        (True, "a whole"),
        ("3", "a whole"),
    ],
)
def test_the_best_are_at_least_one(small, count, text):
    with refused(f"count: expected {text}", InputError):
        small.best("cifar10", "clean", split="test", count=count)


def test_best_is_sorted_and_leaves_missing_values_out(small):
    found = small.best("cifar10", "clean", split="test", count=10)
    assert [arch.code for arch, _ in found] == ["333133", "323133", "000000"]
    assert [(round(value, 12), value.runs) for _, value in found] == [(0.8, 3), (0.65, 2), (0.1, 2)]
    assert small.best("cifar10", "autoattack@8/255", split="test") == [(Architecture("323133"), 0.45)]


def slow_front(points):
    keep = []
    for number, point in enumerate(points):
        dominated = any(
            all(theirs >= ours for theirs, ours in zip(other, point, strict=True))
            and any(theirs > ours for theirs, ours in zip(other, point, strict=True))
            for other in points
            if not any(value != value for value in other)
        )
        if not dominated and not any(value != value for value in point):
            keep.append(number)
    return keep


@pytest.mark.parametrize("width", [1, 2, 3, 5])
@pytest.mark.parametrize("levels", [2, 4, 1000])
def test_the_pareto_front_is_that_of_comparing_all_pairs(width, levels):
    rng = np.random.default_rng(width * levels)
    for count in (1, 2, 60):
        points = rng.integers(0, levels, (count, width)) / levels
        points[rng.random(points.shape) < 0.05] = np.nan
        assert sorted(pareto_front(points)) == slow_front(points.tolist())


def test_the_pareto_front_of_nothing_is_empty():
    assert pareto_front(np.empty((0, 2))).tolist() == []
    assert pareto_front(np.full((3, 2), np.nan)).tolist() == []


def test_pareto_is_sorted_by_the_first_metric(small):
    assert small.pareto("cifar10", "clean", "autoattack@8/255", split="test") == [
        (Architecture("333133"), (pytest.approx(0.8), 0.44)),
        (Architecture("323133"), (pytest.approx(0.65), 0.45)),
    ]
    with refused(r"metrics: expected at least 2, got \('clean',\)", InputError):
        small.pareto("cifar10", "clean", split="test")


# objective


def test_an_objective_charges_its_table_and_each_distinct_architecture_once(small):
    objective = small.objective("cifar10", "clean", split="test")
    assert objective.peek("333133") == pytest.approx(0.8)
    assert objective.charged == 0
    assert objective("333133") == objective(Architecture("333133")) == pytest.approx(0.8)
    objective("323133")
    with pytest.raises(InputError):
        objective("444444")  # its value is missing
    small.query("333133", **ATTACK, seed="mean")
    assert objective.charged == small.charged == 2
    assert small.objective("cifar10", "clean", split="test").charged == 2
    assert objective.oracle == pytest.approx(0.8)


def test_an_objective_of_one_run_draws_from_its_generator(small):
    objective = small.objective("cifar10", "clean", split="test", seed="random", rng=np.random.default_rng(3))
    assert {objective("333133") for _ in range(40)} == {0.7, 0.8, 0.9}


# other forms


def test_join_finds_rows_under_the_others_partition_and_says_where_columns_are_from(small):
    other = Table("other", [0, int("333133", 5)], [
        Column("cifar10", "test", "clean", np.array([[0.2], [0.3]])),
        Column("cifar10", "test", "corruptions", np.array([[0.4], [0.5]]), runs=4),
    ], partition="official", provenance={"licence": "none"})  # fmt: skip
    both = small.join(other)
    assert (both.name, [arch.code for arch in both.architectures]) == ("small+other", ["000000", "333133"])
    assert both.provenance == {"small": {}, "other": {"licence": "none"}}
    assert both.values("cifar10", "small:clean", split="test", seed=2).tolist() == [0.1, 0.8]
    assert both.values("cifar10", "other:clean", split="test").tolist() == [0.2, 0.3]
    assert both.query("333133", dataset="cifar10", metric="corruptions", split="test", seed="mean").runs == 4
    assert len(small) == 4
    with refused(
        r"metric of table small\+other: expected the source, as in small:clean or other:clean, got 'clean'", InputError
    ):
        both.values("cifar10", "clean", split="test")
    assert [column.name for column in both.columns if column.metric == "clean"] == [
        "small:cifar10 test clean", "small:cifar10 validation clean", "other:cifar10 test clean",
    ]  # fmt: skip
    assert both.provenance_of(both.column("cifar10", "other:clean", "test")) == {"licence": "none"}
    assert small.column("cifar10", "clean", "test").source == ""


def test_a_suffix_gives_metrics_of_both_names_of_their_own(small):
    other = Table("other", [0, 1], [Column("cifar10", "test", "clean", np.array([[0.2], [0.3]]))])
    both = small.join(other, suffix="*")
    assert both.values("cifar10", "clean", split="test", seed=2).tolist() == [0.1]
    assert both.values("cifar10", "clean*", split="test").tolist() == [0.2]
    assert small.join(other, suffix=" (no training)").column("cifar10", "clean (no training)", "test")
    assert both.join(other, suffix="'").values("cifar10", "clean'", split="test").tolist() == [0.2]


def test_a_joined_table_is_joined_again_saved_and_read(small, tmp_path):
    other = Table("other", [0, 1], [Column("cifar10", "test", "clean", np.array([[0.2], [0.3]]))],
                  provenance={"licence": "none"})  # fmt: skip
    cost = Table("cost", [0, 7], [
        Column("cifar10", "test", "latency:pixel3", np.array([[5.5], [0.3]]), unit="ms", direction="minimise"),
    ], provenance={"licence": "MIT"})  # fmt: skip
    one = small.join(other).join(cost.join(other))
    assert [column.source for column in one.columns] == [*["small"] * 4, "other", "cost", "other (2)"]
    assert one.provenance == {
        "small": {}, "other": {"licence": "none"}, "cost": {"licence": "MIT"}, "other (2)": {"licence": "none"},
    }  # fmt: skip
    write_table(one, tmp_path / "one.parquet")
    found = read_table(tmp_path / "one.parquet")
    assert same_table(found, one)
    assert [found.provenance_of(column).get("licence") for column in found.columns[3:]] == [
        None, "none", "MIT", "none",
    ]  # fmt: skip
    where = {"dataset": "cifar10", "split": "test", "seed": "mean"}
    assert found.peek("000000", metric="other (2):clean", **where) == 0.2
    assert found.peek("000000", metric="latency:pixel3", **where) == 5.5
    assert found.peek("000000", metric="small:clean", **{**where, "seed": 1}) == 0.1
    assert [column.source for column in found.join(found).columns[-3:]] == ["other (3)", "cost (2)", "other (4)"]
    again = found.join(small)
    assert [column.source for column in again.columns[-4:]] == ["small (2)"] * 4
    with refused(
        "expected the source, as in small:clean or other:clean or other .2.:clean or small .2.:clean, got", InputError
    ):
        again.column("cifar10", "clean", "test")


def test_the_source_of_a_table_of_several_own_and_joined_columns_is_its_name(small):
    mixed = Table("mixed", [0, 1], [column_of("clean", source="mixed"), column_of("pgd@8/255")],
                  provenance={"mixed": {"licence": "a"}, "licence": "b"})  # fmt: skip
    both = mixed.join(small)
    assert [column.source for column in both.columns[:2]] == ["mixed", "mixed (2)"]
    assert both.provenance == {"mixed": {"licence": "a"}, "mixed (2)": {"licence": "b"}, "small": {}}


def test_curves_of_joined_tables_say_their_source():
    def table(name, value):
        curve = CurveColumn("d", "test", "clean", (1, 2), np.full((2, 1, 2), value), (3,))
        return Table(name, [0, 1], [Column("d", "test", "clean", np.full((2, 1), value), (3,))], curves=[curve])

    both = table("a", 0.25).join(table("b", 0.5))
    assert both.curve("000000", dataset="d", metric="b:clean", split="test", seed=3).tolist() == [0.5, 0.5]
    assert both.query("000000", dataset="d", metric="a:clean", split="test", seed="mean", epoch=2) == 0.25
    with refused(
        "metric of the curves of table a.b: expected the source, as in a:clean or b:clean, got 'clean'", InputError
    ):
        both.curve("000000", dataset="d", metric="clean", split="test", seed=3)


def test_columns_of_two_sizes_need_no_source_where_the_space_says_which():
    small, large = (NASBench201(channels=channels) for channels in (4, 8))
    first, second = (
        Table(name, [0, 1], [column_of("clean", value, space=space.key)])
        for name, value, space in (("a", 0.25, small), ("b", 0.5, large))
    )
    both = first.join(second)
    assert both.column("cifar10", "clean", "test", large).mean[0] == 0.5
    assert both.column("cifar10", "clean", "test", small).mean[0] == 0.25
    with refused("expected the source, as in a:clean or b:clean", InputError):
        both.column("cifar10", "clean", "test")


def test_what_was_measured_in_several_ways_keeps_its_source():
    why = Ambiguity("images", ("10", "20"), ("10", "20"))
    tables = [Table(name, [0, 1], [column_of("pgd@8/255")], ambiguous={("cifar10", "test", "clean"): why})
              for name in ("a", "b")]  # fmt: skip
    both = tables[0].join(tables[1])
    assert list(both.ambiguous) == [("cifar10", "test", "clean", None, name) for name in ("a", "b")]
    with refused("table a.b, cifar10 test b:clean: expected records of one number of images, got 10, 20", InputError):
        both.column("cifar10", "b:clean", "test")
    with refused("expected the source, as in a:clean or b:clean", InputError):
        both.column("cifar10", "clean", "test")


def test_join_says_how_many_values_are_those_of_another_network():
    def table(name, metric, *codes):
        values = np.full((len(codes), 1), 0.5)
        rows = [Architecture(code).index for code in codes]
        return Table(name, rows, [Column("d", "test", metric, values)], partition="official")

    ours = table("ours", "clean", "343013", "323133")
    alike = ours.join(table("same", "pgd@8/255", "343013", "323133"))
    assert alike.column("d", "pgd@8/255", "test").facts == {}
    both = ours.join(table("others", "pgd@8/255", "343303", "323133"))
    assert both.column("d", "pgd@8/255", "test").facts["relatives"] == 1
    assert both.column("d", "clean", "test").facts == {}


def test_rows_that_repeat_a_measurement_are_no_repeated_trainings():
    sizes = Column("d", "test", "size", np.arange(4.0)[:, None], unit="M", direction="minimise")
    ours = Table("ours", ["000000", "000010", "000001", "323133"], [sizes])
    clean = Column("d", "test", "clean", [[0.1], [0.2], [0.9]])
    theirs = Table("theirs", ["000000", "000001", "323133"], [clean], partition="official")
    both = ours.join(theirs)
    assert both.values("d", "clean", split="test").tolist() == [0.1, 0.1, 0.2, 0.9]
    assert both.column("d", "clean", "test").facts == {"copies": 1}
    noise = theirs.noise("d", "clean", split="test")
    assert (noise.groups, noise.members) == (1, 2)
    with refused("noise of theirs:d test clean: expected a measurement for each row, got 1 rows with", InputError):
        both.noise("d", "clean", split="test")
    assert theirs.join(ours).noise("d", "clean", split="test").run_sd == noise.run_sd


def test_join_keeps_where_both_came_from_even_if_they_have_one_name(small):
    other = small_table(provenance={"licence": "none"}, published=ROTATED)
    both = small.join(other)
    assert both.provenance == {"small": {}, "small (2)": {"licence": "none"}}
    assert both.row(int(ROTATED[INDICES[1]])) == 1  # published indices of either will do


def test_join_of_tables_with_nothing_in_common_is_refused(small):
    other = Table("other", [7], [Column("cifar10", "test", "clean", np.array([[0.2]]))])
    with refused("join: expected tables with an architecture in common, got none", InputError):
        small.join(other)


def test_the_published_tables_join_on_all_representatives(robbench, jung):
    both = robbench.join(jung)
    assert (len(both), len(both.columns)) == (6466, 18 + 17)
    arch = "323133"
    here = jung.peek(arch, dataset="cifar100", metric="clean", split="test", seed="mean")
    assert both.peek(arch, dataset="cifar100", metric="jung-2023:clean", split="test", seed="mean") == here


def test_select_keeps_one_data_set(small):
    assert [column.name for column in small.select("cifar100").columns] == ["cifar100 test pgd@8/255"]
    assert np.array_equal(small.select("cifar100").rows, small.rows)
    with refused("dataset of table small: expected one of cifar10, cifar100, got 'cifar'; did you mean", InputError):
        small.select("cifar")


def test_a_data_frame_is_indexed_by_digit_code():
    frame = small_table(published=ROTATED).to_pandas("cifar10", split="test")
    assert list(frame.columns) == ["genotype", "published_index", "clean", "autoattack@8/255"]
    assert frame.index.tolist() == CODES
    assert frame["genotype"].tolist() == [Architecture(code).genotype for code in CODES]
    assert frame["published_index"].tolist() == [ROTATED[index] for index in INDICES]
    assert frame["clean"].tolist() == pytest.approx(MEANS, nan_ok=True)


def test_a_data_frame_of_several_splits_names_columns_in_full(small):
    assert list(small.to_pandas("cifar10"))[1:] == [
        "cifar10 test clean", "cifar10 test autoattack@8/255", "cifar10 validation clean",
    ]  # fmt: skip
    assert list(small.to_pandas())[1:] == [column.name for column in small.columns]
    assert small.to_pandas("cifar100", seed=1)["pgd@8/255"].tolist() == pytest.approx(
        [0.01, 0.2, np.nan, 0.3], nan_ok=True
    )


@pytest.mark.parametrize(
    ("dataset", "settings", "text"),
    [
        ("svhn", {}, "dataset of table small: expected one of cifar10, cifar100, got 'svhn'"),
        ("cifar100", {"split": "validation"}, "split of table small: expected one of test, got 'validation'"),
        (None, {"split": "train"}, "split of table small: expected one of test, validation, got 'train'"),
        ("cifar100", {"seed": 2}, "seed of cifar100 test pgd@8/255: expected 'mean' or one of: 1, got 2"),
    ],
)
def test_a_data_frame_of_what_is_not_there_is_refused(small, dataset, settings, text):
    with refused(text, InputError):
        small.to_pandas(dataset, **settings)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_values_survive_pickling(small, protocol):
    value = small.query("333133", **CLEAN, seed="mean")
    for other in (pickle.loads(pickle.dumps(value, protocol)), copy.deepcopy(value)):
        assert (other, other.runs, type(other)) == (value, 3, Value)


def test_a_pickled_table_answers_the_same():
    table = small_table(partition="official", published=ROTATED)
    table.query("333133", **CLEAN, seed=1)
    other = pickle.loads(pickle.dumps(table))
    assert other.charged == 1
    assert other.query(int(ROTATED[INDICES[2]]), **CLEAN, seed="mean") == pytest.approx(0.65)
    assert repr(other) == "Table('small', 4 architectures, 4 columns)"


# what does not fit together

GOOD = Column("d", "test", "clean", np.full((2, 1), 0.5))
UNFIT = [
    (([], [GOOD]), r"table t, rows: expected at least one index"),
    (([1.5, 2.0], [GOOD]), r"table t, rows: expected integers from 0 to 15624, got \[1\.5, 2\.0\]"),
    (([0, SIZE], [GOOD]), r"table t, rows: expected integers from 0 to 15624"),
    (([-1, 0], [GOOD]), r"table t, rows: expected integers from 0 to 15624"),
    (([[0, 1]], [GOOD]), r"table t, rows: expected at least one index"),
    (([3, 3], [GOOD]), r"table t, rows: expected each architecture once, got repetitions"),
    (([0, 1], []), r"table t: expected at least one column, got none"),
    (([0, 1, 2], [GOOD]), r"column d test clean: expected 3 rows, got 2"),
    (([0, 1], [GOOD, replace(GOOD, runs=2)]), r"table t: expected each column once, got d test clean again"),
]


@pytest.mark.parametrize(("arguments", "text"), UNFIT, ids=[text for _, text in UNFIT])
def test_rows_and_columns_that_do_not_fit_are_refused(arguments, text):
    with refused(text, InputError):
        Table("t", *arguments)


@pytest.mark.parametrize("published", [np.arange(SIZE - 1), np.arange(SIZE) + 1, np.zeros(SIZE, dtype=int)])
def test_published_indices_that_are_no_permutation_are_refused(published):
    with refused(
        "table t, published indices: expected (each of 0 to 15624 once|integers from 0 to 15624), got ", InputError
    ):
        Table("t", [0, 1], [GOOD], published=published)


def test_an_unknown_partition_is_refused():
    with refused("partition: expected one of official, effective, identical, got 'mine'", InputError):
        Table("t", [0, 1], [GOOD], partition="mine")


@pytest.mark.parametrize(
    ("values", "settings", "text"),
    [
        ([0.5, 0.5], {}, r"expected shape \(rows, 1\), got shape \(2,\)"),
        ([[0.5, 0.5]], {}, r"expected shape \(rows, 1\), got shape \(1, 2\)"),
        ([["half"]], {}, r"expected rows of numbers, got"),
        ([[0.5], [0.5, 0.5]], {}, r"expected rows of numbers, got"),
        ([[0.5]], {"seeds": (1.5,)}, r"expected seeds and runs as whole numbers, got \(1\.5,\)"),
        ([[0.5]], {"runs": "3"}, r"expected seeds and runs as whole numbers"),
        ([[0.5]], {"seeds": (1, 2)}, r"expected shape \(rows, 2\), got shape \(1, 1\)"),
        ([[1.5]], {}, r"expected accuracies in \[0, 1\], got 1\.5"),
        ([[-0.1], [np.nan]], {}, r"expected accuracies in \[0, 1\], got -0\.1"),
        ([[np.inf]], {}, r"expected accuracies in \[0, 1\], got inf"),
        ([[0.5]], {"runs": 0}, r"expected 1 to 1,000,000 runs and each seed once, got 0 runs"),
        ([[0.5]], {"runs": 10**30}, r"expected 1 to 1,000,000 runs"),
        ([[0.5, 0.5]], {"seeds": (1, 1)}, r".* each seed once, got 1 runs, 2 seeds of which 1 differ"),
    ],
)
def test_a_column_of_impossible_values_is_refused(values, settings, text):
    with refused(f"column d test clean: {text}", InputError):
        Column("d", "test", "clean", values, **settings)


def test_importing_tables_stays_light():
    script = "import sys, robnas.benchmarks; print(sorted({'torch', 'pandas', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\[\]\n", done.stdout)


def test_a_value_says_whether_another_network_answers():
    trained = Architecture("343013")  # whose class has cells of one convolution more
    column = Column("d", "test", "clean", np.array([[0.5, 0.6]]), (1, 2))
    table = Table("t", [trained.index], [column], partition="official")
    where = {"dataset": "d", "metric": "clean", "split": "test"}
    for arch in partition("official").members(trained):
        for value in (table.query(arch, seed="mean", **where), table.peek(arch, seed=1, **where)):
            assert value.identical == partition("identical").same(arch, trained)
            assert pickle.loads(pickle.dumps(value)).identical == value.identical
        assert table.row(arch) == 0
    relative = table.query("343303", seed="mean", **where)
    assert (relative, relative.runs, relative.identical) == (0.55, 2, False)
    assert table.query("343013", seed="mean", **where).identical
    assert not table.query("343303", seed="mean", resolve="official", **where).identical
    for resolve in ("exact", "identical", "effective"):
        with refused("resolve='official' finds an isomorphic one", InputError):
            table.query("343303", seed="mean", resolve=resolve, **where)


def test_another_partition_keeps_the_row_that_the_table_declares_where_it_is_of_the_class():
    classes = partition("official")
    rows = [arch.index for arch in classes.representatives(np.arange(SIZE)[::-1])]
    table = Table("t", rows, [Column("d", "test", "clean", np.full((len(rows), 1), 0.5))], partition="official")
    declared = table.row_of("declared")
    for name in ("effective", "identical"):
        found, members = table.row_of(name), partition(name).class_of
        same = members[table.rows[declared]] == members
        assert 0 < (~same).sum() < same.sum()
        assert (found[same] == declared[same]).all()
        assert (members[table.rows[found[found >= 0]]] == members[found >= 0]).all()


# kinds of columns, and where they come from


def column_of(metric, value=0.5, **settings):
    return Column("cifar10", "test", metric, np.full((2, 1), value), **settings)


def test_a_column_that_holds_no_accuracies_has_a_unit_and_a_direction():
    plain = column_of("clean")
    assert (plain.unit, plain.direction, plain.source, plain.is_accuracy, plain.sign) == ("", "maximise", "", True, 1)
    time = column_of("training_time", 7200.0, unit="s", direction="minimise")
    assert (time.is_accuracy, time.sign, time.name) == (False, -1, "cifar10 test training_time")
    assert not column_of("latency:pixel3", 5.8, unit="ms", direction="minimise").is_accuracy
    assert column_of("synflow", -3.0, unit="score").sign == 1
    assert column_of("errors", 7.0, direction="minimise").sign == -1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"metric": "time", "value": 7.0}, r"column cifar10 test time: expected accuracies in \[0, 1\], got 7"),
        (
            {"metric": "clean", "unit": "s"},
            "column .*: expected no unit and maximise: clean is an accuracy, got s",
        ),
        ({"metric": "fog@3", "direction": "minimise"}, "column .*: expected no unit .* got no unit, to minimise"),
        ({"metric": "Time", "unit": "s"}, "column .*: expected a plain name such as latency:pixel3, .* got 'Time'"),
        ({"metric": "time@3/255", "unit": "s"}, "column .*: expected no unit and maximise: time@3/255"),
        ({"metric": "time@x", "unit": "s"}, "column .*: expected a plain name"),
        ({"metric": "time", "unit": "s", "value": np.inf}, "column .*: expected finite numbers, got infinite ones"),
        ({"metric": "time", "unit": "a b"}, "column .*, unit: expected a short text such as ms, or nothing, got 'a b'"),
        ({"metric": "time", "unit": None}, "column .*, unit: expected a short text"),
        ({"metric": "time", "direction": "down"}, "column .*, direction: expected maximise or minimise, got 'down'"),
        ({"metric": "clean", "source": "a\nb"}, "column .*, source: expected the name of a table, or nothing, got"),
        ({"metric": "clean", "source": " a"}, "column .*, source"),
        ({"metric": "clean", "source": None}, "column .*, source"),
    ],
)
def test_columns_of_impossible_kinds_are_refused(arguments, text):
    with pytest.raises(InputError, match=text):
        column_of(**arguments)


@pytest.mark.parametrize("alias", ["fgsm@1", "fgsm@255/255", "fgsm@1.0"])
def test_a_metric_is_found_under_every_spelling(alias):
    table = Table("t", [0, 1], [column_of(alias), column_of("pgd@0.1/255", 0.25)])
    assert [column.metric for column in table.columns] == ["fgsm@255/255", "pgd@0.1/255"]
    for asked in ("fgsm@1", "fgsm@255/255"):
        assert table.query("000000", dataset="cifar10", metric=asked, split="test", seed="mean") == 0.5
    assert table.column("cifar10", f"pgd@{0.1 / 255!r}", "test").mean[0] == 0.25
    with pytest.raises(InputError, match="expected each column once"):
        Table("t", [0, 1], [column_of("fgsm@1"), column_of("fgsm@255/255")])


def test_a_column_is_found_with_its_source_and_without_where_no_other_has_it():
    columns = [
        column_of("clean", 0.1, source="a"), column_of("clean", 0.2, source="b"), column_of("fgsm@1", 0.3, source="b"),
        column_of("latency:x", 5.0, unit="ms", direction="minimise", source="c:d (2)"),
    ]  # fmt: skip
    table = Table("t", [0, 1], columns)

    def value(metric):
        return table.query("000000", dataset="cifar10", metric=metric, split="test", seed="mean")

    assert [column.name for column in table.columns] == [
        "a:cifar10 test clean", "b:cifar10 test clean", "b:cifar10 test fgsm@255/255",
        "c:d (2):cifar10 test latency:x",
    ]  # fmt: skip
    assert [value("a:clean"), value("b:clean"), value("fgsm@1"), value("b:fgsm@1"), value("b:fgsm@255/255")] == [
        0.1, 0.2, 0.3, 0.3, 0.3,
    ]  # fmt: skip
    assert value("latency:x") == value("c:d (2):latency:x") == 5.0
    with refused("metric of table t: expected the source, as in a:clean or b:clean", InputError):
        value("clean")
    listed = r"a:clean, b:clean, b:fgsm@255/255, c:d \(2\):latency:x"
    with refused(f"metric of table t: expected one of {listed}, got 'a:fgsm@1'; did you mean", InputError):
        value("a:fgsm@1")


def test_a_colon_may_be_that_of_a_label_or_of_a_source_but_not_of_both():
    label, source = column_of("pgd:cw@8/255", 0.1, source="nares"), column_of("cw@8/255", 0.2, source="pgd")
    table = Table("t", [0, 1], [label, source])
    with refused("metric of table t: expected the source, as in nares:pgd:cw@8/255 or pgd::cw@8/255, got", InputError):
        table.column("cifar10", "pgd:cw@8/255", "test")
    for one in table.columns:
        assert table.column("cifar10", one.address, "test") is one
        assert table.objective("cifar10", one.address, split="test")("000000") == one.mean[0]
    assert label.address == "nares::pgd:cw@8/255"
    assert table.column("cifar10", "nares:pgd:cw@8/255", "test").mean[0] == 0.1
    assert table.column("cifar10", "cw@8/255", "test").mean[0] == 0.2
    assert Table("t", [0, 1], [label]).column("cifar10", "pgd:cw@8/255", "test").mean[0] == 0.1
    assert Table("t", [0, 1], [source]).column("cifar10", "pgd:cw@8/255", "test").mean[0] == 0.2


def test_best_and_front_go_by_direction(small):
    values = np.array([[3.0], [1.0], [2.0], [np.nan]])
    cost = Column("cifar10", "test", "latency:pixel3", values, unit="ms", direction="minimise")
    table = Table("t", INDICES, [*small.columns, cost])
    where = {"dataset": "cifar10", "split": "test"}
    found = table.best(metric="latency:pixel3", **where, count=4)
    assert [(arch.code, value) for arch, value in found] == [("333133", 1.0), ("323133", 2.0), ("000000", 3.0)]
    assert table.objective("cifar10", "latency:pixel3", split="test").oracle == 1.0
    front = table.pareto("cifar10", "latency:pixel3", "autoattack@8/255", split="test")
    assert [(arch.code, values) for arch, values in front] == [("333133", (1.0, 0.44)), ("323133", (2.0, 0.45))]
    front = table.pareto("cifar10", "autoattack@8/255", "latency:pixel3", split="test")
    assert [arch.code for arch, _ in front] == ["323133", "333133"]


def test_a_data_frame_names_sources_and_tells_units(small):
    cost = column_of("latency:pixel3", 5.0, unit="ms", direction="minimise", source="hw")
    table = Table("t", [0, 1], [cost, column_of("clean", source="a:b"), column_of("clean", source="c")])
    assert list(table.to_pandas("cifar10").columns[-3:]) == ["hw:latency:pixel3", "a:b:clean", "c:clean"]
    frame = table.to_pandas()
    assert list(frame.columns[-2:]) == ["a:b:cifar10 test clean", "c:cifar10 test clean"]
    assert frame.attrs == {"kinds": {"hw:cifar10 test latency:pixel3": {"unit": "ms", "direction": "minimise"}}}
    assert small.to_pandas("cifar100").attrs == {}
