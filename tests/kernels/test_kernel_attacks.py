import numpy as np
import pytest
import torch

import robnas
from robnas.attacks import APGD, FGSM, PGD
from robnas.errors import InputError
from robnas.kernels import (
    EmpiricalKernel,
    InfiniteKernel,
    KernelNetwork,
    KernelRegression,
    NTKSettings,
    SphereAttack,
    SphereKernel,
    attack_regression,
    robust_accuracy,
    unit_sphere,
)
from robnas.networks import build_theory_network
from tests.kernels.test_infinite_gradient import differences

ARCH = "fc:relu,tanh:1"


def points(*shape, count=12, seed=0):
    return unit_sphere(np.random.default_rng(seed).normal(size=(count, *shape)))


def pixels(*shape, count=12, seed=0):
    return np.random.default_rng(seed).random((count, *shape))


def labels(x, classes=2):
    """By the direction of the first two numbers."""
    flat = x.reshape(len(x), -1) - x.mean()
    return np.floor((np.arctan2(flat[:, 0], flat[:, 1]) / (2 * np.pi) % 1) * classes).astype(int)


def fitted(kernel, x, classes=2, **settings):
    return KernelRegression.fit(kernel, x, labels(x, classes), **settings)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_network_has_scores_and_gradients_of_the_regression(classes):
    found = fitted(InfiniteKernel(ARCH), points(2, 3, count=20), classes)
    network, x = KernelNetwork(found), torch.tensor(points(2, 3, count=2, seed=1), requires_grad=True)
    scores = network(x)
    np.testing.assert_array_equal(scores.detach(), found.predict(x.detach()))
    weights = torch.tensor(np.random.default_rng(0).normal(size=scores.shape))
    (gradient,) = torch.autograd.grad((scores * weights).sum(), x)
    wanted = differences(lambda moved: (found.predict(moved) * weights.numpy()).sum(axis=1), x.detach().numpy())
    np.testing.assert_allclose(gradient, wanted, rtol=1e-5, atol=1e-6)
    assert network(x.float()).dtype == torch.float32


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("steps", [1, 5])
def test_attacks_on_the_sphere(classes, steps):
    found, x = fitted(InfiniteKernel(ARCH), points(4, count=30), classes), points(4, count=20, seed=1)
    attack = SphereAttack(0.3, steps)
    attacked = attack_regression(found, x, labels(x, classes), attack, batch_size=7)
    np.testing.assert_allclose(np.linalg.norm(attacked, axis=1), 1)
    assert (np.linalg.norm(attacked - x, axis=1) <= 0.3 + 1e-9).all()
    robust, clean = robust_accuracy(found, x, labels(x, classes), attack), found.accuracy(x, labels(x, classes))
    assert robust < clean
    at_random = unit_sphere(x + 0.15 * np.random.default_rng(0).normal(size=x.shape))
    assert robust < found.accuracy(at_random, labels(x, classes))


def test_one_step_in_two_dimensions_goes_to_the_worse_end_of_the_cap():
    found, x = fitted(InfiniteKernel(ARCH), points(2, count=8)), points(2, count=6, seed=1)
    attacked = attack_regression(found, x, labels(x), SphereAttack(0.2, 1))
    angle = 2 * np.arcsin(0.1)
    turned = [x @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) for a in (angle, -angle)]
    tiny = [x @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) for a in (1e-6, -1e-6)]
    own = labels(x)
    margins = [(found.predict(y)[np.arange(6), own] - found.predict(y)[np.arange(6), 1 - own]) for y in tiny]
    wanted = np.where((margins[0] < margins[1])[:, None], turned[0], turned[1])
    np.testing.assert_allclose(attacked, wanted, atol=1e-9)


@pytest.mark.parametrize("kind", ["infinite", "on the sphere", "empirical", "nngp"])
def test_attacks_in_pixels(kind):
    x, y = pixels(1, 3, 3, count=30), pixels(1, 3, 3, count=12, seed=1)
    network = build_theory_network(ARCH, input_shape=(1, 3, 3), width=32, seed=0, dtype=torch.float64)
    kernel = {
        "infinite": InfiniteKernel("conv3-flat:relu,relu:1"),
        "nngp": InfiniteKernel("fc:gelu,erf:1", "nngp"),
        "on the sphere": SphereKernel(InfiniteKernel(ARCH), centre=0.5),
        "empirical": EmpiricalKernel(network, NTKSettings(reduction="sum")),
    }[kind]
    found, threat = fitted(kernel, x, ridge=1e-4), robnas.ThreatModel.linf("40/255")
    clean = found.accuracy(y, labels(y))
    for attack in (FGSM(threat), PGD(threat, steps=5, step_size=0.05)):
        attacked = attack_regression(found, y, labels(y), attack, seed=1)
        assert attacked.shape == y.shape
        assert (np.abs(attacked - y) <= 40 / 255 + 1e-9).all()
        assert attacked.min() >= 0
        assert attacked.max() <= 1
        robust = robust_accuracy(found, y, labels(y), attack, seed=1)
        assert robust == (found.correct(y, labels(y)) & found.correct(attacked, labels(y))).mean()
        assert robust < clean


def test_fgsm_moves_by_the_sign_of_the_gradient_of_the_margin():
    x = 0.2 + 0.6 * pixels(1, 3, 3)
    found = fitted(InfiniteKernel("fc:gelu,gelu:1"), x, ridge=1e-3)
    own = labels(x)
    attacked = attack_regression(found, x, own, FGSM(robnas.ThreatModel.linf("8/255")))

    def margin(moved):
        scores = found.predict(moved)
        return scores[np.arange(len(x)), own] - scores[np.arange(len(x)), 1 - own]

    np.testing.assert_allclose(attacked, x - 8 / 255 * np.sign(differences(margin, x)), atol=1e-9)


def test_labels_are_those_of_the_regression():
    x = points(4)
    names = np.array(["three", "eight"])[labels(x)]
    by_name = KernelRegression.fit(InfiniteKernel(ARCH), x, names, ridge=0.1)
    by_number = KernelRegression.fit(InfiniteKernel(ARCH), x, 1 - labels(x), ridge=0.1)
    attacks = [
        attack_regression(by_name, x, names, SphereAttack(0.2)),
        attack_regression(by_number, x, 1 - labels(x), SphereAttack(0.2)),
    ]
    np.testing.assert_array_equal(*attacks)


def test_other_attacks_may_be_used_too():
    x = pixels(1, 3, 3)
    found = fitted(InfiniteKernel(ARCH), x, ridge=1e-3)
    attack = APGD(robnas.ThreatModel.linf("20/255"), steps=3)
    assert robust_accuracy(found, x, labels(x), attack) <= found.accuracy(x, labels(x))


def gaussian(x, y=None):
    return np.exp(-((x[:, None] - (x if y is None else y)) ** 2).sum(axis=2))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: attack_regression(fitted(gaussian, points(4)), points(4), labels(points(4)), SphereAttack(0.1)),
            "kernel: expected one with a method gradient, got function; give it one, see robnas.kernels.Differ",
        ),
        (
            lambda: SphereKernel(gaussian).gradient(points(4), points(4), np.ones((12, 1)), np.ones((12, 1))),
            "kernel: expected one with a method gradient",
        ),
        (
            lambda: attack_regression(
                fitted(InfiniteKernel(ARCH), points(4)), points(5), labels(points(4)), SphereAttack(0.1)
            ),
            r"inputs: expected shape \(n, 4\) as in the regression, got \(12, 5\)",
        ),
        (
            lambda: attack_regression(fitted(InfiniteKernel(ARCH), points(4)), points(4), [7] * 12, SphereAttack(0.1)),
            "labels: expected of the classes 0, 1, got 7",
        ),
        (
            lambda: robust_accuracy(
                fitted(InfiniteKernel(ARCH), 2 * points(4)), 2 * points(4), labels(points(4)), SphereAttack(0.1)
            ),
            "inputs: expected norm 1 each, got norms from 2 to 2",
        ),
        (
            lambda: robust_accuracy(
                fitted(InfiniteKernel(ARCH), points(4)),
                points(4),
                labels(points(4)),
                FGSM(robnas.ThreatModel.linf("8/255")),
            ),
            r"images: expected floating point of shape \(n, channels, height, width\)",
        ),
        (
            lambda: SphereKernel(InfiniteKernel(ARCH), 0.5)(np.full((2, 4), 0.5)),
            "inputs: expected finite and none zero",
        ),
    ],
)
def test_bad_input(call, text):
    with pytest.raises(InputError, match=text):
        call()
