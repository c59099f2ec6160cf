"""The mean field of cells, against random networks and against what can be said by hand."""

import numpy as np
import pytest
import torch

from robnas.errors import InputError
from robnas.kernels import MEAN_FIELD, mean_field
from robnas.networks.nas_bench_201 import Cell
from robnas.spaces import CellArchitecture, architectures

GAIN = 1 / (1 - 1 / np.pi)
CHANNELS, SIDE, IMAGES = 64, 32, 4


def described(code, cells=1):
    return dict(zip(MEAN_FIELD, mean_field([code], cells=cells)[0], strict=True))


@pytest.mark.parametrize(
    ("code", "variance", "energy", "depth", "depth_3x3", "skipped", "direct"),
    [
        ("000100", 1, 1, 0, 0, 1, 1),  # the input
        ("000200", 1, GAIN, 1, 0, 0, 0),
        ("000300", 1, GAIN, 1, 1, 0, 0),
        ("200020", 1, GAIN**2, 2, 0, 0, 0),  # one after the other
        ("110330", 2, GAIN, 1, 1, 0, 0),  # two convolutions of the input: variances add
    ],
)
def test_cells_by_hand(code, variance, energy, depth, depth_3x3, skipped, direct):
    found = described(code)
    assert found["cell_variance"] == pytest.approx(np.log(variance + 1e-3))
    assert found["cell_perturbation"] == pytest.approx(np.log(energy), abs=1e-4)
    assert (found["cell_depth"], found["cell_depth_3x3"]) == pytest.approx((depth, depth_3x3))
    assert (found["cell_skipped"], found["cell_direct"]) == pytest.approx((skipped, direct))


def test_one_convolution_that_is_used_twice_is_not_two_convolutions():
    shared, two = described("301011"), described("330011")
    assert shared["cell_variance"] == pytest.approx(np.log(4 + 1e-3))
    assert two["cell_variance"] == pytest.approx(np.log(2 + 1e-3))


@pytest.mark.parametrize("code", ["310310", "301341", "210432", "444444", "311411", "230143", "134231"])
def test_one_cell_is_what_random_cells_of_its_kind_do(code):
    variance, energy = zip(*(measured(code, seed) for seed in range(3)), strict=True)
    found = described(code)
    assert found["cell_variance"] == pytest.approx(np.log(np.mean(variance)), abs=0.12)
    assert found["cell_perturbation"] == pytest.approx(np.log(np.mean(energy)), abs=0.2)


def measured(code, seed):
    """Variance of a random cell's output, and the energy that a small white perturbation has beside it."""
    torch.manual_seed(seed)
    cell = Cell(CellArchitecture(code), CHANNELS).train()
    images = natural(seed)
    nudge = 1e-3 * torch.randn_like(images)
    with torch.no_grad():
        clean, moved = cell(images), cell(images + nudge)
    change = (moved - clean) / 1e-3
    return float(clean.var(dim=(0, 2, 3)).mean()), float(change.pow(2).mean() / clean.var(dim=(0, 2, 3)).mean())


def natural(seed):
    """Normal images of power 1/k², each channel with variance 1."""
    rng = np.random.default_rng(seed)
    wave = np.fft.fftfreq(SIDE)
    squared = wave[:, None] ** 2 + wave**2
    squared[0, 0] = 1 / SIDE**2 / 2
    noise = np.fft.fft2(rng.standard_normal((IMAGES, CHANNELS, SIDE, SIDE)))
    images = np.fft.ifft2(noise / np.sqrt(squared)).real
    images = (images - images.mean((0, 2, 3), keepdims=True)) / images.std((0, 2, 3), keepdims=True)
    return torch.tensor(images, dtype=torch.float32)


def test_every_cell_has_finite_numbers_and_dead_edges_do_not_matter():
    every = list(architectures())
    found = mean_field(every)
    assert found.shape == (15_625, len(MEAN_FIELD))
    assert np.isfinite(found).all()
    live = ["".join(d if on else "0" for d, on in zip(a.code, a.live_edges, strict=True)) for a in every[::97]]
    assert (mean_field(live) == found[::97]).all()


def test_a_row_does_not_depend_on_the_others():
    assert (mean_field(["323133", "000000"])[0] == mean_field(["323133"])[0]).all()
    assert mean_field([]).shape == (0, len(MEAN_FIELD))


def test_a_perturbation_grows_with_depth_and_poolings_damp_it():
    deep, pooled, plain = described("300033", 5), described("000400", 5), described("000100", 5)
    assert deep["network_perturbation"] > described("000300", 5)["network_perturbation"]
    assert pooled["network_perturbation"] < plain["network_perturbation"]
    assert pooled["cell_smoothness"] > plain["cell_smoothness"]


def test_no_cells_are_refused():
    with pytest.raises(InputError, match="cells: expected"):
        mean_field(["323133"], cells=0)
