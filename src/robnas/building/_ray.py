"""Workers on a Ray cluster: Ray places them, robnas feeds them."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from robnas._own import Parcel
from robnas.building._executor import Limits, Trainer
from robnas.building._local import LocalExecutor
from robnas.building._ray_cluster import ClusterGoneError, Pulse, clear_errors, connect, last_line
from robnas.errors import InputError, RobnasError, Verbatim
from robnas.records import Ending, Failure, QueuedTrial
from robnas.types import check_count, check_range

_TELL = 10.0  # seconds without room after which it is said
_STARTS = 3  # actors in a row that may die before they answer


class _Host:
    """An actor that holds one worker process, so that limits and deaths are dealt with as on one machine."""

    def __init__(self, trainer: Trainer, limits: Limits) -> None:
        # A new process runs the main file of its parent again. Here that is Ray's own, which takes seconds.
        vars(sys.modules["__main__"]).pop("__file__", None)
        self._executor = LocalExecutor(trainer, jobs=1, limits=limits)

    def answer(self) -> None:
        """Does so once Ray has found room for this actor."""

    def run(self, trial: QueuedTrial) -> Ending:
        self._executor.submit([trial])
        while True:
            for _, result in self._executor.wait(3600.0):
                return result


class RayExecutor:
    """One actor per worker, on an existing cluster or a local one.

    Tasks go to those actors only that have answered, so a cluster that is partly taken works with what it has left.

    Args:
        trainer: does the trials; its class has to be importable on all machines.
        jobs: number of workers; as many as fit into the cluster if omitted.
        limits: what one trial may use.
        address: of a cluster, such as ``auto`` or ``ray://host:10001``; a local one is started if it is omitted and
            ``$RAY_ADDRESS`` is not set.
        gpu_share: GPUs per worker; with 0.25 four small networks share one.
        cpu_share: cores per worker.
        patience: seconds to wait for room while no worker runs at all.
        note: told in a line what is waited for.

    Raises:
        InputError: Ray is not installed, the cluster does not answer, or has no room for a worker.
    """

    def __init__(
        self,
        trainer: Trainer,
        *,
        jobs: int | None = None,
        limits: Limits | None = None,
        address: str | None = None,
        gpu_share: float = 0.0,
        cpu_share: float = 1.0,
        patience: float = 300.0,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        check_range("gpu_share", gpu_share, 0.0)
        check_range("cpu_share", cpu_share, 0.0)
        check_range("patience", patience, 0.0)
        self._ray = connect(address, jobs)
        self._room = {"num_cpus": cpu_share, "num_gpus": gpu_share}
        self._patience, self._note = patience, note
        with clear_errors(self._ray):
            self._slots = _fitting(self._ray.cluster_resources(), cpu_share, gpu_share) if jobs is None else jobs
            check_count("jobs", self._slots)
            # not through Ray's store of objects, of which it says that it tries to save them when a machine is lost
            self._arguments = Parcel(trainer), limits or Limits()
            self._pulse = Pulse(self._ray)
        self._gone = False
        self._starting: dict[Any, Any] = {}  # reference → actor
        self._idle: list[Any] = []
        self._running: dict[Any, tuple[Any, QueuedTrial, float]] = {}  # reference → actor, trial, moment
        self._pending: deque[QueuedTrial] = deque()
        self._since = math.inf  # when there began to be actors that wait
        self._told = False
        self._deaths = 0  # before an actor answered, in a row

    @property
    def slots(self) -> int:
        """Number of workers, without those for which there has been no room for a while."""
        return max(1, self._slots - len(self._starting)) if self._told else self._slots

    def submit(self, trials: Sequence[QueuedTrial]) -> None:
        """See `Executor`."""
        self._pending.extend(trials)
        with clear_errors(self._ray):
            self._give()

    def wait(self, timeout: float) -> list[tuple[QueuedTrial, Ending]]:
        """See `Executor`.

        Raises:
            RobnasError: the workers cannot start, find no room, or the cluster is gone.
        """
        try:
            return self._wait(timeout)
        except ClusterGoneError:
            self._gone = True  # from now on every call may end the process
            raise

    def _wait(self, timeout: float) -> list[tuple[QueuedTrial, Ending]]:
        if not self._running and not self._starting:
            time.sleep(timeout)
            return []
        with clear_errors(self._ray):
            self._pulse.check()
            watched = [*self._running, *self._starting]
            self._ray.wait(watched, num_returns=1, timeout=timeout)
            ready, _ = self._ray.wait(watched, num_returns=len(watched), timeout=0)
            for reference in ready:
                if reference in self._starting:
                    self._welcome(reference)
            ended = [self._end(reference) for reference in ready if reference in self._running]
            self._give()
            self._look_at_room()
        return ended

    def close(self) -> None:
        """See `Executor`; a local cluster is left to the end of the process."""
        if self._gone:
            return
        busy = (actor for actor, _, _ in self._running.values())
        for actor in [*self._starting.values(), *self._idle, *busy]:
            with contextlib.suppress(Exception):  # the cluster may be gone
                self._ray.kill(actor)
        self._starting, self._idle, self._running = {}, [], {}

    def _give(self) -> None:
        while self._pending and self._idle:
            actor, trial = self._idle.pop(), self._pending.popleft()
            self._running[actor.run.remote(trial)] = actor, trial, time.monotonic()
        workers = len(self._running) + len(self._starting)
        for _ in range(min(len(self._pending) - len(self._starting), self._slots - workers)):
            actor = self._ray.remote(**self._room)(_Host).remote(*self._arguments)
            self._starting[actor.answer.remote()] = actor
            self._since = min(self._since, time.monotonic())

    def _welcome(self, reference: Any) -> None:
        """Take in an actor that has answered, or has died before it could."""
        actor = self._starting.pop(reference)
        self._since, self._told = time.monotonic() if self._starting else math.inf, False
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._pulse.check(now=True)
            self._deaths += 1
            if self._deaths >= _STARTS:
                self.close()
                raise RobnasError(f"a worker cannot start: {last_line(error)}, {_STARTS} times in a row") from None
        else:
            self._deaths = 0
            self._idle.append(actor)

    def _look_at_room(self) -> None:
        """Say what is waited for; an error if nothing runs for too long."""
        waited = time.monotonic() - self._since
        working = len(self._running) + len(self._idle)
        if waited < min(_TELL, self._patience):
            return
        need = f"{self._room['num_cpus']:g} CPU and {self._room['num_gpus']:g} GPU"
        if not self._told:
            self._told = True
            limit = "" if working else f", for {self._patience:g} s at most"
            self._note(
                f"Ray has room for {working} of {self._slots} workers ({_free(self._ray)}); the others wait for {need} "
                f"each{limit}"
            )
        if not working and waited >= self._patience:
            self.close()
            raise InputError(
                "Ray cluster",
                expected=f"room for a worker of {need} within {self._patience:g} s",
                got=Verbatim(f"none: {_free(self._ray)}"),
                remedy="ray status says who holds it; when there is room, the same command goes on",
            )

    def _end(self, reference: Any) -> tuple[QueuedTrial, Ending]:
        actor, trial, since = self._running.pop(reference)
        try:
            result: Ending = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:  # the trainer's own errors do not come this way
            self.close()
            raise RobnasError(f"a worker cannot start: {last_line(error)}") from None
        except self._ray.exceptions.RayError as error:
            self._pulse.check(now=True)
            with contextlib.suppress(Exception):
                self._ray.kill(actor)
            text = f"Ray lost the worker: {type(error).__name__} {_first_line(error)}"
            return trial, Failure("worker died", text, time.monotonic() - since)
        self._idle.append(actor)
        return trial, result


def _free(ray: Any) -> str:
    has, free = ray.cluster_resources(), ray.available_resources()
    return ", ".join(f"{free.get(name, 0):g} of {has.get(name, 0):g} {name} free" for name in ("CPU", "GPU"))


def _fitting(resources: dict[str, float], cpu_share: float, gpu_share: float) -> int:
    """How many workers a cluster has room for."""
    room = [resources.get(name, 0.0) / share for name, share in (("CPU", cpu_share), ("GPU", gpu_share)) if share > 0]
    slots = math.floor(min(room, default=1.0) + 1e-9)
    if slots < 1:
        raise InputError(
            "Ray cluster",
            expected=f"room for a worker of {cpu_share:g} CPU and {gpu_share:g} GPU",
            got=Verbatim(f"{resources.get('CPU', 0):g} CPU and {resources.get('GPU', 0):g} GPU"),
        )
    return slots


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else ""
