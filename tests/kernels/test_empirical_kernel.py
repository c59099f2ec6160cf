import numpy as np
import pytest
import torch
from torch import nn

import robnas
from robnas.errors import InputError
from robnas.kernels import (
    DifferentiableKernel,
    EmpiricalKernel,
    InfiniteKernel,
    KernelRegression,
    NonFiniteKernelError,
    NTKSettings,
    empirical_ntk,
    unit_sphere,
)
from robnas.networks import build_theory_network

GENERATOR = torch.Generator().manual_seed(3)
IMAGES = torch.rand(6, 1, 4, 4, generator=GENERATOR, dtype=torch.float64)


class Small(nn.Module):
    """Batch norm, an activation in place, two outputs."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.act, self.last = nn.ReLU(inplace=True), nn.Linear(3, 2)

    def forward(self, x):
        return self.last(torch.tanh(self.act(self.norm(self.conv(x)))).mean((2, 3)))


def network():
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(1)
        return Small().double()


def kernel(**settings):
    return EmpiricalKernel(network(), NTKSettings(**settings), IMAGES)


@pytest.mark.parametrize("mode", ["calibrated-eval", "eval-raw"])
@pytest.mark.parametrize("reduction", ["trace", "sum", "proj"])
def test_it_is_the_kernel_of_the_network(reduction, mode):
    found, settings = kernel(reduction=reduction, batch_norm=mode), NTKSettings(reduction=reduction, batch_norm=mode)
    wanted = empirical_ntk(network(), IMAGES, settings=settings, calibration=IMAGES)
    np.testing.assert_allclose(found(IMAGES.numpy()), wanted, rtol=1e-10)
    np.testing.assert_allclose(found(IMAGES[:2].numpy(), IMAGES[2:].numpy()), wanted[:2, 2:], rtol=1e-10)
    np.testing.assert_allclose(found(IMAGES[:1]), wanted[:1, :1], rtol=1e-10)
    np.testing.assert_allclose(found.diagonal(IMAGES), np.diag(wanted), rtol=1e-10)


@pytest.mark.parametrize("parameters", ["all", "weights"])
@pytest.mark.parametrize("reduction", ["trace", "sum", "proj"])
def test_the_gradient_is_that_of_predictions(reduction, parameters):
    found, rng = kernel(reduction=reduction, parameters=parameters), np.random.default_rng(0)
    x, others = IMAGES[:2].numpy(), IMAGES[1:].numpy()
    coefficients, cotangents = rng.normal(size=(5, 3)), rng.normal(size=(2, 3))
    gradient = found.gradient(x, others, coefficients, cotangents)
    towards, step = rng.normal(size=x.shape), 1e-6
    more, less = (((found(x + sign * step * towards, others) @ coefficients) * cotangents) for sign in (1, -1))
    wanted = (more - less).sum(axis=1) / (2 * step)
    np.testing.assert_allclose((gradient * towards).sum(axis=(1, 2, 3)), wanted, rtol=1e-6)
    little = kernel(reduction=reduction, parameters=parameters, memory_mib=0.2)
    np.testing.assert_allclose(little.gradient(x, others, coefficients, cotangents), gradient, rtol=1e-9)


@pytest.mark.parametrize("code", ["323133", "003113"])  # the second has constants of dead edges
def test_cells_of_the_benchmark_have_gradients(code):
    cell = robnas.build_network(code, num_classes=2, in_channels=1, channels=2, cells=1).double()
    found = EmpiricalKernel(cell, NTKSettings(batch_norm="eval-raw"))
    x, others = torch.rand(1, 1, 8, 8, generator=GENERATOR).numpy(), torch.rand(2, 1, 8, 8, generator=GENERATOR).numpy()
    gradient = found.gradient(x, others, np.ones((2, 1)), np.ones((1, 1)))
    towards = np.random.default_rng(0).normal(size=x.shape)
    step = 1e-6
    more, less = (found(x + sign * step * towards, others).sum() for sign in (1, -1))
    assert (gradient * towards).sum() == pytest.approx((more - less) / (2 * step), rel=1e-4)


def test_two_classes_take_one_pass(monkeypatch):
    found, rng, passes = kernel(reduction="sum"), np.random.default_rng(0), []
    summed = EmpiricalKernel._summed
    monkeypatch.setattr(EmpiricalKernel, "_summed", lambda *given: (passes.append(1), summed(*given))[1])
    coefficients, cotangents = rng.normal(size=(6, 1)) * [1, -1], rng.normal(size=(2, 2))
    both = found.gradient(IMAGES[:2], IMAGES, coefficients, cotangents)
    assert len(passes) == 1
    parts = [found.gradient(IMAGES[:2], IMAGES, coefficients[:, [c]], cotangents[:, [c]]) for c in (0, 1)]
    np.testing.assert_allclose(both, sum(parts), rtol=1e-9, atol=1e-12)
    assert not found.gradient(IMAGES[:2], IMAGES, 0 * coefficients, cotangents).any()


@pytest.mark.parametrize("arch", ["fc:tanh,relu:1", "conv3-flat:gelu,sigmoid:1"])
def test_wide_networks_have_the_gradient_of_infinite_width(arch):
    rng, draws = np.random.default_rng(0), 16
    x, others = (unit_sphere(rng.normal(size=(count, 2, 3))) for count in (2, 3))
    coefficients, cotangents = rng.normal(size=(3, 2)), rng.normal(size=(2, 2))
    networks = [
        build_theory_network(arch, input_shape=(2, 3), width=128, seed=seed, dtype=torch.float64)
        for seed in range(draws)
    ]
    found = [EmpiricalKernel(one).gradient(x, others, coefficients, cotangents) for one in networks]
    error = np.std(found, axis=0, ddof=1) / draws**0.5
    wanted = InfiniteKernel(arch).gradient(x, others, coefficients, cotangents)
    assert (np.abs(np.mean(found, axis=0) - wanted) < 4 * error).all()


def test_it_keeps_the_weights_it_was_made_with_and_leaves_the_network_alone():
    own = network()
    found = EmpiricalKernel(own, calibration=IMAGES)
    before = found(IMAGES)
    assert own.norm.running_mean.abs().sum() == 0
    assert all(parameter.requires_grad and parameter.grad is None for parameter in own.parameters())
    with torch.no_grad():
        own.last.weight.mul_(5)
    np.testing.assert_array_equal(found(IMAGES), before)
    fitted = KernelRegression.fit(found, IMAGES, [0, 1, 0, 1, 0, 1], ridge=1e-3)
    with torch.inference_mode():
        assert fitted.predict(IMAGES[:1]).shape == (1, 2)
        assert found.gradient(IMAGES, fitted.inputs, fitted.coefficients, np.ones((6, 2))).shape == IMAGES.shape


def test_both_kinds_can_be_attacked():
    assert isinstance(kernel(), DifferentiableKernel)
    assert isinstance(InfiniteKernel("fc:relu,relu:1"), DifferentiableKernel)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: kernel(reduction="full"), "reduction: expected one with a number per pair .* got full; take trace"),
        (lambda: kernel(reduction="label"), "reduction: expected one that needs no labels"),
        (lambda: kernel(batch_norm="train"), "batch norm: expected one that treats images one by one"),
        (lambda: EmpiricalKernel(network()), "calibration: expected images for batch norm, got none; give calibration"),
        (lambda: EmpiricalKernel(network(), calibration=torch.ones(2, 1, 4, 4).byte()), "images: expected a floating"),
        (lambda: kernel()(torch.ones(2, 3, 4, 4)), r"network: expected one that takes images of shape \(3, 4, 4\)"),
        (
            lambda: kernel().gradient(IMAGES, IMAGES, np.ones((5, 2)), np.ones((6, 2))),
            "expected a row per image",
        ),
    ],
)
def test_bad_input(call, text):
    with pytest.raises(InputError, match=text):
        call()


def test_a_gradient_that_overflows_is_an_error():
    own = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
    found = EmpiricalKernel(own)
    with pytest.raises(NonFiniteKernelError, match="gradient of the kernel: expected finite entries"):
        found.gradient(np.ones((1, 2)), np.ones((1, 2)), np.full((1, 1), 1e38), np.full((1, 1), 1e38))
