"""Parts of one's own: what is refused when they are registered, when a recipe is made, and in a step."""

import math
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from robnas.errors import InputError
from robnas.training import (
    AVERAGINGS,
    OBJECTIVES,
    OPTIMIZERS,
    SCHEDULES,
    SGD,
    STOPPINGS,
    Outcome,
    Recipe,
    train,
)


@pytest.fixture
def register(request):
    def add(registry, name, value):
        registry[name] = value
        request.addfinalizer(lambda: dict.pop(registry, name, None))

    return add


@dataclass(frozen=True)
class Mine:
    """A schedule that answers what it is told."""

    name: ClassVar[str] = "mine"
    answer: ClassVar[object] = None

    def rates(self, lr, step, total_steps):
        return self.answer


@dataclass(frozen=True)
class Straight:
    """Straight down to 0 in the last step: there is no training of one step."""

    name: ClassVar[str] = "straight"

    def rates(self, lr, step, total_steps):
        return lr * (1 - step / (total_steps - 1)), None


@dataclass(frozen=True)
class Slow:
    """SGD of a class that checks no setting."""

    name: ClassVar[str] = "slow"
    lr: float = 0.1
    momentum: float = 0.9

    def start(self, parameters):
        return SGD().start(parameters)


@pytest.mark.parametrize(
    ("registry", "needed"),
    [(OPTIMIZERS, "lr, momentum, start"), (SCHEDULES, "rates"), (AVERAGINGS, "start"), (STOPPINGS, "images, is_over")],
)
def test_a_class_that_lacks_what_its_kind_has_is_not_registered(registry, needed):
    @dataclass(frozen=True)
    class Nothing:
        name: ClassVar[str] = "nothing"

    with pytest.raises(InputError, match=f"nothing: expected a class with {needed}, got no {needed.split(',')[0]}"):
        registry["nothing"] = Nothing
    assert "nothing" not in registry


def test_a_schedule_need_not_know_trainings_of_one_step(register):
    register(SCHEDULES, "straight", Straight)
    recipe = Recipe.digits().replace(schedule="straight")
    assert recipe.rates(99, 100) == (0, 0.9)


@pytest.mark.parametrize("answer", [0.1, None, (math.nan, None), (None, 0.9), (0.1, math.inf), (0.1,), ("fast", None)])
def test_a_schedule_that_answers_no_rates_is_refused(register, monkeypatch, answer):
    register(SCHEDULES, "mine", Mine)
    monkeypatch.setattr(Mine, "answer", answer)
    text = "recipe schedule mine, rates of step 0 of 1000: expected a learning rate and a momentum or None, got "
    with pytest.raises(InputError, match=text):
        Recipe.digits().replace(schedule="mine")


def test_an_object_and_its_plain_values_are_one_recipe(register):
    """Else a training by an object would be another one than that read back from its folder."""
    register(OPTIMIZERS, "slow", Slow)
    recipe = Recipe.digits().replace(optimizer=Slow(lr=1), schedule="constant")
    again = Recipe.from_dict(recipe.to_dict())
    assert recipe.hash == again.hash
    assert recipe.to_dict()["optimizer"] == {"name": "slow", "lr": 1.0, "momentum": 0.9}
    assert recipe == recipe.replace(optimizer={"name": "slow", "lr": 1})
    with pytest.raises(InputError, match="recipe optimizer lr: expected a number, got 'fast'"):
        recipe.replace(optimizer=Slow(lr="fast"))


_LOSS = "objective mine: expected a loss that is a scalar tensor with a gradient to the weights, got "
_ROBUST = "objective mine: expected robust_correct that says true or false of each image, or None, got "


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda logits: 0.5, "objective mine: expected a robnas.training.Outcome, which has a loss, got 0.5"),
        (lambda logits: Outcome(0.5, None), _LOSS + "0.5"),
        (lambda logits: Outcome(logits.sum(1), None), _LOSS + "tensor"),
        (lambda logits: Outcome(torch.zeros(()), None), _LOSS + "tensor"),
        (lambda logits: Outcome(logits.sum(), logits[:, 0]), _ROBUST + "tensor"),
        (lambda logits: Outcome(logits.sum(), torch.ones(3, dtype=torch.bool)), _ROBUST + "tensor"),
        (lambda logits: Outcome(logits.sum(), 0.5), _ROBUST + "0.5"),
    ],
)
def test_an_objective_that_answers_something_else_is_one_line(register, data, build, answer, text):
    register(OBJECTIVES, "mine", lambda network, images, labels, recipe, generator: answer(network(images)))
    with pytest.raises(InputError, match=text):
        train(build(), data, Recipe.digits().replace(objective="mine"), seed=0)
