"""The epochs at which trainings are compared, and how many go on from each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from robnas.errors import Verbatim
from robnas.search._algorithm import EpochsError, name_of, one_objective
from robnas.search._classes import Classes
from robnas.types import check_count, check_range


@final
@dataclass(frozen=True)
class Bracket:
    """So many trainings at each of some epochs: the best of one rung go on to the next."""

    counts: tuple[int, ...]
    epochs: tuple[int, ...]
    """Ascending, as many as `counts`."""

    @property
    def spent(self) -> int:
        """Epochs of all its trainings, each of which goes on from where it was."""
        before = (0, *self.epochs[:-1])
        return sum(n * (e - b) for n, e, b in zip(self.counts, self.epochs, before, strict=True))

    @classmethod
    def of(cls, count: int, epochs: Sequence[int], eta: int) -> Bracket:
        """From `count` trainings one in `eta` goes on at each rung, and at least one as far as there is one left."""
        return cls(tuple(max(1, count // eta**place) for place in range(len(epochs))), tuple(epochs))


def rungs_of(algorithm: object, classes: Classes, eta: int, min_epochs: int) -> tuple[int, ...]:
    """Epochs R, R/η, R/η² … of at least `min_epochs`, ascending, of which R is the whole training.

    Where one of them cannot be asked for, the nearest that can be is in its place, of two the earlier; each once.

    Raises:
        EpochsError: only whole trainings can be asked for.
        InputError: there are several objectives, or less than `min_epochs`.
    """
    one_objective(algorithm, classes)
    known = epochs_of(algorithm, classes, min_epochs)
    whole, divisor, found = known[-1], 1, set[int]()
    while whole >= min_epochs * divisor:
        wanted = whole / divisor
        found.add(min(known, key=lambda epochs: (abs(epochs - wanted), epochs)))
        divisor *= eta
    return tuple(sorted(found))


def epochs_of(algorithm: object, classes: Classes, min_epochs: int) -> tuple[int, ...]:
    """Those from `min_epochs` on that can be asked for, ascending.

    Raises:
        EpochsError: only whole trainings can be asked for.
        InputError: a whole training has less than `min_epochs`.
    """
    if not classes.epochs:
        raise EpochsError(
            f"epochs of {name_of(algorithm)}",
            expected="an objective that knows what its trainings are after fewer epochs",
            got=Verbatim("whole trainings only" + (f" ({classes.whole_only})" if classes.whole_only else "")),
            remedy="take a table with learning curves of what is seen, a plan with [evaluation.curve], or "
            "search.Function(..., epochs=)",
        )
    check_range(f"{name_of(algorithm)} min_epochs", min_epochs, 1, classes.epochs[-1])
    return tuple(epochs for epochs in classes.epochs if epochs >= min_epochs)


def least_of(brackets: Sequence[Bracket], classes: Classes) -> float:
    """Whole trainings' worth of the first bracket, of no more architectures than there are."""
    first = brackets[0]
    counts = tuple(count if classes.size is None else min(count, classes.size) for count in first.counts)
    return Bracket(counts, first.epochs).spent / first.epochs[-1]


def check_rungs(name: str, eta: object, min_epochs: object) -> None:
    """Raise `InputError` unless η is at least 2 and the epochs at least 1."""
    check_count(f"{name} eta", eta, 2)
    check_count(f"{name} min_epochs", min_epochs)


def best_of(values: Sequence[tuple[float, ...]], count: int) -> list[int]:
    """Places of the highest first values, the earlier of equals first; trainings that failed are not among them."""
    order = sorted(range(len(values)), key=lambda place: -values[place][0])
    return [place for place in order[:count] if values[place][0] > -float("inf")]
