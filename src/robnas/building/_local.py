"""Worker processes on this machine."""

from __future__ import annotations

import contextlib
import pickle
import signal
import time
from collections import deque
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from os import getpid
from typing import final

from robnas._own import Parcel
from robnas._processes import ONE_THREAD
from robnas.building._executor import Limits, Trainer, worker_count
from robnas.building._worker import ends_the_worker, work
from robnas.errors import RobnasError
from robnas.records import Ending, Failure, QueuedTrial

_TICK = 0.2  # seconds between looks at what the workers use
_STARTS = 3  # workers in a row that may die before they are ready
_GIB = 2**30


class _Worker:
    """One process, and what it is doing."""

    def __init__(self, trainer: bytes, environment: dict[str, str]) -> None:
        context = get_context("spawn")  # torch does not survive a fork
        self.connection: Connection
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=work, args=(theirs, trainer, environment, getpid()), daemon=True, name="robnas-worker"
        )
        # Until it ignores Ctrl-C itself, the worker inherits a mask that keeps it away.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        theirs.close()  # so that the death of the worker is the end of the connection
        self.ready = False
        self.trial: QueuedTrial | None = None
        self.since = 0.0

    def give(self, trial: QueuedTrial) -> None:
        self.trial, self.since = trial, time.monotonic()
        with contextlib.suppress(OSError):  # it has just died, and reading from it will say so
            self.connection.send(trial)

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()

    def resident(self) -> float:
        """Memory in GiB; 0 if the process has just ended."""
        import psutil

        try:
            return float(psutil.Process(self.process.pid).memory_info().rss / _GIB)
        except psutil.Error:
            return 0.0


@final
class LocalExecutor:
    """Worker processes, each on one core.

    Args:
        trainer: does the trials.
        jobs: number of workers; one per core if omitted.
        limits: what one trial may use.
        gpus: names as in ``CUDA_VISIBLE_DEVICES``; the workers share them in turn. Empty for CPU only.
    """

    def __init__(
        self, trainer: Trainer, *, jobs: int | None = None, limits: Limits | None = None, gpus: Sequence[str] = ()
    ) -> None:
        self._trainer = pickle.dumps(Parcel(trainer))
        self._limits = limits or Limits()
        self._gpus = tuple(gpus)
        self._slots: list[_Worker | None] = [None] * worker_count(jobs)
        self._pending: deque[QueuedTrial] = deque()
        self._ended: list[tuple[QueuedTrial, Ending]] = []
        self._deaths = 0  # before a worker was ready, in a row

    @property
    def slots(self) -> int:
        """Number of workers."""
        return len(self._slots)

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers that run."""
        return [worker.process.pid or 0 for worker in self._slots if worker is not None]

    def submit(self, trials: Sequence[QueuedTrial]) -> None:
        """See `Executor`."""
        self._pending.extend(trials)
        self._give()

    def wait(self, timeout: float) -> list[tuple[QueuedTrial, Ending]]:
        """See `Executor`.

        Raises:
            RobnasError: the workers cannot start.
        """
        deadline = time.monotonic() + timeout
        while not self._ended:
            left = deadline - time.monotonic()
            workers = {worker.connection: worker for worker in self._slots if worker is not None}
            if not workers or left <= 0:
                time.sleep(max(left, 0.0))
                break
            for connection in wait(list(workers), min(left, _TICK)):
                self._hear(workers[connection])  # type: ignore[index]
            self._enforce()
            self._give()
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        """See `Executor`."""
        for slot, worker in enumerate(self._slots):
            if worker is not None:
                worker.kill()
                self._slots[slot] = None

    def _give(self) -> None:
        for slot, worker in enumerate(self._slots):
            if worker is None:
                starting = sum(1 for other in self._slots if other is not None and not other.ready)
                if len(self._pending) > starting:
                    self._slots[slot] = _Worker(self._trainer, self._environment(slot))
            elif worker.ready and worker.trial is None and self._pending:
                worker.give(self._pending.popleft())

    def _environment(self, slot: int) -> dict[str, str]:
        visible = {"CUDA_VISIBLE_DEVICES": self._gpus[slot % len(self._gpus)]} if self._gpus else {}
        return ONE_THREAD | visible

    def _hear(self, worker: _Worker) -> None:
        try:
            message: Ending | None = worker.connection.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return
        if ends_the_worker(message):
            self._bury(worker, message)
        elif not worker.ready:
            if message is not None:
                self.close()
                raise RobnasError(f"a worker cannot start: {getattr(message, 'message', message)}")
            worker.ready, self._deaths = True, 0
        elif worker.trial is not None and message is not None:
            self._ended.append((worker.trial, message))
            worker.trial = None

    def _bury(self, worker: _Worker, said: Failure | None = None) -> None:
        """Take a worker away that has died, or that has said that it ends."""
        worker.kill()
        self._slots[self._slots.index(worker)] = None
        if said is None:
            code = worker.process.exitcode or 0
            how = f"by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"with exit code {code}"
            said = Failure("worker died", f"the worker ended {how}", time.monotonic() - worker.since)
        if worker.trial is not None:
            self._ended.append((worker.trial, said))
        elif not worker.ready:
            self._deaths += 1
            if self._deaths >= _STARTS:
                self.close()
                raise RobnasError(f"a worker cannot start: {said.message}, {_STARTS} times in a row")

    def _enforce(self) -> None:
        """Kill the workers that go beyond the limits."""
        seconds, memory = self._limits.seconds, self._limits.memory
        for slot, worker in enumerate(self._slots):
            if worker is None or worker.trial is None:
                continue
            spent = time.monotonic() - worker.since
            if seconds is not None and spent > seconds:
                failure = Failure("time limit", f"not finished after {seconds:g} s", spent)
            elif memory is not None and (resident := worker.resident()) > memory:
                failure = Failure("memory limit", f"{resident:.2f} GiB resident, {memory:g} allowed", spent)
            else:
                continue
            if worker.connection.poll():
                continue  # the result has arrived in the same moment
            worker.kill()
            self._slots[slot] = None
            self._ended.append((worker.trial, failure))
