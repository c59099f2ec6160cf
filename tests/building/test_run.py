"""Plans that train for real, on the digits."""

import dataclasses
import json
import re
import subprocess
import sys

import pytest

from robnas.benchmarks import load, write_table
from robnas.building import (
    Plan,
    TrainAndEvaluate,
    enrol,
    estimate,
    load_and_expand,
    resumed,
    run_plan,
    table_of_plan,
)
from robnas.data import load_data
from robnas.errors import DataError, InputError, StoreError
from robnas.evaluation import evaluate
from robnas.networks import build_network
from robnas.records import QueuedTrial, RecordStore, TrialQueue, find_plan, store_status, stored_plans
from robnas.training import train
from tests.building.test_plan import plan

SMALL = {
    "seeds": [0],
    "space": {"kind": "list", "architectures": ["323133", "444444"]},
    "recipe__epochs": 1,
    "recipe__channels": 2,
    "evaluation__checks": False,
    "extra": [{"count": 1, "seeds": [5]}],
}


@pytest.fixture(scope="module")
def expansion():
    return load_and_expand(plan(**SMALL))


@pytest.fixture(scope="module")
def built(expansion, tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('built')}/runs.db"
    notes = []
    with RecordStore(url) as store:
        before = estimate(expansion, store)
        result = run_plan(expansion, store, options={"jobs": 1}, note=notes.append)
        yield store, result, before


def test_a_plan_is_built_and_nothing_is_left(built, expansion):
    store, result, before = built
    assert (before.total, before.to_do, before.measured, before.mean_seconds) == (3, 3, 0, None)
    assert (result.done, result.failed, result.remaining) == (3, 0, 0)
    after = estimate(expansion, store)
    assert (after.done, after.to_do, after.measured, after.worker_hours) == (3, 0, 3, 0.0)
    assert after.mean_seconds > 0
    assert len(store.records()) == 3 * len(expansion.measurements)


def test_the_records_are_those_that_the_plan_named(built, expansion):
    store, _, _ = built
    found = {(r.split, r.metric, r.attack_hash, r.images) for r in store.records()}
    assert found == {(m["split"], m["metric"], m["attack_hash"], m["images"]) for m in expansion.measurements}
    assert {record.recipe_hash for record in store.records()} == {expansion.plan.recipe.hash}
    assert {record.dataset_hash for record in store.records()} == {expansion.dataset_hash}


def test_the_numbers_are_those_of_train_and_evaluate(built, expansion):
    store, _, _ = built
    wanted = expansion.plan
    data = load_data("digits").limit(train=64)
    network = build_network(
        "323133", num_classes=10, in_channels=1, channels=2, cells=1, mean=data.mean, std=data.std, seed=0
    )
    train(network, data, wanted.recipe, seed=0)
    for split, limit in (("validation", None), ("test", 50)):
        found = evaluate(network, data, wanted.measuring.suite, split=split, seed=0, limit=limit)
        stored = store.records(architecture="323133", seed=0, split=split)
        assert {record.metric: record.value for record in stored} == {m.metric: m.value for m in found.measurements}


def test_the_table_says_where_it_comes_from(built, expansion, tmp_path):
    store, _, _ = built
    write_table(table_of_plan(store, find_plan(store)), tmp_path / "t.parquet")
    table = load(tmp_path / "t.parquet")
    assert (table.name, len(table), table.datasets) == ("small", 2, ("digits",))
    [column] = [c for c in table.columns if (c.split, c.metric) == ("test", "clean")]
    assert column.seeds == (0, 5)
    [record] = store.records(architecture="323133", seed=0, split="test", metric="clean")
    assert table.peek("323133", dataset="digits", metric="clean", split="test", seed=0) == record.value
    facts = table.provenance
    assert (facts["trials"], facts["missing_trials"], facts["failed_trials"]) == (3, 0, 0)
    assert (facts["plan_hash"], facts["setup_hash"]) == (expansion.hash, expansion.setup)
    assert load_and_expand(Plan.from_dict(facts["plan"])).hash == expansion.hash
    assert facts["core_hours"] >= 0
    assert json.loads(json.dumps(facts["date"]))


@pytest.mark.parametrize(
    ("said", "partition"), [({}, "effective@1"), ({"partition_version": 2}, "effective")], ids=["before", "now"]
)
def test_the_table_of_a_plan_has_the_version_of_its_partition(built, said, partition):
    store, _, _ = built
    plan = find_plan(store)
    space = {"kind": "representatives", "partition": "effective"} | said
    assert table_of_plan(store, dataclasses.replace(plan, facts=plan.facts | {"space": space})).partition == partition


def test_a_changed_recipe_makes_new_trials_beside_the_old_ones(built):
    store, _, _ = built
    before = store.records()
    other = load_and_expand(plan(**SMALL | {"recipe__max_lr": 0.05, "extra": []}))
    assert run_plan(other, store, options={"jobs": 1}, limit=1).done == 1
    assert [(s.done, s.total) for s in store_status(store)] == [(3, 3), (1, 2)]
    new = [record for record in store.records() if record.recipe_hash == other.plan.recipe.hash]
    assert len(store.records()) == len(before) + len(new)
    assert len(table_of_plan(store, find_plan(store, other.hash))) == 1


def test_a_batch_size_that_changes_numbers_under_the_same_keys_is_a_collision(built):
    store, _, _ = built
    other = load_and_expand(plan(**SMALL | {"evaluation__batch_size": 10}))
    with pytest.raises(
        StoreError, match=r"batch_size: expected 256, as plan small \(\w+\) of this store .* got 10; the plans collide"
    ):
        run_plan(other, store, options={"jobs": 1})


WIDER = {
    "evaluation__attacks": [{"name": "fgsm", "epsilon": "16/255"}, {"name": "fgsm", "epsilon": "8/255"}],
    "evaluation__limits": {},
}


def test_a_wider_evaluation_of_trials_that_the_store_has_is_refused_before_any_training(built, expansion):
    """Trained again on another machine the clean accuracy would be another one: two trainings in one row."""
    store, _, _ = built
    before = store.records(), len(store_status(store))
    wider = load_and_expand(plan(**SMALL | WIDER | {"evaluation__splits": ["test"]}))
    with pytest.raises(StoreError) as raised:
        run_plan(wider, store, options={"jobs": 1})
    assert re.fullmatch(
        r"plan small, evaluation: expected that of plan small \(\w+\) of this store, or nothing in common with it, "
        r"got 2 of its 6 measurements, of 3 of its trials; their networks would be trained again, and one table hold "
        r"values of two trainings: use another store",
        str(raised.value),
    )
    assert (store.records(), len(store_status(store))) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"space": {"kind": "list", "architectures": ["000000", "111111"]}},
        {"seeds": [3], "extra": []},
        {"evaluation__images": {"validation": 20, "test": 20}},
    ],
    ids=["architectures", "seeds", "images"],
)
def test_a_wider_evaluation_that_has_no_record_in_common_is_welcome(expansion, url, changes):
    other = load_and_expand(plan(**SMALL | WIDER | changes))
    with RecordStore(url) as store:
        enrol(expansion, store)
        assert enrol(other, store).unfinished().waiting == len(other.trials)


def test_a_plan_that_the_store_knows_goes_on(expansion, url, monkeypatch):
    """Also beside one with which it would be refused today."""
    wider = load_and_expand(plan(**SMALL | WIDER))
    with RecordStore(url) as store:
        enrol(expansion, store)
        with monkeypatch.context() as patch:
            patch.setattr("robnas.building._enrol._check_collisions", lambda expansion, store: None)
            enrol(wider, store)
        assert enrol(expansion, store).unfinished().waiting == enrol(wider, store).unfinished().waiting == 3
        more = load_and_expand(plan(**SMALL | {"seeds": [0, 1]}))
        assert enrol(more, store).unfinished().waiting == 5


SPACE = {"name": "nas-bench-201", "channels": 2, "cells": 1}
CLASSES = {"kind": "sample", "count": 3, "seed": 1, "partition": "effective"}


@pytest.fixture(scope="module")
def of_classes():
    """The same plan: as a file says it that says no version, with version 1, with the present one."""
    versions = ({}, {"partition_version": 1}, {"partition_version": 2})
    return [load_and_expand(plan(**SMALL | {"space": CLASSES | one, "extra": []})) for one in versions]


def test_a_plan_of_an_earlier_version_of_its_partition_goes_on_with_the_trials_that_it_has(of_classes, url):
    plain, first, _ = of_classes
    assert plain.hash != first.hash
    with RecordStore(url) as store:
        assert estimate(plain, store).plan == plain.hash
        facts = first.plan.to_dict() | {"space": CLASSES}  # as it was written before there were versions
        queue = TrialQueue(store, first.hash)
        queue.enrol("small", first.setup, first.settings(), facts, first.trials)
        assert estimate(plain, store).plan == resumed(plain, store).hash == first.hash
        assert enrol(plain, store).unfinished().waiting == len(first.trials)
        notes = []
        run_plan(plain, store, options={"jobs": 1}, limit=0, note=notes.append)
        assert notes == ["plan small goes on with the trials that the store has, those of partition effective@1"]
        assert [found.hash for found in stored_plans(store)] == [first.hash]


def test_a_plan_goes_on_with_the_trials_of_its_own_name_where_another_plan_has_the_present_version(of_classes, url):
    plain, first, present = of_classes
    with RecordStore(url) as store:
        enrol(first, store)
        enrol(dataclasses.replace(present, plan=dataclasses.replace(present.plan, name="other")), store)
        assert resumed(plain, store).hash == first.hash
        renamed = dataclasses.replace(plain, plan=dataclasses.replace(plain.plan, name="third"))
        assert resumed(renamed, store).hash == present.hash


def test_a_plan_that_is_given_more_seeds_keeps_the_version_of_its_partition_and_the_trials_that_it_has(of_classes, url):
    _, first, _ = of_classes
    grown = load_and_expand(plan(**SMALL | {"space": CLASSES, "extra": [], "seeds": [*SMALL["seeds"], 7]}))
    other = dataclasses.replace(grown, plan=dataclasses.replace(grown.plan, name="other"))
    with RecordStore(url) as store:
        facts = first.plan.to_dict() | {"space": CLASSES}  # as it was written before there were versions
        TrialQueue(store, first.hash).enrol("small", first.setup, first.settings(), facts, first.trials)
        found = resumed(grown, store)
        assert found.plan.space.classes == "effective@1"
        assert {trial.hash for trial in first.trials} < {trial.hash for trial in found.trials}
        assert resumed(other, store).plan.space.classes == "effective"


def test_a_new_plan_says_the_present_version_of_its_partition(of_classes, url):
    plain, first, present = of_classes
    with RecordStore(url) as store:
        enrol(plain, store)
        assert find_plan(store).facts["space"] == SPACE | CLASSES | {"partition_version": 2}
        assert resumed(plain, store).hash == plain.hash == present.hash
        enrol(first, store)  # which must be said now
        said = [Plan.from_dict(found.facts) for found in stored_plans(store)]
        assert [load_and_expand(one).hash for one in said] == [present.hash, first.hash]
        assert resumed(plain, store).hash == plain.hash


def test_a_plan_that_says_the_present_version_is_another_one_than_that_of_an_earlier_version(of_classes, url):
    _, first, present = of_classes
    with RecordStore(url) as store:
        enrol(first, store)
        assert resumed(present, store).hash == present.hash != first.hash


def trainer(expansion, **options):
    wanted = expansion.plan
    return TrainAndEvaluate(
        source=wanted.source,
        recipe=wanted.recipe,
        measuring=wanted.measuring,
        dataset_hash=options.pop("dataset_hash", expansion.dataset_hash),
        **options,
    )


def test_a_worker_with_other_data_refuses_to_work(expansion):
    with pytest.raises(DataError, match=r"of the worker: expected content 0{16}, as the plan was made for, got"):
        trainer(expansion, dataset_hash="0" * 16).prepare()


def test_a_training_that_was_killed_goes_on_from_its_last_epoch(expansion, tmp_path):
    trial = QueuedTrial.of(expansion.setup, "444444", 0)
    work = trainer(expansion, work_dir=tmp_path)
    first = work(trial)
    assert sorted(path.name for path in (tmp_path / trial.hash).iterdir()) == [
        "checkpoint.pt", "evaluation", "log.jsonl", "trial.json",
    ]  # fmt: skip
    again = work(trial)
    assert [r.value for r in again.records] == [r.value for r in first.records]
    assert [r.seconds for r in again.records] == [r.seconds for r in first.records]  # they were kept
    assert [r.value for r in trainer(expansion)(trial).records] == [r.value for r in first.records]


def test_an_unknown_executor_is_refused(expansion, url):
    with RecordStore(url) as store, pytest.raises(InputError, match="executor: expected one of local, ray, got 'dask'"):
        run_plan(expansion, store, executor="dask")


def test_a_work_dir_that_cannot_be_is_refused_before_any_trial(expansion, url, tmp_path):
    (tmp_path / "file").touch()
    with RecordStore(url) as store:
        with pytest.raises(InputError, match=r"work_dir: expected a folder that can be written, got \w+Error"):
            run_plan(expansion, store, work_dir=tmp_path / "file" / "work")
        assert store_status(store) == []


def test_a_plan_is_known_to_the_store_before_it_runs(expansion, url):
    with RecordStore(url) as store:
        enrol(expansion, store)
        enrol(expansion, store)
        [found] = store_status(store)
        assert (found.total, found.remaining) == (3, 3)
        assert find_plan(store).settings["space"] == "nas-bench-201:channels=2,cells=1"


def test_a_worker_needs_neither_database_nor_command_line(tmp_path):
    (tmp_path / "plan.json").write_text(json.dumps(plan(**SMALL).to_dict()))
    script = f"""
import json, sys
for name in ("sqlalchemy", "psycopg", "ray", "psutil", "typer", "rich", "pandas", "pyarrow", "scipy", "matplotlib"):
    sys.modules[name] = None
from pathlib import Path
from robnas.building import Plan, TrainAndEvaluate, expand
plan = Plan.from_dict(json.loads(Path({str(tmp_path / "plan.json")!r}).read_text()))
data = plan.source.load()
expansion = expand(plan, data.content_hash, {{name: len(part) for name, part in data.splits.items()}})
run = TrainAndEvaluate(
    source=plan.source, recipe=plan.recipe, measuring=plan.measuring, dataset_hash=expansion.dataset_hash
)
run.prepare()
print(len(run(expansion.trials[0]).records))
"""
    out = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert out == "6\n"
