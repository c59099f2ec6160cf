"""What a search algorithm is: settings that start a searcher, which asks and is told."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol, TypeAlias, final

import numpy as np

from robnas.errors import InputError, Verbatim
from robnas.search._space import Space
from robnas.spaces import Architecture

Values: TypeAlias = tuple[float, ...]
"""The answer to one question: a value per objective, higher is better; -inf where the training failed."""
Steps: TypeAlias = Generator[Architecture, Values, None]
"""An algorithm written as a loop: each ``values = yield arch`` asks for one architecture."""


class Searcher(Protocol):
    """One run of an algorithm."""

    def ask(self) -> Architecture | None:
        """The architecture to evaluate next, inside the space; None if there is nothing left to ask."""
        ...

    def tell(self, arch: Architecture, values: Values) -> None:
        """The answer to the last `ask`; for an architecture that was asked before it is the same as before."""
        ...


class Algorithm(Protocol):
    """Settings of an algorithm, a frozen dataclass.

    A third method is not needed: with `Searcher` this is everything that the loop calls.
    """

    def start(self, space: Space, rng: np.random.Generator) -> Searcher:
        """Begin a run.

        Args:
            space: what may be asked for, and how many objectives each answer has.
            rng: the only source of randomness, so that equal seeds give equal runs.
        """
        ...


@final
class Loop:
    """A searcher from a generator: `start` returns ``Loop(self._steps(space, rng))``."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._next: Architecture | None = None
        self._begun = False

    def ask(self) -> Architecture | None:
        """What the generator has yielded; None once it has returned."""
        if not self._begun:
            self._begun = True
            self._next = next(self._steps, None)
        return self._next

    def tell(self, arch: Architecture, values: Values) -> None:
        """Let the generator go on to its next question."""
        try:
            self._next = self._steps.send(values)
        except StopIteration:
            self._next = None


class ObjectivesError(InputError):
    """An algorithm for one objective was given several."""


def one_objective(algorithm: object, space: Space) -> None:
    """Raise `ObjectivesError` if `space` has several objectives."""
    if space.objectives != 1:
        raise ObjectivesError(
            f"objectives of {name_of(algorithm)}",
            expected="one",
            got=Verbatim(str(space.objectives)),
            remedy="nsga2, mo-regularized-evolution, random-search and optuna (nsga3, nsga2, tpe) take several",
        )


def name_of(algorithm: object) -> str:
    """How an algorithm is called in results: its attribute `name`, or its class."""
    return str(getattr(algorithm, "name", type(algorithm).__name__))
