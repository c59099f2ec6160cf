"""Kernels along the trainings of the bundled table: how they move, and whether that says how accurate networks become.

    python experiments/moving_kernels.py --out runs/moving    # 8 CPU minutes for 200 architectures
    python experiments/moving_kernels.py --out runs/moving --figures experiments/results/moving/figures.npz

Trains random architectures of the table `digits` by its recipe (4 epochs of adversarial training, C = 8, N = 1) with
seed 3, which the table has not, and keeps figures of the kernel at the start and after each epoch: 64 training images,
balanced over classes, sum of the outputs, batch norm calibrated on 512 training images. It goes on where it was
interrupted (`figures.jsonl`), and --seconds says after which CPU time to stop; the order is random, so a part is a
sample as well. Then correlates each figure after each epoch with the mean test accuracy in the table:

- `figures.npz`: all figures, shape (architectures, 5) each; the second command reads it.
- `correlations.csv`: Spearman, that given the number of parameters, and that among the best tenth, with 95 % bootstrap
  intervals over architectures. Beside them accuracies and loss on training images after as many epochs, which a
  training gives for nothing, and the parameters. `gain` is the difference to the kernel at the start, `beyond` to the
  one of accuracies and loss after as many epochs that correlates best, on the same resamples.
  What was found so was looked at again on 200 others, by --architectures 400 --skip 200 and another --out.
- `paths.csv`: median, 10th and 90th percentile over architectures.
- `moving-kernels.png` and `pictured.csv`, with --picture: four of the architectures, from accurate to inaccurate.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from journal import kept_rows

import robnas
from robnas._arrays import read_arrays, write_arrays
from robnas.benchmarks import Table
from robnas.kernels import (
    MEASURES,
    PATH_MEASURES,
    KernelPath,
    KernelProbe,
    NTKSettings,
    balanced_batch,
    train_with_kernels,
)
from robnas.networks import build_network, count
from robnas.reports import write_csv
from robnas.spaces import Architecture
from robnas.statistics import Best, Bootstrap, known_in, summarised
from robnas.training import Recipe

Floats = npt.NDArray[np.float64]
KIND, SEED, IMAGES, CALIBRATION = "moving kernels 1", 3, 64, 512
METRICS = ("clean", "pgd@16/255", "pgd@32/255")
TRAINED = ("clean_accuracy", "robust_accuracy", "loss")
HEADER = (
    "metric", "figure", "epoch", "architectures", "missing", "spearman", "low", "high", "partial", "partial_low",
    "partial_high", "top_decile", "top_decile_low", "top_decile_high", "gain", "gain_low", "gain_high", "beyond",
    "beyond_low", "beyond_high",
)  # fmt: skip


def sample(table: Table, number: int) -> list[Architecture]:
    """Random architectures of the table, the same first ones whatever the number."""
    order = np.random.default_rng(0).permutation(len(table.architectures))
    return [table.architectures[row] for row in order[:number]]


def path_of(arch: Architecture) -> KernelPath:
    """The kernels along one training."""
    data = robnas.load_data("digits")
    part = data.split("train")
    chosen, others = (balanced_batch(part.labels, size, seed=SEED) for size in (IMAGES, CALIBRATION))
    network = build_network(
        arch, channels=8, cells=1, num_classes=data.num_classes, in_channels=1, image_size=8, mean=data.mean,
        std=data.std, seed=SEED,
    )  # fmt: skip
    probe = KernelProbe(
        network, part.images[chosen] / 255, part.labels[chosen], settings=NTKSettings(reduction="sum"),
        calibration=part.images[others] / 255,
    )  # fmt: skip
    return train_with_kernels(probe, data, Recipe.digits(), seed=SEED)


def figures_of(path: KernelPath) -> dict[str, list[float]]:
    """All figures of a training, per epoch; those of the training itself have none of the start."""
    found = {name: path.measured(name).tolist() for name in (*PATH_MEASURES, *MEASURES)}
    for name in TRAINED:
        sign = -1 if name == "loss" else 1
        found[name] = [np.nan, *(sign * getattr(entry, name) for entry in path.history)]
    return found


def sweep(archs: list[Architecture], out: Path, seconds: float) -> dict[str, dict[str, list[float]]]:
    """Figures by architecture, those that a file has first."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "figures.jsonl"
    found: dict[str, dict[str, list[float]]] = {one["architecture"]: one["figures"] for one in kept_rows(file)}
    begun, done = time.process_time(), 0
    for arch in archs:
        if arch.code in found or time.process_time() - begun > seconds:
            continue
        found[arch.code] = figures_of(path_of(arch))
        with file.open("a") as stream:
            stream.write(json.dumps({"architecture": arch.code, "figures": found[arch.code]}) + "\n")
        done += 1
        print(f"{len(found)} of {len(archs)}, {(time.process_time() - begun) / done:.2f} CPU s each", flush=True)
    return {arch.code: found[arch.code] for arch in archs if arch.code in found}


def correlations(codes: list[str], figures: dict[str, Floats], table: Table) -> list[list[object]]:
    """The rows of `correlations.csv`."""
    archs = [Architecture(code) for code in codes]
    sizes = np.array([float(count(arch, channels=8, cells=1, live=True).parameters) for arch in archs])
    columns = {("parameters", 0): sizes} | {
        (name, epoch): column[:, epoch].copy()
        for name, column in figures.items()
        for epoch in range(column.shape[1])
        if epoch or name in (*MEASURES, "target-alignment")  # others are the same for all at the start
    }
    missing = {key: int((~np.isfinite(column)).sum()) for key, column in columns.items()}
    for column in columns.values():
        column[~np.isfinite(column)] = -np.inf  # what has no score is taken last
    draws, rows = Bootstrap(len(archs), np.random.default_rng(0)), list[list[object]]()
    nothing = np.full(2, np.nan)
    for metric in METRICS:
        truth = np.array([table.peek(a, dataset="digits", metric=metric, split="test", seed="mean") for a in archs])
        known = known_in(truth, sizes)
        best = Best(truth, draws.index(known))
        found = {key: draws.spearman(column, truth, known) for key, column in columns.items()}
        for (name, epoch), column in columns.items():
            here = found[name, epoch]
            partial = nothing if name == "parameters" else draws.partial(column, truth, sizes, known)
            gain = here - found[name, 0] if epoch and (name, 0) in found else nothing
            beyond = nothing
            if epoch and name not in TRAINED:
                beyond = here - max((found[control, epoch] for control in TRAINED), key=lambda drawn: drawn[0])
            row: list[object] = [metric, name, epoch, len(archs), missing[name, epoch]]
            for drawn in (here, partial, best.spearman(column, 0.1), gain, beyond):
                one = summarised(drawn, len(archs))
                row += [f"{value:.4f}" if value == value else "" for value in (one.value, one.low, one.high)]
            rows.append(row)
    return rows


def quantiles(figures: dict[str, Floats]) -> list[list[object]]:
    """The rows of `paths.csv`."""
    rows = list[list[object]]()
    for name, column in figures.items():
        for epoch in range(column.shape[1]):
            fine = column[np.isfinite(column[:, epoch]), epoch]
            if len(fine):
                shares = [f"{value:.5g}" for value in np.quantile(fine, [0.1, 0.5, 0.9])]
                rows.append([name, epoch, len(fine), *shares])
    return rows


def picture(codes: list[str], table: Table, out: Path) -> None:
    """Four architectures, from accurate to inaccurate."""
    from robnas.reports import moving_kernels, write_picture

    where = {"dataset": "digits", "metric": "pgd@32/255", "split": "test", "seed": "mean"}
    order = sorted(codes, key=lambda code: -table.peek(Architecture(code), **where))
    chosen = [order[place] for place in (1, len(order) // 3, 2 * len(order) // 3, -2)]
    paths = {code: path_of(Architecture(code)) for code in chosen}
    shown = {f"{code}, {table.peek(Architecture(code), **where):.0%}": path for code, path in paths.items()}
    write_picture(out / "moving-kernels.png", moving_kernels(shown))
    rows = [
        [code, epoch, *(f"{value:.5g}" for value in values)]
        for code, path in paths.items()
        for epoch, values in enumerate(
            zip(path.distance, path.eigenvalues[:, 0] / path.eigenvalues.sum(1), path.overlap(), path.target_alignment,
                strict=True)
        )
    ]  # fmt: skip
    write_csv(out / "pictured.csv", ("architecture", "epoch", "distance", "share", "overlap", "alignment"), rows)


def main() -> None:
    """Train, correlate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--architectures", type=int, default=200)
    parser.add_argument("--skip", type=int, default=0, help="leave out so many first ones, which were looked at before")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="CPU time after which to stop training")
    parser.add_argument("--figures", type=Path, help="of an earlier run, in place of trainings")
    parser.add_argument("--picture", action="store_true")
    settings = parser.parse_args()
    table, names = robnas.load("digits"), (*PATH_MEASURES, *MEASURES, *TRAINED)
    if settings.figures is not None:
        codes, *columns = read_arrays(settings.figures, KIND, "codes", *names)
        figures = dict(zip(names, (column.astype(float) for column in columns), strict=True))
    else:
        found = sweep(sample(table, settings.architectures)[settings.skip :], settings.out, settings.seconds)
        codes, figures = np.array(list(found)), {n: np.array([one[n] for one in found.values()]) for n in names}
        kept = {name: column.astype(np.float32) for name, column in figures.items()}
        write_arrays(settings.out / "figures.npz", KIND, {"codes": codes, **kept})
        figures = {name: column.astype(float) for name, column in kept.items()}  # as the file has them
    texts = [str(code) for code in codes]
    write_csv(settings.out / "correlations.csv", HEADER, correlations(texts, figures, table))
    write_csv(settings.out / "paths.csv", ("figure", "epoch", "architectures", "low", "median", "high"),
              quantiles(figures))  # fmt: skip
    if settings.picture:
        picture(texts, table, settings.out)


if __name__ == "__main__":
    main()
