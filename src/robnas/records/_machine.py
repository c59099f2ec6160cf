"""Which process this is, so that another one on the same machine can tell whether it still lives."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

_STEP = 10.0  # seconds by which a clock that is set may shift when a process seems to have started


@dataclass(frozen=True, slots=True)
class Process:
    """A process, also among those that have had its number before."""

    machine: str
    """Changes with a restart, and differs between containers."""
    pid: int
    started: float
    """Seconds since 1970."""

    @classmethod
    def this(cls) -> Process:
        """The present one."""
        pid = os.getpid()
        return cls(_machine(), pid, _started(pid) or 0.0)

    def is_gone(self) -> bool:
        """Whether it is known to have ended; False for a process of another machine, about which nothing is known."""
        if self.machine != _machine():
            return False
        started = _started(self.pid)
        return started is None or abs(started - self.started) > _STEP


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{os.stat('/proc/self/ns/pid').st_ino}"[:64]
    except OSError:  # not Linux
        return socket.gethostname()[:64]


def _started(pid: int) -> float | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except (psutil.Error, ValueError, OverflowError):  # no such process, or no number that one can have
        return None
