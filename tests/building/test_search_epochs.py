"""A search that asks for a part of the epochs of trainings, which pause and go on."""

import json
from itertools import islice

import numpy as np
import pytest

from robnas import search
from robnas.building import EXECUTORS, TrainingObjective, drive, enrol, run_plan
from robnas.errors import InputError
from robnas.records import RecordStore, store_status
from tests.building.oracle import Oracle
from tests.building.searched import METRIC, expansion_of, objective
from tests.building.test_driver import Inline

CURVE = {"attack": {"name": "fgsm", "epsilon": "16/255"}}


class Halving:
    """The better half of four architectures goes on, first of all after one epoch, in the end to the last."""

    name = "halving"

    def start(self, space, rng):
        drawn = islice(space.shuffled(rng, classes=True), 4)
        self.classes, self.rung = space, [search.Question(arch, space.epochs[0]) for arch in drawn]
        self.told, self.open, self.over = {}, list(self.rung), False
        return self

    def ask(self, n=None):
        if self.over:
            return None
        if not self.open:
            if len(self.told) < len(self.rung):
                raise search.WaitingError("ask", expected="answers", got="none")
            epochs = self.classes.epochs
            best = sorted(self.rung, key=self.told.get, reverse=True)[: len(self.rung) // 2]
            place = epochs.index(self.rung[0].epochs) + 1
            if place == len(epochs):
                self.over = True
                return None
            self.rung, self.told = [search.Question(one.architecture, epochs[place]) for one in best or self.rung], {}
            self.open = list(self.rung)
        return self.open.pop(0)

    def tell(self, question, values):
        self.told[question] = values


@pytest.fixture(scope="module")
def expansion():
    return expansion_of(evaluation__curve=CURVE, recipe__epochs=3)


@pytest.fixture
def store(url):
    with RecordStore(url) as store:
        yield store
    EXECUTORS.pop("oracle", None)


def marks_of(folder):
    return sorted(path.name.split("-")[2] for path in folder.iterdir())


def test_trainings_pause_and_go_on(store, expansion, tmp_path):
    (tmp_path / "marks").mkdir()
    with objective(expansion, store, oracle={"marks": tmp_path / "marks"}) as one:
        assert one.classes.epochs == (1, 2, 3)
        trace = search.run(Halving(), one, budget=4, seed=0)
        last = one.trained_for(trace.architectures[-1])
    assert trace.fidelities.tolist() == [1, 1, 1, 1, 2, 2, 3]
    assert trace.charged[-1] == pytest.approx((4 + 2 + 1) / 3)
    assert marks_of(tmp_path / "marks") == ["1"] * 4 + ["2"] * 2 + ["None"]
    (record,) = store.records(metric=METRIC, split="validation")
    assert (record.architecture, record.value) == (last, trace.values[-1, 0])
    curves = {curve.architecture.text: curve for curve in store.curves(metric=METRIC)}
    assert sorted(curve.epochs for curve in curves.values()) == [(1,), (1,), (1, 2), (1, 2, 3)]
    [status] = store_status(store)
    assert (status.done, status.remaining, status.total) == (1, 3, 4)


def test_what_was_paused_is_not_trained_again_by_the_same_search_nor_charged(store, expansion, tmp_path):
    with objective(expansion, store) as one:
        first = search.run(Halving(), one, budget=4, seed=0)
    with store.write() as connection:
        connection.exec_driver_sql("delete from search_events")
    with objective(expansion, store) as one:
        again = search.run(Halving(), one, budget=4, seed=0)
        assert one.trained == 0
    assert again.values.tolist() == first.values.tolist()


def test_a_build_finishes_what_searches_have_paused(store):
    listed = expansion_of(
        space={"kind": "list", "architectures": ["323133", "444444", "123123", "222222", "111111"]}, seeds=[0],
        evaluation__curve=CURVE, recipe__epochs=3,
    )  # fmt: skip
    with objective(listed, store) as one:
        search.run(Halving(), one, budget=4, seed=0)
    result = drive(enrol(listed, store), Inline(Oracle.of(listed)))
    assert (result.done, result.remaining) == (4, 0)
    assert all(curve.epochs == (1, 2, 3) for curve in store.curves())


def test_a_stored_trial_without_a_curve_is_trained_again_and_stays_done(store, expansion, tmp_path):
    (tmp_path / "marks").mkdir()
    without = expansion_of(recipe__epochs=3)
    assert without.setup == expansion.setup
    with objective(without, store) as one:
        search.run(search.RandomSearch(), one, budget=30, seed=0)
    with objective(expansion, store) as one:
        asked = [arch.text for arch in search.run(Halving(), one, budget=4, seed=0).architectures[:4]]
        texts = [one.trained_for(one.classes.space.parse(text)).text for text in asked]
    notes = []
    with RecordStore(f"sqlite:///{tmp_path}/other.db") as other:
        listed = expansion_of(recipe__epochs=3, space={"kind": "list", "architectures": texts}, seeds=[0])
        drive(enrol(listed, other), Inline(Oracle.of(listed)))
        records = other.records()
        with objective(expansion, other, note=notes.append, oracle={"marks": tmp_path / "marks"}) as one:
            trace = search.run(Halving(), one, budget=4, seed=0)
        assert trace.failed == 0
        assert marks_of(tmp_path / "marks") == ["1"] * 4 + ["2"] * 2  # the whole one is in the store
        assert len(notes) == 6
        assert notes[0].startswith(f"validation {METRIC} of ")
        assert notes[0].endswith("after 1 epochs is not in the store, though it was trained: it is trained again")
        assert other.records() == records
        assert [status.done for status in store_status(other)] == [4, 4]


def test_a_plan_without_a_curve_of_what_is_seen_knows_no_epochs(store, expansion):
    with objective(expansion, store, metric="clean") as one:
        assert one.classes.epochs == (1, 2, 3)
    with objective(expansion, store, metric=["clean", "pgd-l2@0.5"]) as one:
        assert one.classes.epochs == ()
    with objective(expansion, store, split="test") as one:
        assert one.classes.epochs == ()
    with objective(expansion_of(), store) as one:
        assert one.classes.epochs == ()

        class Impatient(Halving):
            def start(self, space, rng):
                self.over, self.open, self.told = False, [search.Question(space.random(rng), 1)], {}
                return self

        with pytest.raises(InputError, match="expected epochs of none, whole trainings only, got 1"):
            search.run(Impatient(), one, budget=2, seed=0)


def test_real_trainings_pause_and_end_with_the_records_of_a_build(tmp_path):
    EXECUTORS.pop("oracle", None)
    EXECUTORS["oracle"] = lambda trainer, **options: Inline(trainer)  # real trainings in this process
    listed = expansion_of(
        space={"kind": "list", "architectures": ["323133", "444444"], "channels": 2}, seeds=[0],
        recipe__epochs=2, evaluation__curve=CURVE | {"images": 20}, evaluation__checks=False,
        evaluation__images={"validation": 20, "test": 20},
    )  # fmt: skip
    with RecordStore(f"sqlite:///{tmp_path}/searched.db") as store:
        with TrainingObjective(
            listed, store, metric=METRIC, split="validation", executor="oracle", work_dir=tmp_path / "work"
        ) as one:
            trace = search.run(Halving(), one, budget=2, seed=1)
        assert len(list((tmp_path / "work").iterdir())) == 1  # of the one that is paused
        found = {(r.architecture, r.split, r.metric): r.value for r in store.records()}
        assert len(json.dumps(trace.to_dict())) > 0
        assert np.isfinite(trace.values).all()
        result = run_plan(listed, store, executor="oracle", work_dir=tmp_path / "work")
        assert result.done == 2 - sum(trace.fidelities == 2)
    with RecordStore(f"sqlite:///{tmp_path}/built.db") as built:
        run_plan(listed, built, executor="oracle")
        there = {(r.architecture, r.split, r.metric): r.value for r in built.records()}
        assert found.items() <= there.items()
        with RecordStore(f"sqlite:///{tmp_path}/searched.db") as store:
            assert {(r.architecture, r.split, r.metric): r.value for r in store.records()} == there
            accuracies = [c for c in store.curves() if c.is_accuracy]
            assert accuracies == [c for c in built.curves() if c.is_accuracy]
    EXECUTORS.pop("oracle")
