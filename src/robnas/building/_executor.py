"""What runs trials, and what a trial is run by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

from robnas.errors import InputError
from robnas.records import Ending, Outcome, QueuedTrial
from robnas.types import check_count


@runtime_checkable
class Trainer(Protocol):
    """Does trials in a worker; it is pickled once per worker, so it is an instance of a class of a module."""

    def prepare(self) -> None:
        """Called once, before the first trial: load data, warm up."""
        ...

    def __call__(self, trial: QueuedTrial) -> Outcome:
        """Do one trial; what it raises becomes its failure."""
        ...


@runtime_checkable
class Executor(Protocol):
    """Runs trials in workers. The driver keeps a bounded number in flight and commits what comes back."""

    @property
    def slots(self) -> int:
        """How many trials can run at once."""
        ...

    def submit(self, trials: Sequence[QueuedTrial]) -> None:
        """Run these, as soon as workers are free."""
        ...

    def wait(self, timeout: float) -> list[tuple[QueuedTrial, Ending]]:
        """What has ended since the last call; waits for the first up to `timeout` seconds.

        A worker that dies ends its trial as a failure of the kind ``worker died``, and is replaced.
        """
        ...

    def close(self) -> None:
        """Kill the workers."""
        ...


@final
@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one trial may use; a worker that goes beyond is killed."""

    seconds: float | None = None
    """Wall time."""
    memory: float | None = None
    """Resident memory of the worker, in GiB; the data set counts."""

    def __post_init__(self) -> None:
        for what, value in (("time limit", self.seconds), ("memory limit", self.memory)):
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise InputError(what, expected="a number above 0", got=value)


def worker_count(jobs: int | None) -> int:
    """`jobs`, or the number of cores that this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if jobs is None else check_count("jobs", jobs)
