"""What the two searches with a predictor share: what was seen, and a pool of mutants of the best."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from robnas._settings import check_keys
from robnas.errors import InputError
from robnas.search._algorithm import Algorithm, Steps, Values, name_of
from robnas.search._classes import Class, Classes
from robnas.search._predictor import PREDICTORS
from robnas.spaces import Architecture, Space
from robnas.types import check_count

Matrix = npt.NDArray[np.float64]
AUTO = "auto"
"""The encoding that a space names first."""


def check_guided(algorithm: object, name: str, counts: tuple[str, ...]) -> None:
    """Check the fields `counts`, `predictor` and `encoding` of an algorithm with a predictor."""
    for what in counts:
        check_count(f"{name} {what}", getattr(algorithm, what))
    check_keys(f"{name} predictor", [algorithm.predictor], PREDICTORS)  # type: ignore[attr-defined]
    if not isinstance(encoding := algorithm.encoding, str):  # type: ignore[attr-defined]
        raise InputError(f"{name} encoding", expected=f"{AUTO}, or an encoding of the space", got=encoding)


_A = TypeVar("_A", bound=Algorithm)


def with_encoding(algorithm: _A, space: Space) -> _A:
    """An algorithm with a predictor, with the encoding that it leaves to the space.

    Raises:
        InputError: the space has no such encoding.
    """
    encoding = algorithm.encoding  # type: ignore[attr-defined]
    if encoding == AUTO:
        return replace(algorithm, encoding=next(iter(space.encodings)))  # type: ignore[type-var]
    check_keys(f"{name_of(algorithm)} encoding, space {space.name}", [encoding], [AUTO, *space.encodings])
    return algorithm


@dataclass
class Seen:
    """Architectures that were asked for, with the value of each."""

    space: Classes
    rng: np.random.Generator
    architectures: list[Architecture] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    classes: set[Class] = field(default_factory=set)

    def draw(self, count: int) -> list[Architecture]:
        """So many random architectures of classes that are new, fewer at the end of the space."""
        return self._random(count, set(self.classes))

    def _random(self, count: int, taken: set[Class]) -> list[Architecture]:
        found = []
        for _ in range(count):
            arch = self.space.fresh(taken, self.rng)
            if arch is None:
                break
            taken.add(self.space.class_of(arch))
            found.append(arch)
        return found

    def ask(self, architectures: list[Architecture]) -> Generator[Iterable[Architecture], list[Values], None]:
        """Ask for all and keep the answers."""
        answers = yield architectures
        self.classes.update(map(self.space.class_of, architectures))
        self.architectures += architectures
        self.values += [value for (value,) in answers]

    def best(self, count: int) -> list[Architecture]:
        """The highest so far, best first."""
        return [self.architectures[place] for place in np.argsort(-np.array(self.values), kind="stable")[:count]]

    def pool(self, parents: int, each: int) -> list[Architecture]:
        """New neighbours of the best, `each` of every one and parents × `each` in all, all of different classes.

        Where the best `parents` have too few left, the next best and finally random ones fill up; near the end of the
        space there may be fewer.
        """
        size, taken, found = parents * each, set(self.classes), list[Architecture]()
        for parent in self.best(len(self.values)):
            near = self.space.neighbours(parent)
            begun = len(found)
            for place in self.rng.permutation(len(near)).tolist():
                if len(found) == min(size, begun + each):
                    break
                if (number := self.space.class_of(near[place])) not in taken:
                    taken.add(number)
                    found.append(near[place])
            if len(found) == size:
                return found
        return found + self._random(size - len(found), taken)

    def predict(self, pool: list[Architecture], predictor: str, encoding: str, members: int) -> Matrix:
        """What an ensemble fitted on everything finite predicts, standardised, shape (members, pool)."""
        values = np.array(self.values)
        known = np.isfinite(values)
        spread = values[known].std() if known.any() else 0.0
        if not spread > 0:  # nothing to learn from
            return np.zeros((members, len(pool)))
        seen = [arch for arch, there in zip(self.architectures, known, strict=True) if there]
        rows, new = (self.space.space.encode(archs, encoding) for archs in (seen, pool))
        target = (values[known] - values[known].mean()) / spread
        return PREDICTORS[predictor](rows, target, new, members, self.rng)


def rounds(
    space: Classes,
    rng: np.random.Generator,
    initial: int,
    propose: Callable[[Seen], list[Architecture]],
) -> Steps:
    """Ask for `initial` random architectures, then for what `propose` names, until it names nothing."""
    seen = Seen(space, rng)
    yield from seen.ask(seen.draw(initial))
    while chosen := propose(seen):
        yield from seen.ask(chosen)
