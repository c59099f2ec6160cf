"""What the two searches with a predictor share: what was seen, and a pool of mutants of the best."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from robnas._settings import check_keys
from robnas.search._algorithm import Steps, Values
from robnas.search._encoding import ENCODINGS, encode
from robnas.search._predictor import PREDICTORS
from robnas.search._space import Space
from robnas.spaces import Architecture
from robnas.types import check_count

Matrix = npt.NDArray[np.float64]


def check_guided(algorithm: object, name: str, counts: tuple[str, ...]) -> None:
    """Check the fields `counts`, `predictor` and `encoding` of an algorithm with a predictor."""
    for what in counts:
        check_count(f"{name} {what}", getattr(algorithm, what))
    check_keys(f"{name} predictor", [algorithm.predictor], PREDICTORS)  # type: ignore[attr-defined]
    check_keys(f"{name} encoding", [algorithm.encoding], ENCODINGS)  # type: ignore[attr-defined]


@dataclass
class Seen:
    """Architectures that were asked for, with the value of each."""

    space: Space
    rng: np.random.Generator
    architectures: list[Architecture] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    classes: set[int] = field(default_factory=set)

    def draw(self, count: int) -> list[Architecture]:
        """So many random architectures of classes that are new, fewer at the end of the space."""
        return self._random(count, set(self.classes))

    def _random(self, count: int, taken: set[int]) -> list[Architecture]:
        found = []
        for _ in range(count):
            arch = self.space.fresh(taken, self.rng)
            if arch is None:
                break
            taken.add(self.space.class_of(arch))
            found.append(arch)
        return found

    def ask(self, architectures: list[Architecture]) -> Generator[Architecture, Values, None]:
        """Ask for each and keep the answer."""
        for arch in architectures:
            (value,) = yield arch
            self.classes.add(self.space.class_of(arch))
            self.architectures.append(arch)
            self.values.append(value)

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
        rows = encode([arch for arch, there in zip(self.architectures, known, strict=True) if there], encoding)
        target = (values[known] - values[known].mean()) / spread
        return PREDICTORS[predictor](rows, target, encode(pool, encoding), members, self.rng)


def rounds(
    space: Space,
    rng: np.random.Generator,
    initial: int,
    propose: Callable[[Seen], list[Architecture]],
) -> Steps:
    """Ask for `initial` random architectures, then for what `propose` names, until it names nothing."""
    seen = Seen(space, rng)
    yield from seen.ask(seen.draw(initial))
    while chosen := propose(seen):
        yield from seen.ask(chosen)
