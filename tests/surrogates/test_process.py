import numpy as np

from robnas.surrogates._process import Priors, fit_process


def test_the_mean_is_linear_in_values_of_other_columns():
    """Far from all known rows a process falls back to its mean; with such a group the mean goes on rising."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, 1))
    targets = rows[:, 0] + 0.01 * rng.standard_normal(40)
    far = np.array([[-30.0], [30.0]])
    given = (targets, np.full(40, 1e-4), Priors(), 0)
    flat, _ = fit_process(rows, ["structure/x"], *given).predict(far)
    rising, variance = fit_process(rows, ["columns:t/crowded"], *given).predict(far)
    assert np.ptp(flat) < 10
    assert np.ptp(rising) > 40
    assert (variance > 0).all()


def test_without_such_groups_a_process_is_what_it_was():
    """Against the formula: a constant mean of variance 4 and a Matérn 5/2 kernel."""
    rng = np.random.default_rng(1)
    rows, targets, noise = rng.normal(size=(20, 2)), rng.normal(size=20), np.full(20, 0.1)
    found = fit_process(rows, ["a", "b"], targets, noise, Priors(), 0)
    new = rng.normal(size=(5, 2))

    def kernel(one, other):
        root = np.sqrt(5 * (((one[:, None] - other) / found.lengths) ** 2).sum(axis=2))
        return found.amplitude * (1 + root + root**2 / 3) * np.exp(-root) + 4

    inside = kernel(rows, rows) + np.diag(noise + found.rest)
    mean, variance = found.predict(new)
    np.testing.assert_allclose(mean, kernel(new, rows) @ np.linalg.solve(inside, targets), atol=1e-6)
    told = (kernel(new, rows) * np.linalg.solve(inside, kernel(rows, new)).T).sum(axis=1)
    np.testing.assert_allclose(variance, found.amplitude + 4 - told + found.rest, atol=1e-6)
