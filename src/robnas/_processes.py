"""What worker processes have in common, without torch."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Environment of a worker that has one core; set before it imports torch or NumPy."""
_PR_SET_PDEATHSIG = 1  # Linux: signal to a process whose parent died


def die_with(parent: int) -> None:
    """End this process when the process `parent`, which started it, ends in whatever way."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def begin(parent: int) -> None:
    """Begin a worker of a pool that the process `parent` started: it ends with it, and has one core."""
    die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends at once; the parent says what there is to say
    os.environ.update(ONE_THREAD)
