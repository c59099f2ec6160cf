import pytest

from robnas.attacks import PGD
from robnas.errors import InputError
from robnas.training import EMA, AdamW, Cosine, EarlyStopping, Recipe, find_recipe, recipe, recipe_of, with_settings
from robnas.types import ThreatModel

MINE = """
preset = "digits"
epochs = 2
max_lr = 0.02

[optimizer]
name = "adamw"
weight_decay = 0.1

[schedule]
name = "cosine"
warmup = 0.1

[averaging]
name = "ema"

[stopping]
name = "early-stopping"
patience = 3
"""


def test_a_file_has_the_entries_of_a_plan(tmp_path):
    (tmp_path / "mine.toml").write_text(MINE)
    found = find_recipe(str(tmp_path / "mine.toml"))
    assert found.optimizer == AdamW(lr=0.02, weight_decay=0.1)
    assert found.schedule == Cosine(warmup=0.1)
    assert (found.averaging, found.stopping) == (EMA(), EarlyStopping(patience=3))
    assert (found.epochs, found.batch_size, found.preset) == (2, 64, "digits")
    assert Recipe.from_dict(found.to_dict()) == found


def test_a_file_without_a_preset_is_called_as_the_file_is(tmp_path):
    (tmp_path / "mine.toml").write_text("epochs = 3")
    assert find_recipe(str(tmp_path / "mine.toml")) == Recipe(name="mine", epochs=3)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("epocs = 3", "recipe setting: expected one of name, .* got 'epocs'; did you mean epochs"),
        ("[optimizer]\nname = 'adamw'\nlearning_rate = 1", "adamw setting: expected one of lr, .* got 'learning_rate'"),
        ("preset = 'digit'", "recipe: expected one of .* got 'digit'; did you mean digits"),
        ("epochs = ", "recipe .*bad.toml: expected a TOML file, or the name of a preset, got TOMLDecodeError"),
        ("imports = 3", "imports of .*bad.toml: expected a list of Python files"),
    ],
)
def test_what_is_wrong_in_a_file_is_one_clear_line(tmp_path, text, error):
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(InputError, match=error):
        find_recipe(str(tmp_path / "bad.toml"))


def test_a_file_that_is_missing_and_a_name_that_is_none_are_told_apart(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml: expected a TOML file, or the name of a preset, got File"):
        find_recipe(str(tmp_path / "none.toml"))
    with pytest.raises(InputError, match=r"recipe: expected one of nas-robbench-201, .* did you mean digits"):
        find_recipe("digitz")


def test_settings_are_texts_with_dots():
    base = Recipe.digits()
    changes = ["epochs=3", "optimizer=adamw", "optimizer.lr=0.05", "schedule.at=[0.25, 0.5]", "schedule.name=piecewise",
               "flip=true", "name=mine", "attack.steps=3"]  # fmt: skip
    found = with_settings(base, changes)
    assert found.optimizer == AdamW(lr=0.05)
    assert found.schedule.at == (0.25, 0.5)
    assert (found.epochs, found.flip, found.name) == (3, True, "mine")
    assert found.attack == PGD(ThreatModel.linf("32/255"), steps=3, step_size=40 / 255)
    assert with_settings(base, ["optimizer.lr=0.05"]).hash == base.replace(max_lr=0.05).hash
    assert with_settings(base, ["averaging=ema", "averaging=none"]) == base
    assert with_settings(base, []) is base


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("optimizer.lrr=1", "recipe optimizer sgd setting: expected one of lr, .* got 'lrr'; did you mean lr"),
        ("optmizer.lr=1", "recipe setting: expected one of .* got 'optmizer'; did you mean optimizer"),
        ("optimizer.lr=fast", "recipe optimizer lr: expected a number, got 'fast'"),
        ("epochs=2.5", "recipe epochs: expected a whole number, got 2.5"),
        ("epochs.x=1", "recipe epochs: expected a whole number"),
        ("optimizer.lr", "--set: expected NAME=VALUE, such as optimizer.lr=0.05, got 'optimizer.lr'"),
        (".lr=1", "--set: expected NAME=VALUE"),
        ("averaging.decay=0.5", "recipe averaging: expected a name, one of ema, got none"),
        ("start_divisor=5\nx=1", "recipe start_divisor: expected a number"),
    ],
)
def test_wrong_settings_are_one_clear_line(text, error):
    with pytest.raises(InputError, match=error):
        with_settings(Recipe.digits(), [text])


def test_a_setting_that_a_part_does_not_have_is_refused_by_its_short_name_too():
    with pytest.raises(InputError, match="recipe setting: expected those of the schedule constant: none, got warmup"):
        Recipe(name="x", schedule="constant", warmup=0.1)
    with pytest.raises(InputError, match=r"max_lr: expected max_lr or optimizer.lr, got both, with other values"):
        recipe_of({"preset": "digits", "max_lr": 0.2, "optimizer": {"lr": 0.3}})
    assert recipe_of({"preset": "digits"}) == recipe("digits")
