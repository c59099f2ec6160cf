import copy
import math

import numpy as np
import pytest
import torch

from robnas.errors import InputError
from robnas.kernels import SphereAttack, one_pass_sgd, unit_sphere, zero_one_error
from robnas.networks import build_theory_network

X = torch.tensor(unit_sphere(np.random.default_rng(0).normal(size=(12, 5))))
Y = torch.sign(X[:, 0])


def network(seed=0, arch="fc:relu,tanh:1"):
    return build_theory_network(arch, input_shape=(5,), width=32, seed=seed, dtype=torch.float64)


@pytest.mark.parametrize("rho", [0.05, 0.7, 2.0])
def test_attacked_inputs_stay_on_the_sphere_and_in_the_ball_and_lose_margin(rho):
    tested = network()
    found = SphereAttack(rho)(tested, X, Y)
    assert found.norm(dim=1).allclose(torch.ones(12, dtype=torch.float64))
    assert ((found - X).norm(dim=1) <= rho * (1 + 1e-9)).all()
    assert (Y * (tested(X) - tested(found)).squeeze(1) > 0).all()


@pytest.mark.parametrize("rho", [1e-6, 1e-5, 1e-4, 1e-3, 0.1])
def test_attacked_inputs_stay_in_small_balls_in_float32(rho):
    tested, x = network().float(), X.float()
    gap = (SphereAttack(rho)(tested, x, Y.float()) - x).double().norm(dim=1)
    assert (gap <= rho + 1e-7).all()  # as near as float32 comes to the sphere
    assert (gap >= 0.5 * rho).all()


def test_the_attack_finds_the_worst_case_of_a_linear_function():
    class Linear(torch.nn.Module):
        def forward(self, x):
            return x[:, :1]

    rho, found = 0.4, SphereAttack(0.4, steps=40)(Linear(), X, Y)
    angle = torch.acos(X[:, 0] * Y) + 2 * math.asin(rho / 2)  # towards the opposite pole
    torch.testing.assert_close(Y * found[:, 0], torch.cos(angle.clamp(max=math.pi)), rtol=1e-4, atol=1e-4)


def test_no_radius_moves_nothing():
    torch.testing.assert_close(SphereAttack(0)(network(), X, Y), X, rtol=0, atol=0)


def one_step(start, x, y, attacked, beta, step_size):
    """Algorithm 1's update, written out."""
    weights = list(start.parameters())
    margin = lambda point: y * start(point).squeeze()  # noqa: E731
    loss = (1 - beta) * torch.log1p(torch.exp(-margin(x))) + beta * torch.log1p(torch.exp(-margin(attacked)))
    return [weight - step_size * grad for weight, grad in zip(weights, torch.autograd.grad(loss, weights), strict=True)]


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_each_step_is_that_of_the_algorithm(beta):
    attack, trained = SphereAttack(0.3, 4), network()
    wanted = [parameter.detach().clone() for parameter in trained.parameters()]
    seen = []
    for iterate in one_pass_sgd(trained, X, Y, attack=attack, beta=beta, step_size=0.2):
        for parameter, value in zip(trained.parameters(), wanted, strict=True):
            torch.testing.assert_close(parameter.detach(), value, rtol=1e-12, atol=1e-12)
        twin, place = copy.deepcopy(trained), slice(iterate - 1, iterate)
        attacked = attack(twin, X[place], Y[place])
        wanted = [value.detach() for value in one_step(twin, X[place], Y[place].squeeze(), attacked, beta, 0.2)]
        seen.append(iterate)
    assert seen == list(range(1, 13))


def test_stops_are_iterates_of_the_same_pass():
    def weights(stops):
        trained, found = network(), {}
        for iterate in one_pass_sgd(trained, X, Y, attack=SphereAttack(0.3), beta=0.5, step_size=0.2, stop_at=stops):
            found[iterate] = trained.readout.weight.detach().clone()
        return found

    everything, some = weights(None), weights([1, 7])
    assert list(some) == [1, 7]
    assert all(torch.equal(some[iterate], everything[iterate]) for iterate in some)


def test_training_lowers_clean_and_robust_error():
    generator = np.random.default_rng(5)
    x = torch.tensor(unit_sphere(generator.normal(size=(300, 5))))
    y = torch.sign(x[:, 0])
    attack, trained = SphereAttack(0.1, 4), network(arch="fc:relu,relu:1")
    before = zero_one_error(trained, attack(trained, x, y), y)
    for _ in one_pass_sgd(trained, x, y, attack=attack, beta=0.5, step_size=1.0, stop_at=[300]):
        after = zero_one_error(trained, attack(trained, x, y), y)
        clean = zero_one_error(trained, x, y)
    assert clean < after < before
    assert after < 0.25


def test_an_output_of_zero_is_an_error():
    class Zero(torch.nn.Module):
        def forward(self, x):
            return x[:, :1] * 0

    assert zero_one_error(Zero(), X, Y) == 1.0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: SphereAttack(-0.1), r"rho: expected a number in \[0, 2\], got -0.1"),
        (lambda: SphereAttack(0.1, 0), "attack steps: expected at least 1, got 0"),
        (lambda: SphereAttack(0.1)(network(), X * 2, Y), "inputs: expected norm 1 each, got norms from 2 to 2"),
        (lambda: SphereAttack(0.1)(network(), X, Y * 0), "labels: expected 12 of ±1"),
        (
            lambda: next(one_pass_sgd(network(), X, Y, attack=SphereAttack(0.1), beta=1.2, step_size=1)),
            r"beta: expected a number in \[0, 1\]",
        ),
        (
            lambda: next(one_pass_sgd(network(), X, Y, attack=SphereAttack(0.1), beta=1, step_size=-1)),
            "step_size: expected a finite number above 0, got -1",
        ),
        (
            lambda: next(one_pass_sgd(network(), X, Y, attack=SphereAttack(0.1), beta=1, step_size=0)),
            "step_size: expected a finite number above 0, got 0",
        ),
        *(
            (
                lambda stops=stops: next(
                    one_pass_sgd(network(), X, Y, attack=SphereAttack(0.1), beta=1, step_size=1, stop_at=stops)
                ),
                rf"stop_at: expected iterates from 1 to 12, at least one, got \[{text}\]",
            )
            for stops, text in (([], ""), ([3, 13], "3, 13"), ([0], "0"))
        ),
    ],
)
def test_bad_input(call, text):
    with pytest.raises(InputError, match=text):
        call()
