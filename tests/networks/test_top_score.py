import math

import pytest

from robnas.errors import InputError
from robnas.networks import top_score
from robnas.spaces import Architecture, partition


def test_the_score_is_made_of_the_ways_through_a_cell():
    # ways of 323133: 0→3 skip; 0→1→3 two 3×3; 0→2→3 1×1 and 3×3; 0→1→2→3 three 3×3
    assert top_score("323133") == pytest.approx(math.log(1 + 3.5**2 + 1.2 * 3.5 + 3.5**3))
    # 343033: 0→1→3 two 3×3; 0→2→3 a pooling and a 3×3; 0→1→2→3 three 3×3: at least one 3×3 on each, 1/3 pooling
    expected = math.log(3.5**2 + 0.7 * 3.5 + 3.5**3) - 0.4 - 0.6 / 3
    assert top_score("343033") == pytest.approx(expected)
    # 441444: ways of one, two, one and two poolings without a convolution, skips between
    assert top_score("441444") == pytest.approx(math.log(0.7 + 3 * 0.7**2) - 0.5 * 4 - 0.6 * 7 / 4)
    assert top_score("000100") == pytest.approx(0)  # a skip alone
    assert top_score("300010") == pytest.approx(math.log(3.5) - 0.4)
    assert top_score("302010") == top_score("300010")  # a dead edge


def test_nothing_that_reaches_the_output_is_no_score():
    assert top_score("000000") is None
    assert top_score("333000") is None


def test_any_encoding_is_taken_and_what_is_none_refused():
    arch = Architecture("323133")
    assert top_score(arch) == top_score("323133") == top_score(list(arch.operations))
    with pytest.raises(InputError, match="architecture: expected 6 digits"):
        top_score("32313")


@pytest.mark.parametrize("name", ["identical", "effective"])
def test_architectures_of_one_function_have_one_score(name):
    """To the bit, for all of them: skips, dead edges and the order of nodes do not matter."""
    classes = partition(name)
    for arch in classes.representatives():
        assert len({top_score(member) for member in classes.members(arch)}) == 1
