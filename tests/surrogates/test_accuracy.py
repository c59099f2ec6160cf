import numpy as np
import pytest
from scipy.stats import spearmanr

from robnas.errors import InputError
from robnas.surrogates import METRICS, Prediction, accuracy_of, over_splits


def made(count=200, seed=0):
    rng = np.random.default_rng(seed)
    measured = rng.uniform(0.2, 0.6, count)
    mean = measured + 0.05 * rng.standard_normal(count)
    half = rng.uniform(0.02, 0.15, count)
    return measured, Prediction(mean, half / 1.645, mean - half, mean + half, 0.9)


def of(measured, predicted, sign=1, seed=0):
    return accuracy_of(measured, predicted, sign=sign, rng=np.random.default_rng(seed))


def test_every_number_is_what_its_definition_says():
    """Against the definitions, written with loops and SciPy."""
    measured, predicted = made()
    found = of(measured, predicted)
    best = sorted(range(200), key=lambda place: -measured[place])[:20]
    first = sorted(range(200), key=lambda place: -predicted.mean[place])
    inside = [low <= value <= high for low, value, high in zip(predicted.low, measured, predicted.high, strict=True)]
    widths = [high - low for low, high in zip(predicted.low, predicted.high, strict=True)]
    residual = sum((guess - value) ** 2 for guess, value in zip(predicted.mean, measured, strict=True))
    total = sum((value - measured.mean()) ** 2 for value in measured)
    expected = {
        "spearman": spearmanr(predicted.mean, measured).statistic,
        "top_decile_spearman": spearmanr(predicted.mean[best], measured[best]).statistic,
        "r2": 1 - residual / total,
        "mae": sum(abs(guess - value) for guess, value in zip(predicted.mean, measured, strict=True)) / 200,
        "regret_top10": max(measured) - max(measured[place] for place in first[:10]),
        "coverage_90": sum(inside) / 200,
        "coverage_90_top": sum(inside[place] for place in first[:20]) / 20,
        "width_90": sum(widths) / 200,
        "median_width_90": (sorted(widths)[99] + sorted(widths)[100]) / 2,
    }
    assert found == pytest.approx(expected)
    assert tuple(found) == METRICS


def test_of_what_is_to_be_low_the_best_is_the_lowest():
    measured, predicted = made()
    mirrored = Prediction(-predicted.mean, predicted.sd, -predicted.high, -predicted.low, 0.9)
    assert of(-measured, mirrored, sign=-1) == pytest.approx(of(measured, predicted))


def test_the_top_decile_is_that_of_the_measured_values_with_ties():
    measured = np.repeat(np.arange(10) / 10, 10) + 0.0
    predicted = Prediction(measured * 0, measured * 0 + 1, measured - 1, measured + 1, 0.9)
    assert np.isnan(of(measured, predicted)["top_decile_spearman"])
    assert np.isnan(of(measured, predicted)["spearman"])


def test_equal_predictions_are_chosen_by_chance_and_not_by_place():
    measured = np.linspace(1, 0, 100)
    predicted = Prediction(np.zeros(100), np.ones(100), measured, measured, 0.9)
    regrets = [of(measured, predicted, seed=seed)["regret_top10"] for seed in range(200)]
    assert 0.07 < np.mean(regrets) < 0.11  # the best of 10 of 100, expected 1/11 below the best


def test_too_few_to_judge_are_refused():
    measured, predicted = made(19)
    with pytest.raises(InputError, match=r"at least 20 measured architectures .*, got 19; fit on fewer"):
        of(measured, predicted)


def test_splits_are_summed_up_by_mean_and_standard_deviation():
    several = [of(*made(seed=seed)) for seed in range(4)]
    found = over_splits(several)
    for name in METRICS:
        values = [one[name] for one in several]
        assert found[name] == pytest.approx(np.mean(values))
        assert found[f"{name}_sd"] == pytest.approx(np.std(values, ddof=1))
    assert found["coverage_90_min"] == min(one["coverage_90"] for one in several)
    assert {f"{name}_sd" for name in (*METRICS, "coverage_90_min")} <= set(found)


def test_the_deviation_of_the_lowest_coverage_is_that_of_bootstrap_samples():
    several = [of(*made(seed=seed)) for seed in range(6)]
    values = np.array([one["coverage_90"] for one in several])
    drawn = values[np.random.default_rng(0).integers(6, size=(100_000, 6))].min(axis=1)
    assert over_splits(several)["coverage_90_min_sd"] == pytest.approx(drawn.std(), rel=0.02)


def test_one_split_has_no_deviation():
    found = over_splits([of(*made())])
    assert found["spearman_sd"] is None
    assert found["coverage_90_min_sd"] is None
    assert found["spearman"] is not None
