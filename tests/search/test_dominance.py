import numpy as np
import pytest

from robnas.benchmarks import pareto_front
from robnas.errors import InputError
from robnas.search import hypervolume
from robnas.search._dominance import best_first, crowding, domination_ranks


def slow_ranks(points):
    """Peel off what nothing dominates, again and again."""
    rank, left, front = [None] * len(points), set(range(len(points))), 0
    while left:
        first = [
            i for i in left
            if not any((points[j] >= points[i]).all() and (points[j] > points[i]).any() for j in left)
        ]  # fmt: skip
        for i in first:
            rank[i] = front
        left -= set(first)
        front += 1
    return rank


def slow_volume(points, reference):
    """Union of boxes by inclusion and exclusion over all subsets."""
    total = 0.0
    for subset in range(1, 2 ** len(points)):
        chosen = points[[i for i in range(len(points)) if subset >> i & 1]]
        box = np.prod(np.maximum(chosen.min(axis=0) - reference, 0))
        total += box if len(chosen) % 2 else -box
    return total


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_ranks_are_those_of_peeling(seed, width):
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 5, size=(25, width)).astype(float)  # ties and repetitions
    points[3] = -np.inf
    assert domination_ranks(points).tolist() == slow_ranks(points)
    assert set(pareto_front(points)) <= set(np.flatnonzero(domination_ranks(points) == 0))


def test_crowding_is_the_size_of_the_box_between_neighbours():
    points = np.array([[0.0, 4.0], [1.0, 3.0], [3.0, 1.0], [4.0, 0.0], [2.0, 2.5]])
    assert crowding(points) == pytest.approx([np.inf, 2 / 4 + 1.5 / 4, 2 / 4 + 2.5 / 4, np.inf, 2 / 4 + 2 / 4])
    assert crowding(np.ones((3, 2))).tolist() == [np.inf, 0, np.inf]


def test_best_first_sorts_by_front_then_by_crowding():
    points = np.array([[1.0, 1.0], [0.0, 4.0], [1.9, 2.1], [2.0, 2.0], [4.0, 0.0], [-np.inf, -np.inf]])
    order = best_first(points).tolist()
    assert set(order[:2]) == {1, 4}
    assert order[4:] == [0, 5]


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_hypervolume_is_the_volume_of_the_union_of_boxes(seed, width):
    rng = np.random.default_rng(seed)
    points = rng.normal(0.4, 0.5, size=(8, width))
    points[1, 0], points[2] = -1.0, points[3]  # below the reference, twice
    reference = np.full(width, 0.1)
    assert hypervolume(points, reference) == pytest.approx(slow_volume(points, reference), abs=1e-12)


def test_hypervolume_of_nothing_is_zero_and_nan_counts_for_nothing():
    assert hypervolume(np.empty((0, 2)), [0, 0]) == 0
    assert hypervolume([[0.5, np.nan], [0.0, 1.0]], [0, 0]) == 0
    assert hypervolume([[2.0, 3.0], [np.nan, 9.0]], [0, 0]) == 6


@pytest.mark.parametrize("points", [[], [[]], np.empty((0, 2)), [[-np.inf, 1.0]], [[np.nan, np.nan]]])
def test_hypervolume_without_points_above_the_reference_is_zero(points):
    assert hypervolume(points, [0.0, 0.0]) == 0


@pytest.mark.parametrize(
    ("points", "reference", "text"),
    [
        ([[np.inf, 1.0], [0.5, 2.0]], [0, 0], "points below infinity, above a finite reference, got an infinite point"),
        ([[np.inf, -1.0]], [0, 0], "got an infinite point"),
        ([[1.0, 1.0]], [0, -np.inf], r"got the reference \[0.0, -inf\]"),
        ([[1.0, 1.0]], [0, np.nan], r"got the reference \[0.0, nan\]"),
        ([], [], r"a reference \(objectives,\)"),
        ([[1.0], [2.0]], [], r"got \(2, 1\) and \(0,\)"),
    ],
)
def test_hypervolume_of_what_is_not_finite_is_refused(points, reference, text):
    """It was nan, with a warning, or an IndexError."""
    with pytest.raises(InputError, match=f"hypervolume: expected .*{text}"):
        hypervolume(points, reference)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"hypervolume: expected points \(n, objectives\) and a reference"):
        hypervolume([[1.0, 2.0]], [0.0])
