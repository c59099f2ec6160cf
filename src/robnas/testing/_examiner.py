"""What the checks share: how a fault is said, and architectures and numbers to try things with."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, ParamSpec, TypeVar

import numpy as np

from robnas.benchmarks import Column, CurveColumn, Table
from robnas.errors import InputError, reason, shorten
from robnas.spaces import SPACES, Architecture, Space
from robnas.types import Split

_P = ParamSpec("_P")
_T = TypeVar("_T")
DATASET, METRICS, SEEDS = "random", ("clean", "pgd@8/255"), (0, 1)
EPOCHS = (1, 2, 4)
SPLITS: tuple[Split, ...] = ("validation", "test")


class Examiner:
    """Says what is wrong with one thing, in one line each.

    Args:
        who: the thing, as the line begins.
    """

    def __init__(self, who: str) -> None:
        self.who = who

    def expect(self, fine: object, text: str) -> None:
        """Raise unless `fine`."""
        if not fine:
            self.fail(text)

    def fail(self, text: str, error: Exception | None = None) -> NoReturn:
        """Raise."""
        raise AssertionError(f"{self.who}: {text}") from error

    def attempt(self, what: str, act: Callable[_P, _T], *given: _P.args, **named: _P.kwargs) -> _T:
        """The value of a call, which has to give one."""
        try:
            return act(*given, **named)
        except AssertionError:
            raise
        except Exception as error:
            self.fail(f"{what} raises {reason(error)}", error)

    def refused(self, what: str, act: Callable[_P, object], *given: _P.args, **named: _P.kwargs) -> str:
        """The line with which a call refuses."""
        try:
            found = act(*given, **named)
        except InputError as error:
            self.expect("\n" not in str(error), f"{what} raises an InputError of several lines")
            return str(error)
        except Exception as error:
            self.fail(f"{what} has to raise robnas.errors.InputError, and raises {reason(error)}", error)
        return self.fail(f"{what} has to raise robnas.errors.InputError, and gives {shorten(repr(found))}")


def global_state() -> Any:
    """Of the generators of Python and NumPy, to be compared."""
    found: Any = np.random.get_state()  # noqa: NPY002
    return found[1].tolist(), found[2], random.getstate()


@contextmanager
def registered(space: Space) -> Iterator[None]:
    """The space under its name, as an import would have brought it; what was there before comes back."""
    before = dict.get(SPACES, space.name)
    if before is not None and (before.name, before.genes) == (space.name, space.genes):
        yield
        return
    try:
        SPACES.register(space.name, space, overwrite=True)
    except InputError as error:
        raise AssertionError(f"space {space.name}: cannot be registered: {error}") from error
    try:
        yield
    finally:
        if before is None:
            del SPACES[space.name]
        else:
            SPACES.register(space.name, before, overwrite=True)


def some(space: Space, count: int, seed: int) -> list[Architecture]:
    """Architectures drawn without replacement; all, in the space's own order, where these are no more."""
    if space.size is not None and space.size <= count:
        return list(space)
    return space.sample(np.random.default_rng(seed), count)


def stranger(space: Space) -> Architecture:
    """An architecture of another space."""
    other = next(other for name, other in SPACES.items() if name != space.name)
    return other.at([0] * len(other.genes))


def made_up(text: str, place: int = 0) -> float:
    """A number from 0 to 1 with three digits, decided by a text."""
    return zlib.crc32(f"{place} {text}".encode()) % 1000 / 1000


def table_of(space: Space, count: int, seed: int) -> Table:
    """Made-up accuracies of some architectures on both splits, and learning curves on one, with a missing value."""
    archs = some(space, count, seed)
    columns = []
    for split in SPLITS:
        for metric in METRICS:
            values = np.array([[made_up(f"{arch.text} {split} {metric}", run) for run in SEEDS] for arch in archs])
            values[-1, -1] = np.nan
            columns.append(Column(DATASET, split, metric, values, SEEDS, space=space.key))
    curves = [_curves_of(archs, metric, space) for metric in METRICS]
    return Table("made-up", archs, columns, space=space, curves=curves)


def _curves_of(archs: Sequence[Architecture], metric: str, space: Space) -> CurveColumn:
    drawn = [[[made_up(f"{arch.text} {metric} {epoch}", run) for epoch in EPOCHS] for run in SEEDS] for arch in archs]
    return CurveColumn(DATASET, SPLITS[0], metric, EPOCHS, np.array(drawn), SEEDS, space=space.key)
