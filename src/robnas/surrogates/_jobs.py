"""Independent work in several processes, with results in order."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, TypeVar

from robnas._own import Parcel
from robnas._processes import begin
from robnas.errors import InputError, RobnasError, reason

_T = TypeVar("_T")


def in_processes(work: Callable[[int], _T], seeds: Iterable[int], jobs: int) -> Iterator[_T]:
    """What `work` returns for each seed in turn; with one job in this process.

    Raises:
        InputError: it cannot travel between processes.
        RobnasError: a process died.
    """
    if jobs == 1:
        yield from map(work, seeds)
        return
    try:
        packed = pickle.dumps(Parcel(work))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        expected = "1 for a surrogate that cannot travel between processes"
        raise InputError("jobs", expected=expected, got=reason(error)) from error
    context = get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_prepare, initargs=(packed, os.getpid())) as pool:
        try:
            yield from pool.map(_run, seeds)
        except BrokenProcessPool as error:
            raise RobnasError(
                "a process of the assessment died, for want of memory or because a script that starts several lacks "
                '`if __name__ == "__main__":`; use fewer jobs'
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_prepared: Any = None
"""The work of this process."""


def _prepare(packed: bytes, parent: int) -> None:
    global _prepared
    begin(parent)
    _prepared = pickle.loads(packed)  # noqa: S301  # of our own parent process


def _run(seed: int) -> Any:
    return _prepared(seed)
