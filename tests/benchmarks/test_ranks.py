import numpy as np
import pytest

from robnas.benchmarks import RESOLUTION, competition_ranks, sharing, tied


@pytest.mark.parametrize(
    ("values", "ranks", "shared"),
    [
        ([0.3, 0.5, 0.5, 0.1], [3, 1, 1, 4], [1, 2, 2, 1]),
        ([0.3, np.nan, 0.3, 0.3, 0.1], [1, np.nan, 1, 1, 4], [3, 0, 3, 3, 1]),
        ([0.1], [1], [1]),
        ([np.nan, np.nan], [np.nan, np.nan], [0, 0]),
        ([], [], []),
    ],
)
def test_a_rank_is_one_plus_the_number_of_better_ones(values, ranks, shared):
    found = competition_ranks(values)
    assert found.tolist() == pytest.approx(ranks, nan_ok=True)
    assert sharing(found).tolist() == shared


def test_ranks_are_those_of_a_slow_reference():
    values = np.random.default_rng(0).integers(0, 20, 200) / 40
    values[::9] = np.nan
    expected = [np.nan if np.isnan(one) else 1 + sum(other > one for other in values) for one in values]
    assert np.array_equal(competition_ranks(values), expected, equal_nan=True)


def test_means_that_differ_by_rounding_are_equal():
    one, other = (0.1 + 0.2 + 0.3) / 3, 0.2
    assert one != other
    assert competition_ranks([one, other, other - 1 / 50_000]).tolist() == [1, 1, 3]
    assert competition_ranks(np.float32([0.7775, 0.1]).astype(float)).tolist() == [1, 2]
    assert competition_ranks([one, one + 2 * RESOLUTION]).tolist() == [2, 1]
    assert competition_ranks([1e-12, 2e-12], resolution=0).tolist() == [2, 1]


def test_values_that_differ_by_rounding_are_made_equal_for_correlations():
    values = np.array([(0.1 + 0.2 + 0.3) / 3, 0.2, np.nan, 0.5, 0.2 + 1e-5])
    found = tied(values)
    assert found[0] == found[1] == 0.2
    assert np.array_equal(found[2:], values[2:], equal_nan=True)
    assert tied([]).shape == (0,)
    assert tied([np.nan, 1e-12, 2e-12], resolution=0).tolist()[1:] == [1e-12, 2e-12]
