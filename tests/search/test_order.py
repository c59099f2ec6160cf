"""Answers that come in any order: to batches, to loops, to searches that were interrupted."""

import numpy as np
import pytest

from robnas.errors import DivergedError, InputError
from robnas.search import (
    ASHA,
    BOHB,
    NSGA2,
    UNITS,
    Answer,
    Bananas,
    Classes,
    Function,
    Goal,
    Hyperband,
    LocalSearch,
    MedianStopping,
    Optuna,
    RandomSearch,
    RegularizedEvolution,
    SuccessiveHalving,
    run,
)
from tests.search.spaces import TOY, named, value_of

EPOCHS = (1, 2, 4)


class Workers:
    """Answers several questions at a time, in a random order."""

    name = "workers"
    goals = (Goal("value"),)

    def __init__(self, flying, order=0, epochs=EPOCHS, stop=None):
        self.classes = Classes(TOY).answering(1, epochs)
        self._flying, self._rng, self._stop = flying, np.random.default_rng(order), stop
        self.answered = []

    def serve(self, ask, seed):
        waiting = []
        while True:
            waiting += ask(self._flying - len(waiting)) if len(waiting) < self._flying else ()
            if not waiting:
                return
            question = waiting.pop(int(self._rng.integers(len(waiting))))
            self.answered.append((question.architecture.text, question.epochs))
            epochs = question.epochs or EPOCHS[-1]
            value = value_of(question.architecture) * (0.5 + epochs / 8)
            yield question, Answer((value,), seconds=float(epochs), hours=float(epochs))


def facts(trace):
    return trace.to_dict()


SEQUENTIAL = [
    LocalSearch("first", 3),
    RegularizedEvolution(5, 2),
    Bananas(4, 4, 3, 4, 2, predictor="ridge"),
    NSGA2(population=6),
    SuccessiveHalving(2),
    Hyperband(2),
    BOHB(2),
    MedianStopping(trainings=2),
]
LOOPS = [RandomSearch(), *SEQUENTIAL[:-1]]


@pytest.mark.parametrize("algorithm", LOOPS, ids=lambda one: one.name)
def test_loops_ask_the_same_whatever_the_order_and_how_many_are_in_flight(algorithm):
    traces = [facts(run(algorithm, Workers(*how), 12, 1)) for how in ((1, 0), (3, 0), (3, 1), (9, 2), (50, 3))]
    for other in traces[1:]:
        assert other == traces[0]


@pytest.mark.parametrize(
    "algorithm", [*SEQUENTIAL, RandomSearch(), ASHA(2), Optuna("random"), RegularizedEvolution(5, 2, True)], ids=named
)
@pytest.mark.parametrize("batch", [1, 4])
def test_batches_ask_the_same_whatever_the_order(algorithm, batch):
    traces = [facts(run(algorithm, Workers(*how), 12, 1, batch=batch)) for how in ((1, 0), (3, 1), (9, 2), (9, 3))]
    for other in traces[1:]:
        assert other == traces[0]


def test_asynchronous_evolution_with_one_in_flight_is_the_sequential_one():
    one, other = (run(RegularizedEvolution(5, 2, asynchronous=a), Workers(1), 20, 3) for a in (False, True))
    assert one.architectures == other.architectures
    assert one.values.tolist() == other.values.tolist()
    assert one.questions.tolist() == other.questions.tolist()


class Kept:
    """A journal in memory that breaks at its n-th event."""

    def __init__(self, events=(), breaks=None):
        self.kept, self.breaks = list(events), breaks

    def events(self):
        return list(self.kept)

    def append(self, event):
        if self.breaks is not None and len(self.kept) >= self.breaks:
            raise KeyboardInterrupt
        self.kept.append(event)


@pytest.mark.parametrize(
    "algorithm",
    [RandomSearch(), RegularizedEvolution(5, 2), Hyperband(2), ASHA(2), MedianStopping(trainings=2)],
    ids=lambda one: one.name,
)
def test_a_search_cut_at_every_event_goes_on_to_the_same_end(algorithm):
    whole = Kept()
    undisturbed = facts(run(algorithm, Workers(1), 8, 2, journal=whole))
    for cut in range(len(whole.kept) + 1):
        journal = Kept(breaks=cut)
        if cut < len(whole.kept):
            with pytest.raises(KeyboardInterrupt):
                run(algorithm, Workers(1), 8, 2, journal=journal)
        else:
            run(algorithm, Workers(1), 8, 2, journal=journal)
        again, told = Kept(journal.kept), [e for e in journal.kept if e.kind == "tell"]
        worker = Workers(1)
        assert facts(run(algorithm, worker, 8, 2, journal=again)) == undisturbed
        assert again.kept == whole.kept
        assert len(worker.answered) + len(told) == len(undisturbed["architectures"])


@pytest.mark.parametrize(
    "algorithm", [RandomSearch(), Hyperband(2), ASHA(2), RegularizedEvolution(5, 2, asynchronous=True)], ids=named
)
def test_a_search_with_several_in_flight_loses_and_charges_nothing_twice(algorithm):
    whole = Kept()
    first = run(algorithm, Workers(3, 1), 8, 2, journal=whole)
    assert facts(run(algorithm, Workers(3, 9), 8, 2, journal=Kept(whole.kept))) == facts(first)  # replayed
    for cut in range(0, len(whole.kept), 3):
        journal = Kept(breaks=cut)
        with pytest.raises(KeyboardInterrupt):
            run(algorithm, Workers(3, 1), 8, 2, journal=journal)
        worker = Workers(3, 5)
        trace = run(algorithm, worker, 8, 2, journal=Kept(journal.kept))
        told = [(event.architecture, event.epochs) for event in journal.kept if event.kind == "tell"]
        assert len({*told, *worker.answered}) == len(told) + len(worker.answered) == len(trace)
        assert trace.charged[-1] <= 8


@pytest.mark.parametrize("unit", UNITS)
def test_a_budget_in_any_unit_is_kept(unit):
    budget = {"trainings": 6, "epochs": 24, "seconds": 24.0, "hours": 24.0}[unit]
    trace = run(RandomSearch(), Workers(1), budget, 0, unit=unit)
    assert len(trace) == 6
    assert trace.hours[-1] == trace.seconds[-1] == 24
    halved = run(SuccessiveHalving(2), Workers(1), budget, 0, unit=unit)
    assert halved.charged[-1] == pytest.approx(halved.hours[-1] / 4)


@pytest.mark.parametrize(
    "returned",
    [
        float("nan"),
        "0.5",
        (),
        (0.1, 0.2),
        True,
        None,
        [True],
        b"x",
        float("inf"),
        object(),
        {"a": 1},
        np.array([0.1, 2]),
    ],
    ids=named,
)  # fmt: skip
def test_a_function_that_returns_no_number_is_one_clear_line(returned):
    with pytest.raises(InputError, match=r"^function mine of .*: expected a finite number \(value\), got ") as caught:
        run(RandomSearch(), Function(lambda arch: returned, TOY, name="mine"), 3, 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("returned", [0.5, (0.5,), (0.1, 0.2, 0.3), "ab", (0.1, float("nan")), (0.1, None)], ids=named)
def test_a_function_of_several_goals_returns_as_many_numbers(returned):
    goals = (Goal("accuracy"), Goal("latency", "ms", "minimise"))
    with pytest.raises(InputError, match=r"expected 2 finite numbers \(accuracy, latency \(ms\)\), got ") as caught:
        run(RandomSearch(), Function(lambda arch: returned, TOY, goals), 3, 0)
    assert "\n" not in str(caught.value)


def test_a_function_that_raises_is_one_clear_line_and_one_that_diverged_is_charged():
    def raises(arch):
        raise ValueError("two\nlines")

    with pytest.raises(InputError, match=r"^function raises of .*, got ValueError \(two lines\);") as caught:
        run(RandomSearch(), Function(raises, TOY), 3, 0)
    assert "\n" not in str(caught.value)

    def diverges(arch):
        raise DivergedError("diverged", 3, float("nan"))

    trace = run(RandomSearch(), Function(diverges, TOY), 3, 0)
    assert (len(trace), trace.failed) == (3, 3)
