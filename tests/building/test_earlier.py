"""What builds and trainings of earlier versions left, which had the size of the network in the recipe, goes on."""

import json
import shutil

import pytest

from robnas._content import seal
from robnas.building import TRIAL, Plan, TrainAndEvaluate, Trial, estimate, load_trial, resumed
from robnas.building import expand as expand_on
from robnas.errors import CheckpointError
from robnas.records import QueuedTrial, RecordStore, find_plan, store_status
from robnas.spaces import NASBench201
from robnas.training import CHECKPOINT, _checkpoint
from tests.building.test_plan import plan
from tests.records.test_earlier import fill

SMALL = {
    "name": "half",
    "seeds": [0],
    "space": {"kind": "list", "architectures": ["323133", "000300", "444444"]},
    "data__limit_train": 64,
    "recipe": {"preset": "digits", "epochs": 2, "channels": 2, "attack": {"steps": 1}},
    "evaluation": {
        "splits": ["test"], "images": {"test": 50}, "attacks": [{"name": "fgsm", "epsilon": "16/255"}],
    },
    "extra": [],
}  # fmt: skip
HASH, SETUP, RECIPE = "dfd58e1b4c2a646b", "43c6f6f7c5b62db1", "a83bcb68d14eaaa8"  # of schema 2
TRIAL_HASH = "5ed8d4b87a283747"  # of 323133
DIGITS = "c64e1666fcd65ba2"


@pytest.fixture
def expansion():
    return expand_on(plan(**SMALL), DIGITS, {"train": 64, "validation": 397, "test": 400})


@pytest.fixture
def old(tmp_path):
    url = f"sqlite:///{tmp_path}/runs.db"
    fill(url)
    return url


def as_written_before(folder, version=2):
    """Turn a folder of the present version into what an earlier one wrote of the same training."""
    trial = json.loads((folder / TRIAL).read_text())
    space = trial.pop("space")
    for name in ("content", "version", "inputs"):
        del trial[name]
    trial["recipe"] |= {"channels": space["channels"], "cells": space["cells"]}
    text = trial if version == 1 else seal("robnas trial", {"version": 2, **trial})
    (folder / TRIAL).write_text(json.dumps(text))
    state = _checkpoint.load(folder / CHECKPOINT, "cpu")
    identity = {**state.pop("identity"), "recipe": RECIPE}
    _checkpoint.save(folder / CHECKPOINT, identity, {k: v for k, v in state.items() if k != "version"})


def begun(trial, data, folder):
    """A training that was interrupted after its first epoch."""

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trial.train(data, folder, on_epoch=stop)


@pytest.mark.parametrize("complete", [False, True])
def test_a_plan_is_known_to_an_old_store(expansion, old, complete):
    assert expansion.earlier_setup == SETUP
    assert expansion.plan.recipe.earlier_hash(expansion.plan.space.of.settings) == RECIPE
    with RecordStore(old, complete=complete) as store:
        known = find_plan(store, HASH)
        assert (known.hash, known.setup) == (expansion.hash, expansion.setup)
        assert known.settings == expansion.settings()
        assert resumed(expansion, store) is expansion
        found = estimate(expansion, store)
        assert (found.total, found.done, found.failed, found.to_do) == (3, 0, 1, 2)
        assert Plan.from_dict(known.facts) == expansion.plan


def test_a_plan_written_anew_is_the_one_that_had_the_size_in_the_recipe(expansion):
    recipe = {"preset": "digits", "epochs": 2, "attack": {"steps": 1}}
    space = {**SMALL["space"], "name": "nas-bench-201", "channels": 2}
    assert plan(**SMALL | {"recipe": recipe, "space": space}) == expansion.plan


def test_a_training_of_an_old_build_goes_on_in_its_folder(expansion, tmp_path):
    wanted = expansion.plan
    data = wanted.source.load()
    trial = wanted.trial("323133", 0)
    old, now = tmp_path / TRIAL_HASH, tmp_path / QueuedTrial.of(expansion.setup, "323133", 0).hash
    begun(trial, data, old)
    as_written_before(old)
    trainer = TrainAndEvaluate(
        space=wanted.space.of, source=wanted.source, recipe=wanted.recipe, measuring=wanted.measuring,
        dataset_hash=DIGITS, earlier_setup=expansion.earlier_setup, work_dir=tmp_path,
    )  # fmt: skip
    outcome = trainer(QueuedTrial.of(expansion.setup, "323133", 0))
    assert sorted(path.name for path in tmp_path.iterdir()) == [now.name]
    assert [(r.space, r.recipe_hash) for r in outcome.records] == 2 * [(wanted.space.of.key, wanted.recipe.hash)]
    whole, _ = trial.train(data, None)
    found = load_trial(now).trained_network(data, now)
    assert all((a == b).all() for a, b in zip(found.state_dict().values(), whole.state_dict().values(), strict=True))


@pytest.mark.parametrize("version", [1, 2])
def test_a_folder_of_an_earlier_version_goes_on_where_it_stopped(expansion, tmp_path, version, caplog):
    trial = expansion.plan.trial("323133", 0)
    data = trial.source.load()
    begun(trial, data, tmp_path)
    as_written_before(tmp_path, version)
    assert load_trial(tmp_path) == trial
    epochs = []
    trial.train(data, tmp_path, on_epoch=lambda entry: epochs.append(entry.epoch))
    assert epochs == [2]
    assert json.loads((tmp_path / TRIAL).read_text())["space"] == trial.space.to_dict()


def test_a_folder_of_an_earlier_version_with_another_size_is_another_training(expansion, tmp_path):
    trial = expansion.plan.trial("323133", 0)
    data = trial.source.load()
    begun(trial, data, tmp_path)
    as_written_before(tmp_path)
    wider = Trial(
        space=NASBench201(channels=4, cells=1), architecture=trial.architecture, source=trial.source,
        recipe=trial.recipe, seed=0,
    )  # fmt: skip
    with pytest.raises(CheckpointError, match=r"trial.json, space channels: expected 4, got 2; this folder holds anot"):
        wider.train(data, tmp_path)
    shutil.move(tmp_path / TRIAL, tmp_path / "aside")
    with pytest.raises(CheckpointError, match=r"checkpoint.pt, (network|recipe): expected "):
        wider.train(data, tmp_path)


def test_an_old_store_is_built_on(expansion, old):
    from robnas.building import enrol

    with RecordStore(old) as store:
        queue = enrol(expansion, store)
        assert [(one.name, one.total) for one in store_status(store)] == [("narrow", 3), ("wide", 3), ("half", 3)]
        assert len(queue.claim(5)) == 2
