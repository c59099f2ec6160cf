"""A search whose questions are answered by trainings; what these find is known here without any."""

import json
import threading
from contextlib import contextmanager
from operator import itemgetter

import numpy as np
import pytest

from robnas import search
from robnas.benchmarks import load
from robnas.building import EXECUTORS, Policy, TrainingObjective, drive, enrol, load_and_expand
from robnas.errors import InputError, RobnasError, StoreError
from robnas.networks import count as count_of
from robnas.records import RecordStore, find_plan, store_status
from tests.building.oracle import Oracle
from tests.building.searched import METRIC, SPLIT, expansion_of, objective
from tests.building.test_driver import Inline
from tests.building.test_plan import plan


@pytest.fixture(scope="module")
def expansion():
    return expansion_of()


@pytest.fixture
def store(url):
    with RecordStore(url) as store:
        yield store


@pytest.fixture(autouse=True)
def no_executor_is_left():
    yield
    EXECUTORS.pop("oracle", None)


SMALL = search.RegularizedEvolution(population=6, sample=3)


def found(trace):
    return [arch.text for arch in trace.architectures], trace.values.tolist(), trace.questions.tolist()


def count(store, what, state="done"):
    with store.read() as connection:
        return connection.exec_driver_sql(f"select {what} from trials where state = '{state}'").scalar()


ALGORITHMS = [SMALL, search.LocalSearch(), search.RandomSearch(), search.Bananas(predictor="ridge", initial=8)]


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda one: one.name)
def test_a_search_by_training_asks_what_a_search_of_the_table_asks(store, algorithm, expansion):
    table = load("digits")
    known = table.values("digits", "pgd@32/255", split=SPLIT)
    values = dict(zip(table.texts, known.tolist(), strict=True))
    with objective(expansion, store, oracle={"values": values}) as trained:
        trace = search.run(algorithm, trained, budget=25, seed=3)
    there = search.run(algorithm, table.objective("digits", "pgd@32/255", split=SPLIT), budget=25, seed=3)
    assert found(trace) == found(there)
    assert trace.seconds is not None
    assert count(store, "count(*)") == 25


def test_what_the_store_holds_is_not_trained_again(store, expansion):
    with objective(expansion, store) as one:
        first = search.run(SMALL, one, budget=8, seed=0)
        assert one.trained == 8
    with objective(expansion, store) as one:  # the same again, a longer one, and another that shares some
        assert found(search.run(SMALL, one, budget=8, seed=0)) == found(first)
        assert one.trained == 0
        longer = search.run(SMALL, one, budget=12, seed=0)
        assert one.trained == 4
        assert found(longer)[0][:8] == found(first)[0]
        again = search.run(search.RegularizedEvolution(population=6, sample=2), one, budget=8, seed=0)
        shared = len(set(found(again)[0]) & set(found(longer)[0]))
        assert shared >= 6  # the first population
        assert one.trained == 4 + 8 - shared
    assert count(store, "count(*)") == count(store, "count(distinct architecture)")


def test_a_build_and_a_search_of_one_plan_share_their_trainings(store):
    listed = expansion_of(space={"kind": "list", "architectures": ["323133", "444444", "123123", "222222"]}, seeds=[4])
    drive(enrol(listed, store), Inline(Oracle.of(listed)), limit=2)
    with objective(listed, store) as one:
        trace = search.run(search.RandomSearch(), one, budget=4, seed=0)
        assert one.trained == 2
    assert sorted(found(trace)[0]) == sorted(listed.plan.space.listed)
    assert drive(enrol(listed, store), Inline(Oracle.of(listed))).done == 0
    assert find_plan(store).hash == listed.hash  # the built one, where none is named
    assert find_plan(store, "small, on demand").facts["on demand"] is True
    assert [status.total for status in store_status(store)] == [4, 4]


def test_a_question_trains_the_first_seeds_and_is_answered_by_their_mean(store, expansion):
    with objective(expansion, store, seeds=2) as one:
        trace = search.run(search.RandomSearch(), one, budget=3, seed=0)
        trained = [one.trained_for(arch) for arch in trace.architectures]
    records = store.records(split=SPLIT, metric=METRIC)
    assert {record.seed for record in records} == {0, 1}
    for arch, value in zip(trained, trace.values[:, 0].tolist(), strict=True):
        assert value == pytest.approx(np.mean([r.value for r in records if r.architecture == arch]))
    assert count(store, "count(*)") == 6


def test_a_training_that_fails_is_charged_and_told_as_minus_infinity(store, expansion):
    with objective(expansion, store) as one:
        first = search.run(search.RandomSearch(), one, budget=3, seed=0)
        bad = one.trained_for(first.architectures[1]).text
    with RecordStore("sqlite:///" + str(store.file) + ".2") as other:
        with objective(expansion, other, oracle={"fails": frozenset([bad])}, seeds=2) as one:
            trace = search.run(search.RandomSearch(), one, budget=3, seed=0)
        assert trace.architectures == first.architectures
        assert (trace.failed, np.isneginf(trace.values[:, 0]).tolist()) == (1, [False, True, False])
        with objective(expansion, other) as one:  # it is not tried again
            assert search.run(search.RandomSearch(), one, budget=3, seed=0).failed == 1
            assert one.trained == 0


def test_a_search_in_which_everything_fails_stops_with_one_line(store, expansion):
    bad = frozenset(expansion.plan.space.of.partition("official").representatives())
    bad = frozenset(arch.text for arch in bad)
    policy = Policy(brake=5)
    text = "search: expected trainings that succeed, got [56] that failed"
    with (
        objective(expansion, store, oracle={"fails": bad}, policy=policy) as one,
        pytest.raises(RobnasError, match=text),
    ):
        search.run(search.RandomSearch(), one, budget=60, seed=0)
    assert count(store, "count(*)", "failed") in (5, 6)  # two run at a time


def test_several_metrics_are_several_goals(store, expansion):
    with objective(expansion, store, metric=["clean", METRIC]) as one:
        trace = search.run(search.NSGA2(population=4), one, budget=9, seed=0)
    assert [goal.name for goal in trace.goals] == ["clean", METRIC]
    assert trace.values.shape == (9, 2)


def test_a_whole_space_is_searched_without_listing_it(store):
    whole = expansion_of(space={"kind": "all"})
    with objective(whole, store) as one:
        assert one.classes.size == 15625
        trace = search.run(SMALL, one, budget=9, seed=1)
    assert {record.architecture.text for record in store.records()} == set(found(trace)[0])


def test_costs_and_constraints_are_those_of_a_search_of_the_table(store, expansion):
    table = load("digits")
    seen = table.column("digits", METRIC, SPLIT)
    values = dict(zip(table.texts, seen.mean.tolist(), strict=True))
    algorithm = search.NSGA2(population=6)
    where = {"costs": ("parameters",), "max_parameters": 40_000}
    task = search.Task.named(table, "digits", METRIC, split=SPLIT, **where)
    there = search.run(algorithm, task, budget=20, seed=1)
    with objective(expansion, store, oracle={"values": values}, **where) as one:
        trace = search.run(algorithm, one, budget=20, seed=1)
        small = search.Constraint("convolutions", at_most=1, of=lambda arch: sum(d in "23" for d in arch.code))
    assert found(trace) == found(there)
    assert trace.infeasible == 0
    assert [goal.direction for goal in trace.goals] == ["maximise", "minimise"]
    assert trace.task["max_parameters"] == 40_000
    with objective(expansion, store, constraints=small) as one:
        trace = search.run(search.RandomSearch(), one, budget=5, seed=1)
    assert all(small.allows(arch) for arch in trace.architectures)


def test_sizes_are_constraints_by_their_names(store, expansion):
    algorithm = search.NSGA2(population=6)
    with objective(expansion, store, max_parameters=40_000) as one:
        expected = search.run(algorithm, one, budget=12, seed=1)
    with objective(expansion, store, constraints="parameters <= 40e3") as one:
        trace = search.run(algorithm, one, budget=12, seed=1)
    assert found(trace) == found(expected)
    (said,) = trace.task["constraints"]
    assert (said["name"], said["at_most"], said["column"]) == ("parameters", 40_000, "parameters")
    with objective(expansion, store, constraints=["macs >= 4e6", "macs <= 6e6"]) as one:
        trace = search.run(search.RandomSearch(), one, budget=5, seed=1)
    sizes = [count_of(arch, space=expansion.plan.space.of).macs for arch in trace.architectures]
    assert all(4e6 <= size <= 6e6 for size in sizes)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"costs": ["latency"]}, "cost: expected one of parameters, macs"),
        ({"max_parameters": 0}, "max_parameters: expected at least 1, got 0"),
        ({"max_parameters": 1}, "search in space nas-bench-201: expected an architecture that the constraints allow"),
        ({"count": "none"}, "count: expected one of live, all"),
        ({"constraints": [3]}, "constraints: expected search.Constraint, one or several, got 3"),
        (
            {"constraints": "macs <= 2 M"},
            "constraint macs, unit: expected none, as macs are counted one by one",
        ),
        ({"constraints": "macs"}, "constraint: expected NAME <= NUMBER or NAME >= NUMBER, such as latency:pixel3 <= 5"),
        (
            {"constraints": "latency <= 5 ms"},
            "constraint latency: expected parameters or macs, or of=a function of an architecture, got something that",
        ),
    ],
)
def test_constraints_that_make_no_sense_are_refused(store, expansion, options, text):
    with pytest.raises(InputError) as error:
        objective(expansion, store, **options)
    assert str(error.value).startswith(text)


# going on


def interrupted(expansion, url, after, monkeypatch, **options):
    """A search whose process ends in the middle of a transaction, after so many, as a kill would end it."""

    class Killed(BaseException):
        pass

    left = [after]
    write = RecordStore.write

    @contextmanager
    def once_less(self):
        with write(self) as connection:
            yield connection
            if left[0] == 0:
                raise Killed
        left[0] -= 1

    def run():
        with RecordStore(url) as store, objective(expansion, store) as one:
            search.run(SMALL, one, budget=9, seed=5, **options)

    with monkeypatch.context() as patch:
        patch.setattr(RecordStore, "write", once_less)
        with pytest.raises(Killed):
            run()
    with RecordStore(url) as store, store.write() as connection:
        connection.exec_driver_sql("update drivers set heartbeat = 0")  # this process lives on


@pytest.mark.parametrize("batch", [None, 3])
def test_a_search_goes_on_wherever_it_was_killed(tmp_path, expansion, batch, monkeypatch):
    with RecordStore(f"sqlite:///{tmp_path}/calm.db") as store, objective(expansion, store) as one:
        calm = search.run(SMALL, one, budget=9, seed=5, batch=batch)
    for after in (5, 8, 15):
        url = f"sqlite:///{tmp_path}/{after}.db"
        interrupted(expansion, url, after, monkeypatch, batch=batch)
        with RecordStore(url) as store, objective(expansion, store) as one:
            trace = search.run(SMALL, one, budget=9, seed=5, batch=batch)
            assert found(trace) == found(calm)
            assert trace.duplicates == calm.duplicates
            assert count(store, "count(*)") == 9


def test_a_journal_of_other_code_is_refused_with_one_line(store, expansion, monkeypatch):
    with objective(expansion, store) as one:
        search.run(SMALL, one, budget=8, seed=0)
        with monkeypatch.context() as patch:
            patch.setattr("robnas.search._evolution._fittest", lambda drawn: min(drawn, key=itemgetter(0))[1])
            with pytest.raises(StoreError, match="journal of the search: expected the next question") as error:
                search.run(SMALL, one, budget=8, seed=0)
    assert "\n" not in str(error.value)


def test_a_second_process_that_goes_on_with_the_same_search_is_refused(store, expansion):
    first = objective(expansion, store).journal({"algorithm": "a"})
    second = objective(expansion, store).journal({"algorithm": "a"})
    one, other = search.Event("ask", "000000", None, 1), search.Event("ask", "111111", None, 1)
    first.append(one)
    second.append(one)
    flush(first, second)  # the same again is nothing new
    first.append(other)
    second.append(one)
    with pytest.raises(StoreError, match="expected one process that runs it, got another one has gone on with it"):
        flush(first, second)


def flush(*journals):
    for journal in journals:
        journal._log.flush()


def test_journals_hold_what_was_told(store, expansion):
    journal = objective(expansion, store).journal({"algorithm": "a"})
    failed = search.Answer((-np.inf,), seconds=2.0, feasible=False)
    events = [search.Event("ask", "000000", 3, 1), search.Event("tell", "000000", 3, 1, failed)]
    for event in events:
        journal.append(event)
    flush(journal)
    assert list(objective(expansion, store).journal({"algorithm": "a"}).events()) == events
    assert list(objective(expansion, store).journal({"algorithm": "b"}).events()) == []
    with store.write() as connection:
        connection.exec_driver_sql(
            'update search_events set json = \'{"asked": 1, "values": [1, 2]}\' where number = 1'
        )
    with pytest.raises(StoreError, match=r"event 1 of search .*: expected an answer of 1 values"):
        list(objective(expansion, store).journal({"algorithm": "a"}).events())


def test_two_searches_at_once_train_everything_once(url, expansion, tmp_path):
    (tmp_path / "marks").mkdir()
    oracle = {"marks": tmp_path / "marks", "seconds": 0.01}
    traces = {}

    def work(sample):
        algorithm = search.RegularizedEvolution(population=6, sample=sample)
        with RecordStore(url) as store, objective(expansion, store, oracle=oracle) as one:
            traces[sample] = search.run(algorithm, one, budget=12, seed=0)

    threads = [threading.Thread(target=work, args=(sample,)) for sample in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    trained = [path.name.split("-")[0] for path in (tmp_path / "marks").iterdir()]
    assert len(trained) == len(set(trained)) == len({text for trace in traces.values() for text in found(trace)[0]})


# refused


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"metric": "pgd@1/255"}, f"metric: expected one that plan small measures, clean, {METRIC}, "),
        ({"metric": [METRIC, METRIC]}, "metric: expected one of clean"),
        ({"metric": []}, "metric: expected one of clean"),
        ({"seeds": 4}, "seeds: expected at most 3, as plan small has, got 4"),
        ({"seeds": 0}, "seeds: expected at least 1, got 0"),
        ({"split": "train"}, "split"),
    ],
)
def test_what_the_plan_does_not_have_is_refused_with_one_line(store, expansion, options, text):
    with pytest.raises(InputError) as error:
        objective(expansion, store, **options)
    assert str(error.value).startswith(text)
    assert "\n" not in str(error.value)


def test_a_plan_without_validation_images_is_refused(store):
    with pytest.raises(InputError, match="split: expected one that plan small measures, test, got 'validation'"):
        objective(expansion_of(evaluation__splits=["test"], evaluation__images={}), store)


def test_a_plan_that_collides_with_what_searches_trained_is_refused_and_the_other_way_round(store):
    listed = {"space": {"kind": "list", "architectures": ["323133", "444444"]}, "seeds": [0], "extra": []}
    one = load_and_expand(plan(**listed))
    with objective(one, store) as trained:
        search.run(search.RandomSearch(), trained, budget=2, seed=0)
    other = load_and_expand(plan(**listed, evaluation__limits={"pgd": 10}))
    with pytest.raises(StoreError, match=r"evaluation: expected that of plan small, on demand"):
        enrol(other, store)
    with objective(other, store) as trained, pytest.raises(StoreError, match="expected that of plan small, on demand"):
        search.run(search.RandomSearch(), trained, budget=2, seed=0)


def test_something_else_than_a_plan_is_refused(store):
    with pytest.raises(InputError, match=r"plan: expected a Plan, such as Plan.read\(path\), got 'plan.toml'"):
        TrainingObjective("plan.toml", store, metric="clean", split="validation")


def test_traces_are_plain_values(store, expansion):
    with objective(expansion, store) as one:
        trace = search.run(SMALL, one, budget=7, seed=0)
    plain = json.loads(json.dumps(trace.to_dict()))
    assert plain["task"]["goals"] == [{"name": METRIC, "unit": "", "direction": "maximise"}]
    assert (plain["task"]["plan"], plain["task"]["seeds"]) == ("small", [0])
    assert "best fgsm@16/255" in str(trace)
