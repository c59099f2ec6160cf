"""The check of algorithms finds what is wrong with one."""

import dataclasses
import random

import numpy as np
import pytest

from robnas.errors import InputError
from robnas.search import Bananas, Loop, RandomSearch
from robnas.spaces import SPACES
from robnas.testing import check_algorithm
from tests.search.spaces import TOY


@dataclasses.dataclass(frozen=True)
class Wrong:
    """Random search with a fault."""

    name = "wrong"
    fault: str

    def start(self, space, rng):
        return WrongSearcher(self.fault, space, rng)


class WrongSearcher:
    def __init__(self, fault, space, rng):
        self.fault, self.space, self.rng = fault, space, rng
        self.inner = RandomSearch().start(space, rng)
        if fault == "unseeded":
            self.rng = np.random.default_rng()
            self.inner = RandomSearch().start(space, self.rng)

    def ask(self, n=None):
        if self.fault == "nothing":
            return None if n is None else ()
        if self.fault == "outside":
            return SPACES["nas-bench-201"].random(self.rng)
        if self.fault == "text":
            return self.space.random(self.rng).text
        if self.fault == "global":
            np.random.random()  # noqa: NPY002
        if self.fault == "many" and n is not None:
            return self.inner.ask(n + 1)
        if self.fault == "alone" and n is not None:
            return self.inner.ask()
        return self.inner.ask(n) if n is not None else self.inner.ask()

    def tell(self, arch, values):
        try:
            self.inner.tell(arch, values)
        except InputError:
            if self.fault != "gullible":
                raise


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("nothing", "asks for nothing"),
        ("outside", "asks for .*, which it may not"),
        ("text", "asks for 'depth=.*', which is no architecture"),
        ("unseeded", "asks other questions when it is started again with the same seed"),
        ("global", "draws from, or seeds, the global random state"),
        ("many", r"ask\(1\) is no tuple of at most 1"),
        ("alone", r"ask\(1\) is no tuple of at most 1"),
        ("gullible", "takes an answer that nobody asked for"),
    ],
)
def test_a_fault_is_named_in_one_line(fault, text):
    with pytest.raises(AssertionError, match=f"^wrong on space toy: {text}$"):
        check_algorithm(Wrong(fault), TOY)


def test_an_algorithm_whose_settings_can_change_is_refused():
    class Loose:
        def start(self, space, rng):
            return RandomSearch().start(space, rng)

    with pytest.raises(AssertionError, match=r"^Loose on space toy: is no frozen dataclass"):
        check_algorithm(Loose(), TOY)


def test_what_fits_passes_and_global_randomness_is_left_alone():
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    check_algorithm(Wrong(""), TOY)
    after = np.random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    assert np.random.random() == after  # noqa: NPY002


def test_an_algorithm_that_says_it_cannot_is_not_at_fault():
    with pytest.raises(InputError, match="encoding, space toy: expected one of auto, one-hot, got 'path'"):
        check_algorithm(Bananas(encoding="path"), TOY)


def test_a_loop_needs_no_more_than_a_generator():
    @dataclasses.dataclass(frozen=True)
    class Short:
        def start(self, space, rng):
            return Loop(self._steps(space, rng))

        def _steps(self, space, rng):
            yield space.random(rng)
            answers = yield [space.random(rng) for _ in range(3)]
            assert len(answers) == 3
            near = space.neighbours(space.random(rng))
            (value,) = yield near[0]
            assert 0 <= value <= 1 or value == -np.inf

    check_algorithm(Short(), TOY)
