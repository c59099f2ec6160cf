"""The study of bounds beside errors: its control, and how much of an order the control explains."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))
import bound_vs_error as study


def rows(bound, control, error):
    names = ("robust_bound", "robust_control", "robust_error")
    return [dict(zip(names, values, strict=True)) for values in zip(bound, control, error, strict=True)]


def test_random_labels_are_blind_among_the_first_inputs_for_every_number_of_them():
    y = np.where(np.random.default_rng(0).permutation(study.SIZES[-1]) % 2 == 0, 1.0, -1.0)
    found = study.noise(y, seed=3)
    for size in study.SIZES:
        for true in (-1, 1):
            part = found[:size][y[:size] == true]
            assert abs(part.mean() - y[:size].mean()) <= 6 / len(part), (size, true)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_nothing_is_left_of_an_order_that_the_control_has_too():
    rng = np.random.default_rng(0)
    error = rng.normal(size=30)
    found = [
        float(cell or "nan")
        for cell in study.spearman(rows(error**3, error, error + 0.3 * rng.normal(size=30)), "robust")
    ]
    term, control, difference, given = found[::3]
    assert term == control > 0.8
    assert difference == 0
    assert np.isnan(given)  # the control explains all that the term does


def test_an_order_that_only_the_term_has_stays_given_the_control():
    rng = np.random.default_rng(1)
    error = rng.normal(size=40)
    bound = np.append(np.exp(error[1:]), np.inf)
    values = study.spearman(rows(bound, rng.normal(size=40), np.append(error[1:], 9.0)), "robust")
    term, control, difference, given = (float(cell) for cell in values[::3])
    assert term == 1
    assert abs(control) < 0.4
    assert difference == pytest.approx(term - control, abs=0.002)
    assert given > 0.9 or values[9] == ""


def test_falls_count_cases_in_which_more_inputs_are_better():
    keys = {"task": "a", "architecture": "b", "beta": 0.5}
    values = {
        "clean_error": (0.5, 0.4, 0.4),
        "robust_error": (0.5, 0.6, 0.3),
        "clean_bound": (3, 2, 1),
        "robust_bound": (1, 1, 2),
    }
    found = study.falls([keys | {"inputs": size} | {name: one[k] for name, one in values.items()}
                         for k, size in enumerate(study.SIZES)])  # fmt: skip
    assert [row[-1] for row in found] == ["1.000", "0.000", "0.000", "1.000", "1.000", "1.000", "0.000", "0.000"]
    assert {row[3] for row in found} == {1}
