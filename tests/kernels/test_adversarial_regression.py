import numpy as np
import pytest
from scipy.integrate import solve_ivp

from robnas.errors import InputError
from robnas.kernels import (
    AdvNTK,
    InfiniteKernel,
    KernelRegression,
    RobustKernels,
    SingularKernelError,
    SphereAttack,
    attack_regression,
    mixed_regression,
    robust_accuracy,
    unit_sphere,
)
from robnas.kernels._adversarial_regression import validation_gradient
from robnas.kernels._regression import flow

KERNEL, ATTACK = InfiniteKernel("fc:relu,relu:1"), SphereAttack(0.2, 3)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def points(count, size, seed=0):
    return unit_sphere(np.random.default_rng(seed).normal(size=(count, size)))


def features(x):
    """J(x) of a model that is linear in its weights."""
    return np.concatenate([x, x**2, np.sin(3 * x)], axis=1)


def linear(x, others=None):
    return features(np.asarray(x)) @ features(np.asarray(x if others is None else others)).T


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("ridge", "time"), [(0.0, np.inf), (0.2, np.inf), (0.0, 1.5), (0.2, 1.5)])
def test_the_mixed_kernel_is_that_of_the_mixed_outputs_of_a_linear_model(beta, ridge, time):
    """Its weights by least squares, or by integrating gradient descent on them."""
    x, attacked, test = points(6, 4), points(6, 4, seed=1), points(5, 4, seed=2)
    jacobian = (1 - beta) * features(x) + beta * features(attacked)
    targets = np.where(LABELS[:, None] == [0, 1, 2], 1.0, -1.0)
    if time == np.inf:
        size = jacobian.shape[1]
        wanted = (
            np.linalg.solve(jacobian.T @ jacobian + ridge * np.eye(size), jacobian.T @ targets)
            if ridge
            else np.linalg.pinv(jacobian) @ targets
        )
    else:

        def slope(_, flat):
            w = flat.reshape(-1, 3)
            return (-jacobian.T @ (jacobian @ w - targets) - ridge * w).ravel()

        end = solve_ivp(slope, (0, time), np.zeros(3 * jacobian.shape[1]), rtol=1e-10, atol=1e-12)
        wanted = end.y[:, -1].reshape(-1, 3)
    found = mixed_regression(linear, x, attacked, LABELS, beta=beta, ridge=ridge, time=time)
    np.testing.assert_allclose(found.predict(test), features(test) @ wanted, rtol=1e-6, atol=1e-7)


def test_its_matrix_is_that_of_the_five_kernels():
    x, attacked = points(6, 4), points(6, 4, seed=1)
    found = mixed_regression(KERNEL, x, attacked, LABELS, beta=0.4)
    five = RobustKernels.from_stack(KERNEL(np.concatenate([x, attacked, attacked])))
    targets = np.where(LABELS[:, None] == [0, 1, 2], 1.0, -1.0)
    alpha = np.linalg.solve(five.mixed(0.4), targets)
    np.testing.assert_allclose(found.coefficients, np.concatenate([0.6 * alpha, 0.4 * alpha]), rtol=1e-8)
    np.testing.assert_allclose(0.6 * found.predict(x) + 0.4 * found.predict(attacked), targets, atol=1e-9)


@pytest.mark.parametrize("beta", [0, 0.4, 1])
def test_a_matrix_that_is_known_is_not_computed_again(beta):
    x, attacked, test = points(6, 4), points(6, 4, seed=1), points(5, 4, seed=2)
    matrix, asked = KERNEL(np.concatenate([x, attacked])), []

    def kernel(inputs, others=None):
        asked.append(others is None)
        return KERNEL(inputs, others)

    found = mixed_regression(kernel, x, attacked, LABELS, beta=beta, matrix=matrix)
    wanted = mixed_regression(KERNEL, x, attacked, LABELS, beta=beta)
    np.testing.assert_allclose(found.predict(test), wanted.predict(test), rtol=1e-9)
    assert asked == [False]
    with pytest.raises(InputError, match=r"matrix: expected shape \(12, 12\), got \(6, 6\)"):
        mixed_regression(KERNEL, x, attacked, LABELS, beta=beta, matrix=matrix[:6, :6])


def test_a_singular_kernel_has_an_error_of_its_own():
    with pytest.raises(SingularKernelError):
        mixed_regression(linear, points(13, 4), points(13, 4, 1), np.arange(13) % 2, beta=0.5)


def test_without_weight_it_is_the_regression_on_one_kind_of_inputs():
    x, attacked = points(6, 4), points(6, 4, seed=1)
    for beta, inputs in ((0, x), (1, attacked)):
        found, wanted = (
            mixed_regression(KERNEL, x, attacked, LABELS, beta=beta),
            KernelRegression.fit(KERNEL, inputs, LABELS),
        )
        np.testing.assert_array_equal(found.coefficients, wanted.coefficients)
        np.testing.assert_array_equal(found.inputs, inputs)


@pytest.mark.parametrize("rank", [4, 12])
def test_the_gradient_by_the_weights(rank):
    """Of regular and singular kernels; a weight of 0 can only grow."""
    rng = np.random.default_rng(0)
    own, other = rng.normal(size=(6, rank)), rng.normal(size=(4, rank))
    matrix, cross = own @ own.T, other @ own.T
    targets, wanted, weights = rng.normal(size=(6, 2)), rng.normal(size=(4, 2)), rng.random(6)
    weights[2] = 0

    def loss(w):
        return 0.5 * ((cross @ flow(matrix, targets, time=1, weights=w) - wanted) ** 2).sum() / 4

    found = validation_gradient(matrix, targets, weights, cross, wanted)
    step, moves = 1e-6, np.eye(6)
    slopes = [(loss(weights + step * move) - loss(weights)) / step for move in moves]
    np.testing.assert_allclose(found, slopes, rtol=1e-3, atol=1e-4)


def task(count, seed=0):
    x = points(count, 6, seed)
    return x, (x[:, 0] + 0.3 * x[:, 1] > 0).astype(int)


def test_adv_ntk_is_more_robust_than_the_closed_form():
    """Where some labels are wrong, which the closed form learns by heart."""
    (x, y), (test, wanted) = task(80), task(60, seed=1)
    y[::7] = 1 - y[::7]
    plain = KernelRegression.fit(KERNEL, x, y)
    found = AdvNTK(steps=12).fit(KERNEL, x, y, ATTACK)
    assert len(found.inputs) == 80 - sum(round((y == label).sum() / 6) for label in (0, 1))
    assert robust_accuracy(found, test, wanted, ATTACK) > robust_accuracy(plain, test, wanted, ATTACK) + 0.05
    assert found.accuracy(test, wanted) > 0.8


def test_adv_ntk_learns_from_inputs_that_it_does_not_train_on():
    x, y = task(30)
    told = []
    settings = AdvNTK(validation=0.4, steps=3, batch_size=5)
    found = settings.fit(KERNEL, x, y, ATTACK, seed=3, progress=lambda done, total, what: told.append((done, total)))
    again, other = settings.fit(KERNEL, x, y, ATTACK, seed=3), settings.fit(KERNEL, x, y, ATTACK, seed=4)
    np.testing.assert_array_equal(found.coefficients, again.coefficients)
    assert found.inputs.shape == other.inputs.shape
    assert not np.array_equal(found.inputs, other.inputs)
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert all((found.inputs == one).all(axis=1).any() <= 1 for one in x)


def test_one_step_is_the_gradient_of_validation_inputs_that_are_not_moved():
    """Nothing is predicted at first, so no gradient tells the attack where to go."""
    x, y = task(20)
    found = AdvNTK(steps=1, step_size=0.3).fit(KERNEL, x, y, ATTACK)
    matrix = KERNEL(found.inputs)
    held = np.array([not (found.inputs == one).all(axis=1).any() for one in x])
    place = [int(np.flatnonzero((x == one).all(axis=1))[0]) for one in found.inputs]
    targets = np.where(y[:, None] == [0, 1], 1.0, -1.0)
    slope = -(targets[place] * (KERNEL(x[held], found.inputs).T @ targets[held])).sum(axis=1) / held.sum()
    weights = np.maximum(-0.3 / np.diag(matrix).mean() * slope / np.linalg.norm(slope), 0)
    wanted = flow(matrix, targets[place], time=1, weights=weights)
    np.testing.assert_allclose(found.coefficients, wanted, rtol=1e-8)


def test_attacked_inputs_may_belong_to_the_other_class_by_then():
    """Interpolating their labels then is worse than nothing, which is why attacks are made again in every step."""
    (x, y), (test, wanted) = task(60), task(60, seed=1)
    attacked = attack_regression(KernelRegression.fit(KERNEL, x, y), x, y, SphereAttack(0.5, 5))
    assert mixed_regression(KERNEL, x, attacked, y, beta=1.0).accuracy(test, wanted) < 0.5


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: mixed_regression(KERNEL, points(6, 4), points(6, 5), LABELS, beta=0.5),
            "attacked inputs: expected one",
        ),
        (lambda: mixed_regression(KERNEL, points(6, 4), points(6, 4), LABELS, beta=1.5), "beta: expected a number in"),
        (lambda: mixed_regression(KERNEL, points(6, 4), points(6, 4), LABELS * 0, beta=0.5), "at least two classes"),
        (
            lambda: mixed_regression(linear, points(13, 4), points(13, 4, 1), np.arange(13) % 2, beta=0.5),
            "kernel: expected a regular matrix without a ridge",
        ),
        (lambda: AdvNTK(validation=1.0), "validation: expected a share between 0 and 1, got 1.0"),
        (lambda: AdvNTK(step_size=0.0), "step_size: expected a finite number above 0"),
        (lambda: AdvNTK(steps=0), "steps: expected at least 1"),
        (
            lambda: AdvNTK().fit(KERNEL, points(4, 4), [0, 0, 1, 2], ATTACK),
            "labels: expected at least two examples of every class, for training and validation, got one of 1, 2",
        ),
        (lambda: AdvNTK().fit(linear, points(6, 4), LABELS, ATTACK), "kernel: expected one with a method gradient"),
    ],
)
def test_bad_input(call, text):
    with pytest.raises(InputError, match=text):
        call()
