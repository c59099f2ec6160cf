"""The picture of kernels that move."""

import numpy as np
import pytest

from robnas.errors import InputError
from robnas.kernels import KernelPath
from robnas.reports import moving_kernels, write_picture


def path(seed, count=4):
    rows = np.random.default_rng(seed).normal(size=(count, 9, 20))
    return KernelPath(rows @ rows.transpose(0, 2, 1), np.arange(9) % 3)


def test_every_path_is_a_line_of_every_panel(tmp_path):
    paths = {"323133": path(0), "$444444": path(1)}
    figure = moving_kernels(paths)
    distance, share, overlap, alignment = figure.axes
    for number, one in enumerate(paths.values()):
        np.testing.assert_array_equal(distance.lines[number].get_ydata(), one.distance)
        np.testing.assert_allclose(
            share.lines[number].get_ydata(), one.eigenvalues[:, 0] / np.trace(one.kernels, axis1=1, axis2=2)
        )
        np.testing.assert_array_equal(overlap.lines[number].get_ydata(), one.overlap(3))
        np.testing.assert_array_equal(alignment.lines[number].get_ydata(), one.target_alignment)
    write_picture(tmp_path / "moving.png", figure)
    assert (tmp_path / "moving.png").stat().st_size > 10_000


def test_kernels_without_figures_leave_gaps():
    empty = KernelPath(np.concatenate([np.zeros((1, 9, 9)), path(0, 1).kernels]), np.arange(9) % 3)
    figure = moving_kernels({"empty": empty})
    assert np.isnan(figure.axes[0].lines[0].get_ydata()).all()


def test_no_paths_or_too_many_are_refused():
    for given in ({}, {str(number): path(0) for number in range(8)}):
        with pytest.raises(InputError, match="paths: expected from 1 to 7"):
            moving_kernels(given)
