"""Asking and telling: one at a time, several, in any order, and what is refused."""

import numpy as np
import pytest

from robnas.errors import InputError
from robnas.search import (
    NSGA2,
    Bananas,
    Classes,
    LocalSearch,
    Loop,
    MORegularizedEvolution,
    Optuna,
    PredictorEvolution,
    ProxySearch,
    RandomSearch,
    RegularizedEvolution,
)
from robnas.spaces import SPACES, TheorySpace
from robnas.testing import check_algorithm
from tests.search.spaces import CUBE, HUGE, SPACES_TRIED, TOY


def length(arch):
    """A proxy for any space."""
    return float(len(arch.text))


EVERY = [
    RandomSearch(),
    RandomSearch("classes"),
    LocalSearch(),
    LocalSearch("first", 3),
    RegularizedEvolution(10, 3),
    MORegularizedEvolution(10, 3),
    NSGA2(population=6),
    Bananas(5, 5, 3, 4, 2, predictor="ridge"),
    PredictorEvolution(5, 5, 3, 4, 1),
    ProxySearch(length, pool=40, warmup=8, sample=3),
    Optuna("random"),
    Optuna("nsga2"),
]


@pytest.mark.parametrize("space", SPACES_TRIED, ids=lambda space: space.name)
@pytest.mark.parametrize("algorithm", EVERY, ids=lambda one: f"{one.name}-{len(repr(one))}")
def test_every_algorithm_searches_every_space(algorithm, space):
    check_algorithm(algorithm, space, questions=24)


@pytest.mark.parametrize("sampler", ["tpe", "cma-es", "qmc"])
def test_samplers_search_other_spaces(sampler):
    check_algorithm(Optuna(sampler), TOY, questions=20)
    check_algorithm(Optuna(sampler, encoding="continuous"), CUBE, questions=20)


@pytest.mark.parametrize(
    "algorithm", [RandomSearch(), NSGA2(population=4), MORegularizedEvolution(6, 2), Optuna("tpe")]
)
def test_several_objectives_are_asked_and_told(algorithm):
    check_algorithm(algorithm, Classes(TOY, objectives=2), questions=20)


BATCHES = [
    (RegularizedEvolution(10, 3), [10, 1, 1]),
    (MORegularizedEvolution(10, 3), [10, 1, 1]),
    (NSGA2(population=6), [6, 6, 6]),
    (LocalSearch(initial=4), [4, 6, None]),
    (LocalSearch("first"), [1, 1, 1]),
    (Bananas(7, 5, 3, 4, 2, predictor="ridge"), [7, 5, 5]),
    (PredictorEvolution(4, 3, 2, 4, 1), [4, 3, 3]),
    (ProxySearch(length, pool=20, warmup=8, sample=3), [8, 1, 1]),
]


@pytest.mark.parametrize(("algorithm", "sizes"), BATCHES, ids=lambda one: str(one)[:30])
def test_a_generation_is_handed_out_at_once_and_what_follows_waits(algorithm, sizes):
    searcher = algorithm.start(TOY, np.random.default_rng(0))
    for size in sizes:
        if size is None:
            return
        found = searcher.ask(100)
        assert len(found) == size
        for question in (searcher.ask, lambda: searcher.ask(2)):
            with pytest.raises(InputError, match=f"ask: expected tell first, because .*, got none for {found[0]}"):
                question()
        for arch in found[::-1]:
            searcher.tell(arch, (length(arch),))


@pytest.mark.parametrize("algorithm", [RandomSearch(), Optuna("random")])
def test_what_depends_on_no_answer_may_be_asked_for_without_end(algorithm):
    searcher = algorithm.start(HUGE, np.random.default_rng(0))
    first = searcher.ask(50)
    assert len(set(first)) == 50
    assert searcher.ask() not in first
    searcher = algorithm.start(TOY, np.random.default_rng(0))
    assert len({searcher.ask() for _ in range(4)} | set(searcher.ask(999))) == 24


@pytest.mark.parametrize("algorithm", [one for one in EVERY if not isinstance(one, Optuna)], ids=lambda one: one.name)
def test_several_at_a_time_are_those_that_come_one_by_one(algorithm):
    """An answer depends on the architecture alone, so neither its place nor its time matter."""

    def asked(size):
        searcher, found = algorithm.start(TOY, np.random.default_rng(2)), []
        while len(found) < 40 and (batch := searcher.ask(size)):
            for arch in batch[::-1]:
                searcher.tell(arch, (length(arch),))
            found += batch
        return found[:40]

    assert asked(3)[:36] == asked(1)[:36] == asked(50)[:36]


def test_an_answer_goes_to_its_architecture():
    told = {}

    def steps():
        first = [CUBE.from_index(index) for index in (3, 1, 3, 2)]
        told["first"] = yield first
        told["second"] = yield CUBE.from_index(5)

    searcher = Loop(steps())
    _, b, c, d = searcher.ask(4)
    searcher.tell(d, (4.0,))
    searcher.tell(c, (1.0,))
    searcher.tell(b, (2,))
    with pytest.raises(InputError, match=r"ask: expected tell first, .* got none for a=0,b=1,c=0"):
        searcher.ask()
    searcher.tell(CUBE.from_index(3), [np.float64(3.0)])
    e = searcher.ask()
    assert told["first"] == [(1.0,), (2.0,), (3.0,), (4.0,)]
    searcher.tell(e, (5.0, 6.0))
    assert (searcher.ask(), searcher.ask(3), told["second"]) == (None, (), (5.0, 6.0))


def test_an_iterator_is_read_as_far_as_it_is_asked():
    read = []

    def lazy():
        for index in range(27):
            read.append(index)
            yield CUBE.from_index(index)

    def steps():
        answers = yield lazy()
        assert len(answers) == 27

    searcher = Loop(steps())
    searcher.ask()
    assert read == [0]
    searcher.ask(4)
    assert read == [0, 1, 2, 3, 4]
    for index in range(5):
        searcher.tell(CUBE.from_index(index), (0.0,))
    while (arch := searcher.ask()) is not None:
        searcher.tell(arch, (0.0,))
    assert len(read) == 27


@pytest.mark.parametrize("values", [(), (float("nan"),), 0.5, None, "x", (1.0, 2.0), ("high",)])
def test_an_answer_that_is_none_is_refused_and_harms_nothing(values):
    for algorithm in (RegularizedEvolution(4, 2), Optuna("random")):
        searcher = algorithm.start(TOY, np.random.default_rng(0))
        arch = searcher.ask()
        with pytest.raises(InputError, match="tell, values: expected a tuple of 1 numbers, -inf where"):
            searcher.tell(arch, values)
        searcher.tell(arch, (-np.inf,))
        assert searcher.ask() is not None


def test_an_answer_to_no_question_is_refused():
    for algorithm in (RegularizedEvolution(4, 2), Optuna("random")):
        searcher = algorithm.start(TOY, np.random.default_rng(0))
        arch, other = searcher.ask(), SPACES["nas-bench-201"].at([0] * 6)
        with pytest.raises(InputError, match=f"one that was asked and not told yet: {arch}, got '000000'"):
            searcher.tell(other, (1.0,))
        searcher.tell(arch, (1.0,))
        for never in (arch, arch.text, [], None):
            with pytest.raises(InputError, match="not told yet: none, because nothing is asked, got"):
                searcher.tell(never, (1.0,))
    with pytest.raises(InputError, match="ask: expected at least 1, got 0"):
        searcher.ask(0)


# what fits together is checked at the start


@pytest.mark.parametrize(
    ("algorithm", "space", "text"),
    [
        (Bananas(encoding="path"), TOY, "bananas encoding, space toy: expected one of auto, one-hot, got 'path'"),
        (PredictorEvolution(encoding="path"), SPACES["wide-resnet"], "predictor-evolution encoding, space wide-res"),
        (ProxySearch("top_score"), TOY, "proxy-search proxy top_score: expected a score of architectures of space t"),
        (ProxySearch("convolutions"), SPACES["wide-resnet"], "which belongs to wide-resnet"),
        (ProxySearch("parameters"), HUGE, "proxy-search proxy parameters: expected a score of architectures of"),
        (LocalSearch(), Classes(TOY, objectives=2), "objectives of local-search: expected one, got 2"),
        (LocalSearch(), 3, "classes: expected those of a table or a space, got 3"),
        (LocalSearch(), "toy", "classes: expected those of a table or a space, got 'toy'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_at_the_start_in_one_line(algorithm, space, text):
    with pytest.raises(InputError, match=text) as error:
        algorithm.start(space, np.random.default_rng(0))
    assert "\n" not in str(error.value)


def test_sizes_guide_a_search_where_networks_can_be_counted():
    searcher = ProxySearch("macs", pool=500, warmup=5, sample=2).start(SPACES["wide-resnet"], np.random.default_rng(0))
    widths = [sum(arch.genes[f"W{stage}"] for stage in (1, 2, 3)) for arch in searcher.ask(5)]
    assert min(widths) > 36


# classes


def test_the_classes_of_a_whole_space_are_its_architectures():
    classes = Classes.of(TOY)
    assert Classes.of(classes) is classes
    assert (classes.size, classes.complete, classes.objectives) == (24, True, 1)
    assert classes.architectures == classes.representatives == tuple(TOY)
    assert len({classes.class_of(arch) for arch in TOY}) == 24
    assert sorted(classes.shuffled(np.random.default_rng(0), classes=True)) == list(TOY)
    assert TheorySpace().at([0] * 6) not in classes
    assert classes.find(SPACES["nas-bench-201"].at([0] * 6)) is None
    taken = {classes.class_of(arch) for arch in list(TOY)[:-1]}
    assert classes.fresh(taken, np.random.default_rng(0)) == list(TOY)[-1]
    assert classes.fresh({*taken, list(TOY)[-1]}, np.random.default_rng(0)) is None


def test_a_partition_makes_classes_of_a_whole_space():
    cells = SPACES["nas-bench-201"]
    classes, official = Classes(cells, "official"), cells.partition("official")
    assert classes.size == official.count == len(classes.representatives)
    assert classes.class_of(cells.at([0] * 6)) == classes.class_of(cells.at([4, 0, 3, 0, 0, 0]))
    with pytest.raises(InputError, match="partition: expected none, space toy has none, got 'official'"):
        Classes(TOY, "official")


@pytest.mark.parametrize("objectives", [0, 1.5, "2"])
def test_a_number_of_objectives_that_is_none_is_refused(objectives):
    with pytest.raises(InputError, match="objectives: expected"):
        Classes(TOY, objectives=objectives)


def test_a_space_that_cannot_be_listed_says_so():
    classes = Classes.of(HUGE)
    assert classes.size == 10**40
    with pytest.raises(InputError, match="space huge, all that a search may ask for: expected at most 1,000,000 archi"):
        _ = classes.architectures
    drawn = classes.shuffled(np.random.default_rng(0), classes=True)
    assert len({next(drawn) for _ in range(30)}) == 30


def test_the_former_name_of_classes_goes_on_with_a_word():
    import robnas.search

    with pytest.warns(DeprecationWarning, match=r"robnas.search.Space is now robnas.search.Classes"):
        assert robnas.search.Space is Classes
    with pytest.raises(AttributeError, match="no attribute 'Spaces'"):
        _ = robnas.search.Spaces
