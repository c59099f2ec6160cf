"""Objectives of one's own: what the loop takes from them, and what it does not."""

import math

import numpy as np
import pytest

from robnas.errors import InputError
from robnas.search import Answer, Case, Classes, Goal, Question, RandomSearch, RegularizedEvolution, run
from tests.search.spaces import TOY, table_of, value_of


class Mine:
    """Answers three at a time, the last one first; `spoil` makes something else of each question and answer."""

    name = "mine"
    goals = (Goal("value"),)

    def __init__(self, spoil=lambda question, answer: [(question, answer)]):
        self.classes, self.spoil = Classes(TOY), spoil

    def serve(self, ask, seed):
        while asked := ask(3):
            for question in reversed(asked):
                yield from self.spoil(question, Answer((value_of(question.architecture),), seconds=1.0))


def test_an_objective_of_ones_own_needs_a_name_goals_classes_and_serve():
    trace = run(RegularizedEvolution(population=3, sample=2), Mine(), 24, 0)
    assert trace.values[:, 0].tolist() == [value_of(arch) for arch in trace.architectures]
    assert trace.seconds.tolist() == list(range(1, 25))


def test_a_question_may_come_back_as_a_copy_and_values_as_an_array():
    def copies(question, answer):
        return [(Question(TOY.parse(question.architecture.text)), Answer(np.array(answer.values)))]

    assert np.array_equal(run(RandomSearch(), Mine(copies), 9, 0).values, run(RandomSearch(), Mine(), 9, 0).values)


def test_what_breaks_a_constraint_is_never_told_its_values():
    trace = run(RandomSearch(), Mine(lambda asked, answer: [(asked, Answer((0.5,), feasible=False))]), 6, 0)
    assert (trace.infeasible, trace.failed, set(trace.values[:, 0])) == (6, 0, {-math.inf})


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (
            lambda asked, answer: [(asked, answer)] * 2,
            "answer: expected one to a question that waits for it, got 'depth=",
        ),
        (
            lambda asked, answer: [(Question(TOY.at([0, 0, 0])), answer)],
            "answer: expected one to a question that waits",
        ),
        (lambda asked, answer: [], "objective mine: expected an answer to every question, got none to 6"),
        (lambda asked, answer: [(asked, None)], "objective mine, serve: expected a Question and its Answer, got "),
        (lambda asked, answer: [(answer, asked)], "objective mine, serve: expected a Question and its Answer, got "),
        (lambda asked, answer: [(asked.architecture, answer)], "objective mine, serve: expected a Question and its"),
        (lambda asked, answer: [asked], "objective mine, serve: expected a Question and its Answer, got "),
        (lambda asked, answer: [(asked, answer, 1)], "objective mine, serve: expected a Question and its Answer, got "),
        (lambda asked, answer: [(asked, Answer((1.0, 2.0)))], "values: expected a tuple of 1 numbers, "),
        (lambda asked, answer: [(asked, Answer(0.5))], "values: expected a tuple of 1 numbers, "),
        (lambda asked, answer: [(asked, Answer((math.nan,)))], "values: expected a tuple of 1 numbers, "),
        (
            lambda asked, answer: [(asked, Answer((math.inf,)))],
            "objective mine, answer to depth=.*: expected 1 numbers",
        ),
        (lambda asked, answer: [(asked, Answer((True,)))], "objective mine, answer to depth=.*: expected 1 numbers"),
        (lambda asked, answer: [(asked, Answer((0.5,), seconds=-1.0))], "objective mine, seconds of depth="),
        (lambda asked, answer: [(asked, Answer((0.5,), hours=math.nan))], "objective mine, hours of depth="),
        (lambda asked, answer: [(asked, Answer((0.5,), seconds="1"))], "objective mine, seconds of depth="),
    ],
)
def test_an_objective_that_misbehaves_is_one_clear_line(spoil, text):
    with pytest.raises(InputError, match=text):
        run(RandomSearch(), Mine(spoil), 6, 0)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"goals": ()}, "objective mine, goals: expected a tuple of search.Goal, at least one, got "),
        ({"goals": ("value",)}, "objective mine, goals: expected a tuple of search.Goal, at least one, got "),
        (
            {"goals": (Goal("a"), Goal("b"))},
            "objective mine, goals: expected as many as its classes have objectives, 1",
        ),
        ({"classes": TOY}, r"objective mine, classes: expected search.Classes\(space\), got "),
        (
            {"serve": lambda ask, seed: None},
            "objective mine, serve: expected pairs of a Question and its Answer, got No",
        ),
        (
            {"serve": lambda ask, seed: [(asked, Answer((0.5,))) for asked in ask(3)]},
            "objective mine: expected to ask until no question is left, got an end after 3",
        ),
    ],
)
def test_an_objective_that_is_none_is_one_clear_line(wrong, text):
    objective = Mine()
    vars(objective).update(wrong)
    with pytest.raises(InputError, match=text):
        run(RandomSearch(), objective, 6, 0)


@pytest.mark.parametrize("wrong", [Mine, value_of, None, table_of(TOY)])
def test_what_is_no_objective_is_told_how_to_become_one(wrong):
    with pytest.raises(
        InputError, match=r"objective: expected .*a function of an architecture is made one by search.F"
    ):
        run(RandomSearch(), wrong, 6, 0)


@pytest.mark.parametrize("wrong", ["random-search", RandomSearch, None])
def test_what_is_no_algorithm_is_told_how_to_become_one(wrong):
    with pytest.raises(InputError, match=r"algorithm: expected such as search.RandomSearch\(\), got .*search.searcher"):
        run(wrong, Mine(), 6, 0)


class Kept:
    """A journal in memory."""

    def __init__(self, events=()):
        self.kept = list(events)

    def events(self):
        return list(self.kept)

    def append(self, event):
        self.kept.append(event)


def test_a_bad_answer_is_not_kept_so_that_the_search_can_go_on():
    journal = Kept()
    with pytest.raises(InputError):
        run(RandomSearch(), Mine(lambda asked, answer: [(asked, Answer((math.nan,)))]), 6, 0, journal=journal)
    assert {event.kind for event in journal.kept} == {"ask"}
    assert len(run(RandomSearch(), Mine(), 6, 0, journal=journal)) == 6


def test_runs_are_repeated_on_tables_only():
    with pytest.raises(InputError, match=r"task of a case: expected a Task, got .*; others are searched by search.run"):
        Case(RandomSearch(), Mine())
