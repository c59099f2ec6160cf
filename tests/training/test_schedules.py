import pytest
import torch

from robnas.errors import InputError
from robnas.training import SCHEDULES, Constant, Cosine, OneCycle, Piecewise, Recipe

STEPS = 40


def rates_of_torch(make, lr=0.2, momentum=0.9, steps=STEPS):
    """Rates of each step under a scheduler of torch."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr, momentum=momentum)
    scheduler, found = make(optimizer), []
    for step in range(steps):
        found.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))
        optimizer.step()
        if step + 1 < steps:
            scheduler.step()
    return found


def rates(schedule, lr=0.2, steps=STEPS):
    recipe = Recipe(name="x", optimizer={"lr": lr}, schedule=schedule)
    return [recipe.rates(step, steps) for step in range(steps)]


def same(found, wanted):
    torch.testing.assert_close(torch.tensor(found).double(), torch.tensor(wanted).double(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("steps", [2, 3, 11, 400])
def test_one_cycle_is_that_of_torch_to_the_bit(steps):
    schedule = torch.optim.lr_scheduler.OneCycleLR
    wanted = rates_of_torch(lambda of: schedule(of, max_lr=0.2, total_steps=steps), steps=steps)
    assert rates(OneCycle(), steps=steps) == wanted


@pytest.mark.parametrize("end", [0.0, 0.1])
def test_cosine_is_that_of_torch(end):
    wanted = rates_of_torch(lambda of: torch.optim.lr_scheduler.CosineAnnealingLR(of, STEPS, eta_min=end * 0.2))
    same(rates(Cosine(end=end)), wanted)


def test_cosine_with_a_warm_up_is_that_of_torch():
    schedulers = torch.optim.lr_scheduler

    def make(optimizer):
        rise = schedulers.LinearLR(optimizer, start_factor=1 / 10, total_iters=9)
        fall = schedulers.CosineAnnealingLR(optimizer, STEPS - 10)
        return schedulers.SequentialLR(optimizer, [rise, fall], milestones=[10])

    same(rates(Cosine(warmup=0.25)), rates_of_torch(make))


def test_piecewise_is_that_of_torch():
    wanted = rates_of_torch(lambda of: torch.optim.lr_scheduler.MultiStepLR(of, [20, 30], gamma=0.1))
    same(rates(Piecewise()), wanted)
    assert [round(rate, 12) for rate, _ in rates(Piecewise(at=(0.1,), factor=0.5), steps=10)] == [0.2] + [0.1] * 9


def test_constant_is_that_of_torch():
    same(rates(Constant()), rates_of_torch(lambda of: torch.optim.lr_scheduler.ConstantLR(of, factor=1.0)))


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_short_trainings_have_a_learning_rate(name, steps):
    for lr, momentum in rates(name, steps=steps):
        assert 0 < lr <= 0.2 or (name, lr) == ("cyclic", 0)  # which begins and ends at 0
        assert 0 <= momentum <= 1


@pytest.mark.parametrize("settings", [{"warmup": 0}, {"warmup": 1}])
@pytest.mark.parametrize("name", ["one-cycle", "cosine"])
def test_the_rise_may_be_all_or_nothing(name, settings):
    found = [lr for lr, _ in rates({"name": name, **settings})]
    assert max(found) == pytest.approx(0.2, rel=0.002)
    assert (found == sorted(found)) == (settings["warmup"] == 1)
    assert (found == sorted(found, reverse=True)) == (settings["warmup"] == 0)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        ("cosin", "recipe schedule: expected one of one-cycle, .* got 'cosin'; did you mean cosine"),
        ({"name": "piecewise", "at": 0.5}, "recipe schedule at: expected a list, got 0.5"),
        ({"name": "piecewise", "at": [0.5, "x"]}, "recipe schedule at 2: expected a number, got 'x'"),
        ({"name": "piecewise", "at": [0.75, 0.5]}, "recipe schedule at: expected ascending shares of the steps"),
        ({"name": "piecewise", "at": [50, 75]}, "recipe schedule at: expected ascending shares of the steps"),
        ({"name": "piecewise", "at": []}, "recipe schedule at: expected ascending shares of the steps"),
        ({"name": "cosine", "warmup": 1.5}, r"recipe schedule warmup: expected a number in \[0, 1\], got 1.5"),
        (
            {"name": "constant", "warmup": 0.1},
            "schedule constant: expected no settings, as it has none, got warmup",
        ),
    ],
)
def test_impossible_schedules_are_refused(schedule, text):
    with pytest.raises(InputError, match=text):
        Recipe.digits().replace(schedule=schedule)
