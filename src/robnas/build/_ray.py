"""Workers on a Ray cluster: Ray places them, robnas feeds them."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from robnas.build._executor import Limits, Trainer
from robnas.build._local import LocalExecutor
from robnas.errors import InputError, RobnasError, Verbatim, reason
from robnas.records import Failure, Result, Task
from robnas.types import check_count, check_range


class _Host:
    """An actor that holds one worker process, so that limits and deaths are dealt with as on one machine."""

    def __init__(self, trainer: Trainer, limits: Limits) -> None:
        # A new process runs the main file of its parent again. Here that is Ray's own, which takes seconds.
        vars(sys.modules["__main__"]).pop("__file__", None)
        self._executor = LocalExecutor(trainer, jobs=1, limits=limits)

    def run(self, task: Task) -> Result:
        self._executor.submit([task])
        while True:
            for _, result in self._executor.wait(3600.0):
                return result


class RayExecutor:
    """One actor per worker, on an existing cluster or a local one.

    Args:
        trainer: does the trials; its class has to be importable on all machines.
        jobs: number of workers; as many as fit into the cluster if omitted.
        limits: what one trial may use.
        address: of a cluster, such as ``auto`` or ``ray://host:10001``; a local one is started if it is omitted and
            ``$RAY_ADDRESS`` is not set.
        gpu_share: GPUs per worker; with 0.25 four small networks share one.
        cpu_share: cores per worker.

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
    ) -> None:
        check_range("gpu_share", gpu_share, 0.0)
        check_range("cpu_share", cpu_share, 0.0)
        self._ray = _connect(address, jobs)
        self._room = {"num_cpus": cpu_share, "num_gpus": gpu_share}
        self._slots = _fitting(self._ray.cluster_resources(), cpu_share, gpu_share) if jobs is None else jobs
        check_count("jobs", self._slots)
        self._arguments = self._ray.put(trainer), limits or Limits()
        self._idle: list[Any] = []
        self._running: dict[Any, tuple[Any, Task, float]] = {}  # reference → actor, task, moment
        self._pending: deque[Task] = deque()

    @property
    def slots(self) -> int:
        """Number of workers."""
        return self._slots

    def submit(self, tasks: Sequence[Task]) -> None:
        """See `Executor`."""
        self._pending.extend(tasks)
        self._give()

    def wait(self, timeout: float) -> list[tuple[Task, Result]]:
        """See `Executor`.

        Raises:
            RobnasError: the workers cannot start.
        """
        if not self._running:
            time.sleep(timeout)
            return []
        first, _ = self._ray.wait(list(self._running), num_returns=1, timeout=timeout)
        if not first:
            return []
        ready, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        ended = [self._end(reference) for reference in ready]
        self._give()
        return ended

    def close(self) -> None:
        """See `Executor`; a local cluster is left to the end of the process."""
        for actor in [*self._idle, *(actor for actor, _, _ in self._running.values())]:
            with contextlib.suppress(Exception):  # the cluster may be gone
                self._ray.kill(actor)
        self._idle, self._running = [], {}

    def _give(self) -> None:
        while self._pending and (self._idle or len(self._running) < self._slots):
            actor = self._idle.pop() if self._idle else self._new_actor()
            task = self._pending.popleft()
            self._running[actor.run.remote(task)] = actor, task, time.monotonic()

    def _new_actor(self) -> Any:
        return self._ray.remote(**self._room)(_Host).remote(*self._arguments)

    def _end(self, reference: Any) -> tuple[Task, Result]:
        actor, task, since = self._running.pop(reference)
        try:
            result: Result = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:  # the trainer's own errors do not come this way
            self.close()
            raise RobnasError(f"a worker cannot start: {_last_line(error)}") from None
        except self._ray.exceptions.RayError as error:
            with contextlib.suppress(Exception):
                self._ray.kill(actor)
            text = f"Ray lost the worker: {type(error).__name__} {_first_line(error)}"
            return task, Failure("worker died", text, time.monotonic() - since)
        self._idle.append(actor)
        return task, result


def _connect(address: str | None, jobs: int | None) -> Any:
    """The module ray, connected to a cluster."""
    try:
        import ray
    except ModuleNotFoundError:
        raise InputError(
            "executor ray",
            expected="Ray to be installed",
            got=Verbatim("no module ray"),
            remedy="pip install 'robnas[cluster]'",
        ) from None
    if ray.is_initialized():
        return ray
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    address = address or os.environ.get("RAY_ADDRESS")
    if address is not None:
        _check_answers(address)
        options["address"] = address
    else:
        cores = len(os.sched_getaffinity(0))
        options |= {"address": "local", "num_cpus": jobs or cores, "include_dashboard": False}
    try:
        ray.init(**options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _no_cluster(error) from None
    return ray


def _check_answers(address: str) -> None:
    """Ray ends the whole process when nobody listens at an address."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            raise _no_cluster(error) from None


def _no_cluster(error: Exception) -> InputError:
    return InputError(
        "Ray address",
        expected="a cluster that answers",
        got=reason(error),
        remedy="start one by: ray start --head, or leave the address out",
    )


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


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1][:300] if lines else ""
