import math
from dataclasses import replace

import numpy as np
import pytest

import robnas
from robnas.benchmarks import (
    Column,
    Table,
    duplicate_groups,
    duplicate_residuals,
    pooled_sd,
    run_residuals,
    training_hours,
)
from robnas.errors import InputError
from robnas.spaces import Architecture, partition
from robnas.statistics import known_noise
from tests.data.conftest import refused

WHERE = {"dataset": "d", "metric": "clean", "split": "test"}


def test_the_pooled_deviation_is_that_within_groups():
    values = np.array([0.1, 0.3, 0.5, 0.5, 0.8, 0.9, 0.7, np.nan])
    group = np.array([7, 7, 7, 2, 2, 5, 9, 9])  # 5 and 9 have one value each
    squares = 0.04 + 0 + 0.04 + 0.15**2 * 2
    assert pooled_sd(values, group) == (pytest.approx(math.sqrt(squares / 3)), 2, 5)


def test_groups_of_one_have_no_deviation():
    sd, groups, members = pooled_sd(np.array([0.1, 0.2]), np.array([0, 1]))
    assert (math.isnan(sd), groups, members) == (True, 0, 0)
    assert pooled_sd(np.array([]), np.array([], dtype=int))[1:] == (0, 0)


def test_seeds_give_the_noise_of_one_run_and_of_their_mean():
    rng = np.random.default_rng(0)
    values = rng.random((1000, 1)) * 0.5 + rng.normal(0.2, 0.01, (1000, 4))
    noise = Table("t", np.arange(1000), [Column("d", "test", "clean", values, (1, 2, 3, 4))]).noise(**WHERE)
    assert (noise.source, noise.groups, noise.members) == ("seeds", 1000, 4000)
    assert noise.run_sd == pytest.approx(math.sqrt(values.var(axis=1, ddof=1).mean()))
    assert noise.sd == pytest.approx(noise.run_sd / 2)


def test_rows_that_are_the_same_network_give_the_noise_of_a_table_value():
    first, second, third = partition("identical").members(Architecture("000000"))[:3]
    other = Architecture("333133")
    values = np.array([[0.1], [0.2], [0.3], [0.9]])
    rows = [arch.index for arch in (first, second, third, other)]
    noise = Table("t", rows, [Column("d", "test", "clean", values, runs=3)]).noise(**WHERE)
    assert (noise.source, noise.groups, noise.members) == ("duplicates", 1, 3)
    assert noise.sd == pytest.approx(0.1)
    assert noise.run_sd == pytest.approx(0.1 * math.sqrt(3))
    assert len(set(duplicate_groups(np.array(rows)))) == 2


@pytest.mark.parametrize(
    ("seeds", "text"),
    [
        ((), "two rows that are the same network, or several seeds, got none$"),
        ((1, 2), "rows with two seeds, got none; identical networks that share a seed are more alike than two"),
    ],
)
def test_a_table_without_repetitions_has_no_noise(seeds, text):
    values = np.full((2, len(seeds) or 1), np.nan)
    values[:, 0] = 0.5
    table = Table("t", [0, Architecture("333133").index], [Column("d", "test", "clean", values, seeds)])
    with refused(f"noise of d test clean: expected {text}", InputError):
        table.noise(**WHERE)


def test_the_published_table_holds_networks_twice(robbench):
    noise = robbench.noise("cifar10", "clean", split="test")
    sizes = np.bincount(partition("identical").class_of[robbench.rows])
    assert noise.source == "duplicates"
    assert (noise.groups, noise.members) == ((sizes > 1).sum(), sizes[sizes > 1].sum()) == (641, 1971)
    assert 0.0005 < noise.sd < 0.01
    assert noise.run_sd == pytest.approx(noise.sd * math.sqrt(3))
    attack = robbench.noise("cifar10", "autoattack@8/255", split="test")
    assert attack.run_sd == attack.sd


@pytest.mark.parametrize(
    ("dataset", "metric", "points"),
    [("cifar10", "clean", 0.610), ("cifar10", "pgd@8/255", 0.245), ("cifar10", "autoattack@8/255", 0.482),
     ("cifar100", "pgd@8/255", 0.121), ("imagenet16-120", "pgd@8/255", 0.088)],
)  # fmt: skip
def test_the_published_noise_is_that_of_networks_that_are_identical(robbench, dataset, metric, points):
    noise = robbench.noise(dataset, metric, split="test")
    assert 100 * noise.sd == pytest.approx(points, abs=5e-4)
    low, high = noise.interval
    assert 0 < low < noise.run_sd < high < 3 * noise.run_sd


def test_local_and_pooled_noise_say_which_they_are_and_how_well_they_are_known(robbench):
    where = {"dataset": "cifar10", "metric": "clean", "split": "test"}
    pooled, local = robbench.noise(**where), robbench.local_noise(**where, window=10_000)
    assert (pooled.kind, local.kind) == ("pooled", "local")
    assert local.interval_at(0.5) == pytest.approx(pooled.interval_at(0.5), rel=0.05)  # of the same networks
    near = robbench.local_noise(**where, window=91)
    low, high = near.interval_at(0.75)
    assert low < near.run_sd_at(0.75) < high < pooled.interval[0]
    assert np.isnan(near.interval_at(math.nan)).all()


def test_identical_networks_are_compared_seed_by_seed_where_that_is_asked_for():
    pair = [arch.index for arch in partition("identical").members(Architecture("000000"))[:2]]
    values = np.array([[0.1, 0.3], [0.2, 0.33]])
    table = Table("t", pair, [Column("d", "test", "clean", values, (1, 2))])
    found = table.noise(**WHERE, source="duplicates")
    assert (found.source, found.groups, found.members) == ("duplicates", 2, 4)
    assert found.run_sd == pytest.approx(math.sqrt((0.005 + 0.00045) / 2))
    assert table.local_noise(**WHERE, source="duplicates").run_sd_at(0.2) == pytest.approx(found.run_sd)
    assert table.noise(**WHERE, source="seeds") == table.noise(**WHERE)
    unnamed = Table("t", pair, [Column("d", "test", "clean", values[:, :1])])
    with refused("noise of d test clean: expected several named seeds, got a mean only", InputError):
        unnamed.noise(**WHERE, source="seeds")
    with refused("source of noise: expected one of seeds, duplicates, got 'twins'", InputError):
        table.noise(**WHERE, source="twins")


def test_identical_networks_that_share_their_seeds_are_no_repetition():
    first, second = partition("identical").members(Architecture("000000"))[:2]
    values = np.array([[0.1, 0.12], [0.3, 0.32]])
    noise = Table("t", [first.index, second.index], [Column("d", "test", "clean", values, (1, 2))]).noise(**WHERE)
    assert (noise.source, noise.run_sd, noise.degrees) == ("seeds", pytest.approx(0.02 / math.sqrt(2)), 2)
    one_seed = Table("t", [first.index, second.index], [Column("d", "test", "clean", values[:, :1], (1,))])
    for measure in (one_seed.noise, one_seed.local_noise):
        with refused("noise of d test clean: expected rows with two seeds, got none; identical networks", InputError):
            measure(**WHERE)
    unnamed = Table("t", [first.index, second.index], [Column("d", "test", "clean", values[:, :1])])
    assert unnamed.noise(**WHERE).source == "duplicates"


def test_one_seed_of_the_bundled_table_does_not_tell_its_noise():
    """Half of its identical networks agree exactly: they saw the same batches from the same initial weights."""
    digits = robnas.load("digits")
    columns = [replace(column, values=column.values[:, :1], seeds=column.seeds[:1]) for column in digits.columns]
    column = Table("one", digits.rows, columns).column("digits", "clean", "test")
    residuals = duplicate_residuals(digits.rows, column.mean)
    assert np.mean(np.abs(residuals.deviation) < 1e-12) > 0.3
    assert known_noise(Table("one", digits.rows, columns), column) is None
    assert known_noise(digits, digits.column("digits", "clean", "test")).source == "seeds"


def test_the_noise_of_a_value_is_that_of_its_own_number_of_runs():
    rng = np.random.default_rng(3)
    values = 0.5 + rng.normal(0, 0.01, (900, 3))
    values[300:, 1:] = np.nan
    values[899] = np.nan
    noise = Table("t", np.arange(900), [Column("d", "test", "clean", values, (1, 2, 3))]).noise(**WHERE)
    assert (noise.groups, noise.members) == (300, 900)
    assert noise.sd == pytest.approx(noise.run_sd * math.sqrt((300 / 3 + 599) / 899))
    assert np.nanstd(np.nanmean(values[:899], axis=1)) == pytest.approx(noise.sd, rel=0.1)


def test_residuals_are_those_of_single_runs():
    values = np.array([[0.1, 0.3, np.nan], [0.5, 0.6, 0.7], [0.9, np.nan, np.nan]])
    found = run_residuals(np.arange(3), Column("d", "test", "clean", values, (1, 2, 3)))
    assert found.level == pytest.approx([0.2, 0.2, 0.6, 0.6, 0.6])
    assert found.deviation == pytest.approx([-0.1 * 2**0.5, 0.1 * 2**0.5, -0.1 * 1.5**0.5, 0, 0.1 * 1.5**0.5])
    pair = np.array([arch.index for arch in partition("identical").members(Architecture("000000"))[:2]])
    found = run_residuals(pair, Column("d", "test", "clean", np.array([[0.1], [0.3]]), runs=3))
    assert found.deviation == pytest.approx([-0.1 * 6**0.5, 0.1 * 6**0.5])
    with refused("noise of d test clean: expected rows with two seeds", InputError):
        run_residuals(pair, Column("d", "test", "clean", np.array([[0.1], [0.3]]), (7,)))


def test_local_noise_is_pooled_over_the_window_of_neighbouring_values():
    """Against the definition, one value at a time."""
    rng = np.random.default_rng(1)
    count, window = 60, 11
    mean = rng.uniform(0.2, 0.8, count)
    values = mean[:, None] + rng.normal(0, 0.02, (count, 3))
    values[rng.random(values.shape) < 0.2] = np.nan
    table = Table("t", np.arange(count), [Column("d", "test", "clean", values, (1, 2, 3))])
    found = table.local_noise(**WHERE, window=window)
    groups = sorted(
        (row.mean(), row.var() * len(row), len(row) - 1) for row in (r[~np.isnan(r)] for r in values) if len(row) > 1
    )
    assert (found.groups, found.window, found.source) == (len(groups), window, "seeds")
    assert found.members == sum(size + 1 for _, _, size in groups)
    for value in (0.0, 0.2, 0.37, 0.5, 0.79, 1.0):
        below = sum(level < value for level, _, _ in groups)
        start = min(max(min(below, len(groups) - 1) - window // 2, 0), len(groups) - window)
        near = groups[start : start + window]
        expected = math.sqrt(sum(squares for _, squares, _ in near) / sum(degrees for _, _, degrees in near))
        assert found.run_sd_at(value) == pytest.approx(expected)
    assert np.isnan(found.run_sd_at([0.5, np.nan])).tolist() == [False, True]


def test_a_window_as_wide_as_the_table_is_the_pooled_noise(robbench):
    pooled = robbench.noise("cifar10", "pgd@8/255", split="test")
    local = robbench.local_noise("cifar10", "pgd@8/255", split="test", window=10_000)
    assert local.run_sd_at([0.1, 0.5]) == pytest.approx([pooled.run_sd] * 2)
    assert (local.groups, local.members, local.degrees) == (pooled.groups, pooled.members, pooled.degrees)


@pytest.mark.parametrize("window", [0, 1, -3, 2.5, True])
def test_a_window_needs_two_networks(robbench, window):
    with refused("window: expected (at least 2|a whole number)", InputError):
        robbench.local_noise("cifar10", "clean", split="test", window=window)


def test_published_noise_is_smaller_at_the_top(robbench):
    best = robbench.values("cifar10", "clean", split="test").max()
    noise = robbench.local_noise("cifar10", "clean", split="test")
    assert noise.run_sd_at(best) < 0.7 * robbench.noise("cifar10", "clean", split="test").run_sd


# cost


def test_the_published_trainings_cost_1_84_hours_on_average(robbench):
    mean = np.mean([training_hours(arch, name) for arch in robbench.architectures for name in robbench.datasets])
    assert mean == pytest.approx(1.84, rel=0.02)


def test_hours_grow_with_the_network_and_the_images():
    hours = [training_hours(Architecture(code), "cifar10") for code in ("000000", "333133", "333333")]
    assert 0 < hours[0] < hours[1] < hours[2]
    arch = Architecture("323133")
    assert training_hours(arch, "cifar100") == training_hours(arch, "cifar10")
    ratio = training_hours(arch, "imagenet16-120") / training_hours(arch, "cifar10")
    assert ratio == pytest.approx(151_700 * 256 / (50_000 * 1024))


@pytest.mark.parametrize(
    ("code", "measured"), [("000000", 0.36), ("222222", 1.423), ("333333", 1.684), ("444444", 0.826), ("421211", 0.703)]
)
def test_hours_are_in_proportion_to_measured_times(code, measured):
    """Of NAS-Bench-201, `train_time` relative to the mean of the 6,466 representatives."""
    mean = np.mean([training_hours(arch, "cifar10") for arch in partition("official").representatives()])
    assert training_hours(code, "cifar10") / mean == pytest.approx(measured, rel=0.06)


def test_dead_edges_cost_what_they_cost():
    assert training_hours("333000", "cifar10") == training_hours("000333", "cifar10")


def test_an_unknown_data_set_has_no_cost():
    with refused(r"data set: expected one of cifar10, .*, got 'cifar'; did you mean cifar10\?", InputError):
        training_hours(Architecture("323133"), "cifar")
