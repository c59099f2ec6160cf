from dataclasses import replace

import pytest
import sqlalchemy as sa

from robnas.errors import InputError, StoreError
from robnas.records import Curve, Failure, Outcome, QueuedTrial, RecordStore, TrialQueue, store_status
from robnas.spaces import Architecture

CURVE = Curve(
    architecture=Architecture("323133"), space="nas-bench-201:channels=2,cells=1", dataset_hash="d" * 16,
    split="validation", recipe_hash="r" * 16, seed=0, metric="pgd@8/255", attack_hash="a" * 16, attack_seed=0,
    images=100, dataset="digits", epochs=(1, 2), values=(0.125, 1 / 3),
)  # fmt: skip
LOSS = replace(CURVE, split="train", metric="loss", attack_hash="", images=0, values=(2.5, 1e-300))
SECONDS = replace(LOSS, metric="seconds")


@pytest.fixture
def store(any_url):
    with RecordStore(any_url) as store:
        yield store


def test_curves_come_back_as_they_were(store):
    assert store.add([], curves=[LOSS, CURVE]) == 0
    assert store.curves() == [LOSS, CURVE]
    assert store.curves(metric=["loss", "clean"]) == [LOSS]
    assert store.curves(architecture=Architecture("323133"), split="validation") == [CURVE]
    assert store.records() == []


def test_a_curve_that_goes_on_is_replaced_and_one_that_is_behind_changes_nothing(store):
    longer = replace(CURVE, epochs=(1, 2, 4), values=(0.125, 1 / 3, 0.5))
    for curve in (CURVE, longer, CURVE, longer):
        store.add([], curves=[curve, SECONDS])
    assert store.curves(metric="pgd@8/255") == [longer]


def test_epochs_that_were_measured_apart_are_put_together(store):
    store.add([], curves=[replace(CURVE, epochs=(3, 4), values=(0.5, 0.75))])
    store.add([], curves=[CURVE])
    assert store.curves() == [replace(CURVE, epochs=(1, 2, 3, 4), values=(0.125, 1 / 3, 0.5, 0.75))]


def test_another_accuracy_after_the_same_epoch_is_refused_with_all_that_comes_with_it(store):
    store.add([], curves=[CURVE])
    other = replace(CURVE, epochs=(2, 3), values=(0.25, 0.5))
    text = r"digits validation pgd@8/255 seed 0, epoch 2: expected 0.333\d*, which the store holds, got 0.25"
    with pytest.raises(StoreError, match=text):
        store.add([], curves=[LOSS, other])
    assert store.curves() == [CURVE]


def test_what_a_second_training_takes_or_loses_does_not_contradict_the_first(store):
    store.add([], curves=[LOSS, SECONDS])
    store.add([], curves=[replace(LOSS, values=(2.5, 2e-300)), replace(SECONDS, epochs=(1, 2, 3), values=(9, 9, 9))])
    assert store.curves() == [LOSS, replace(SECONDS, epochs=(1, 2, 3), values=(2.5, 1e-300, 9))]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"epochs": (2, 1)}, "curve epochs: expected numbers from 1 on, ascending"),
        ({"epochs": (1, 1)}, "curve epochs: expected numbers from 1 on, ascending"),
        ({"epochs": (), "values": ()}, "curve epochs: expected numbers from 1 on, ascending"),
        ({"epochs": (0, 1)}, "curve epochs: expected at least 1, got 0"),
        ({"epochs": (1, 2.5)}, "curve epochs: expected a whole number, got 2.5"),
        ({"values": (0.5,)}, "curve values: expected 2, as epochs, got 1"),
        ({"values": (0.5, 1.5)}, r"curve values: expected accuracies in \[0, 1\], got 1.5"),
        ({"values": (0.5, float("nan"))}, r"curve values: expected accuracies in \[0, 1\], got nan"),
        ({"metric": "loss"}, "loss"),
        ({"split": "train"}, "curve metric: expected one of loss, robust, seconds, got 'pgd@8/255'"),
        ({"split": "valid"}, "split"),
        ({"images": 0}, "curve images: expected at least 1, got 0"),
        ({"space": "theory"}, "curve space: expected that of nas-bench-201, got 'theory'"),
    ],
)
def test_what_is_no_curve_is_refused(changes, problem):
    with pytest.raises(InputError, match=problem):
        replace(CURVE, **changes)


def test_figures_of_the_training_are_finite():
    with pytest.raises(InputError, match="curve values: expected finite numbers, got inf"):
        replace(LOSS, values=(1.0, float("inf")))


def test_unknown_columns_are_refused(store):
    with pytest.raises(StoreError, match="curve column: expected one of architecture, space"):
        store.curves(value=1)


@pytest.mark.parametrize("text", ["", "{", "1", "[2]", "[true, 2]", "[1, null]", '["a", "b"]', "[" * 100_000])
@pytest.mark.parametrize("column", ["epochs", "values"])
def test_a_damaged_curve_is_said(store, column, text):
    store.add([], curves=[CURVE])
    with store.write() as connection:
        connection.execute(sa.text(f'update curves set "{column}" = :text'), {"text": text})
    with pytest.raises(StoreError, match="curve 323133 digits validation pgd@8/255 seed 0: expected what a build"):
        store.curves()


def test_a_queue_keeps_curves_and_what_was_paused(store):
    trial = QueuedTrial.of("s" * 16, "323133", 0)
    queue = TrialQueue(store, "p" * 16)
    queue.enrol("plan", "s" * 16, {}, {}, [trial])
    queue.join()

    def finish(result):
        with store.write() as connection:
            connection.execute(sa.text("update trials set state = 'waiting', finished = null"))
        queue.claim(1)
        assert queue.finish([(trial, result)]) == {trial.hash}
        with store.read() as connection:
            return tuple(connection.execute(sa.text("select state, reached, seconds from trials")).one())

    assert finish(Outcome((), curves=(CURVE,), epochs=2, seconds=1.5)) == ("paused", 2, 1.5)
    assert store.curves() == [CURVE]
    (status,) = store_status(store)
    assert (status.done, status.remaining, status.running, status.total) == (0, 1, 0, 1)
    longer = replace(CURVE, epochs=(1, 2, 3), values=(0.125, 1 / 3, 0.5))
    assert finish(Outcome((), curves=(longer,), seconds=2.0)) == ("done", None, 3.5)
    assert store.curves() == [longer]
    assert finish(Failure("error", "no", 1.0))[:2] == ("failed", None)
