"""How far is the cost model of robnas from measured training times? Its fit, and its error.

    robnas fetch nas-bench-201-cost --from FOLDER
    python experiments/cost_model.py --out experiments/results/cost

`robnas.benchmarks.training_hours` says what an adversarial training of the published table cost relative to the mean.
Nobody published these times, but NAS-Bench-201's authors measured standard trainings of the same cells, dead edges
computed, on half of CIFAR-10. That is one measurement: the times given for CIFAR-100 and ImageNet16-120 are multiples
of it, and the repetitions are equal, so neither can fit or validate anything.

**Models** give seconds by numbers of a cell, the sum of relative squared errors being least. `macs` is what robnas had
before; `operations`, what one operation on one edge takes, is what it has now: an operation runs in each of 15 cells
of the same shape, so nothing else can differ but caches. A sixth of what every network has (stem, reductions, sums,
head, reading images) is in each of its five numbers, as a cell always has six edges. `passes` counts what each reads
and writes of a map, forwards and backwards.

**Error** is relative, of architectures that had no part in the fit: ten folds of the 210 compositions, which are all
that `operations` sees, so that all cells with the same operations are left out together. `extremes.csv` has the cells
of one operation, relative to the mean of the 6,466 networks of the published table.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import robnas
from robnas.benchmarks import training_hours
from robnas.networks import count
from robnas.reports import write_csv
from robnas.spaces.nas_bench_201 import CellArchitecture, partition
from robnas.statistics import spearman

Floats = npt.NDArray[np.float64]
DIGITS, FOLDS = "01234", 10
PASSES = {"0": 4, "1": 0, "2": 19, "3": 19, "4": 20}
"""Maps that are read or written. `none` multiplies by 0; ReLU, convolution and batch norm take 2, 2 and 3 forwards, and
3, 4 and 5 backwards; average pooling reads each of 9 pixels."""
QUANTILES = (0.5, 0.9, 0.95, 0.99, 1.0)


def operations(archs: list[CellArchitecture], *, live: bool = False) -> Floats:
    """How many edges have each operation, shape (architectures, 5)."""
    kept = [[d for d, on in zip(a.code, a.live_edges, strict=True) if on or not live] for a in archs]
    return np.array([[digits.count(digit) for digit in DIGITS] for digits in kept], dtype=np.float64)


def models(archs: list[CellArchitecture]) -> dict[str, Floats]:
    """Numbers of each architecture, shape (architectures, parameters), by model."""
    macs = np.array([count(arch).macs for arch in archs], dtype=np.float64)
    of, live, every = operations(archs), operations(archs, live=True), np.ones(len(archs))
    passes, convolutions = of @ np.array(list(PASSES.values())), of[:, 2] + of[:, 3]
    return {
        "macs": macs[:, None],
        "macs + constant": np.stack([macs, every], axis=1),
        "macs + passes + constant": np.stack([macs, passes, every], axis=1),
        "macs + passes + convolutions + constant": np.stack([macs, passes, convolutions, every], axis=1),
        "operations": of,
        "operations on live edges + constant": np.concatenate([live, every[:, None]], axis=1),
    }


def fitted(numbers: Floats, seconds: Floats) -> Floats:
    """Weights of the least sum of squares of relative errors."""
    found: Floats = np.linalg.lstsq(numbers / seconds[:, None], np.ones(len(seconds)), rcond=None)[0]
    return found


def held_out(numbers: Floats, seconds: Floats, fold: npt.NDArray[np.int64]) -> Floats:
    """Predicted seconds of each fold by a fit on the others, shape (architectures,)."""
    found = np.empty(len(seconds))
    for one in range(FOLDS):
        left = fold == one
        found[left] = numbers[left] @ fitted(numbers[~left], seconds[~left])
    return found


def error_row(predicted: Floats, seconds: Floats) -> list[str]:
    """Quantiles of the relative error, and Spearman's ρ."""
    error = np.abs(predicted / seconds - 1)
    return [*(f"{value:.4f}" for value in np.quantile(error, QUANTILES)), f"{spearman(predicted, seconds):.4f}"]


def folds(archs: list[CellArchitecture]) -> npt.NDArray[np.int64]:
    """Fold of each architecture: cells of one composition have the same."""
    kinds, kind = np.unique(operations(archs), axis=0, return_inverse=True)
    found: npt.NDArray[np.int64] = (np.random.default_rng(0).permutation(len(kinds)) % FOLDS)[kind.ravel()]
    return found


def main() -> None:
    """Fit every model, and say how wrong it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    table = robnas.load("nas-bench-201-cost")
    archs = [CellArchitecture(arch) for arch in table.architectures]
    seconds = np.array(table.values("cifar10", "training_time", split="test"), dtype=np.float64)
    fold, rows = folds(archs), list[list[Any]]()
    for name, numbers in models(archs).items():
        predicted = held_out(numbers, seconds, fold)
        rows.append([name, numbers.shape[1], *error_row(predicted, seconds)])
        print(*rows[-1], sep="\t")
    header = ["model", "parameters", *(f"error_q{100 * level:g}" for level in QUANTILES), "spearman"]
    write_csv(given.out / "models.csv", header, rows)
    of = operations(archs)
    weights, left_out = fitted(of, seconds), held_out(of, seconds, fold)
    print("seconds of an operation on an edge:", *np.round(weights, 1))
    trained = np.isin([arch.code for arch in archs], [arch.code for arch in partition("official").representatives()])
    macs = np.array([count(arch).macs for arch in archs], dtype=np.float64)
    hours = np.array([training_hours(arch, "cifar10") for arch in archs])
    shown = [values / values[trained].mean() for values in (seconds, macs, hours, left_out)]
    extremes = [[arch.code, *(f"{values[place]:.3f}" for values in shown)] for place, arch in enumerate(archs)]
    header = ["code", "measured", "macs", "training_hours", "held_out"]
    write_csv(given.out / "extremes.csv", header, sorted(row for row in extremes if len(set(row[0])) == 1))


if __name__ == "__main__":
    main()
