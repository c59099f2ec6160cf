"""Cells with convolutions merged that read one signal into one sum."""

import numpy as np
import pytest

from robnas.spaces import architectures
from robnas.surrogates.nas_bench_201._cells import sequences
from robnas.surrogates.nas_bench_201._merged import merged


@pytest.mark.parametrize(
    ("code", "same_as"),
    [
        ("330011", "000300"),  # two convolutions of the input are one
        ("230011", "000300"),  # the larger one
        ("301011", "000300"),  # one that is added twice is one
        ("110110", "000100"),  # two copies of the input are one
    ],
)
def test_what_adds_nothing_does_not_count(code, same_as):
    assert merged([code])[0] == pytest.approx(merged([same_as])[0])


def test_numbers_of_a_cell_by_hand():
    # node 1: conv 3×3 of the input; output: that, a 1×1 of it, and the input
    (found,) = merged(["300120"])
    assert found[:6].tolist() == [2, 1, 1, 1, 1, 2]
    assert found[6:15].tolist() == [1, 0.5, 0, 2, 1, 0, 0, 0, 0]
    assert found[15] == pytest.approx(np.log(1e-3 + 1 + 2 * 6))


def test_every_cell_has_finite_numbers():
    found = merged(list(architectures()))
    assert found.shape == (15_625, 16)
    assert np.isfinite(found).all()


def test_sequences_leave_skips_out():
    found = sequences(["000100", "300010", "110330", "321133"])
    assert found.sum(axis=1).tolist() == [1, 1, 2, 4]
    assert (found[0].nonzero()[0] == [0]).all()
    assert found[1].argmax() == found[2].argmax()
