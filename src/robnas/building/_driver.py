"""The loop that all builds share: claim, run, commit."""

from __future__ import annotations

import contextlib
import math
import shutil
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, final

from robnas.building._designing import DesignResult
from robnas.building._executor import Executor
from robnas.errors import RobnasError, StoreError, StoreUnavailableError
from robnas.records import Ending, Failure, QueuedTrial, TrialQueue, Unfinished
from robnas.types import Progress, silent

_BEATS = 12  # heartbeats per lease
_COMMIT = 0.25  # seconds for which results are collected into one transaction
_RESERVE = 0.5  # seconds of work that lie ready beyond what the workers are doing
_BATCH = 256  # results that are committed at once
_PROBE = 8  # trials after which their cost is told
_T = TypeVar("_T")


class Queue(Protocol):
    """What a driver works on: `TrialQueue`, or `WantedTrials`."""

    @property
    def lease(self) -> float: ...

    def join(self) -> None: ...

    def beat(self) -> None: ...

    def release(self) -> None: ...

    def leave(self) -> None: ...

    def claim(self, count: int, /) -> list[QueuedTrial]: ...

    def finish(
        self, results: Iterable[tuple[QueuedTrial, Ending]], /, *, retried: Collection[str] = ()
    ) -> set[str]: ...

    def unfinished(self) -> Unfinished: ...


@final
@dataclass(frozen=True)
class BuildResult:
    """What a driver has done."""

    done: int
    """Trials whose records are in the store."""
    failed: int
    """Trials that ended without records."""
    remaining: int
    """Trials of the plan that are still to be done, by whomever."""
    seconds: float
    stopped: bool = False
    """Whether the build stopped because one trial after the other failed."""
    design: DesignResult | None = None
    """How far it came, of a plan with a design."""


@final
@dataclass(frozen=True, kw_only=True)
class Policy:
    """How a driver deals with what goes wrong."""

    attempts: int = 3
    """A trial whose worker dies is run again until so many have died."""
    patience: float = 600.0
    """Seconds for which a store that does not answer, or whose disk is full, is tried again."""
    brake: int | None = 20
    """Begin no further trial when so many have failed one after the other, unless one that is running succeeds; None
    goes on whatever fails."""


def drive(
    queue: TrialQueue,
    executor: Executor,
    *,
    limit: int | None = None,
    policy: Policy | None = None,
    work_dir: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
    progress: Progress = silent,
    note: Callable[[str], None] = lambda text: None,
) -> BuildResult:
    """Run the waiting trials of a plan until none are left, neither here nor with other drivers.

    Ctrl-C and SIGTERM stop the workers, keep what is finished and give back what is not.

    Args:
        queue: of a plan that was enrolled.
        executor: runs the trials; closed at the end.
        limit: run at most so many trials.
        policy: what to do when something goes wrong.
        work_dir: has a folder per unfinished trial, named by its hash, which is removed when the trial is done.
        clock: seconds; only differences count.
        progress: told about the trials done here, of those that there were to do.
        note: told in a line about costs and troubles.

    Raises:
        StoreError: the store cannot be written, or stayed away longer than the policy's patience.
        RobnasError: the workers cannot start.
        KeyboardInterrupt: stopped by Ctrl-C or SIGTERM.
    """
    with driving(
        queue, executor, limit=limit, policy=policy, work_dir=work_dir, clock=clock, progress=progress, note=note
    ) as driver:
        while driver.turn():
            pass
    return driver.result()


@contextmanager
def driving(
    queue: Queue,
    executor: Executor,
    *,
    limit: int | None = None,
    policy: Policy | None = None,
    work_dir: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
    progress: Progress = silent,
    note: Callable[[str], None] = lambda text: None,
    on_demand: bool = False,
) -> Iterator[Driver]:
    """A driver that takes its turns in the block; at its end what is finished is kept and what is not is given back.

    All is as of `drive`, errors too; with `on_demand` somebody waits for each result, so it is not collected with
    others, and nobody knows how many come.
    """
    with _signals() as stopped:
        driver = Driver(queue, executor, limit, policy or Policy(), work_dir, clock, progress, note, stopped, on_demand)
        try:
            driver.begin()
            yield driver
            driver.commit()
        finally:
            executor.close()
            driver.give_back()
        if stopped.is_set():
            raise KeyboardInterrupt


@final
class Driver:
    """Made by `driving`."""

    def __init__(
        self,
        queue: Queue,
        executor: Executor,
        limit: int | None,
        policy: Policy,
        work_dir: Path | None,
        clock: Callable[[], float],
        progress: Progress,
        note: Callable[[str], None],
        stopped: threading.Event,
        on_demand: bool,
    ) -> None:
        self._queue, self._executor, self._policy, self._stopped = queue, executor, policy, stopped
        self._work_dir, self._clock, self._progress, self._note = work_dir, clock, progress, note
        self._limit = math.inf if limit is None else limit
        self._on_demand, self._collect = on_demand, 0.0 if on_demand else _COMMIT
        self._flying: dict[str, QueuedTrial] = {}
        self._ended: list[tuple[QueuedTrial, Ending]] = []  # not committed yet
        self._begun = self._beaten = self._committed = clock()
        self._done = self._failed = self._total = 0
        self._in_a_row = 0  # failures since a trial was done
        self._spent = 0.0  # seconds of workers on trials that are done

    def begin(self) -> None:
        """Say that this driver is there; a store that cannot be written is said now."""
        self._queue.join()
        self._survey()
        self._show()

    def result(self) -> BuildResult:
        """What was done, once it is over."""
        left = self._queue.unfinished()
        remaining = left.waiting + left.running
        if self.braked and remaining:
            self._note(f"stopped: {self._in_a_row} trials failed one after the other, {remaining:,} are left")
        seconds = self._clock() - self._begun
        return BuildResult(self._done, self._failed, remaining, seconds, self.braked and remaining > 0)

    @property
    def slots(self) -> int:
        """Trials that can run at once."""
        return self._executor.slots

    @property
    def done(self) -> int:
        """Trials that were done here."""
        return self._done

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C or SIGTERM came."""
        return self._stopped.is_set()

    @property
    def failures_in_a_row(self) -> int:
        """Trials that failed since one was done."""
        return self._in_a_row

    @property
    def braked(self) -> bool:
        """Whether something is wrong with all trials, as it seems."""
        return self._policy.brake is not None and self._in_a_row >= self._policy.brake

    def turn(self) -> bool:
        """One round; False when there is nothing left to do."""
        if self._stopped.is_set():
            return False
        if not self.braked:  # what is running may still succeed, and release the brake
            self._claim()
        if not self._flying and not self._ended:
            if self.braked or self._done + self._failed >= self._limit:
                return False
            left = self.patiently(self._queue.unfinished)
            if not left.waiting and not left.running:
                return False
            if not left.waiting:  # others run the last ones, or an answer to our own claim was lost on the way
                self.patiently(self._queue.release)
        self._receive(self._collect if self._ended else 1.0)
        now = self._clock()
        if self._ended and (now - self._committed >= self._collect or len(self._ended) >= _BATCH or not self._flying):
            self.commit()
        if now - self._beaten >= self._queue.lease / _BEATS:
            self._beaten = now
            self.patiently(self._queue.beat)
            self._survey()
        return True

    def _survey(self) -> None:
        """How many trials there are for this driver; others may have taken some."""
        waiting = self.patiently(self._queue.unfinished).waiting
        here = self._done + self._failed + len(self._flying) + len(self._ended)
        self._total = int(min(here + waiting, self._limit))

    def _claim(self) -> None:
        """Keep all workers busy: with trials of milliseconds this needs a reserve, with those of seconds none."""
        slots, finished = self._executor.slots, self._done + self._failed
        rate = finished / max(self._clock() - self._begun, 1e-9)
        reserve = min(int(_RESERVE * rate), _BATCH)
        if len(self._flying) >= slots + reserve // 2:
            return  # a transaction costs as much for many as for one
        free = self._limit - finished - len(self._flying) - len(self._ended)
        count = int(min(slots + reserve - len(self._flying), free))
        if count > 0:
            trials = self.patiently(lambda: self._queue.claim(count))
            self._flying.update((trial.hash, trial) for trial in trials)
            if trials:
                self._executor.submit(trials)

    def _receive(self, timeout: float) -> None:
        for trial, result in self._executor.wait(timeout):
            if self._stopped.is_set() and isinstance(result, Failure) and result.kind == "worker died":
                continue  # by the signal that stops us, which a batch system sends to all processes: it is given back
            self._flying.pop(trial.hash, None)
            self._ended.append((trial, result))

    def commit(self) -> None:
        """Write what has ended."""
        if not self._ended:
            return
        self.patiently(self._keep)
        self._committed = self._clock()
        self._show()

    def _keep(self) -> None:
        """Write what has ended; in one transaction, unless one of the results contradicts the store."""
        results = list(self._ended)
        try:
            self._finish(results)
        except StoreUnavailableError:
            raise
        except StoreError:
            for trial, result in results:
                try:
                    self._finish([(trial, result)])
                except StoreUnavailableError:
                    raise
                except StoreError as error:
                    self._finish([(trial, Failure("error", str(error), result.seconds))])
                del self._ended[0]
        else:
            del self._ended[: len(results)]

    def _finish(self, results: list[tuple[QueuedTrial, Ending]]) -> None:
        again = {
            trial.hash
            for trial, result in results
            if isinstance(result, Failure) and result.kind == "worker died" and trial.deaths + 1 < self._policy.attempts
        }
        kept, before = self._queue.finish(results, retried=again), self._done
        for trial, result in results:
            if trial.hash not in kept or trial.hash in again:
                continue
            if isinstance(result, Failure):
                self._failed += 1
                self._in_a_row += 1
                continue
            self._in_a_row = 0
            self._done += 1
            self._spent += result.seconds
            if self._work_dir is not None and result.epochs is None:
                shutil.rmtree(self._work_dir / trial.hash, ignore_errors=True)
        if before < _PROBE <= self._done and not self._on_demand:
            self._tell_cost()

    def patiently(self, call: Callable[[], _T]) -> _T:
        """Try again for a while if the store is away; meanwhile results are received."""
        begun, delay = self._clock(), 0.1
        while True:
            try:
                return call()
            except StoreUnavailableError as error:
                waited = self._clock() - begun
                if waited >= self._policy.patience or self._stopped.is_set():
                    raise
                if delay == 0.1:
                    self._note(f"{error}; trying again for {self._policy.patience - waited:.0f} s, nothing is lost")
            self._receive(delay)
            delay = min(2 * delay, 5.0)

    def give_back(self) -> None:
        """What is finished is kept and what is not is free again, if the store lets us."""
        if self._ended:
            with contextlib.suppress(RobnasError):  # then it has to be done again
                self._keep()
        with contextlib.suppress(RobnasError):  # then the claims fall back when the heartbeat is old
            self._queue.leave()

    def _show(self) -> None:
        done = self._done + self._failed
        total = max(self._total, done)
        elapsed = self._clock() - self._begun
        text = f"{done:,}/{total:,} trials"
        if done and elapsed > 0:
            text += f", {done / elapsed:.3g} trials/s"
        if self._failed:
            text += f", {self._failed:,} failed"
        self._progress(done, total, text)

    def _tell_cost(self) -> None:
        mean, slots = self._spent / self._done, self._executor.slots
        left = self._total - self._done - self._failed
        self._note(
            f"estimate from {self._done} trials: {mean:.3g} s each, {mean * left / 3600:.3g} worker-hours to go, "
            f"{duration(mean * left / slots)} with {slots} workers"
        )


def duration(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"


@contextmanager
def _signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets; a second Ctrl-C interrupts at once."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return

    def stop(number: int, _: object) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
