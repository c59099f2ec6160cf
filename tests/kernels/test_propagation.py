"""Signal propagation: its parts against slow and obvious ones, the whole against random networks."""

import numpy as np
import pytest
import torch
from torch import nn

from robnas.errors import InputError
from robnas.kernels import signal_propagation
from robnas.kernels.nas_bench_201 import _offsets, _propagation, _stem
from robnas.networks import build_network
from robnas.networks._fused import average_pool
from robnas.spaces import Architecture
from tests.evidence.quotes import results

SIZES = [(4, 6), (5, 3), (2, 1)]


def stationary(height, width):
    """A covariance by offset, and the matrix over all pairs of pixels."""
    by_offset = np.random.default_rng(height).uniform(-1, 1, (height, width))
    rows, columns = (part.ravel() for part in np.indices((height, width)))
    return by_offset, by_offset[np.abs(np.subtract.outer(rows, rows)), np.abs(np.subtract.outer(columns, columns))]


def by_offset(matrix, height, width):
    """Mean over all pairs of pixels of one offset, by loops."""
    found, counts = np.zeros((2, height, width))
    for first in range(height * width):
        for second in range(height * width):
            place = abs(first // width - second // width), abs(first % width - second % width)
            found[place] += matrix[first, second]
            counts[place] += 1
    return found / counts


def as_matrix(layer, height, width):
    """Of a linear map of images with one channel, shape (pixels out, pixels), and the shape of its image."""
    basis = torch.eye(height * width, dtype=torch.float64).reshape(-1, 1, height, width)
    out = layer(basis)
    return out.reshape(height * width, -1).T.numpy(), tuple(out.shape[2:])


def tap(row, column, stride=1):
    kernel = torch.zeros(1, 1, 3, 3, dtype=torch.float64)
    kernel[0, 0, row, column] = 1
    return lambda images: nn.functional.conv2d(images, kernel, padding=1, stride=stride)


@pytest.mark.parametrize("size", SIZES)
def test_linear_maps_of_stationary_fields(size):
    given, matrix = stationary(*size)
    mean = nn.AvgPool2d(2, ceil_mode=True)
    for found, layer in (
        (_offsets.halved(given), mean),
        (_offsets.pooled(given, (0, 1)), average_pool),
        (_offsets.pooled(given, (2, 0, 1)), lambda x: 2 * x + average_pool(average_pool(x))),
    ):
        weights, shape = as_matrix(layer, *size)
        np.testing.assert_allclose(found, by_offset(weights @ matrix @ weights.T, *shape), atol=1e-12)
    for found, stride in ((_offsets.filtered(given), 1), (_offsets.strided(given), 2)):
        taps = [as_matrix(tap(row, column, stride), *size) for row in range(3) for column in range(3)]
        total = sum(weights @ matrix @ weights.T for weights, _ in taps) / 9
        np.testing.assert_allclose(found, by_offset(total, *taps[0][1]), atol=1e-12)
    assert _offsets.average(given) == pytest.approx(matrix.mean())


def test_a_direction_in_front_of_many_lets_noise_through():
    """E 1/q by quadrature, q = (1 − λ) + λz²."""
    points, weights = np.polynomial.hermite_e.hermegauss(180)
    for share in (0.05, 0.3, 0.6):
        expected = (weights / (1 - share + share * points**2)).sum() / weights.sum()
        assert _propagation._across(share) == pytest.approx(expected, rel=1e-4)


def test_a_relu_of_two_fields():
    """By sampling: variances 2 and 3, covariances .5 and −1, the noise passes where both gates are open."""
    kinds = np.array([[2, 0.5], [0, -1.0], [1, 0.3], [3, 0.1], [0.2, 0], [1, 0.4], [0.1, 0]])[:, None]
    found = _propagation._gated(_propagation._Map(kinds, 0.0)).covariances[:, 0]
    rng = np.random.default_rng(0)
    pairs = {(0, 1): (2, 2, 0.5), (1, 1): (2, 2, -1), (2, 0): (2, 3, 1), (3, 1): (3, 3, 0.1)}
    for place, (first, second, both) in pairs.items():
        normal = rng.multivariate_normal([0, 0], [[first, both], [both, second]], 100_000)
        assert found[place] == pytest.approx((np.maximum(normal, 0).prod(axis=1)).mean(), abs=0.02)
        if place == (0, 1):
            assert found[5, 1] == pytest.approx(0.4 * (normal > 0).all(axis=1).mean(), abs=0.004)
    np.testing.assert_allclose(found[[0, 3, 5], 0], [1, 1.5, 0.5])


def test_the_stem_sees_the_images():
    """Covariances by loops, for a few of its filters on small images."""
    images = np.random.default_rng(1).standard_normal((3, 2, 4, 3))
    one, two, noise, _ = _stem.stem(images)
    weights = np.random.default_rng(0).uniform(-1, 1, (_stem._MANY, 2, 3, 3))
    layer = nn.Conv2d(2, _stem._MANY, 3, padding=1, bias=False, dtype=torch.float64)
    layer.weight.data = torch.tensor(weights)
    with torch.no_grad():
        maps = layer(torch.tensor(images)).numpy()
        pulses = layer(torch.eye(24, dtype=torch.float64).reshape(24, 2, 4, 3)).numpy()
    deviations = maps.std(axis=(0, 2, 3))
    flat = ((maps - maps.mean(axis=(0, 2, 3), keepdims=True)) / deviations[:, None, None]).reshape(3, -1, 12)
    few = flat[:, : _stem._FILTERS]
    same = sum(image.T @ image for image in few) / few.shape[1]
    every = few.sum(axis=0).T @ few.sum(axis=0) / few.shape[1]
    np.testing.assert_allclose(one, by_offset(same / 3, 4, 3), atol=1e-12)
    np.testing.assert_allclose(two, by_offset((every - same) / 6, 4, 3), atol=1e-12)
    white = (pulses / deviations[:, None, None]).reshape(24 * _stem._MANY, 12)
    np.testing.assert_allclose(noise, by_offset(white.T @ white / _stem._MANY, 4, 3), atol=1e-12)


@torch.no_grad()
def measured(code, images, width, seed, size=0.125):
    """Variance of the logits, and their movement beside it."""
    network = build_network(code, num_classes=4, channels=width, cells=1, seed=seed)
    pixels, pooled = torch.tensor(images, dtype=torch.float32), []
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    network.train()(pixels)
    network.eval().head.linear.register_forward_pre_hook(lambda _, given: pooled.append(given[0].double()))
    noise = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(seed))
    for step in (0, size, 1e-3):
        network(pixels + step * noise)
    clean, moved, nudged = pooled
    variance = float(clean.var(dim=0).mean())
    slope = float((nudged - clean).square().mean()) / 1e-6
    return variance / 3, slope / 3, float((moved - clean).square().mean()) / variance


@pytest.mark.parametrize("code", ["000100", "444444", "310310", "000200", "210432"])
def test_random_networks_do_about_what_is_predicted(code):
    images = _stem.natural_images(3, 12, 12, 24)
    found = signal_propagation([code], images, cells=1)
    variance, slope, sensitivity = np.mean([measured(code, images, 24, seed) for seed in range(3)], axis=0)
    assert found.variance[0] == pytest.approx(variance, rel=0.5)
    assert found.jacobian[0] == pytest.approx(slope, rel=0.5)
    assert found.sensitivity[0] == pytest.approx(sensitivity, rel=0.3)


def test_the_kept_predictions_are_those_of_now():
    rows = results("mean-field/networks.csv").where(images="natural", cells=1, width=256)
    assert rows
    images = _stem.natural_images(3, 16, 16, 32)
    found = signal_propagation([row["architecture"] for row in rows], images, cells=1)
    for name in ("variance", "jacobian", "sensitivity"):
        kept = [float(row[f"{name}_predicted"]) for row in rows]
        np.testing.assert_allclose(getattr(found, name), kept, rtol=1e-4)


def test_the_jacobian_is_the_limit_of_small_perturbations():
    codes = ["000100", "323133", "444444"]
    tiny = signal_propagation(codes, cells=1, size=1e-4, shape=(3, 8, 8))
    np.testing.assert_allclose(tiny.sensitivity * tiny.variance * 1e8, tiny.jacobian, rtol=0.02)
    larger = signal_propagation(codes, cells=1, size=0.5, shape=(3, 8, 8))
    assert (larger.jacobian == tiny.jacobian).all()
    assert (larger.sensitivity > tiny.sensitivity).all()
    assert (signal_propagation(codes, size=0, shape=(3, 8, 8)).sensitivity < 1e-6).all()


def test_one_convolution_that_arrives_twice_is_not_two_convolutions():
    shared, two, one = signal_propagation(["301011", "330011", "000300"], cells=1, shape=(3, 8, 8)).sensitivity
    assert shared < 0.98 * two < 0.96 * one  # amplitudes add, the share of the reductions' convolutions falls


def test_depth_and_poolings_move_the_prediction():
    plain, deep, pooled = signal_propagation(["000100", "300033", "000400"], shape=(3, 16, 16)).sensitivity
    assert pooled < plain < deep


def test_dead_edges_and_company_do_not_matter():
    many = signal_propagation(["323133", "000000", "310000", "000330"], cells=2, shape=(1, 8, 8))
    alone = signal_propagation([Architecture("323133")], cells=2, shape=(1, 8, 8))
    assert many.sensitivity[0] == pytest.approx(alone.sensitivity[0], rel=1e-9)
    assert many.variance[[1, 2]].tolist() == many.jacobian[[1, 2]].tolist() == [0, 0]
    assert np.isnan(many.sensitivity).tolist() == [False, True, True, False]
    assert signal_propagation([]).variance.shape == (0,)


def test_images_without_a_mean_field_have_none_rather_than_a_wrong_one():
    for size in (0.125, 2):
        found = signal_propagation(["444444", "323133", "040404"], cells=1, size=size, shape=(3, 5, 17))
        numbers = np.stack([found.variance, found.jacobian, found.sensitivity])
        assert ((numbers >= 0) | np.isnan(numbers)).all()
        assert (np.isnan(numbers).any(axis=0) == np.isnan(numbers).all(axis=0)).all()


@pytest.mark.parametrize("shape", [(3, 4, 4), (3, 1, 9), (1, 9, 3)])
def test_images_that_end_as_a_line_have_no_mean_field(shape):
    found = signal_propagation(["323133", "000400", "000000"], cells=1, shape=shape)
    assert np.isnan(found.variance).tolist() == np.isnan(found.jacobian).tolist() == [True, True, False]
    assert found.variance[2] == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"cells": 0}, "cells: expected"),
        ({"size": -1}, "size: expected a number in"),
        ({"images": np.zeros((3, 8, 8))}, r"images: expected two or more, shape \(n, channels, height, width\)"),
        ({"images": np.zeros((1, 3, 8, 8))}, "images: expected two or more"),
        ({"images": np.full((2, 1, 4, 4), np.nan)}, "images: expected finite numbers"),
        ({"images": np.ones((2, 1, 4, 4))}, "images: expected images that differ"),
        ({"images": [["a"]]}, "images: expected an array of numbers"),
        ({"images": [[1], [1, 2]]}, "images: expected an array of numbers"),
        ({"shape": (3, 0, 8)}, "shape: expected"),
        ({"shape": (8, 8)}, r"shape: expected channels, height and width, got \(8, 8\)"),
    ],
)
def test_what_cannot_be_is_refused(options, text):
    with pytest.raises(InputError, match=text):
        signal_propagation(["323133"], **options)
