"""Plans that measure corruptions, their records, and tables of them."""

from dataclasses import replace

import numpy as np
import pytest

from robnas.benchmarks import load, write_table
from robnas.building import Plan, drive, enrol, expand, load_and_expand, table_of_plan
from robnas.building._executors import EXECUTORS
from robnas.building._known import Known, seen_of
from robnas.building._run import executor_of
from robnas.errors import DataError, InputError
from robnas.records import RecordStore, find_plan, plan_records
from robnas.types import COMMON_CORRUPTIONS as COMMON
from robnas.types import CORRUPTIONS, SEVERITIES
from tests.building.test_driver import Inline
from tests.building.test_plan import PGD_TABLE, plan, values

SEEDS = (0, 4)
VALUES = {
    "name": "corrupted", "seeds": list(SEEDS), "space": {"kind": "list", "architectures": ["323133"], "channels": 2},
    "data": {"name": "digits", "limit_train": 64}, "recipe": {"preset": "digits", "epochs": 1},
    "evaluation": {
        "attacks": [{**PGD_TABLE, "epsilon": "32/255", "step_size": "8/255"}], "corruptions": True, "checks": False,
        "splits": ["test"], "images": {"test": 12}, "limits": {"corruptions": 6},
    },
}  # fmt: skip


def trainer_of(expansion):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXECUTORS, "inline", Inline)
        return executor_of(expansion, "inline").trainer


@pytest.fixture(scope="module")
def expansion():
    return load_and_expand(Plan.from_dict(VALUES))


@pytest.fixture(scope="module")
def built(expansion, tmp_path_factory):
    with RecordStore(tmp_path_factory.mktemp("corrupted") / "runs.db") as store:
        trainer = trainer_of(expansion)
        trainer.prepare()
        result = drive(enrol(expansion, store), Inline(trainer))
        assert (result.done, result.failed) == (2, 0)
        yield store, find_plan(store)


@pytest.mark.parametrize(
    ("changes", "corruptions", "attacks"),
    [
        ({"attacks": None, "suite": "corruptions"}, COMMON, 0),
        ({"attacks": None, "suite": "corruptions-19"}, CORRUPTIONS, 0),
        ({"suite": "corruptions"}, COMMON, 2),
        ({"corruptions": True}, COMMON, 2),
        ({"corruptions": False}, (), 2),
        ({"corruptions": ["fog", "brightness"]}, ("fog", "brightness"), 2),
        ({"attacks": None, "suite": "digits", "corruptions": ["saturate"]}, ("saturate",), 5),
        ({"attacks": None, "corruptions": ["fog"]}, ("fog",), 0),
    ],
)
def test_corruptions_stand_alone_or_beside_attacks(changes, corruptions, attacks):
    limits = {"evaluation__limits": None}
    found = plan(**limits, **{f"evaluation__{key}": value for key, value in changes.items()})
    assert (found.measuring.suite.corruptions, len(found.measuring.suite.attacks)) == (corruptions, attacks)
    again = Plan.from_dict(found.to_dict())
    assert (again.to_dict(), again.measuring.suite.corruptions) == (found.to_dict(), corruptions)
    assert ("corruptions" in found.to_dict()["evaluation"]) == bool(corruptions)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"suite": "corruptions", "attacks": None, "corruptions": ["fog"]}, "expected either suite or corruptions"),
        ({"corruptions": ["fogg"]}, "corruption: .*did you mean fog"),
        ({"corruptions": "fog"}, "plan evaluation corruptions: expected a list"),
        ({"attacks": None}, "plan evaluation: expected a suite, attacks or corruptions"),
    ],
)
def test_what_is_no_corruption_is_one_clear_line(changes, text):
    with pytest.raises(InputError, match=text):
        Plan.from_dict(values(evaluation__limits=None, **{f"evaluation__{key}": one for key, one in changes.items()}))


def test_plans_without_corruptions_are_what_they_were():
    plain = expand(plan(), "d" * 16, {"train": 64, "validation": 30, "test": 60})
    assert "corruptions" not in str(plain.plan.to_dict())
    with pytest.raises(InputError, match=r"plan evaluation corruptions: expected the corrupted copies, got none"):
        expand(Plan.from_dict(VALUES), "d" * 16, {"train": 64, "validation": 30, "test": 60})


def test_the_records_are_those_that_the_plan_named(built, expansion):
    store, known = built
    wanted = {(one["metric"], one["attack_hash"], one["images"]) for one in expansion.measurements}
    for seed in SEEDS:
        found = store.records(seed=seed)
        assert {(one.metric, one.attack_hash, one.images) for one in found} == wanted
        assert {one.attack_seed for one in found if one.metric.startswith("pgd")} == {seed}
        assert {one.attack_seed for one in found if ":made" in one.metric} == {0}
    assert len(plan_records(store, known)) == 2 * len(wanted)
    settings = store.settings(next(one.attack_hash for one in found if one.metric == "fog:made@2"))
    assert (settings["name"], settings["severity"], settings["source"]) == ("fog", 2, "made")


def test_the_table_answers_by_key_and_its_mean_is_that_of_its_columns(built, tmp_path):
    store, known = built
    write_table(table_of_plan(store, known), tmp_path / "t.parquet")
    table = load(tmp_path / "t.parquet")
    names = {column.metric for column in table.columns}
    single = [column for column in table.columns if ":made@" in column.metric]
    assert {"clean", "pgd@32/255", "brightness:made@3", "corruptions:made"} <= names
    assert len(single) % len(SEVERITIES) == 0
    for seed in SEEDS:
        of = [table.peek("323133", dataset="digits", split="test", seed=seed, metric=one.metric) for one in single]
        mean = table.peek("323133", dataset="digits", split="test", seed=seed, metric="corruptions:made")
        assert mean == pytest.approx(np.mean(of), abs=1e-12)
        assert all(round(6 * value) == pytest.approx(6 * value) for value in of)
    assert table.column("digits", "fog:made@1", "test").facts["images"] == 6


def test_a_search_by_training_finds_what_was_measured(built, expansion):
    store, _ = built
    metrics = ("corruptions:made", "fog:made@5")
    found = Known(store, expansion, "test", seen_of(expansion, "test", metrics)).values(expansion.trials)
    assert len(found) == len(SEEDS)
    for trial, value in found.items():
        records = {one.metric: one.value for one in store.records(seed=trial.seed)}
        assert value == tuple(records[metric] for metric in metrics)


def test_a_worker_with_other_images_does_not_begin(expansion):
    other = [
        {**one, "metric": one["metric"].replace(":made", ""), "attack_hash": "f" * 16} for one in expansion.measurements
    ]
    trainer = replace(trainer_of(expansion), measurements=tuple(other))
    with pytest.raises(DataError, match=r"corrupted copies of digits test of the worker: expected those .* such as .*"):
        trainer.prepare()
