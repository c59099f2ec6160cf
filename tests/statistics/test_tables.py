import numpy as np
import pytest
from scipy import stats

from robnas.benchmarks import Column, Noise, Table, pooled_sd
from robnas.errors import InputError
from robnas.spaces import Architecture, partition
from robnas.statistics import correlate, correlation_ceiling, data_quality, kendall, rank_set, spearman, tied_with_best
from robnas.statistics._correlation import table_ceiling


def rng(seed=0):
    return np.random.default_rng(seed)


def table(columns, rows=None):
    count = len(next(iter(columns.values())))
    rows = range(count) if rows is None else rows
    made = [
        Column("digits", "test", metric, np.asarray(values, float).reshape(count, -1), runs=1)
        for metric, values in columns.items()
    ]
    return Table("t", list(rows), made)


def test_coefficients_are_those_of_scipy_with_ties():
    a, b = rng().integers(0, 20, 200), rng(1).integers(0, 20, 200)
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)
    assert kendall(a, b) == pytest.approx(stats.kendalltau(a, b).statistic)
    assert np.isnan(spearman(np.ones(5), a[:5]))


def test_missing_pairs_are_left_out():
    a, b = np.array([1.0, 2, 3, 4, np.nan]), np.array([1.0, 3, 2, np.nan, 5])
    assert correlate(a, b, rng=rng(), resamples=10).count == 3


def test_bootstrap_intervals_cover_the_truth():
    """95 % intervals of a known correlation, 100 times: between 88 % and 99 % hold it."""
    generator, hits = rng(3), 0
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman of a normal pair with Pearson 0.6
    for _ in range(100):
        x = generator.normal(size=120)
        y = 0.6 * x + 0.8 * generator.normal(size=120)
        found = correlate(x, y, rng=generator, resamples=200)
        hits += found.low <= truth <= found.high
    assert 88 <= hits <= 99


def test_the_ceiling_is_what_a_perfect_predictor_reaches():
    generator = rng(4)
    truth = generator.normal(0.5, 0.1, 3000)
    for sd in (0.0, 0.02, 0.1):
        measured = truth + generator.normal(0, sd, 3000)
        reached = spearman(truth, measured)
        assert correlation_ceiling(measured, sd, rng=generator, resamples=20).value == pytest.approx(reached, abs=0.015)


def test_the_ceiling_allows_for_the_runs_behind_each_value():
    """Seeds for a tenth of the rows, noise that falls with the accuracy: what a perfect predictor reaches is found."""
    generator = rng(6)
    truth = np.clip(generator.normal(0.6, 0.06, 3000), 0.3, 0.9)
    values = truth[:, None] + generator.normal(size=(3000, 3)) * (0.9 - truth[:, None]) * 0.15
    values[300:, 1:] = np.nan
    column = Column("digits", "test", "clean", values, (0, 1, 2))
    reached = spearman(truth, column.mean)
    found = table_ceiling(Table("t", list(range(3000)), [column]), column, rng()).value
    assert found == pytest.approx(reached, abs=0.015)
    with pytest.raises(InputError, match=r"runs: expected one number, or one per value, got shape \(2,\)"):
        correlation_ceiling(truth, 0.1, rng=rng(), runs=[1, 3])


def test_pure_noise_has_a_ceiling_near_zero():
    values = rng(5).normal(0.5, 0.05, 2000)
    assert correlation_ceiling(values, 0.06, rng=rng(), resamples=20).value == 0
    assert correlation_ceiling(values, 0.05, rng=rng(), resamples=20).value < 0.25


def test_pooled_sd_is_the_textbook_one():
    values = np.array([1.0, 2.0, 3.0, 10.0, 14.0, 5.0, np.nan])
    group = np.array([0, 0, 0, 1, 1, 2, 1])
    expected = np.sqrt((2 + 8) / (5 - 2))
    assert pooled_sd(values, group) == (pytest.approx(expected), 2, 5)
    assert np.isnan(pooled_sd(values[:1], group[:1])[0])


NOISE = Noise(sd=0.01, run_sd=0.01, groups=10, members=30, source="seeds")
WHERE = {"dataset": "digits", "metric": "clean", "split": "test"}


def test_rank_sets_and_the_set_of_the_best_hold_the_truth():
    """Simultaneous 95 % sets over 100 draws of the noise: true rank and true best are inside at least 90 times."""
    generator = rng(6)
    truth = np.sort(generator.uniform(0.4, 0.9, 200))[::-1]
    inside = best = 0
    for _ in range(100):
        noisy = table({"clean": np.clip(truth + generator.normal(0, NOISE.sd, 200), 0, 1)})
        found = rank_set(noisy, Architecture.from_index(57), **WHERE, noise=NOISE)
        inside += found.low <= 58 <= found.high
        best += 0 in [arch.index for arch, _ in tied_with_best(noisy, **WHERE, noise=NOISE)]
    assert inside >= 90
    assert best >= 90


KNOWN = 10**6  # degrees of freedom of a noise that is as good as known


@pytest.mark.parametrize(
    ("count", "degrees", "two_sided", "expected"),
    [
        (2, KNOWN, False, 1.6449), (2, KNOWN, True, 1.96), (6466, KNOWN, False, 3.8693), (6466, KNOWN, True, 4.1062),
        # Dunnett 1964, tables of 5 and 9 treatments against a control
        (6, 20, True, 2.73), (10, 20, False, 2.60), (6, 5, True, 3.62), (2, 1, True, 12.706),
    ],
)  # fmt: skip
def test_critical_values_are_exact(count, degrees, two_sided, expected):
    from robnas.statistics._rank_critical import one_against_all

    found = one_against_all(1e-4, np.full(count, 1e-4), degrees, 0.95, worse=not two_sided)
    assert found == pytest.approx(expected, abs=1e-3 if degrees == KNOWN else 1e-2)


@pytest.mark.parametrize("own", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("two_sided", [False, True])
def test_critical_values_of_unequal_variances_are_those_of_simulation(own, two_sided):
    from robnas.statistics._rank_critical import one_against_all

    others = np.repeat([0.04, 1.0, 9.0], [20, 10, 5])
    draws = rng(11).normal(size=(100_000, len(others))) * np.sqrt(others)
    ratio = (draws - rng(12).normal(0, np.sqrt(own), (100_000, 1))) / np.sqrt(others + own)
    simulated = np.quantile((np.abs(ratio) if two_sided else ratio).max(axis=1), 0.95)
    found = one_against_all(own, np.append(others, own), KNOWN, 0.95, worse=not two_sided)
    assert found == pytest.approx(simulated, abs=0.02)


def test_rank_sets_keep_their_level_with_noise_estimated_from_few_seeds():
    """Equal means, ten rows of two seeds: every rank stays possible for the first in 95 % of 400 draws, ± 3 %."""
    generator, whole = rng(13), 0
    for _ in range(400):
        runs = 0.5 + generator.normal(0, 0.01, (10, 2))
        noisy = Table("t", list(range(10)), [Column("digits", "test", "clean", runs, (0, 1))])
        found = rank_set(noisy, Architecture.from_index(0), **WHERE)
        whole += (found.low, found.high) == (1, 10)
    assert 0.92 * 400 <= whole <= 0.98 * 400


def heteroscedastic(generator, truth):
    """Three seeds per architecture, noise that falls from 3 points at the bottom to 0.3 at the top."""
    sd = 0.03 * 0.1 ** ((truth - truth.min()) / np.ptp(truth))
    return Table(
        "t", list(range(len(truth))),
        [Column("digits", "test", "clean", truth[:, None] + generator.normal(size=(len(truth), 3)) * sd[:, None],
                (0, 1, 2))],
    )  # fmt: skip


def test_local_noise_covers_where_noise_depends_on_the_value():
    """Simultaneous 95 % sets over 40 draws. One noise for all is too wide at the top, too narrow at the bottom."""
    generator, truth = rng(14), np.linspace(0.9, 0.5, 300)
    inside, width = np.zeros((2, 3)), np.zeros((2, 3))
    for _ in range(40):
        noisy = heteroscedastic(generator, truth)
        for kind, noise in enumerate((noisy.noise(**WHERE), noisy.local_noise(**WHERE, window=100))):
            for place, row in enumerate((0, 150, 299)):
                found = rank_set(noisy, Architecture.from_index(row), **WHERE, noise=noise)
                inside[kind, place] += found.low <= row + 1 <= found.high
                width[kind, place] += (found.high - found.low) / 40
    assert (inside[1] >= 0.92 * 40).all()
    assert width[1, 0] < 0.5 * width[0, 0]
    best = [len(tied_with_best(noisy, **WHERE, noise=n)) for n in (noisy.noise(**WHERE), noisy.local_noise(**WHERE))]
    assert best[1] < 0.7 * best[0]
    assert width[1, 2] > 1.2 * width[0, 2]


def test_local_normal_noise_fits_the_published_pairs_of_good_networks(published_table):
    """Pairs of identical networks beyond their 95 % margin, and beyond what 6,466 comparisons call certain."""
    from robnas.benchmarks import duplicate_groups

    group, shares, far = duplicate_groups(published_table.rows), np.zeros((3, 2)), np.zeros((3, 2))
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1) != 0)
    sizes = np.diff(np.append(starts, len(order)))
    for number, metric in enumerate(("clean", "pgd@8/255", "autoattack@8/255")):
        where = {"dataset": "cifar10", "metric": metric, "split": "test"}
        values, runs = published_table.values(**where), published_table.column(**where).counts
        several = [(values[order[s : s + n]], s) for s, n in zip(starts, sizes, strict=True) if n > 1]
        several.sort(key=lambda pair: pair[0].mean())
        level = np.array([members.mean() for members, _ in several])
        squares = np.array([((members - members.mean()) ** 2).sum() for members, _ in several])
        degrees = np.array([len(members) - 1 for members, _ in several])
        local = published_table.local_noise(**where, window=91)  # as it is shown
        window = local.run_sd_at(level) ** 2 / runs[0]
        start = np.clip(np.arange(len(level)) - 45, 0, len(level) - 91)
        total = np.array([degrees[s : s + 91].sum() for s in start])
        others = np.sqrt((window * total - squares) / (total - degrees))  # without the pair that is judged
        pairs = np.array([members[0] - members[1] for members, _ in several]) / np.sqrt(2)
        pooled = published_table.noise(**where).sd
        half = len(pairs) // 2
        shares[number] = [np.mean(np.abs(pairs[half:] / sd) > 1.96) for sd in (pooled, others[half:])]
        far[number] = [(np.abs(pairs / pooled) > 4.1).mean(), (np.abs(pairs / others)[half:] > 4.1).mean()]
    assert (shares[:, 0] < 0.005).all()  # one noise for all is far too large for them
    assert shares[:, 1] == pytest.approx([0.040, 0.062, 0.047], abs=0.001)
    assert ((far[:, 0] > 0.005) & (far[:, 0] < 0.015)).all()
    assert (far[:, 1] == 0).all()


def test_ten_weak_networks_hold_most_of_the_published_noise(published_table):
    for metric, share in (("clean", 0.895), ("pgd@8/255", 0.676), ("autoattack@8/255", 0.785)):
        squares = published_table.noise("cifar10", metric, split="test").repeats.squares
        assert np.sort(squares)[-10:].sum() / squares.sum() == pytest.approx(share, abs=0.001)


@pytest.mark.parametrize(
    ("metric", "high", "tied"),
    [("pgd@8/255", (208, 35), (172, 31)), ("clean", (396, 15), (337, 14))],
)
def test_the_published_ranks_are_those_of_local_noise_unless_pooled_is_asked_for(published_table, metric, high, tied):
    where = {"dataset": "cifar10", "metric": metric, "split": "test"}
    best = published_table.best("cifar10", metric, split="test")[0][0]
    for noise, rank, count in zip((published_table.noise(**where), None), high, tied, strict=True):
        found = rank_set(published_table, best, **where, noise=noise)
        assert (found.low, found.high) == (1, rank)
        assert len(tied_with_best(published_table, **where, noise=noise)) == count


def test_published_outliers_are_beyond_pooled_and_local_noise(published_table):
    """On CIFAR-10 clean pooled noise alone names 20, most of them weak, local noise 8; on CIFAR-100 6 and 7."""
    found = {f.column: f for f in data_quality(published_table) if "outlier" in f.check}
    assert (found["cifar10 test clean"].count, found["cifar100 test clean"].count) == (6, 6)
    assert set(found["cifar100 test clean"].examples) == {"100113", "013111", "124110", "100114", "222321"}


def test_equal_architectures_are_all_tied_at_the_stated_level():
    """All means equal: a given one is left out with probability near 5 % or less, whatever its number of runs."""
    generator, inside = rng(8), np.zeros(2)
    counts = np.repeat([1, 3], 20)
    for _ in range(300):
        runs = 0.5 + generator.normal(0, 0.01, (40, 3))
        runs[counts == 1, 1:] = np.nan
        noisy = Table("t", list(range(40)), [Column("digits", "test", "clean", runs, (0, 1, 2))])
        tied = {arch.index for arch, _ in tied_with_best(noisy, **WHERE, noise=NOISE)}
        inside += [0 in tied, 39 in tied]
    assert (inside >= 0.92 * 300).all()
    assert (inside < 300).any()


def test_an_architecture_without_a_value_has_no_rank():
    values = table({"clean": [0.9, np.nan, 0.7]})
    with pytest.raises(InputError, match="digits test clean of 000001: expected a measured value, got a missing one"):
        rank_set(values, Architecture.from_index(1), **WHERE, noise=NOISE)


def test_a_perfect_predictor_is_no_worse_than_one_training_against_another(published_table):
    """On the published table: identical networks predict each other less well than the ceiling says of the truth."""
    from robnas.benchmarks import duplicate_groups, duplicate_residuals

    group = duplicate_groups(published_table.rows)
    order = np.argsort(group, kind="stable")
    first = order[:-1][(np.diff(group[order]) == 0) & (np.diff(group[order], prepend=-1)[:-1] != 0)]
    second = order[1:][(np.diff(group[order]) == 0) & (np.diff(group[order], prepend=-1)[:-1] != 0)]
    for metric in ("clean", "pgd@8/255", "autoattack@8/255"):
        values = published_table.values("cifar10", metric, split="test")
        residuals = duplicate_residuals(published_table.rows, values)
        for method, function in (("spearman", spearman), ("kendall", kendall)):
            ceiling = correlation_ceiling(values[first], residuals, method, rng=rng(), resamples=20).value
            assert function(values[first], values[second]) < ceiling < 1


@pytest.fixture(scope="module")
def published_table(tmp_path_factory):
    from robnas.benchmarks import fetch
    from tests.conftest import shared_file

    source = shared_file("data", "published", "ops.json").parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return fetch("nas-robbench-201", source)


def test_without_noise_ranks_are_certain():
    certain = Noise(sd=0.0, run_sd=0.0, groups=1, members=2, source="seeds")
    values = table({"clean": [0.9, 0.5, 0.7]})
    found = rank_set(values, Architecture.from_index(2), **WHERE, noise=certain)
    assert (found.rank, found.low, found.high) == (2, 2, 2)
    assert [arch.index for arch, _ in tied_with_best(values, **WHERE, noise=certain)] == [0]


def test_much_noise_leaves_every_rank_possible():
    loud = Noise(sd=10.0, run_sd=10.0, groups=1, members=2, source="seeds")
    values = table({"clean": rng().uniform(size=50)})
    found = rank_set(values, Architecture.from_index(2), **WHERE, noise=loud)
    assert (found.low, found.high) == (1, 50)
    assert len(tied_with_best(values, **WHERE, noise=loud)) == 50


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: correlate([1, 2], [1, 2], rng=rng()), "correlation: expected at least 3 pairs, got 2"),
        (lambda: correlate([1, 2, 3], [1, 2], rng=rng()), "columns: expected two of one length"),
        (lambda: correlate([1, 2, 3], [1, 2, 3], "pearson", rng=rng()), "correlation method: expected one of spearman"),
        (lambda: correlate([1, 2, 3], [1, 2, 3], rng=rng(), level=95), "confidence level: expected a number in"),
        (lambda: correlate([1, 2, 3], [1, 2, 3], rng=rng(), resamples=0), "resamples: expected at least 1, got 0"),
        (lambda: correlate([1, 2, 3], [1, 2, 3], rng=rng(), resamples=2.5), "resamples: expected a whole number"),
        (lambda: correlate([1, 2, 3], [1, 2, 3], rng=0), "rng: expected a numpy generator, got 0"),
        (
            lambda: correlate([1, 2, 3], [1, 2, np.inf], rng=rng()),
            "columns: expected finite numbers, .*, got inf",
        ),
        (lambda: correlate([1, 2, 3], ["a", "b", "c"], rng=rng()), "columns: expected numbers, got"),
        (
            lambda: correlate([1, 2, 3], [1, 2, 3], ["kendall"], rng=rng()),
            "correlation method: expected one of spearman",
        ),
        (lambda: correlate([[1, 2, 3]], [[1, 2, 3]], rng=rng()), "columns: expected two of one length"),
        (lambda: spearman([], []), "correlation: expected at least 2 pairs, got 0"),
        (lambda: kendall([1, 2], [1, -np.inf]), "columns: expected finite numbers"),
        (lambda: correlation_ceiling([1, 2, 3], 0.1, rng=rng(), resamples=0), "resamples: expected at least 1, got 0"),
        (
            lambda: correlation_ceiling([1, 2, 3], np.inf, rng=rng()),
            "noise standard deviation: expected a finite number",
        ),
        (lambda: correlation_ceiling([1, 2, 3], np.nan, rng=rng()), "noise standard deviation: expected at least 0"),
        (
            lambda: correlation_ceiling([1, 2, 3], "seeds", rng=rng()),
            "noise standard deviation: expected a finite number",
        ),
        (lambda: correlation_ceiling([1, np.nan], 0.1, rng=rng()), "values: expected at least 3, got"),
        (lambda: correlation_ceiling([1, 2, 3], -1, rng=rng()), "noise standard deviation: expected at least 0"),
        (lambda: tied_with_best(table({"clean": [0.5]}), **WHERE, noise=NOISE), "expected at least 2"),
    ],
)
def test_bad_input_says_what_to_change(call, text):
    with pytest.raises(InputError, match=text):
        call()


@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_a_constant_column_has_no_correlation(method):
    for pair in (([1, 1, 1, 1], [1, 2, 3, 4]), ([1, 2, 3, 4], [5, 5, 5, 5]), ([0.1] * 4, [0.1] * 4)):
        found = correlate(*pair, method, rng=rng(), resamples=20)
        assert np.isnan([found.value, found.low, found.high]).all()
    assert np.isnan(correlation_ceiling([0.1] * 4, 0.1, method, rng=rng(), resamples=5).value)
    function = {"spearman": spearman, "kendall": kendall}[method]
    assert np.isnan(function([1, 1, 1], [1, 2, 3]))
    assert np.isnan(function([1, np.nan, 3], [1, 2, 3]))


def test_samples_that_are_constant_by_chance_are_left_out_of_the_interval():
    found = correlate([0, 0, 0, 0, 1], [0, 1, 2, 3, 4], rng=rng(), resamples=200)
    assert 0 < found.low <= found.value <= found.high <= 1


def findings(columns, rows=None):
    return {(found.check, found.count) for found in data_quality(table(columns, rows))}


def test_an_ordinary_table_has_no_findings():
    clean = rng().uniform(0.5, 0.9, 30)
    assert not findings({"clean": clean, "pgd@3/255": clean - 0.1, "pgd@8/255": clean - 0.3, "fgsm@8/255": clean - 0.2})


def test_impossible_orders_and_chance_level_are_found():
    clean = np.full(30, 0.8)
    weak, strong = clean - 0.3, clean - 0.4
    strong[3] = 0.7
    clean[[5, 6]] = 0.1
    found = findings({"clean": clean, "pgd@8/255": weak, "autoattack@8/255": strong})
    assert ("a stronger attack leaves more accuracy", 1) in found
    assert ("clean accuracy at chance level", 2) in found
    found = findings({"clean": np.full(30, 0.8), "pgd@3/255": weak, "pgd@8/255": np.full(30, 0.6)})
    assert ("a larger epsilon leaves more accuracy", 30) in found


def test_radii_of_other_norms_or_labels_are_not_compared():
    rows = [arch.index for arch in partition("identical").representatives()[:30]]
    metrics = {"pgd@8/255": 0.3, "pgd-l2@0.5": 0.6, "pgd-l1@12": 0.5, "pgd:1@16/255": 0.5, "pgd:9@4/255": 0.4}
    assert not findings({key: np.full(30, value) for key, value in metrics.items()}, rows)
    found = findings({key: np.full(30, value) for key, value in {**metrics, "pgd:9@8/255": 0.5}.items()}, rows)
    assert found == {("a larger epsilon leaves more accuracy", 30)}
    found = findings({"fgsm:a@8/255": np.full(30, 0.3), "pgd:9@8/255": np.full(30, 0.4)}, rows)
    assert found == {("a stronger attack leaves more accuracy", 30)}


def test_attacks_that_leave_more_than_a_weaker_one_or_none_are_found():
    rows = [arch.index for arch in partition("identical").representatives()[:30]]  # no two of them identical
    clean = np.full(30, 0.8)
    metrics = {"clean": clean, "fgsm@8/255": clean - 0.3, "autoattack@8/255": clean - 0.4, "square@8/255": clean - 0.2}
    assert not findings(metrics, rows)
    strong, square, average = clean - 0.4, clean - 0.2, clean - 0.1
    strong[3], square[[1, 2]], average[4] = 0.6, 0.85, 0.9
    found = findings({**metrics, "autoattack@8/255": strong, "square@8/255": square, "pgd@average": average}, rows)
    assert found == {
        ("a stronger attack leaves more accuracy", 1), ("an attack leaves more accuracy than none", 2),
        ("an attack leaves more accuracy than none", 1),
    }  # fmt: skip


def test_a_pair_of_identical_networks_far_apart_is_found():
    classes = partition("identical")
    pairs = [np.flatnonzero(classes.class_of == number) for number in range(classes.count)]
    rows = np.concatenate([pair[:2] for pair in pairs if len(pair) >= 2][:40])
    values = 0.5 + rng().normal(0, 0.001, len(rows))
    values[7] += 0.2
    found = [f for f in data_quality(table({"clean": values}, rows)) if "outlier" in f.check]
    assert [(f.count, set(f.examples)) for f in found] == [
        (2, {Architecture.from_index(int(rows[row])).code for row in (6, 7)})
    ]


def test_networks_without_a_value_are_no_outliers():
    classes = partition("identical")
    groups = [np.flatnonzero(classes.class_of == number) for number in range(classes.count)]
    rows = np.concatenate([group[:3] for group in groups if len(group) >= 3][:2])
    values = np.array([np.nan, np.nan, np.nan, 0.5, 0.51, np.nan])
    assert [f for f in data_quality(table({"clean": values}, rows)) if "outlier" in f.check] == []


def test_outliers_among_identical_networks_are_found():
    classes = partition("identical")
    groups = [np.flatnonzero(classes.class_of == number) for number in range(classes.count)]
    rows = np.concatenate([group[:4] for group in groups if len(group) >= 4][:30])
    values = 0.5 + rng().normal(0, 0.001, len(rows))
    values[7] += 0.1
    found = [f for f in data_quality(table({"clean": values}, rows)) if "outlier" in f.check]
    assert [(f.count, f.examples[0]) for f in found] == [(1, Architecture.from_index(int(rows[7])).code)]


def twins(count, size):
    """Rows of `count` networks, `size` architectures each."""
    classes = partition("identical")
    groups = [np.flatnonzero(classes.class_of == number) for number in range(classes.count)]
    return np.concatenate([group[:size] for group in groups if len(group) >= size][:count])


def test_twins_of_one_seed_are_judged_by_the_noise_between_seeds():
    """They agree exactly but for one: that is no outlier among trainings that differ as much from seed to seed."""
    rows = twins(40, 3)
    values = 0.5 + np.repeat(rng().normal(0, 0.02, (40, 2)), 3, axis=0)
    values[7] += 0.03
    for seeds, expected in (((0, 1), 0), ((0,), 0), ((), 1)):
        column = Column("digits", "test", "clean", values[:, : len(seeds) or 1], seeds)
        found = [f for f in data_quality(Table("t", rows, [column])) if "outlier" in f.check]
        assert [f.count for f in found] == [1] * expected
    values[7] += 0.2
    column = Column("digits", "test", "clean", values, (0, 1))
    found = [f for f in data_quality(Table("t", rows, [column])) if "outlier" in f.check]
    assert [(f.count, f.examples[0]) for f in found] == [(1, Architecture.from_index(int(rows[7])).code)]


@pytest.mark.parametrize(("seeds", "found"), [((0, 1), 0), ((0,), 30)])
def test_the_noise_between_two_attacks_is_that_between_seeds(seeds, found):
    """A point more under the larger epsilon is noise where the difference changes by 2 from seed to seed."""
    rows, generator = twins(30, 2)[::2], rng()
    weak = np.full((30, 2), 0.5)
    strong = weak + 0.01 + generator.normal(0, 0.02, (30, 1)) * [1, -1]
    columns = [
        Column("digits", "test", key, values[:, : len(seeds)], seeds)
        for key, values in (("pgd@3/255", weak), ("pgd@8/255", strong if len(seeds) > 1 else weak + 0.01))
    ]
    assert sum(f.count for f in data_quality(Table("t", rows, columns)) if "epsilon" in f.check) == found
