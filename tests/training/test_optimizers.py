import pytest
import torch

from robnas.errors import InputError
from robnas.training import OPTIMIZERS, AdamW, Recipe, Step, one_cycle
from robnas.training._adamw import Moments


def parameters():
    draws = torch.Generator().manual_seed(0)
    return [
        torch.nn.Parameter(torch.randn(shape, generator=draws, dtype=torch.float64)) for shape in ((3, 4), (5,), ())
    ]


@pytest.mark.parametrize("settings", [{}, {"beta1": 0.5, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.3}])
def test_adamw_is_that_of_torch(settings):
    """In float64, over hundreds of steps under changing rates, with a gradient that is missing at times."""
    ours, theirs, draws = parameters(), parameters(), torch.Generator().manual_seed(1)
    chosen = AdamW(lr=0.01, **settings)
    mine = chosen.start(ours)
    betas = chosen.beta1, chosen.beta2
    other = torch.optim.AdamW(theirs, lr=0.01, betas=betas, eps=chosen.eps, weight_decay=chosen.weight_decay)
    for step in range(400):
        rate, momentum = one_cycle(Recipe(name="x", max_lr=0.01), step, 400) if step % 2 else (0.02, chosen.beta1)
        given = [torch.randn(one.shape, generator=draws, dtype=torch.float64) for one in ours]
        if step % 7 == 3:
            given[1] = None
        mine.step(given, torch.tensor(rate, dtype=torch.float64), torch.tensor(momentum, dtype=torch.float64))
        for one, gradient in zip(theirs, given, strict=True):
            one.grad = gradient
        other.param_groups[0].update(lr=rate, betas=(momentum, chosen.beta2))
        other.step()
    for one, two in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-11, atol=1e-12)


def test_the_first_step_of_adamw_in_float32_is_as_long_as_the_rate():
    one = torch.nn.Parameter(torch.zeros(3))
    AdamW(weight_decay=0.0).start([one]).step([torch.tensor([1.0, -2.0, 1e-3])], torch.tensor(0.01), torch.tensor(0.9))
    torch.testing.assert_close(one.data, torch.tensor([-0.01, 0.01, -0.01]), rtol=2e-5, atol=0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_goes_on_from_its_state_to_the_same_bits(name):
    ours, again, draws = parameters(), parameters(), torch.Generator().manual_seed(1)
    first, rates = OPTIMIZERS[name]().start(ours), (torch.tensor(0.1).double(), torch.tensor(0.9).double())
    given = [[torch.randn(one.shape, generator=draws, dtype=torch.float64) for one in ours] for _ in range(6)]
    for gradients in given[:3]:
        first.step(gradients, *rates)
    for one, two in zip(again, ours, strict=True):
        one.data.copy_(two.data)
    second = OPTIMIZERS[name]().start(again)
    second.load_state_dict(first.state_dict())
    for gradients in given[3:]:
        first.step(gradients, *rates)
        second.step(gradients, *rates)
    assert all(torch.equal(one, two) for one, two in zip(ours, again, strict=True))


def test_moments_that_do_not_fit_are_refused():
    kept = AdamW().start(parameters()[:1]).state_dict()
    with pytest.raises(ValueError, match=r"moment of shape \(3, 4\) for one of \(5,\)"):
        Moments(parameters()[1:2], AdamW()).load_state_dict(kept)
    with pytest.raises(ValueError, match="moment of shape"):
        Moments(parameters(), AdamW()).load_state_dict(kept)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_captured_steps_follow_the_schedule_as_eager_ones_do(name):
    """A capture here runs the step again: what it may not do is to take a rate or a count from outside the tensors."""
    recipe = Recipe(name="x", optimizer=name, beta=0.0)
    found = []
    for capture in (None, lambda run, _: run):
        torch.manual_seed(0)
        network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3))
        step = Step(network, recipe, torch.Generator().manual_seed(0), capture=capture)
        draws = torch.Generator().manual_seed(2)
        for number in range(12):
            images, labels = torch.rand((8, 1, 4, 4), generator=draws), torch.arange(8) % 3
            step(images, labels, *recipe.rates(number, 12))
        found.append(network[1].weight.detach().clone())
    assert torch.equal(*found)


@pytest.mark.parametrize(
    ("optimizer", "text"),
    [
        ("adam", "recipe optimizer: expected one of sgd, adamw, got 'adam'; did you mean adamw"),
        ({"name": "adamw", "bete1": 0.5}, "adamw setting: expected one of lr, .* got 'bete1'; did you mean beta1"),
        ({"lr": "fast"}, "recipe optimizer lr: expected a number, got 'fast'"),
        ({"lr": -1}, "recipe optimizer lr: expected a number in"),
        ({"lr": True}, "recipe optimizer lr: expected a number, got True"),
        ({"name": "adamw", "beta2": 1}, "recipe optimizer beta2: expected a number in"),
        ({"name": 3}, "recipe optimizer: expected one of sgd, adamw, got 3"),
        (
            {"momentum": 0.8},
            "optimizer momentum: expected none, since the schedule one-cycle sets it, got 0.8; set sche",
        ),
        (AdamW, "recipe optimizer: expected one of sgd, adamw, by name or as an object"),
        (7, "recipe optimizer: expected one of sgd, adamw, by name or as an object, got 7"),
        (None, "recipe optimizer: expected one of sgd, adamw, by name or as an object, got None"),
    ],
)
def test_impossible_optimizers_are_refused(optimizer, text):
    for make in (lambda: Recipe.digits().replace(optimizer=optimizer), lambda: Recipe(name="x", optimizer=optimizer)):
        with pytest.raises(InputError, match=text):
            make()
