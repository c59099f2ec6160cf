"""What runs inside a worker process."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import TypeGuard

from robnas._processes import die_with
from robnas.building._executor import Trainer
from robnas.errors import DivergedError, printable
from robnas.records import Ending, Failure, QueuedTrial

_LONGEST = 500  # characters of a message


def work(connection: Connection, trainer: bytes, environment: Mapping[str, str], parent: int) -> None:
    """Do the trials that arrive at `connection` until it is closed; say None once ready for the first.

    What `ends_the_worker` is the last thing that a worker says.

    Args:
        connection: to the executor.
        trainer: pickled, because what it imports has to see the environment.
        environment: variables to be set.
        parent: process number of the executor; no worker outlives it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's business
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    die_with(parent)
    os.environ.update(environment)
    try:
        run: Trainer = pickle.loads(trainer)  # noqa: S301 (made by the executor that started this process)
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)
        run.prepare()
    except Exception as error:
        connection.send(_failure(error, 0.0))
        return
    connection.send(None)
    while True:
        try:
            trial = connection.recv()
        except EOFError:
            return
        result = do(run, trial)
        connection.send(result)
        if ends_the_worker(result):
            return


def ends_the_worker(result: Ending | None) -> TypeGuard[Failure]:
    """Whether the worker that says so can do no other trial."""
    return isinstance(result, Failure) and result.kind == "worker died"


def do(run: Trainer, trial: QueuedTrial) -> Ending:
    """One trial, with whatever it raises turned into its failure."""
    begun = time.perf_counter()
    try:
        outcome = run(trial)
    except Exception as error:
        return _failure(error, time.perf_counter() - begun)
    return replace(outcome, seconds=time.perf_counter() - begun)


def _failure(error: Exception, seconds: float) -> Failure:
    if isinstance(error, DivergedError):
        return Failure("diverged", str(error), seconds)
    text = printable(" ".join(str(error).split())[:_LONGEST])
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    text = f"{type(error).__name__}: {text}{place}"
    if _spoils_the_device(error):
        return Failure("worker died", f"the worker ended after {text}", seconds)
    return Failure("error", text, seconds)


def _spoils_the_device(error: Exception) -> bool:
    """Whether nothing more can be computed after it in this process, or a neighbour on the GPU may be to blame."""
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    return isinstance(error, (torch.AcceleratorError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in ("CUDA error", "cuDNN error"))
    )
