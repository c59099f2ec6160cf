"""The highest correlation is what a predictor of the true means reaches, whatever their distribution looks like."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize

from robnas.benchmarks import Column, Residuals, Table
from robnas.errors import InputError
from robnas.statistics import correlation_ceiling, kendall, spearman
from robnas.statistics._correlation import root_of_seeds, table_ceiling
from robnas.statistics._deconvolution import Deconvolution, TrueMeans, kendall_with_values, spearman_with_values
from robnas.statistics._true_noise import true_noise

SIZE = 4000
SHAPES = {
    "normal": lambda rng: rng.normal(size=SIZE),
    "skewed left": lambda rng: -rng.exponential(size=SIZE),
    "two clusters": lambda rng: rng.choice([-1.0, 1.0], SIZE) + rng.normal(0, 0.12, SIZE),
    "heavy tails": lambda rng: rng.standard_t(3, SIZE) / np.sqrt(3),
    "uniform": lambda rng: rng.uniform(-1.7, 1.7, SIZE),
    "equal blocks": lambda rng: rng.integers(0, 8, SIZE) / 2.3 - 1.5,
}
NOISE = {"two clusters": 0.25}  # their order within is lost in more


def drawn(rng, shape, *, local=False):
    """True means and the column of a table with one to three seeds a row."""
    true = SHAPES[shape](rng)
    sd = NOISE.get(shape, 0.6) * np.exp(-0.3 * local * np.clip(true, -2, 2))
    values = np.clip(0.5 + 0.02 * (true[:, None] + sd[:, None] * rng.normal(size=(SIZE, 3))), 0, 1)
    values[np.arange(3) >= rng.integers(1, 4, SIZE)[:, None]] = np.nan
    return true, Column("digits", "test", "clean", values, (0, 1, 2))


def found(column, resamples=1):
    table = Table("t", list(range(SIZE)), [column])
    return table_ceiling(table, column, np.random.default_rng(0), resamples)


@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_ceiling_is_what_the_true_means_reach(shape, local):
    """Within .01 of the mean of two tables, with noise that is estimated from the seeds."""
    rng, errors = np.random.default_rng(2), []
    for _ in range(2):
        true, column = drawn(rng, shape, local=local)
        errors.append(found(column).value - spearman(true, column.mean))
    assert abs(np.mean(errors)) < 0.01


def test_twins_tell_the_noise_too():
    rng = np.random.default_rng(3)
    group = np.arange(SIZE) // 2
    true = -rng.exponential(size=SIZE)[group]
    values = true + rng.normal(0, 0.6, SIZE)
    pairs = values.reshape(-1, 2)
    mean = pairs.mean(axis=1)
    order = np.argsort(np.repeat(mean, 2), kind="stable")
    residuals = Residuals(
        np.repeat(mean, 2)[order], ((pairs - mean[:, None]) * np.sqrt(2)).ravel()[order], group[order]
    )
    reached = spearman(true, values)
    assert correlation_ceiling(values, 0.6, rng=rng, resamples=1).value == pytest.approx(reached, abs=0.01)
    of_pairs = float(np.sqrt((residuals.deviation**2).mean()))
    wanted = correlation_ceiling(values, of_pairs, rng=rng, resamples=1).value
    for given in (residuals, Residuals(residuals.level, residuals.deviation)):
        assert correlation_ceiling(values, given, rng=rng, resamples=1).value == pytest.approx(wanted, abs=0.02)
    shrunken = np.sqrt(1 - 0.36 / values.var()) * (values - values.mean())
    assert spearman(shrunken, shrunken + rng.normal(0, 0.6, SIZE)) > reached + 0.03  # a model that keeps the shape


def test_the_interval_holds_the_truth_and_the_value():
    rng = np.random.default_rng(4)
    for shape in ("normal", "skewed left"):
        true, column = drawn(rng, shape)
        one = found(column, 20)
        assert 0 < one.low < one.value < one.high < 1
        assert one.low <= spearman(true, column.mean) <= one.high


def test_the_value_depends_on_the_data_alone():
    _, column = drawn(np.random.default_rng(5), "normal")
    residuals = Residuals(np.linspace(0.4, 0.6, 50), np.full(50, 0.01))
    first, second, other = (
        correlation_ceiling(column.mean[:500], residuals, rng=np.random.default_rng(seed), resamples=5)
        for seed in (0, 0, 1)
    )
    assert first == second
    assert (first.value, first.low) != (other.value, other.low)
    assert first.value == other.value


def test_expected_ranks_are_those_of_a_large_sample():
    """Quadrature against drawing true means and values, with two kinds of runs."""
    rng, size = np.random.default_rng(6), 200_000
    grid = np.array([0.0, 1.0, 1.5, 4.0])
    means = TrueMeans(grid, np.array([[0.1, 0.2, 0.1, 0.1], [0.2, 0.1, 0.1, 0.1]]), np.array([[1.0] * 4, [0.5] * 4]))
    cell = rng.choice(8, size, p=means.share.ravel())
    true = np.tile(grid, 2)[cell]
    values = true + means.sd.ravel()[cell] * rng.normal(size=size)
    assert spearman_with_values(means) == pytest.approx(stats.spearmanr(true, values).statistic, abs=0.004)


@pytest.mark.parametrize("sd", [0.01, 0.1, 0.6, 1.5])
def test_both_coefficients_are_those_of_a_normal_pair(sd):
    """6 / π asin(r / 2) and 2 / π asin(r), with r the correlation of true means and values."""
    grid = np.linspace(-5, 5, 120)
    density = stats.norm.pdf(grid)[None]
    means = TrueMeans(grid, density / density.sum(), np.full((1, 120), sd))
    r = 1 / np.sqrt(1 + sd**2)
    assert spearman_with_values(means) == pytest.approx(6 / np.pi * np.arcsin(r / 2), abs=0.002)
    assert kendall_with_values(means) == pytest.approx(2 / np.pi * np.arcsin(r), abs=0.006)


@pytest.mark.parametrize("sd", [0.03, 0.6])
def test_kendall_has_a_ceiling_too(sd):
    rng = np.random.default_rng(11)
    true = rng.normal(size=2000)
    values = true + rng.normal(0, sd, 2000)
    found = correlation_ceiling(values, sd, "kendall", rng=rng, resamples=1).value
    assert found == pytest.approx(kendall(true, values), abs=0.015)


@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_without_noise_nothing_is_in_the_way(method):
    values = np.random.default_rng(7).normal(size=300)
    rng = np.random.default_rng(0)
    assert correlation_ceiling(values, 0.0, method, rng=rng, resamples=2).value == 1
    assert correlation_ceiling(values, 1e-4, method, rng=rng, resamples=2).value > 0.99
    assert correlation_ceiling(values, 2.0, method, rng=rng, resamples=2).value == 0
    assert correlation_ceiling(np.repeat(values, 2), 1e-9, method, rng=rng, resamples=2).value > 0.99


def test_the_root_of_two_seeds_is_the_correlation_with_expected_ranks():
    """No model in it: true means and their expected ranks are known, and it exceeds what true means reach."""
    rng = np.random.default_rng(8)
    true = np.repeat([-1.0, 1.0], SIZE // 2) + rng.normal(0, 0.05, SIZE)
    values = 0.5 + 0.05 * (true[:, None] + rng.normal(0, 0.3, (SIZE, 2)))
    one = root_of_seeds(Column("digits", "test", "clean", values, (0, 1)), rng, 50)
    assert one.value == pytest.approx(np.sqrt(stats.spearmanr(*values.T).statistic))
    expected = stats.norm.cdf((np.sort(true)[None, ::40] - true[:, None]) / (0.3 * np.sqrt(2))).mean(axis=1)
    assert one.value == pytest.approx(-np.corrcoef(expected, stats.rankdata(values[:, 0]))[0, 1], abs=0.01)
    assert one.value > spearman(true, values[:, 0]) + 0.03
    assert one.low < one.value < one.high
    assert one.count == SIZE


def test_seeds_that_few_share_have_no_root():
    rng = np.random.default_rng(9)
    values = np.full((6, 2), np.nan)
    values[:, 0] = 0.5
    values[:2, 1] = 0.4
    assert np.isnan(root_of_seeds(Column("digits", "test", "clean", values, (0, 1)), rng, 5).value)
    assert np.isnan(root_of_seeds(Column("digits", "test", "clean", values[:, :1]), rng, 5).value)
    values = np.array([[0.1, 0.4], [0.2, 0.3], [0.3, 0.2], [0.4, 0.1]])
    assert root_of_seeds(Column("digits", "test", "clean", values, (0, 1)), rng, 5).value == 0


def test_the_distribution_is_as_likely_as_the_best_one_and_smoother():
    """Against a general optimizer on the same grid, and normal densities of SciPy."""
    rng = np.random.default_rng(10)
    values = np.round(rng.exponential(size=200) + rng.normal(0, 0.6, 200), 6)
    means = Deconvolution(values, np.ones(200), true_noise(0.6, values)).fit(true_noise(0.6, values))
    density = stats.norm.pdf(values[:, None], means.grid, 0.6)

    def loss(logits):
        weight = np.exp(logits - logits.max())
        weight /= weight.sum()
        gain = density.T @ (1 / (density @ weight))
        return -np.log(density @ weight).sum(), -weight * (gain - weight @ gain)

    best = minimize(loss, np.zeros(len(means.grid)), jac=True, method="L-BFGS-B", options={"maxiter": 2000})
    share = means.share.sum(axis=0)
    assert share.sum() == pytest.approx(1)
    reached = np.log(density @ share).sum()
    assert -best.fun - 1.5 < reached <= -best.fun + 0.05
    weight = np.exp(best.x - best.x.max())
    assert share.max() < 0.8 * (weight / weight.sum()).max()
    assert share @ means.grid == pytest.approx(values.mean(), abs=0.02)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_equal_values_without_noise_are_as_equal_as_their_true_means(share):
    """Such as accuracies of 0 under a strong attack: as many as they are, the others alone can be told wrongly."""
    rng, size = np.random.default_rng(12), 1000
    true = np.where(np.arange(size) < share * size, 0, rng.uniform(0.05, 0.6, size))
    values = np.where(true[:, None] > 0, np.clip(true[:, None] + rng.normal(0, 0.05, (size, 3)), 0.001, 1), 0)
    column = Column("digits", "test", "clean", values, (0, 1, 2))
    one = table_ceiling(Table("t", range(size), [column]), column, rng, 20)
    assert one.value == pytest.approx(spearman(true, column.mean), abs=0.01)
    assert one.value >= root_of_seeds(column, rng, 1).value - 0.01


@pytest.mark.parametrize("signal", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("size", [20, 300])
def test_where_nearly_all_is_noise_the_interval_says_how_little_is_known(size, signal):
    """As often as not the noise comes out as large as the variance of the values: that is no certain 0."""
    rng, held, ends = np.random.default_rng(13), 0, []
    truth = 6 / np.pi * np.arcsin(signal / np.sqrt(signal**2 + 0.5) / 2)
    for _ in range(30):
        values = 0.5 + 0.02 * (signal * rng.normal(size=(size, 1)) + rng.normal(size=(size, 2)))
        column = Column("digits", "test", "clean", values, (0, 1))
        one = table_ceiling(Table("t", range(size), [column]), column, rng, 10)
        held += one.low <= truth <= one.high
        ends.append((one.low, one.value, one.high))
    assert held >= 25
    assert all(low <= value <= high for low, value, high in ends)
    assert sum(value == 0 < high for _, value, high in ends) > 0


@pytest.mark.parametrize(
    ("noise", "runs", "text"),
    [
        (0.5, np.nan, "runs: expected a number wherever there is a value, got nan"),
        (0.5, np.where(np.arange(50) < 3, np.nan, 2), "runs: expected a number wherever there is a value, got nan"),
        (Residuals(np.array([0.1, 0.2]), np.array([np.nan, 0.1])), 1, "residuals: expected a finite level and"),
        (Residuals(np.array([0.1, 0.2, 0.3]), np.array([0.2, 0.1])), 1, "residuals: expected a finite level and"),
    ],
)
def test_noise_that_is_none_is_one_line(noise, runs, text):
    with pytest.raises(InputError, match=text):
        correlation_ceiling(np.arange(50.0), noise, runs=runs, rng=np.random.default_rng(0))


def test_a_number_of_numpy_is_a_standard_deviation():
    values, rng = np.random.default_rng(14).normal(size=60), np.random.default_rng(0)
    runs = np.where(np.arange(60) < 3, np.nan, 1)
    given = [correlation_ceiling(values[3:], sd, rng=rng, resamples=1).value for sd in (0.5, np.float32(0.5))]
    values[:3] = np.nan
    given.append(correlation_ceiling(values, 0.5, rng=rng, runs=runs, resamples=1).value)
    assert given[0] == given[1] == given[2]
    assert correlation_ceiling(values, np.int64(0), rng=rng, resamples=1).value == 1
