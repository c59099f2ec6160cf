import math

import numpy as np
import pytest

from robnas.errors import InputError
from robnas.proxies import SCALES, proxy_features
from robnas.spaces import Architecture, sample
from robnas.surrogates import fit_few_shot, structure


def scored(count, seed=0):
    """Random architectures, made-up scores, and values that depend on both."""
    rng = np.random.default_rng(seed)
    archs = sample(rng, count, "official")
    scores = [dict(zip(SCALES, rng.uniform(1, 100, len(SCALES)).tolist(), strict=True)) for _ in archs]
    shapes = structure(archs)
    return archs, scores, shapes[:, 4] + np.log([row["snip"] for row in scores])


def test_structure_counts_live_edges_and_ways():
    rows = structure([Architecture("323133"), Architecture("000000"), Architecture("100400")])
    # ways of 323133: 0→3 skip; 0→1→3 two 3×3; 0→2→3 1×1 and 3×3; 0→1→2→3 three 3×3
    np.testing.assert_allclose(rows[0, 2:8], [1, 4, 5, 0, 1, 4])
    np.testing.assert_allclose(rows[0, 8:17], [3, 0, 7 / 4, 3, 0, 6 / 4, 0, 0, 0])
    assert rows[0, 17] == pytest.approx(math.log(1 + 36 + 12 + 216 + 1e-3))
    np.testing.assert_allclose(rows[1, 2:17], [0] * 6 + [-1] * 9)
    np.testing.assert_allclose(rows[2, 2:8], [0, 0, 0, 1, 0, 1])


def test_a_few_values_are_enough_to_order_others():
    archs, scores, values = scored(120)
    known = slice(0, 60)
    model = fit_few_shot(archs[known], scores[known], values[known])
    guess = model.predict(archs[60:], scores[60:])
    assert np.corrcoef(guess, values[60:])[0, 1] > 0.9
    alone = fit_few_shot(archs[known], (), values[known], proxies=False).predict(archs[60:])
    assert np.corrcoef(alone, values[60:])[0, 1] < np.corrcoef(guess, values[60:])[0, 1] - 0.1


def test_architectures_without_values_set_the_scale_of_features_only():
    archs, scores, values = scored(40)
    known = slice(0, 20)
    plain = fit_few_shot(archs[known], scores[known], values[known])
    again, pooled = (
        fit_few_shot(archs[known], scores[known], values[known], pool=(archs[part], scores[part]))
        for part in (slice(0), slice(20, 40))
    )
    np.testing.assert_array_equal(again.centre, plain.centre)
    features = np.concatenate([proxy_features(scores), structure(archs)], axis=1)
    np.testing.assert_allclose(pooled.centre, features.mean(axis=0))


def test_a_missing_score_counts_as_the_lowest():
    archs, scores, values = scored(20)
    model = fit_few_shot(archs, scores, values)
    lowest = min(row["synflow"] for row in scores)
    missing, least = ([scores[0] | {"synflow": value}] for value in (None, lowest))
    np.testing.assert_array_equal(model.predict(archs[:1], missing), model.predict(archs[:1], least))


def test_bad_input_is_refused():
    archs, scores, values = scored(4)
    with pytest.raises(InputError, match=r"few-shot fit: .* at least 3 architectures, got shape \(2,\) for 2"):
        fit_few_shot(archs[:2], scores[:2], values[:2])
    with pytest.raises(InputError, match=r"got shape \(3,\) for 4"):
        fit_few_shot(archs, scores, values[:3])
    with pytest.raises(InputError, match="finite value"):
        fit_few_shot(archs, scores, values * np.nan)
    with pytest.raises(InputError, match="scores: expected 4, one per architecture, got 3"):
        fit_few_shot(archs, scores[:3], values)


def test_nan_is_missing_for_a_predictor_as_none_is():
    archs, scores, values = scored(20)
    for name in ("macs", "synflow", "jacov"):
        first, second = (
            fit_few_shot(
                archs, [{**row, name: gap} if place % 5 == 0 else row for place, row in enumerate(scores)], values
            )
            for gap in (None, math.nan)
        )
        np.testing.assert_array_equal(first.predict(archs, scores), second.predict(archs, scores))
