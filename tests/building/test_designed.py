"""A build that trains a part of its plan, chosen as it goes on."""

import os
import signal

import numpy as np
import pytest

from robnas import search
from robnas.building import EXECUTORS, Chosen, Designing, Plan, drive, enrol, estimate, load_and_expand, run_plan
from robnas.errors import InputError
from robnas.records import RecordStore, TrialQueue, find_plan, store_status
from robnas.spaces import SPACES, Gene, Space
from tests.building.designs import LISTED, Whimsical, build, choices, designed, trained
from tests.building.oracle import Oracle
from tests.building.searched import objective
from tests.building.test_driver import Inline
from tests.building.test_plan import plan

DESIGN = {"kind": "active", "budget": 7, "start": 3, "batch": 2}


@pytest.fixture
def store(url):
    with RecordStore(url) as store:
        yield store


@pytest.fixture
def vast():
    SPACES["vast"] = Space("vast", genes=[Gene(f"g{number}", tuple(range(10))) for number in range(40)])
    yield "vast"
    del SPACES["vast"]


def test_a_start_then_batches_up_to_the_budget(store):
    chooser = Whimsical()
    result = build(designed(DESIGN), store, chooser)
    assert (result.done, result.failed, result.remaining) == (7, 0, 0)
    assert [(len(measured.rows), count) for measured, count in chooser.asked] == [(0, 3), (3, 2), (5, 2), (7, 0)]
    found = result.design
    assert (found.known, found.failed, found.budget, found.error) == (7, 0, 7, pytest.approx(1 / 7, rel=1e-5))
    assert found.reason == "the budget of 7 architectures is used"
    assert len(trained(store)) == 7
    assert sorted(choices(store)) == [text for text, _ in trained(store)]


def test_the_chooser_is_told_what_was_measured(store):
    expansion, chooser = designed({**DESIGN, "metric": "clean", "split": "test"}), Whimsical()
    build(expansion, store, chooser)
    measured, _ = chooser.asked[-1]
    assert [arch.text for arch in measured.candidates] == [arch.text for arch, _ in expansion.plan.pairs]
    for row, values in zip(measured.rows, measured.values, strict=True):
        [record] = store.records(architecture=measured.candidates[row].text, metric="clean", split="test")
        assert values.tolist() == [record.value]


def test_the_same_command_again_trains_nothing_and_a_larger_budget_goes_on(store):
    build(designed(DESIGN), store)
    before = choices(store)
    result = build(designed(DESIGN), store)
    assert (result.done, result.design.known, choices(store)) == (0, 7, before)
    result = build(designed({**DESIGN, "budget": 9}), store)
    assert (result.done, result.design.known) == (2, 9)
    assert choices(store)[:7] == before
    result = build(designed({**DESIGN, "budget": 100}), store)
    assert (result.done, result.design.budget) == (1, 10)
    assert result.design.reason == "all 10 architectures are measured or have failed"


def test_it_ends_where_the_estimated_error_is_small_enough(store):
    given = {key: value for key, value in DESIGN.items() if key != "budget"}
    result = build(designed({**given, "until_mae": 0.21}), store)
    assert (result.done, result.design.known) == (5, 5)
    assert result.design.reason == "the estimated mean absolute error is 0.2, at most 0.21"
    result = build(designed({**DESIGN, "until_mae": 0.01}), store)
    assert (result.done, result.design.reason) == (2, "the budget of 7 architectures is used")


def test_no_error_ends_it_before_the_start_is_known(store):
    result = build(designed({**DESIGN, "until_mae": 0.9}), store, Whimsical(scale=0.1))
    assert (result.done, result.design.known) == (3, 3)


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, [(0, 7), (7, 0)]),
        ({"until_mae": 0.001}, [(0, 3), (3, 2), (5, 2), (7, 0)]),  # only then it has to look in between
    ],
)
def test_choices_that_depend_on_no_measurement_are_made_at_once(store, changes, asked):
    chooser = Whimsical(sequential=False)
    build(designed({**DESIGN, **changes}), store, chooser)
    assert [(len(measured.rows), count) for measured, count in chooser.asked] == asked


def test_what_the_store_knows_counts_as_known(store):
    plain, chooser = load_and_expand(plan_without_design()), Whimsical()
    drive(enrol(plain, store), Inline(Oracle.of(plain)), limit=4)
    before = trained(store)
    result = build(designed(DESIGN), store, chooser)
    assert (result.done, result.design.known) == (3, 7)
    assert (len(chooser.asked[0][0].rows), chooser.asked[0][1]) == (4, 2)
    assert set(before) < set(trained(store))
    [status] = store_status(store)  # it is the same plan
    assert (status.total, status.done) == (10, 7)


def test_what_a_search_has_trained_counts_as_known(store):
    plain = load_and_expand(plan_without_design())
    with objective(plain, store) as one:
        trace = search.run(search.RandomSearch(), one, budget=3, seed=0)
    EXECUTORS.pop("oracle")
    result = build(designed(DESIGN), store)
    assert (result.done, result.design.known) == (4, 7)
    assert {(arch.text, 0) for arch in trace.architectures} < set(trained(store))


def plan_without_design():
    return plan(seeds=[0], extra=[], space={"kind": "list", "architectures": LISTED, "channels": 2})


def test_the_rest_of_the_plan_can_be_built_afterwards(store):
    build(designed(DESIGN), store)
    plain = load_and_expand(plan_without_design())
    assert drive(enrol(plain, store), Inline(Oracle.of(plain))).done == 3
    assert len(trained(store)) == 10


def test_all_seeds_of_what_is_chosen_are_trained_and_told(store):
    chooser = Whimsical()
    extra = [{"count": 10, "seeds": [7]}]
    result = build(designed({**DESIGN, "budget": 4}, seeds=[0, 3], extra=extra), store, chooser)
    assert (result.done, result.design.known) == (12, 4)
    measured, _ = chooser.asked[-1]
    assert measured.values.shape == (4, 3)
    assert np.isfinite(measured.values).all()


def test_seeds_that_a_plan_has_for_some_only_are_missing_for_the_others(store):
    chooser = Whimsical()
    build(designed({**DESIGN, "budget": 10}, extra=[{"count": 4, "seeds": [5]}]), store, chooser)
    measured, _ = chooser.asked[-1]
    assert np.isfinite(measured.values).sum(axis=0).tolist() == [10, 4]


def test_a_failed_architecture_is_spent_and_not_chosen_again_until_it_is_retried(store):
    chooser, bad = Whimsical(), frozenset(LISTED)
    first = build(designed({**DESIGN, "budget": 3}), store, oracle={"fails": bad})
    assert (first.done, first.failed, first.design.known, first.design.failed) == (0, 3, 0, 3)
    result = build(designed(DESIGN), store, chooser)
    assert (result.done, result.design.known, result.design.failed) == (4, 4, 3)
    assert all(not {*measured.closed} & {*measured.rows} for measured, _ in chooser.asked)
    TrialQueue(store, find_plan(store).hash).retry()
    result = build(designed(DESIGN), store)
    assert (result.done, result.design.known, result.design.failed) == (3, 7, 0)


def test_one_seed_of_several_that_failed_leaves_the_mean_of_the_others(store):
    expansion = designed({**DESIGN, "budget": 3}, seeds=[0, 1])
    result = build(expansion, store)
    with store.write() as connection:
        connection.exec_driver_sql("update trials set state = 'failed' where seed = 1")
    chooser = Whimsical()
    again = build(expansion, store, chooser)
    assert (result.done, again.done, again.design.known) == (6, 0, 3)
    assert np.isnan(chooser.asked[0][0].values).sum() == 3


def test_a_limit_stops_in_the_middle_of_a_batch_and_the_batch_is_finished_first(store):
    with RecordStore(f"{store.shown}.calm.db") as calm:
        build(designed(DESIGN), calm)
        undisturbed = choices(calm)
    for done in (2, 2, 2, 1, 0):
        result = build(designed(DESIGN), store, limit=2)
        assert result.done == done
    assert choices(store) == undisturbed
    assert result.design.reason == "the budget of 7 architectures is used"


def test_the_status_says_how_far_the_design_is_and_the_time_that_all_of_it_takes(store):
    seen = []

    class Watching(Whimsical):
        def choose(self, measured, count):
            seen.append(store_status(store))
            return super().choose(measured, count)

    build(designed(DESIGN, seeds=[0, 1]), store, Watching())
    assert [one.design for one in seen[0]] == [None]
    [third] = seen[2]
    assert (third.design.kind, third.design.chosen, third.design.known, third.design.budget) == ("active", 5, 3, 7)
    assert (third.design.trials_left, third.design.reason) == (4, "")
    [status] = store_status(store)
    assert (status.total, status.done, status.design.chosen, status.design.known) == (14, 14, 7, 7)
    assert (status.design.error, status.design.trials_left) == (pytest.approx(1 / 7, rel=1e-5), 0)
    assert status.design.reason == "the budget of 7 architectures is used"


def test_ctrl_c_while_it_thinks_loses_nothing(store, url):
    class Interrupted(Whimsical):
        def choose(self, measured, count):
            if len(measured.rows) == 3:
                os.kill(os.getpid(), signal.SIGINT)
            return super().choose(measured, count)

    with RecordStore(f"{url}.calm.db") as calm:
        build(designed(DESIGN), calm)
        undisturbed = choices(calm)
    with pytest.raises(KeyboardInterrupt):
        build(designed(DESIGN), store, Interrupted())
    assert len(trained(store)) == 3
    assert build(designed(DESIGN), store).done == 4
    assert choices(store) == undisturbed


def test_progress_tells_rate_error_and_what_is_left(store):
    told = []
    build(designed(DESIGN), store, progress=lambda *shown: told.append(shown))
    assert told[0][:2] == (0, 7)
    assert told[-1][0] <= 7 == told[-1][1]
    assert "6/7 architectures" in told[-1][2]
    assert "trials/s, error 20.00 points" in told[-1][2]


def test_notes_say_what_was_chosen(store):
    notes = []
    build(designed(DESIGN), store, note=notes.append)
    assert "3 architectures are chosen beside 0 known ones" in notes
    assert "2 architectures are chosen beside 5 known ones, whose predictions err by about 20.00 points" in notes


class Overtaken(Whimsical):
    """While it thinks for the second time, another process builds up to a budget."""

    def __init__(self, store, budget, chooser):
        super().__init__()
        self.other = lambda: build(designed({**DESIGN, "budget": budget}), store, chooser)

    def choose(self, measured, count):
        if len(measured.rows) == 3 and self.other is not None:
            other, self.other = self.other, None
            other()
        return super().choose(measured, count)


@pytest.mark.parametrize("budget", [5, 7, 9])
@pytest.mark.parametrize("scale", [1.0, 2.0])  # the other tells another error, and so writes other events
def test_of_two_processes_the_first_one_chooses_for_both(store, url, budget, scale):
    with RecordStore(f"{url}.calm.db") as calm:
        build(designed({**DESIGN, "budget": max(budget, 7)}), calm)
        undisturbed = choices(calm)
    result = build(designed(DESIGN), store, Overtaken(store, budget, Whimsical(scale=scale)))
    assert choices(store) == undisturbed
    assert (result.done, result.design.known) == (3 + max(0, 7 - budget), max(budget, 7))
    assert len(trained(store)) == max(budget, 7)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([0, 0], "up to 3 rows, each once"),
        ([0, 1, 2, 3], "up to 3 rows"),
        ([10], "chooser, row"),
        ([0.5], "chooser, row"),
    ],
)
def test_wrong_choices_are_refused(store, rows, text):
    class Wrong(Whimsical):
        def choose(self, measured, count):
            return Chosen(rows)

    with pytest.raises(InputError, match=text):
        build(designed(DESIGN), store, Wrong())


def test_a_choice_of_what_is_known_is_refused(store):
    class Stubborn(Whimsical):
        def choose(self, measured, count):
            return Chosen([0][:count])

    with pytest.raises(InputError, match="which is measured or has failed"):
        build(designed(DESIGN), store, Stubborn())


def test_nothing_chosen_is_an_end(store):
    class Content(Whimsical):
        def choose(self, measured, count):
            return Chosen([] if measured.rows else [0, 1], 0.1)

    result = build(designed(DESIGN), store, Content())
    assert (result.done, result.design.reason) == (2, "nothing else is worth a training")


# what a plan says


def test_a_plan_has_its_design():
    found = plan(design={"kind": "active", "budget": 200, "until_mae": 0.005, "focus": "top"})
    assert found.design == Designing(kind="active", budget=200, until_mae=0.005, focus="top")
    assert Plan.from_dict(found.to_dict()).design == found.design
    assert plan(design="spread").design == Designing(kind="spread")
    assert "design" not in plan().to_dict()


def test_a_design_is_no_part_of_the_hash():
    assert designed(DESIGN).hash == load_and_expand(plan_without_design()).hash


@pytest.mark.parametrize(
    ("design", "text"),
    [
        ({"budget": 3}, "plan design: expected an entry kind, such as active, got none"),
        (3, r"expected a table \[design\], or the name of a design"),
        ({"kind": "active", "bugdet": 3}, "budget"),
        ({"kind": "active", "budget": 0}, "design budget"),
        ({"kind": "active", "budget": 2.5}, "design budget: expected a whole number"),
        ({"kind": "active", "until_mae": 1.5}, "design until_mae: expected at least 0 and at most 1|design until_mae"),
        ({"kind": "active", "until_mae": float("nan")}, "design until_mae"),
        ({"kind": "active", "focus": "bottom"}, "everywhere"),
        ({"kind": "active", "split": "train2"}, "split"),
        ({"kind": "active", "information": []}, "design information"),
        ({"kind": ""}, "design kind: expected a name"),
        ({"kind": "active", "metric": ""}, "design metric"),
    ],
)
def test_a_wrong_design_is_refused(design, text):
    with pytest.raises(InputError, match=text):
        plan(design=design)


def test_a_design_has_to_say_when_it_is_enough(store):
    with pytest.raises(InputError, match="design: expected a budget, or until_mae, got neither; say --budget"):
        build(designed({"kind": "active"}), store)


def test_a_design_needs_a_chooser_and_a_chooser_a_design(store):
    with pytest.raises(InputError, match="chooser: expected a design in the plan and a chooser, or neither"):
        run_plan(designed(DESIGN), store)
    with pytest.raises(InputError, match="chooser: expected a design in the plan and a chooser, or neither"):
        run_plan(load_and_expand(plan_without_design()), store, chooser=Whimsical())


@pytest.mark.parametrize(
    ("design", "looks_at"),
    [
        ({}, "pgd-l2@0.5 on validation images"),
        ({"split": "test"}, "pgd-l2@0.5 on test images"),
        ({"metric": "clean"}, "clean on validation images"),
    ],
)
def test_what_a_design_looks_at(design, looks_at):
    assert estimate(designed({**DESIGN, **design}), None).looks_at == looks_at


@pytest.mark.parametrize(
    ("attacks", "looks_at"),
    [
        (["pgd 8/255", "pgd 4/255", "fgsm 16/255"], "pgd@8/255"),
        (["fgsm 8/255", "fgsm 4/255"], "fgsm@4/255"),
        ([], "clean"),
    ],
)
def test_a_design_looks_at_the_strongest_pgd_or_the_last_attack(attacks, looks_at):
    own = [{"name": name, "epsilon": epsilon, **({"steps": 1, "step_size": "1/255"} if name == "pgd" else {})}
           for name, epsilon in map(str.split, attacks)]  # fmt: skip
    found = designed(DESIGN, evaluation={"splits": ["test"], "attacks": own, "images": {"test": 20}})
    assert estimate(found, None).looks_at == f"{looks_at} on test images"


def test_what_is_not_measured_cannot_be_looked_at(store):
    with pytest.raises(InputError, match="metric: expected one that plan small measures, clean, fgsm@16/255"):
        build(designed({**DESIGN, "metric": "pgd@1/255"}), store)
    assert store_status(store) == []


def test_the_estimate_is_of_what_the_budget_leaves(store):
    found = estimate(designed(DESIGN), None)
    assert (found.total, found.done, found.to_do, found.known, found.budget) == (7, 0, 7, 0, 7)
    build(designed(DESIGN), store, limit=4)
    found = estimate(designed(DESIGN, seeds=[0]), store)
    assert (found.total, found.done, found.to_do, found.known) == (7, 4, 3, 4)
    assert estimate(load_and_expand(plan_without_design()), store).known is None


def test_a_search_of_such_a_plan_asks_for_all_of_it(vast):
    found = load_and_expand(plan(design="active", space={"name": vast, "kind": "all"}, extra=[]), listed=False)
    assert found.plan.space.kind == "all"


# spaces that are too large


def test_of_a_space_that_cannot_be_listed_a_random_pool_is_looked_at(store, vast):
    chooser, notes = Whimsical(), []
    expansion = designed({**DESIGN, "pool": 12}, space={"name": vast, "kind": "all"})
    result = build(expansion, store, chooser, note=notes.append)
    assert (result.done, len(chooser.asked[0][0].candidates)) == (7, 12)
    assert "the choices are among 12 architectures, drawn at random" in notes
    assert estimate(expansion, store).pool == 12
    assert build(designed({**DESIGN, "pool": 12}, space={"name": vast, "kind": "all"}), store).done == 0


def test_of_a_plan_larger_than_the_pool_a_part_is_looked_at_and_what_is_known(store):
    plain, chooser = load_and_expand(plan_without_design()), Whimsical()
    drive(enrol(plain, store), Inline(Oracle.of(plain)), limit=3)
    build(designed({**DESIGN, "pool": 6, "budget": 5}), store, chooser)
    texts = [arch.text for arch in chooser.asked[0][0].candidates]
    known = {text for text, _ in trained(store)}
    assert 6 <= len(texts) <= 9
    assert known <= set(texts)
    again = Whimsical()
    build(designed({**DESIGN, "pool": 6, "budget": 6}), store, again)
    assert [arch.text for arch in again.asked[0][0].candidates] == texts


def test_a_smaller_budget_than_that_of_a_stopped_build_is_kept(store):
    design = {"kind": "spread", "budget": 8}
    build(designed(design), store, Whimsical(sequential=False), limit=2)
    before = choices(store)
    assert estimate(designed({**design, "budget": 4}), store).to_do == 2
    result = build(designed({**design, "budget": 4}), store, Whimsical(sequential=False))
    assert (result.done, result.design.known) == (2, 4)
    assert result.design.reason == "the budget of 4 architectures is used"
    assert [text for text, _ in trained(store)] == sorted(before[:4])
    result = build(designed(design), store, Whimsical(sequential=False))
    assert (result.done, result.design.known, choices(store)) == (4, 8, before)


def test_an_accuracy_is_looked_for_among_what_a_build_without_one_has_chosen(store):
    design = {"kind": "spread", "budget": 10, "start": 3}
    build(designed(design), store, Whimsical(sequential=False), limit=1)
    result = build(designed({**design, "until_mae": 0.21}), store, Whimsical(sequential=False))
    assert (result.done, result.design.known) == (7, 8)  # three at the start, then five
    assert result.design.reason == "the estimated mean absolute error is 0.125, at most 0.21"


def test_seeds_of_what_is_begun_are_finished_within_the_budget(store):
    design = {"kind": "spread", "budget": 8}
    build(designed(design, seeds=[0, 1]), store, Whimsical(sequential=False), limit=3)
    result = build(designed({**design, "budget": 3}, seeds=[0, 1]), store, Whimsical(sequential=False))
    assert result.design.known == 3
    assert len(trained(store)) == 6


def test_the_chooser_is_told_the_space_with_its_settings(store):
    expansion, chooser = designed(DESIGN), Whimsical()
    build(expansion, store, chooser)
    assert {measured.space.key for measured, _ in chooser.asked} == {"nas-bench-201:channels=2,cells=1"}
