import json
import pickle

import pytest
import torch

from robnas.attacks import PGD
from robnas.errors import InputError
from robnas.training import RECIPES, Recipe, one_cycle, recipe
from robnas.types import ThreatModel


def test_the_published_recipe():
    published = recipe("nas-robbench-201")
    assert published == Recipe.nas_robbench_201()
    assert (published.epochs, published.batch_size) == (50, 256)
    assert (published.max_lr, published.weight_decay, published.beta) == (0.1, 5e-4, 1.0)
    assert published.attack == PGD(ThreatModel.linf("8/255"), steps=7, step_size=2 / 255)
    assert published.attack.random_start
    assert (round(published.crop * 32), round(published.crop * 16), published.flip) == (4, 2, True)


def test_presets_keep_the_hash_that_stores_and_tables_know_them_by():
    assert {name: recipe(name).hash for name in RECIPES} == {
        "nas-robbench-201": "002a6ba65045765e", "digits": "106a80d51faebf6d",
        "n-fgsm-15": "2787b7a020b090e0", "trades-wrn": "2c3dc0531bd760be",
    }  # fmt: skip


def test_a_label_makes_no_other_recipe():
    with pytest.raises(InputError, match="recipe attack label: expected none, got 'x'"):
        Recipe.digits().replace(attack=PGD(ThreatModel.linf("8/255"), 7, "2/255", label="x"))


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_survive_json(name):
    original = recipe(name)
    assert Recipe.from_dict(json.loads(json.dumps(original.to_dict()))) == original
    assert Recipe.from_dict(original.to_dict()).hash == original.hash


def test_the_hash_changes_with_every_setting_but_the_name():
    base = Recipe.digits()
    changes = {
        "epochs": 16, "batch_size": 65, "max_lr": 0.2, "warmup": 0.2, "start_divisor": 20.0,
        "end_divisor": 10.0, "low_momentum": 0.8, "high_momentum": 0.9, "weight_decay": 0.0, "objective": "trades",
        "beta": 0.5, "trades_weight": 1.0, "attack": PGD(ThreatModel.l2(1), 5, 0.1), "crop": 0.1, "flip": True,
        "precision": "bf16",
    }  # fmt: skip
    assert set(changes) | {"name"} == set(base.to_dict())
    hashes = {base.replace(**{key: value}).hash for key, value in changes.items()}
    assert len(hashes | {base.hash}) == len(changes) + 1
    assert base.replace(name="other").hash == base.hash


def test_equal_recipes_have_equal_hashes():
    whole, real = Recipe(name="a", beta=1, crop=0, max_lr=1), Recipe(name="b", beta=1.0, crop=0.0, max_lr=1.0)
    assert whole.hash == real.hash


def test_hashes_are_stable():
    """Records point to recipes by these: a change here orphans them."""
    assert Recipe.nas_robbench_201().hash == "002a6ba65045765e"
    assert Recipe.digits().hash == "106a80d51faebf6d"


def test_earlier_versions_knew_a_recipe_together_with_the_size_of_the_network():
    assert Recipe.nas_robbench_201().earlier_hash({}) == "488af2338ff11e0b"
    assert Recipe.digits().earlier_hash({}) == Recipe.digits().earlier_hash({"channels": 8}) == "6d7876a0c1b412f1"
    assert Recipe.digits().earlier_hash({"channels": 4}) != "6d7876a0c1b412f1"


def test_the_size_of_the_network_is_no_setting_of_the_recipe_but_can_still_be_given():
    plain = Recipe(name="mine", epochs=2)
    with pytest.warns(
        DeprecationWarning, match="recipe channels, cells: the size .* is a setting of the space"
    ) as told:
        sized = Recipe(name="mine", epochs=2, channels=4, cells=1)
    assert told[0].filename == __file__
    assert (sized.size, plain.size) == ({"channels": 4, "cells": 1}, {})
    assert (sized, sized.hash, sized.to_dict()) == (plain, plain.hash, plain.to_dict())
    assert sized.without_size().size == {}
    assert pickle.loads(pickle.dumps(sized)).size == sized.size
    with pytest.warns(DeprecationWarning, match="recipe channels: the size") as told:
        changed = sized.replace(channels=8)
    assert told[0].filename == __file__
    assert (changed.size, changed.name, changed.replace(epochs=3).size) == (
        {"channels": 8, "cells": 1}, "mine", {"channels": 8, "cells": 1},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("recipe_", "size"),
    [
        (Recipe.nas_robbench_201(), (16, 5)),
        (Recipe.digits().replace(epochs=1), (8, 1)),
        (Recipe.digits().replace(name="mine").replace(epochs=1), (8, 1)),
        (Recipe(name="mine").replace(name="digits"), (16, 5)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_size_that_belongs_to_a_preset_can_still_be_read(recipe_, size):
    with pytest.warns(DeprecationWarning, match="recipe c"):
        assert (recipe_.channels, recipe_.cells) == size


def test_the_dictionary_of_a_recipe_of_an_earlier_version_is_read_without_a_word():
    found = Recipe.from_dict({"name": "old", "channels": 4, "cells": 2, "epochs": 3})
    assert (found.size, found.epochs) == ({"channels": 4, "cells": 2}, 3)
    with pytest.raises(InputError, match="recipe channels: expected at least 1, got 0"):
        Recipe.from_dict({"channels": 0})


def test_a_changed_recipe_says_so_in_its_name():
    assert Recipe.digits().replace(epochs=2).name == "digits+epochs=2"
    assert Recipe.digits().replace(epochs=4).name == "digits"


def test_the_name_of_a_recipe_with_another_attack_is_readable():
    base = Recipe.nas_robbench_201()
    for threat, text in ((ThreatModel.linf("4/255"), "pgd-7@4/255"), (ThreatModel.l2(0.5), "pgd-7-l2@0.5")):
        changed = base.replace(epochs=4, attack=PGD(threat, steps=7, step_size="1/255"))
        assert changed.name == f"nas-robbench-201+epochs=4,attack={text}"
    again = base.replace(attack=PGD(base.attack.threat, steps=7, step_size="1/255"))
    assert again.name == "nas-robbench-201+attack=pgd-7@8/255,step_size=1/255"
    assert again.replace(name="other").hash == again.hash


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"epocs": 1}, "recipe setting: expected one of name, .* got 'epocs'; did you mean epochs?"),
        ({"epochs": 0}, "recipe epochs: expected at least 1, got 0"),
        ({"epochs": 10**5000}, "recipe epochs: expected a number in"),
        ({"epochs": 1.5}, "recipe epochs: expected a whole number, got 1.5"),
        ({"beta": 1.5}, r"recipe beta: expected a number in \[0, 1\], got 1.5"),
        ({"max_lr": float("nan")}, "recipe max_lr: expected a number in .* got nan"),
        ({"max_lr": "0.1"}, "recipe max_lr: expected a number, got '0.1'"),
        ({"flip": "no"}, "recipe flip: expected true or false, got 'no'"),
        ({"attack": 7}, "recipe attack: expected an attack with one start, such as PGD, NFGSM or Free, got 7"),
        (
            {"attack": PGD(ThreatModel.linf(0.1), 1, 0.1, restarts=2)},
            "recipe attack: expected an attack with one start",
        ),
        ({"objective": "matr"}, "objective: expected one of mixed, trades, mart, got 'matr'; did you mean mart"),
    ],
)
def test_impossible_recipes_are_refused(change, text):
    with pytest.raises(InputError, match=text):
        Recipe.digits().replace(**change)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"lr": 1}, "recipe setting: expected one of"),
        ({"attack": {"steps": 1}}, "recipe attack: expected threat, steps and step_size"),
        ({"attack": {"stepz": 1}}, "did you mean steps?"),
        ({"attack": {"threat": "8/255", "steps": 1, "step_size": 0.1}}, "recipe attack threat: expected a norm and"),
        ({"attack": {"threat": {"norm": "l9", "epsilon": 1}, "steps": 1, "step_size": 1}}, "threat model norm"),
    ],
)
def test_malformed_dictionaries_are_refused(values, text):
    with pytest.raises(InputError, match=text):
        Recipe.from_dict(values)


def test_an_unknown_preset_lists_the_known_ones():
    known = "nas-robbench-201, digits, n-fgsm-15, trades-wrn"
    with pytest.raises(InputError, match=f"recipe: expected one of {known}, got 'digit'; did you mean d"):
        recipe("digit")


@pytest.mark.parametrize("total_steps", [2, 3, 11, 50 * 196])
@pytest.mark.parametrize("change", [{}, {"warmup": 0.1, "start_divisor": 10.0, "end_divisor": 100.0}])
def test_schedule_equals_pytorchs_one_cycle_step_by_step(total_steps, change):
    settings = Recipe.nas_robbench_201().replace(**change)
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=settings.max_lr, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=settings.max_lr,
        total_steps=total_steps,
        pct_start=settings.warmup,
        div_factor=settings.start_divisor,
        final_div_factor=settings.end_divisor,
    )
    for step in range(total_steps):
        group = optimizer.param_groups[0]
        assert one_cycle(settings, step, total_steps) == (group["lr"], group["momentum"])
        optimizer.step()
        if step + 1 < total_steps:
            scheduler.step()


def test_a_training_of_one_step_has_a_learning_rate():
    learning_rate, momentum = one_cycle(Recipe.digits(), 0, 1)
    assert 0 < learning_rate <= 0.1
    assert 0.85 <= momentum <= 0.95
