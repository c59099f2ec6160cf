import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from robnas.errors import InputError
from robnas.kernels import (
    IndefiniteKernelError,
    InfiniteKernel,
    KernelRegression,
    MatrixKernel,
    NonFiniteKernelError,
    infinite_ntk,
    unit_sphere,
)
from robnas.kernels._regression import flow
from robnas.networks import build_theory_network

GOLDEN = json.loads((Path(__file__).parents[1] / "reference" / "neural_tangents_predict_0_6_5.json").read_text())
KERNEL = InfiniteKernel("fc:relu,tanh:1")


def points(*shape, count=6, seed=0):
    return unit_sphere(np.random.default_rng(seed).normal(size=(count, *shape)))


def gaussian(inputs, others=None):
    """A kernel of somebody's own."""
    x = np.reshape(inputs, (len(inputs), -1))
    y = x if others is None else np.reshape(others, (len(others), -1))
    return np.exp(-((x[:, None] - y) ** 2).sum(axis=2))


@pytest.mark.parametrize("kind", ["ntk", "nngp"])
@pytest.mark.parametrize("arch", GOLDEN["cases"])
def test_agrees_with_neural_tangents(arch, kind):
    case = GOLDEN["cases"][arch]
    labels = np.argmax(case["targets"], axis=1)
    for line in case[kind]["predictions"]:
        time = math.inf if line["time"] is None else line["time"]
        found = KernelRegression.fit(InfiniteKernel(arch, kind), case["train"], labels, ridge=line["ridge"], time=time)
        np.testing.assert_allclose(found.predict(case["test"]), line["values"], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kernel", [KERNEL, gaussian])
def test_the_closed_form_is_the_solution_of_the_normal_equations(kernel):
    x, y, labels = points(5), points(5, count=4, seed=1), np.array([7, 3, 5, 7, 3, 3])
    targets = np.where(labels[:, None] == [3, 5, 7], 1.0, -1.0)
    for ridge in (0.0, 0.3):
        found = KernelRegression.fit(kernel, x, labels, ridge=ridge)
        wanted = kernel(y, x) @ np.linalg.solve(kernel(x) + ridge * np.eye(6), targets)
        np.testing.assert_allclose(found.predict(y), wanted, rtol=1e-7)
        np.testing.assert_array_equal(found.classify(y), np.array([3, 5, 7])[wanted.argmax(axis=1)])
    assert found.classes.tolist() == [3, 5, 7]
    interpolating = KernelRegression.fit(kernel, x, labels)
    np.testing.assert_allclose(interpolating.predict(x), targets, atol=1e-8)
    assert interpolating.accuracy(x, labels) == 1
    assert interpolating.accuracy(x[:4], [7, 3, 5, 3]) == 0.75


@pytest.mark.parametrize("weights", [None, [1.0, 0.2, 3.0, 0.0, 1.0, 2.0]])
@pytest.mark.parametrize("ridge", [0.0, 0.4])
def test_gradient_flow_is_what_integrating_it_gives(ridge, weights):
    kernel, targets = gaussian(points(5)), np.random.default_rng(1).normal(size=(6, 2))
    w = np.ones(6) if weights is None else np.array(weights)

    def slope(_, flat):
        a = flat.reshape(6, 2)
        return (w[:, None] * (targets - kernel @ a) - ridge * a).ravel()

    for time in (0.5, 7.0):
        wanted = solve_ivp(slope, (0, time), np.zeros(12), rtol=1e-10, atol=1e-12).y[:, -1].reshape(6, 2)
        found = flow(kernel, targets, ridge=ridge, time=time, weights=None if weights is None else w)
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-8)


def test_gradient_flow_starts_at_nothing_and_ends_at_the_closed_form():
    x, labels = points(5), [0, 1, 1, 0, 2, 2]
    closed = KernelRegression.fit(KERNEL, x, labels)
    assert not KernelRegression.fit(KERNEL, x, labels, time=0).predict(x).any()
    np.testing.assert_allclose(
        KernelRegression.fit(KERNEL, x, labels, time=1e12).predict(points(5, seed=3)),
        closed.predict(points(5, seed=3)),
        rtol=1e-6,
    )
    gone = [
        np.square(KernelRegression.fit(KERNEL, x, labels, time=t).predict(x) - closed.predict(x)).sum()
        for t in (0, 1, 10, 100, 1e4)
    ]
    assert gone == sorted(gone, reverse=True)


def test_long_flow_of_a_singular_kernel_goes_to_the_least_squares_of_least_norm():
    x = points(5)[[0, 1, 2, 3, 0]]
    found = KernelRegression.fit(gaussian, x, [0, 1, 0, 1, 1], time=1e25)
    wanted = np.linalg.pinv(gaussian(x), rcond=1e-12) @ np.array([-1.0, 1, -1, 1, 1])
    y = points(5, seed=2)
    np.testing.assert_allclose(found.predict(y)[:, 1], gaussian(y, x) @ wanted, rtol=1e-8)


def test_wide_networks_that_are_trained_predict_the_same():
    """Full-batch gradient descent on all layers; the mean over networks, of outputs less those at the start."""
    arch, time, step = "fc:tanh,relu:1", 3.0, 0.05
    x, y, labels = points(5), points(5, count=3, seed=1), np.array([0, 1, 1, 0, 0, 1])
    targets, moved = torch.tensor(2.0 * labels - 1, dtype=torch.float32)[:, None], []
    for seed in range(3):
        network = build_theory_network(arch, input_shape=(5,), width=512, seed=seed)
        both = torch.tensor(np.concatenate([x, y]), dtype=torch.float32)
        with torch.no_grad():
            start = network(both)
        for _ in range(round(time / step)):
            loss = ((network(both[:6]) - start[:6] - targets) ** 2).sum() / 2
            slopes = torch.autograd.grad(loss, list(network.parameters()))
            with torch.no_grad():
                for parameter, slope in zip(network.parameters(), slopes, strict=True):
                    parameter -= step * slope
        with torch.no_grad():
            moved.append((network(both) - start)[6:, 0].numpy())
    wanted = KernelRegression.fit(InfiniteKernel(arch), x, labels, time=time).predict(y)[:, 1]
    assert np.abs(np.mean(moved, axis=0) - wanted).max() < 0.06 * np.abs(wanted).max()


def test_classes_may_be_named_before():
    x = points(5)
    found = KernelRegression.fit(gaussian, x, torch.tensor([2, 2, 0, 0, 1, 1]), classes=[0, 1, 2])
    assert found.classes.tolist() == [0, 1, 2]
    assert KernelRegression.fit(gaussian, x, np.array(["b", "a", "a", "b", "b", "a"])).classes.tolist() == ["a", "b"]
    text = repr(found)
    assert "inputs=<float64 of shape (6, 5)>" in text


def test_a_kernel_may_be_computed_before():
    x, labels = points(5, count=10), np.array([0, 1, 0, 1, 0, 1])
    kernel, rows = MatrixKernel(KERNEL(x)), np.arange(10)[:, None]
    found, wanted = KernelRegression.fit(kernel, rows[:6], labels), KernelRegression.fit(KERNEL, x[:6], labels)
    np.testing.assert_allclose(found.predict(rows[6:]), wanted.predict(x[6:]), rtol=1e-8)
    for wrong in ([[10]], [[-1]], [[0.5]], [[0, 1]], [0], [["a"]], [[np.nan]]):
        with pytest.raises(InputError, match=r"inputs: expected row numbers from 0 to 9, shape \(n, 1\), got"):
            kernel(wrong)
    with pytest.raises(InputError, match="kernel: expected a symmetric matrix"):
        MatrixKernel(np.triu(np.ones((3, 3))))


LABELS = [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"labels": [0] * 6}, "labels: expected at least two classes, got all equal"),
        ({"labels": [0, 1]}, r"labels: expected shape \(6,\), one per input, got shape \(2,\)"),
        ({"labels": [0, 1, 0, 1, 0, math.nan]}, "labels: expected finite numbers"),
        (
            {"classes": range(4)},
            "labels: expected an example of every class, got none of 2, 3; leave",
        ),
        ({"classes": [0, 2]}, "labels: expected an example of every class, got none of 2"),
        ({"labels": [0, 1, 2, 1, 0, 1], "classes": [0, 1]}, "labels: expected of the classes 0, 1, got 2"),
        ({"time": -1.0}, "time: expected at least 0, got -1.0"),
        ({"time": math.nan}, "time: expected at least 0, got nan"),
        ({"ridge": -1e-9}, "ridge: expected at least 0"),
        ({"ridge": math.inf}, "ridge: expected a finite number, got inf"),
        (
            {"inputs": np.ones((6, 5))},
            "kernel: expected a regular matrix without a ridge, .*; give a ridge",
        ),
        ({"inputs": np.ones(6)}, r"inputs: expected shape \(n, …\), at least one, got shape \(6,\)"),
        ({"inputs": np.full((6, 5), np.nan)}, "inputs: expected finite numbers"),
        ({"kernel": lambda x, y=None: np.ones(3)}, r"kernel: expected shape \(6, 6\), got \(3,\)"),
        ({"kernel": lambda x, y=None: np.triu(np.ones((6, 6)))}, "kernel: expected a symmetric matrix"),
    ],
)
def test_bad_fits(change, text):
    given = {"kernel": gaussian, "inputs": points(5), "labels": LABELS} | change
    with pytest.raises(InputError, match=text):
        KernelRegression.fit(given.pop("kernel"), given.pop("inputs"), given.pop("labels"), **given)


def test_matrices_that_are_no_kernels():
    with pytest.raises(IndefiniteKernelError):
        KernelRegression.fit(lambda x, y=None: -np.eye(6), points(5), LABELS)
    with pytest.raises(NonFiniteKernelError):
        KernelRegression.fit(lambda x, y=None: np.full((6, 6), np.inf), points(5), LABELS)
    broken = KernelRegression.fit(
        lambda x, y=None: np.eye(6) if y is None else np.full((6, 6), np.nan), points(5), LABELS
    )
    with pytest.raises(NonFiniteKernelError):
        broken.predict(points(5))


def test_bad_predictions():
    found = KernelRegression.fit(InfiniteKernel("conv3-flat:relu,relu:1"), points(1, 4, 4), LABELS)
    with pytest.raises(InputError, match=r"inputs: expected shape \(n, 1, 4, 4\) as in the regression"):
        found.predict(points(1, 5, 4))
    with pytest.raises(InputError, match="labels: expected of the classes 0, 1, got 3"):
        found.accuracy(points(1, 4, 4), [0, 1, 0, 3, 0, 1])
    with pytest.raises(InputError, match=r"coefficients: expected finite numbers of shape \(6, 2\), got"):
        KernelRegression(gaussian, points(5), np.ones((6, 1)), np.array([0, 1]))


def test_one_input_may_be_asked_about():
    found = KernelRegression.fit(KERNEL, points(5), LABELS)
    np.testing.assert_allclose(found.predict(points(5)[:1]), [[1, -1]], atol=1e-9)
    assert infinite_ntk("fc:relu,tanh:1", points(5)[:1]).shape == (1, 1)


def test_regression_needs_no_torch():
    fit = "kernels.KernelRegression.fit(kernels.InfiniteKernel('fc:relu,tanh:1'), [[1.0, 0], [0, 1]], [0, 1])"
    code = f"import sys; from robnas import kernels; {fit}.predict([[1.0, 0]]); print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
