"""What a whole NAS-RobBench-201 costs on 1, 8 and 512 GPUs, from measured rates, and a rehearsal with the real builder.

    python experiments/scale.py --rates rates.json --doc docs/scale.md

A rate file, as benchmarks/rates.py writes it, says how long whole trials take on one GPU (or whatever `unit` says),
for a sample of architectures on each data set:

    {"device": "NVIDIA H200", "torch": "2.13.0", "how": "what was measured, and how it was extended to a whole trial",
     "concurrent": 1,
     "trials": [{"dataset": "cifar10", "architecture": "323133", "seconds": 5000.0}, …]}

`concurrent` trials shared the GPU while that was measured. Seconds of the other architectures are predicted by a line
in the network's multiply-accumulates, fitted per data set; what the line misses is drawn again at random.

The rehearsal expands three plans with the real planner, and drives them with the real queue, driver and store. Only the
workers are simulated: their trials take the predicted time on a clock of their own, workers die at random, and the
driver is killed once a simulated day and started again after 10 minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import json
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from robnas.building import BuildResult, Expansion, Plan, Policy, drive, enrol, expand
from robnas.networks import count
from robnas.records import Ending, Failure, Outcome, QueuedTrial, Record, RecordStore, store_status
from robnas.spaces import Architecture, partition

SIZES = {"cifar10": (32, 10), "cifar100": (32, 100), "imagenet16-120": (16, 120)}
SPLITS = {"train": 50_000, "test": 10_000}  # what the planner needs to know of a data set
SEEDS = [0, 1, 2]
GPUS = (1, 8, 512)
DAY, EPOCHS = 86_400.0, 50
MARKS = ("<!-- figures -->", "<!-- end of figures -->")


# from measured rates to seconds of every trial


@dataclass(frozen=True)
class Model:
    """Seconds of a trial on one data set: a line in MACs, times what the line misses."""

    dataset: str
    base: float
    per_giga_mac: float
    ratios: tuple[float, ...]
    """Measured over predicted seconds, of the measured trials."""

    @classmethod
    def fit(cls, dataset: str, trials: Sequence[dict[str, Any]]) -> Model:
        """The least-squares line through measured trials."""
        macs = np.array([giga_macs(entry["architecture"], dataset) for entry in trials])
        seconds = np.array([float(entry["seconds"]) for entry in trials])
        if len(trials) < 3 or np.ptp(macs) == 0:
            raise SystemExit(f"rates of {dataset}: expected at least 3 architectures of different size")
        slope, base = np.polyfit(macs, seconds, 1)
        base = max(float(base), 0.05 * float(seconds.min()))
        predicted = base + slope * macs
        return cls(dataset, base, float(slope), tuple((seconds / predicted).tolist()))

    def seconds(self, code: str) -> float:
        """Predicted for an architecture."""
        return self.base + self.per_giga_mac * giga_macs(code, self.dataset)

    def drawn(self, trial: QueuedTrial) -> float:
        """Of one trial: the same for the same trial."""
        rng = np.random.default_rng(int(trial.hash, 16))
        return self.seconds(trial.architecture) * self.ratios[int(rng.integers(len(self.ratios)))]

    def error(self) -> float:
        """Relative standard error of a sum of predictions, from the spread of the ratios."""
        return float(np.std(self.ratios, ddof=1) / math.sqrt(len(self.ratios)))


def giga_macs(code: str, dataset: str) -> float:
    """Multiply-accumulates of one image, on live edges."""
    side, classes = SIZES[dataset]
    return count(Architecture(code), input_size=side, num_classes=classes, live=True).macs / 1e9


# a cluster that passes no time


@dataclass
class Cluster:
    """An `Executor` whose workers are simulated, with the clock that they share with driver and queue."""

    model: Model
    workers: int
    death_rate: float
    """Deaths of a worker per simulated day."""
    now: float = 0.0
    useful: float = 0.0
    """Seconds of the trials that were finished."""
    deaths: int = 0
    stop_at: float = math.inf
    _pending: list[QueuedTrial] = field(default_factory=list)
    _running: list[tuple[float, int, float, QueuedTrial, Ending]] = field(default_factory=list)
    """End, number, beginning, trial, what comes out."""
    _kept: dict[str, float] = field(default_factory=dict)
    """Seconds that a trial's last checkpoint saves."""
    _number: int = 0

    @property
    def slots(self) -> int:
        """See `Executor`."""
        return self.workers

    def clock(self) -> float:
        """Simulated seconds."""
        return self.now

    def submit(self, trials: Sequence[QueuedTrial]) -> None:
        """See `Executor`."""
        self._pending += trials
        self._start()

    def _start(self) -> None:
        while self._pending and len(self._running) < self.workers:
            trial = self._pending.pop(0)
            seconds = self.model.drawn(trial) - self._kept.get(trial.hash, 0.0)
            rng = np.random.default_rng([int(trial.hash, 16), trial.deaths])
            until_death = float(rng.exponential(DAY / self.death_rate)) if self.death_rate else math.inf
            result: Ending = Failure("worker died", "simulated", until_death)
            if until_death >= seconds:
                result = Outcome(records_of(trial, self.model.dataset), seconds=seconds)
            self._number += 1
            end = self.now + min(seconds, until_death)
            heapq.heappush(self._running, (end, self._number, self.now, trial, result))

    def _keep(self, trial: QueuedTrial, worked: float) -> None:
        """What `--work-dir` does: whole epochs are not lost."""
        epoch = self.model.drawn(trial) / EPOCHS
        self._kept[trial.hash] = self._kept.get(trial.hash, 0.0) + math.floor(worked / epoch) * epoch

    def wait(self, timeout: float) -> list[tuple[QueuedTrial, Ending]]:
        """Goes straight to the next event; the driver is killed when its time has come."""
        if not self._running:
            self.now += timeout
            return []
        if self._running[0][0] > self.stop_at:
            self.now = self.stop_at
            for _, _, begun, trial, _ in self._running:
                self._keep(trial, self.now - begun)
            raise DriverKilledError
        self.now = max(self.now, self._running[0][0])
        ended = []
        while self._running and self._running[0][0] <= self.now:
            _, _, begun, trial, result = heapq.heappop(self._running)
            if isinstance(result, Failure):
                self.deaths += 1
                self._keep(trial, self.now - begun)
            else:
                self.useful += self.model.drawn(trial)
            ended.append((trial, result))
        self._start()
        return ended

    def close(self) -> None:
        """See `Executor`."""
        self._pending, self._running = [], []


class DriverKilledError(BaseException):
    """Stands for SIGKILL: nothing is given back."""


class Mortal:
    """A queue whose driver can be killed: then it says nothing any more."""

    def __init__(self, queue: Any, cluster: Cluster) -> None:
        self._queue, self._cluster = queue, cluster

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def finish(self, results: Any, **options: Any) -> set[str]:
        """A dead driver keeps nothing."""
        return self._queue.finish(results, **options) if self._alive else set()

    def leave(self) -> None:
        """Only a living driver gives back what it holds."""
        if self._alive:
            self._queue.leave()

    @property
    def _alive(self) -> bool:
        return self._cluster.now < self._cluster.stop_at


def records_of(trial: QueuedTrial, dataset: str) -> tuple[Record, ...]:
    """As many as the published suite leaves."""
    metrics = ("clean", "fgsm@3/255", "fgsm@8/255", "pgd@3/255", "pgd@8/255", "autoattack@8/255")
    return tuple(
        Record(
            architecture=Architecture(trial.architecture), dataset_hash=content_of(dataset), split="test",
            recipe_hash="simulated", seed=trial.seed, metric=metric,
            attack_hash="" if metric == "clean" else metric[:16], attack_seed=0,
            images=10_000, dataset=dataset, value=0.5, seconds=1.0, torch_version="none", device="simulated",
        )
        for metric in metrics
    )  # fmt: skip


def content_of(dataset: str) -> str:
    """Stands for the content hash, for which the images would have to be read."""
    return hashlib.sha256(dataset.encode()).hexdigest()[:16]


def plan_of(dataset: str, space: dict[str, Any], seeds: Sequence[int]) -> Plan:
    """The published protocol on one data set."""
    return Plan.from_dict(
        {
            "name": f"nas-robbench-201 {dataset}",
            "seeds": list(seeds),
            "space": space,
            "data": {"name": dataset, "validation": 0.0},
            "recipe": {"preset": "nas-robbench-201"},
            "evaluation": {"suite": "nas-robbench-201", "splits": ["test"], "checks": False},
        }
    )


@dataclass(frozen=True)
class Rehearsal:
    """What a simulated build came to."""

    trials: int
    hours: float
    """Simulated, from the first claim to the last commit, the driver's absences included."""
    utilisation: float
    """Share of the workers' time that went into trials that count."""
    deaths: int
    restarts: int
    driver_seconds: float
    """Real time of driver and store for all of it."""
    store_megabytes: float
    commits_per_second: float
    """That driver and store managed, in real time."""


def rehearse(
    models: Sequence[Model], space: dict[str, Any], seeds: Sequence[int], workers: int, death_rate: float, folder: Path
) -> Rehearsal:
    """Build all data sets, one after the other, with simulated workers and everything else real."""
    path = folder / "rehearsal.db"
    useful = available = hours = 0.0
    trials = deaths = restarts = 0
    begun = time.perf_counter()
    with RecordStore(f"sqlite:///{path}") as store:
        moment = 1e9  # whenever
        for model in models:
            cluster = Cluster(model, workers, death_rate, now=moment)
            expansion = expand(plan_of(model.dataset, space, seeds), content_of(model.dataset), SPLITS)
            restarts += drive_to_the_end(store, expansion, cluster)
            status = next(found for found in store_status(store) if found.plan == expansion.hash)
            assert (status.done, status.total) == (len(expansion.trials), len(expansion.trials)), status
            trials += status.done
            deaths += cluster.deaths
            useful += cluster.useful / 3600
            available += (cluster.now - moment) / 3600 * workers
            hours += (cluster.now - moment) / 3600
            moment = cluster.now
        assert len(store.records()) == 6 * trials
    seconds = time.perf_counter() - begun
    return Rehearsal(
        trials, hours, useful / available, deaths, restarts, seconds, path.stat().st_size / 1e6, trials / seconds
    )


def drive_to_the_end(store: RecordStore, expansion: Expansion, cluster: Cluster) -> int:
    """How often the driver was killed on the way."""
    restarts = 0
    while True:
        cluster.stop_at = cluster.now + DAY
        queue = Mortal(enrol(expansion, store, clock=cluster.clock, lease=300.0), cluster)
        try:
            result: BuildResult = drive(queue, cluster, clock=cluster.clock, policy=Policy(attempts=10))  # type: ignore[arg-type]
        except DriverKilledError:
            restarts += 1
            cluster.now += 600.0
            continue
        assert result.failed == 0
        return restarts


# the report


def report(
    rates: dict[str, Any], models: Sequence[Model], rehearsals: dict[int, Rehearsal], args: argparse.Namespace
) -> str:
    """Markdown tables."""
    rehearsed = f"as rehearsed with {args.sample:,} architectures" if args.sample else "as rehearsed"
    shared, unit = rates.get("concurrent", 1), rates.get("unit", "GPU")
    classes = {name: [arch.code for arch in partition(name).representatives()] for name in ("official", "effective")}
    hours = {
        (model.dataset, name): sum(map(model.seconds, codes)) * len(SEEDS) / 3600 / shared
        for model in models
        for name, codes in classes.items()
    }
    every, one_each = (f"{len(classes[name]):,} × {len(SEEDS)}" for name in ("official", "effective"))
    lines = [
        f"Measured on {rates['device']}, torch {rates['torch']}, {shared} at a time per {unit}: {rates['how']}.",
        "",
        f"| data set | measured trials | {unit}-hours, {every} | ± | one per `effective` class, {one_each} | saved |",
        "|---|---|---|---|---|---|",
    ]
    for model in models:
        full, few = hours[model.dataset, "official"], hours[model.dataset, "effective"]
        lines.append(
            f"| {model.dataset} | {len(model.ratios)} | {full:,.0f} | {100 * model.error():.0f} % | {few:,.0f} | "
            f"{100 * (1 - few / full):.0f} % |"
        )
    full = sum(value for (_, name), value in hours.items() if name == "official")
    few = sum(value for (_, name), value in hours.items() if name == "effective")
    lines += [
        f"| all | | {full:,.0f} | | {few:,.0f} | {100 * (1 - few / full):.0f} % |",
        "",
        f"| {unit}s | at full use | {rehearsed} | use of the workers | worker deaths | driver restarts |",
        "|---|---|---|---|---|---|",
    ]
    for gpus in sorted({*GPUS, *rehearsals}):
        row = rehearsals.get(gpus)
        told = (
            " | | | |"
            if row is None
            else f"{days(row.hours)} | {row.utilisation:.1%} | {row.deaths:,} | {row.restarts} |"
        )
        lines.append(f"| {gpus} | {days(full / gpus)} | {told}")
    mean = 3600 * shared * full / (len(classes["official"]) * len(SEEDS) * len(models))
    for gpus, row in rehearsals.items():
        lines += [
            "",
            f"Rehearsal of {gpus} {unit}s with {gpus * shared} workers and {args.deaths:g} worker deaths per worker "
            f"and day: {row.trials:,} trials, each done once; driver and store took {row.driver_seconds:,.0f} s of "
            f"real time for all of it, {row.commits_per_second:,.0f} trials/s where "
            f"{row.trials / row.hours / 3600:.2g}/s were needed, so one driver is enough up to "
            f"{row.commits_per_second * mean:,.0f} workers; the store has {row.store_megabytes:,.0f} MB.",
        ]
    return "\n".join(lines)


def days(hours: float) -> str:
    """A length of time for people."""
    return f"{hours:,.1f} h" if hours < 72 else f"{hours / 24:,.1f} days"


def main() -> None:
    """Read rates, rehearse, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", type=Path, required=True)
    parser.add_argument("--gpus", type=int, nargs="*", default=[512], help="clusters to rehearse")
    parser.add_argument("--deaths", type=float, default=0.1, help="of a worker, per day")
    parser.add_argument("--sample", type=int, help="rehearse with so many architectures only")
    parser.add_argument("--doc", type=Path, help="file whose figures are replaced")
    args = parser.parse_args()
    rates = json.loads(args.rates.read_text())
    models = [
        Model.fit(name, found)
        for name in SIZES
        if (found := [entry for entry in rates["trials"] if entry["dataset"] == name])
    ]
    space: dict[str, Any] = {"kind": "representatives", "partition": "official"}
    if args.sample:
        space = {"kind": "sample", "partition": "official", "count": args.sample, "seed": 0}
    rehearsals = {}
    for gpus in args.gpus:
        with tempfile.TemporaryDirectory() as folder:
            workers = gpus * rates.get("concurrent", 1)
            rehearsals[gpus] = rehearse(models, space, SEEDS, workers, args.deaths, Path(folder))
    text = report(rates, models, rehearsals, args)
    print(text)
    if args.doc:
        before, _, rest = args.doc.read_text().partition(MARKS[0])
        args.doc.write_text(f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{rest.partition(MARKS[1])[2]}")


if __name__ == "__main__":
    main()
