import itertools

import numpy as np
import pytest

from robnas.errors import InputError
from robnas.surrogates import DESIGNS, Ground, Prediction, choose
from robnas.surrogates._active import most_telling
from robnas.surrogates._medoids import medoids

LINE = np.linspace(0, 1, 21)[:, None]


def predicted(mean, sd):
    return Prediction(np.asarray(mean), np.asarray(sd), mean - sd, mean + sd, 0.9)


@pytest.mark.parametrize("fixed", [[], [3], [0, 11]])
def test_medoids_are_those_that_no_other_choice_beats(fixed):
    points = np.random.default_rng(1).normal(size=(14, 2))
    distances = np.linalg.norm(points[:, None] - points, axis=2).astype(np.float32)
    allowed = np.setdiff1d(np.arange(14), fixed)

    def cost(chosen):
        return distances[[*fixed, *chosen]].min(axis=0).sum()

    given = {"allowed": allowed, "fixed": fixed}
    found = min((medoids(distances, 3, np.random.default_rng(seed), **given) for seed in range(5)), key=cost)
    best = min(map(cost, itertools.combinations(allowed.tolist(), 3)))
    assert cost(found) == pytest.approx(best)
    assert not set(found) & set(fixed)


def test_medoids_among_points_at_one_place():
    found = medoids(np.zeros((5, 5), dtype=np.float32), 3, np.random.default_rng(0), allowed=np.arange(1, 5), fixed=[0])
    assert len(set(found)) == 3
    assert 0 not in found


@pytest.mark.parametrize("design", DESIGNS)
def test_a_design_chooses_other_candidates_once_each_and_the_same_again(design):
    rows = np.random.default_rng(0).normal(size=(50, 4))
    given = {"rows": rows, "taken": [4, 5], "predicted": predicted(rows[:, 0], np.full(50, 0.1))}
    found = choose(design, range(10, 40), 8, **given, seed=3)
    assert len(set(found)) == 8
    assert set(found) <= set(range(10, 40))
    assert found == choose(design, range(10, 40), 8, **{**given, "rows": Ground(rows)}, seed=3)
    assert sorted(choose(design, [4, 5, 6, 7], 2, **given)) == [6, 7]


def test_spread_has_something_near_every_point():
    found = choose("spread", range(21), 3, rows=LINE)
    assert np.abs(LINE - LINE[found].T).min(axis=1).max() <= 0.2
    more = choose("spread", range(21), 3, rows=LINE, taken=[0, 1, 2, 3, 4, 5, 6])
    assert min(more) > 7


def test_features_count_by_how_they_vary_and_not_by_their_unit():
    rows = np.random.default_rng(0).normal(size=(80, 3))
    scaled = np.column_stack([rows * [1000.0, 1.0, 0.001] + [5, 5, 0], rows[:, :1] * 1e-13, np.full(80, 7.0)])
    rows = np.column_stack([rows, rows[:, 0]])
    assert choose("spread", range(80), 5, rows=rows) == choose("spread", range(80), 5, rows=scaled)


def test_a_missing_feature_counts_as_the_mean():
    rows = np.random.default_rng(0).normal(size=(40, 2))
    rows[3, 1] = np.nan
    filled = np.where(np.isnan(rows), np.nanmean(rows, axis=0), rows)
    ground = Ground(rows)
    assert np.isfinite(ground.scaled).all()
    np.testing.assert_allclose(ground.scaled[3, 1], 0)
    np.testing.assert_allclose(ground.scaled[:, 0], Ground(filled).scaled[:, 0])


def test_active_goes_where_the_prediction_is_least_certain():
    sd = np.where(LINE[:, 0] > 0.7, 0.05, 0.01)
    (found,) = choose("active", range(21), 1, rows=LINE, taken=[0, 10], predicted=predicted(LINE[:, 0], sd))
    assert LINE[found, 0] > 0.7


def test_active_goes_to_the_top_if_told():
    mean, sd = -LINE[:, 0], np.full(21, 0.03)
    everywhere = choose("active", range(21), 4, rows=LINE, taken=[10], predicted=predicted(mean, sd))
    top = choose("active", range(21), 4, rows=LINE, taken=[10], predicted=predicted(mean, sd), focus="top")
    assert LINE[top].mean() < LINE[everywhere].mean()


def test_without_a_prediction_active_is_spread():
    rows = np.random.default_rng(0).normal(size=(50, 4))
    assert choose("active", range(50), 6, rows=rows) == choose("spread", range(50), 6, rows=rows)


def test_the_most_telling_measurement_is_that_of_a_gaussian_process():
    """Against the definition: the posterior of every point is computed anew for every candidate."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(12, 2))
    distances = np.linalg.norm(points[:, None] - points, axis=2).astype(np.float32)
    taken, sd, weights = np.array([1, 7]), np.full(12, 1.0), rng.uniform(0.5, 2, 12)
    way = np.sqrt(5) * distances.astype(float) / np.median(distances[distances > 0])
    prior = (1 + way + way**2 / 3) * np.exp(-way)
    sd[[1, 7]] = 0.5

    def posterior(measured):
        inside = prior[np.ix_(measured, measured)] + 1e-3 * np.eye(len(measured))
        return prior - prior[:, measured] @ np.linalg.solve(inside, prior[measured])

    given = posterior(taken)
    scale = np.maximum(sd**2 - 0.25, 1e-4 * sd**2) / (np.diag(given) + 1e-3)
    covariance = given * np.sqrt(scale[:, None] * scale)
    noise = 0.25
    unknown = np.maximum(sd**2 - 0.25, 1e-4 * sd**2)
    gain = [
        (weights / np.sqrt(unknown) * covariance[:, place] ** 2).sum()
        / (covariance[place, place] + noise + 1e-3 * scale[place])
        for place in range(12)
    ]
    gain[1] = gain[7] = -1
    allowed = np.setdiff1d(np.arange(12), taken)
    assert most_telling(distances, sd, weights, 1, allowed=allowed, taken=taken) == [int(np.argmax(gain))]


def test_of_many_points_a_sample_is_looked_at(monkeypatch):
    monkeypatch.setattr("robnas.surrogates._designs._MOST", 20)
    rows = np.random.default_rng(0).normal(size=(200, 3))
    for design in ("spread", "active"):
        given = {"taken": [0, 1], "predicted": predicted(rows[:, 0], np.full(200, 0.1))}
        found = choose(design, range(2, 200), 5, rows=rows, **given)
        assert len(set(found)) == 5
        assert min(found) > 1


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"design": "no"}, "design: expected one of random, spread, active, got 'no'"),
        ({"focus": "bottom"}, "focus: expected one of everywhere, top, got 'bottom'"),
        ({"count": 22}, "candidates for 22 trainings: expected at least as many, got 21"),
        ({"taken": [0, 1], "count": 20}, "candidates for 20 trainings: expected at least as many, got 19"),
        ({"count": 0}, "trainings to choose: expected at least 1, got 0"),
        ({"candidates": [0, 0]}, "candidates, places of a design: expected numbers below 21, each once"),
        ({"taken": [21]}, "taken, places of a design: expected numbers below 21, each once"),
        ({"seed": -1}, "seed: expected at least 0"),
    ],
)
def test_bad_input_of_a_design_is_refused(change, text):
    given = {"design": "random", "candidates": range(21), "count": 3, "rows": LINE} | change
    with pytest.raises(InputError, match=f"^{text}"):
        choose(given.pop("design"), given.pop("candidates"), given.pop("count"), **given)


def test_features_may_be_of_any_size():
    for unit in (1e-15, 1e15):
        found = choose("spread", range(21), 3, rows=unit * LINE)
        assert sorted(found) == sorted(choose("spread", range(21), 3, rows=LINE))
