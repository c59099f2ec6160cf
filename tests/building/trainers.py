"""Trainers that train nothing, and those that go wrong."""

import hashlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from robnas.errors import DivergedError
from robnas.records import Outcome, QueuedTrial, Record, RecordStore, TrialQueue
from robnas.spaces import Architecture

SETUP = "5" * 16
SETTINGS = {
    "dataset_hash": "d" * 16,
    "recipe_hash": "r" * 16,
    "measurements": [
        {"split": "test", "metric": "clean", "attack_hash": "", "images": 1000},
        {"split": "test", "metric": "pgd@8/255", "attack_hash": "a" * 16, "images": 1000},
    ],
    "batch_size": 256,
}


def trials(count, seeds=(0,)):
    return [
        QueuedTrial.of(SETUP, Architecture.from_index(number).code, seed) for seed in seeds for number in range(count)
    ]


def queue_of(store, count=10, plan="9" * 16, seeds=(0,), **options):
    queue = TrialQueue(store, plan, **options)
    queue.enrol(
        "mine", SETUP, SETTINGS, {"name": "mine", "space": {}, "recipe": {"name": "none"}}, trials(count, seeds)
    )
    return queue


def value_of(trial, metric):
    """An accuracy that a training could have left: the same for the same trial, whatever happened on the way."""
    digest = hashlib.sha256(f"{trial.architecture} {trial.seed} {metric}".encode()).digest()
    return round(int.from_bytes(digest[:4], "big") / 2**32, 3)


def records_of(trial):
    return tuple(
        Record(
            architecture=Architecture(trial.architecture), dataset_hash="d" * 16, split="test", recipe_hash="r" * 16,
            seed=trial.seed, metric=metric, attack_hash=attack, attack_seed=trial.seed if attack else 0, images=1000,
            dataset="none", value=value_of(trial, metric), seconds=0.1, torch_version="2.13.0", device="cpu",
        )
        for metric, attack in (("clean", ""), ("pgd@8/255", "a" * 16))
    )  # fmt: skip


@dataclass(frozen=True)
class Quick:
    """Takes `seconds`, and leaves two records."""

    seconds: float = 0.0

    def prepare(self):
        pass

    def __call__(self, trial):
        time.sleep(self.seconds)
        return Outcome(records_of(trial), {"r" * 16: {"epochs": 1}, "a" * 16: {"steps": 7}})


@dataclass(frozen=True)
class Faulty:
    """Does what its name says with the architecture 000000, and well with the others."""

    fault: str
    marks: Path | None = None
    """A folder where each fault leaves a file."""
    times: int = 10**9
    """After so many faults all is well."""

    def prepare(self):
        pass

    def __call__(self, trial):
        if trial.architecture == "000000" and self._again():
            getattr(self, self.fault)()
        return Quick()(trial)

    def _again(self):
        if self.marks is None:
            return True
        before = len(list(self.marks.iterdir()))
        (self.marks / f"{before}").touch()
        return before < self.times

    def raises(self):
        raise ValueError("first line\nsecond line")

    def diverges(self):
        raise DivergedError(3, 17, float("nan"))

    def sleeps(self):
        time.sleep(3600)

    def hogs(self):
        self_filled = bytearray(400 * 2**20)
        self_filled[:: 2**12] = b"x" * len(self_filled[:: 2**12])
        time.sleep(3600)

    def dies(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def exits(self):
        os._exit(3)


@dataclass(frozen=True)
class Unprepared:
    """Cannot even start."""

    how: str

    def prepare(self):
        if self.how == "raises":
            raise FileNotFoundError("no data here")
        os.kill(os.getpid(), signal.SIGKILL)

    def __call__(self, trial):
        raise AssertionError("never called")


def everything(url):
    """What a finished build comes to: all records and the state of each trial."""
    with RecordStore(url) as store:
        with store.read() as connection:
            states = connection.exec_driver_sql("select hash, state from trials order by hash").all()
        return store.records(), [tuple(row) for row in states]
