"""Learning curves from a plan through trainings to the store and its table."""

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest

from robnas.building import Plan, TrainAndEvaluate, enrol, estimate, expand, load_and_expand, table_of_plan
from robnas.errors import InputError
from robnas.records import RecordStore, find_plan

VALUES = {
    "name": "small",
    "seeds": [0],
    "space": {"kind": "list", "architectures": ["323133"], "channels": 2, "cells": 1},
    "data": {"name": "digits", "limit_train": 96},
    "recipe": {"preset": "digits", "epochs": 3, "batch_size": 48},
    "evaluation": {
        "splits": ["validation"], "images": {"validation": 40}, "checks": False,
        "attacks": [{"name": "pgd", "epsilon": "32/255", "steps": 10, "step_size": "8/255"}],
    },
}  # fmt: skip
FIGURES = ("clean", "pgd@32/255", "loss", "robust", "seconds")


def plan_with(curve=None, **changes):
    evaluation = VALUES["evaluation"] | ({} if curve is None else {"curve": curve})
    return Plan.from_dict({**VALUES, "evaluation": evaluation, **changes})


def trainer_of(expansion, **options):
    plan = expansion.plan
    return TrainAndEvaluate(
        space=plan.space.of, source=plan.source, recipe=plan.recipe, measuring=plan.measuring,
        dataset_hash=expansion.dataset_hash, **options,
    )  # fmt: skip


def comparable(curves):
    return [curve for curve in curves if curve.metric != "seconds"]


def by_metric(curves):
    return {curve.metric: curve for curve in curves}


def values_of(records):
    return {(record.split, record.metric): record.value for record in records}


@pytest.fixture(scope="module")
def expansion():
    return load_and_expand(plan_with({"images": 40}))


@pytest.fixture(scope="module")
def whole(expansion):
    return trainer_of(expansion)(expansion.trials[0])


def test_a_curve_changes_neither_hashes_nor_final_values(expansion, whole):
    plain = load_and_expand(plan_with())
    assert (plain.setup, plain.hash, plain.trials) == (expansion.setup, expansion.hash, expansion.trials)
    outcome = trainer_of(plain)(plain.trials[0])
    assert values_of(outcome.records) == values_of(whole.records)
    assert outcome.curves == ()


def test_every_epoch_is_measured_and_the_last_one_as_the_evaluation_does(expansion, whole):
    curves = by_metric(whole.curves)
    assert set(curves) == set(FIGURES)
    assert {curve.epochs for curve in whole.curves} == {(1, 2, 3)}
    for record in whole.records:
        curve = curves[record.metric]
        assert curve.values[-1] == record.value
        assert (curve.split, curve.images, curve.attack_hash, curve.attack_seed, curve.seed) == (
            "validation", 40, record.attack_hash, record.attack_seed, 0,
        )  # fmt: skip
    assert [(one["metric"], one["images"]) for one in expansion.curve] == [("clean", 40), ("pgd@32/255", 40)]
    assert {one["attack_hash"] for one in expansion.curve} <= {"", *whole.settings}


@pytest.mark.parametrize("curve", [{}, {"images": 7}, {"attack": {"name": "fgsm", "epsilon": "16/255"}}])
def test_a_plan_with_a_curve_is_read_back(curve):
    plan = plan_with(curve)
    assert plan.to_dict()["evaluation"]["curve"].keys() == curve.keys()
    assert Plan.from_dict(plan.to_dict()).measuring == plan.measuring
    assert "curve" not in plan_with().to_dict()["evaluation"]


@pytest.mark.parametrize(
    ("curve", "problem"),
    [
        ({"epochs": 2}, "plan evaluation curve"),
        ({"images": 0}, "plan evaluation curve images: expected at least 1, got 0"),
        ({"images": "all"}, "plan evaluation curve images: expected a whole number, got 'all'"),
        ({"images": 10_000}, r"plan evaluation curve images: expected at most \d+, got 10000"),
        ({"attack": "pgd"}, "plan evaluation attack: expected a table with name and epsilon, got 'pgd'"),
        ({"attack": {"name": "pgd"}}, "attack pgd: expected an entry epsilon, got none"),
        (True, "plan evaluation curve"),
    ],
)
def test_a_wrong_curve_is_one_line(curve, problem):
    with pytest.raises(InputError, match=problem) as error:
        load_and_expand(plan_with(curve))
    assert "\n" not in str(error.value)


def test_a_curve_needs_validation_images():
    plan = plan_with({}, evaluation=VALUES["evaluation"] | {"splits": ["test"], "images": {}, "curve": {}})
    text = r"plan evaluation curve: expected a data set with validation images, got none; hold some out by validation ="
    for none in ({}, {"validation": 0}):
        with pytest.raises(InputError, match=text):
            expand(plan, "d" * 16, {"train": 96, "test": 40, **none})


def test_a_trial_that_pauses_ends_as_one_that_does_not(expansion, whole, tmp_path):
    trainer, trial = trainer_of(expansion, work_dir=tmp_path), expansion.trials[0]
    for until in (1, 2):
        paused = trainer(replace(trial, until=until))
        assert (paused.records, paused.epochs) == ((), until)
        assert {curve.epochs for curve in paused.curves} == {tuple(range(1, until + 1))}
    ended = trainer(trial)
    assert ended.epochs is None
    assert values_of(ended.records) == values_of(whole.records)
    assert comparable(ended.curves) == comparable(whole.curves)


KILLED = """
    import os, signal, sys
    from pathlib import Path
    import torch
    torch.set_num_threads(1)
    import robnas.training._train as training
    from robnas.building import load_and_expand
    from tests.building.test_curves import plan_with, trainer_of

    write = training.write_log
    def die(path, history):
        write(path, history)
        if len(history) == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
    training.write_log = die
    expansion = load_and_expand(plan_with({"images": 40}))
    trainer_of(expansion, work_dir=Path(sys.argv[1]))(expansion.trials[0])
"""


@pytest.mark.usefixtures("one_thread")
def test_a_training_killed_between_epochs_has_the_same_curve(expansion, tmp_path):
    script = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), "2"]
    assert subprocess.run(script, check=False, cwd=os.getcwd()).returncode == -signal.SIGKILL
    ended = trainer_of(expansion, work_dir=tmp_path)(expansion.trials[0])
    undisturbed = trainer_of(expansion)(expansion.trials[0])
    assert values_of(ended.records) == values_of(undisturbed.records)
    assert comparable(ended.curves) == comparable(undisturbed.curves)


def test_epochs_of_a_training_that_was_begun_without_a_curve_have_no_figures(expansion, whole, tmp_path):
    trial = replace(expansion.trials[0], until=1)
    assert trainer_of(load_and_expand(plan_with()), work_dir=tmp_path)(trial).curves == ()
    curves = by_metric(trainer_of(expansion, work_dir=tmp_path)(expansion.trials[0]).curves)
    assert [curves[metric].epochs for metric in FIGURES] == [(2, 3)] * 2 + [(1, 2, 3)] * 3
    assert curves["clean"].values == by_metric(whole.curves)["clean"].values[1:]


def test_figures_on_other_images_are_none_of_the_curve(expansion, tmp_path):
    other = load_and_expand(plan_with({"images": 9}))
    trainer_of(other, work_dir=tmp_path)(replace(other.trials[0], until=2))
    curves = by_metric(trainer_of(expansion, work_dir=tmp_path)(expansion.trials[0]).curves)
    assert [curves[metric].epochs for metric in FIGURES] == [(3,)] * 2 + [(1, 2, 3)] * 3


def test_a_build_keeps_curves_for_its_table(expansion, whole, url):
    with RecordStore(url) as store:
        queue = enrol(expansion, store)
        queue.join()
        trials = queue.claim(9)
        queue.finish([(trial, whole) for trial in trials])
        assert sorted(curve.metric for curve in store.curves()) == sorted(FIGURES)
        found = estimate(expansion, store)
        assert (found.done, found.curves, found.without_curves) == (1, ("clean", "pgd@32/255"), 0)
        other = load_and_expand(plan_with({"images": 9}))
        assert estimate(other, store).without_curves == 1
        table = table_of_plan(store, find_plan(store, "small"))
    where = {"dataset": "digits", "metric": "pgd@32/255", "split": "validation", "seed": 0}
    assert table.curve("323133", **where).tolist() == list(by_metric(whole.curves)["pgd@32/255"].values)
    assert table.provenance["plan"]["evaluation"]["curve"] == {"images": 40}
