"""What `gpu.sh` has left in a folder, measured against the published table and against one training at a time.

    python benchmarks/gpu.py OUT --data-dir DATA_DIR --device cuda --trained 323133 113023 031420

Trainings in OUT/CODE: how long they took, and their accuracies on all test images, clean, FGSM and PGD-20 at 3/255 and
8/255, beside the published ones, if `robnas fetch nas-robbench-201` finds them. What was measured before is not
measured again. Trainings in OUT/throughput-JOBS-NUMBER, which ran at the same time: their images per second together,
over that of one alone, without the first and the last epoch, in which they were not all at work.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path

import robnas
from robnas.benchmarks import Table
from robnas.building import load_trial
from robnas.errors import DataError
from robnas.evaluation import Evaluation, Suite, evaluate
from robnas.training import LOG

TABLE, WITHIN = "nas-robbench-201", 1.5  # points


def epochs(directory: Path) -> list[dict[str, float]]:
    """The log of a training."""
    return [json.loads(line) for line in (directory / LOG).read_text().splitlines()]


def measured(directory: Path, arguments: argparse.Namespace) -> Evaluation:
    """The published suite without AutoAttack, which takes longer than the rest together."""
    trial = load_trial(directory)
    data = trial.source.load(arguments.data_dir)
    network = trial.trained_network(data, directory, arguments.device)
    suite = Suite("gpu", Suite.nas_robbench_201().attacks[:4], checks=False)
    return evaluate(network, data, suite, split="test", seed=trial.seed, directory=directory, device=arguments.device)


def published() -> Table | None:
    try:
        return robnas.load(TABLE)
    except DataError as error:
        print(f"no published values to compare with: {error}")
        return None


def accuracies(codes: Sequence[str], arguments: argparse.Namespace) -> None:
    table = published()
    for code in codes:
        directory = arguments.out / code
        log, found = epochs(directory), measured(directory, arguments)
        print(f"{code}: {len(log)} epochs in {sum(entry['seconds'] for entry in log) / 60:.1f} min")
        for one in found.measurements:
            line = (
                f"  {one.metric:<12} {100 * one.value:6.2f} % ±{100 * one.standard_error:.2f} of {one.images:,} images"
            )
            if table is not None:
                theirs = 100 * float(table.peek(code, dataset="cifar10", split="test", metric=one.metric, seed="mean"))
                difference = 100 * one.value - theirs
                verdict = "within" if abs(difference) <= WITHIN else "NOT within"
                line += f", published {theirs:6.2f} %, {difference:+.2f}: {verdict} {WITHIN} points"
            print(line)


def throughput(out: Path) -> None:
    """Images per second of trainings that ran at the same time, by their number."""
    together: dict[int, float] = {}
    for folder in sorted(out.glob("throughput-*-*")):
        jobs = int(folder.name.split("-")[1])
        rates = [entry["images_per_second"] for entry in epochs(folder)[1:-1]]
        together[jobs] = together.get(jobs, 0.0) + statistics.median(rates)
    for jobs, rate in sorted(together.items()):
        ratio = f", {rate / together[1]:.2f}× of one" if 1 in together else ""
        print(f"{jobs} at once: {rate:,.0f} images/s together{ratio}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--trained", nargs="*", default=[], help="architectures")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--device", default="cuda")
    arguments = parser.parse_args()
    accuracies(arguments.trained, arguments)
    throughput(arguments.out)


if __name__ == "__main__":
    main()
