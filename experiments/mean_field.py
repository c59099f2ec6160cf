"""Is the mean field what random networks do, and what does the predicted sensitivity say about robust accuracy?

    python experiments/mean_field.py --out experiments/results/mean-field --networks natural cifar10 digits
    python experiments/mean_field.py --out experiments/results/mean-field --table    # after fetching; one minute

**Networks**: `networks.csv`, for each width the mean over initial weights of the variance of the logits over images,
of the squared norm of their Jacobian (forward differentiation along white noise), and of the sensitivity to white noise
of size ρ = .125, each with a standard error, and the prediction of `robnas.kernels.signal_propagation` for the same
images. 32 images of 16×16 with power 1/k², or of a data set, normalised; the statistics of batch norm are those of
these images. Networks are the benchmark's, with N = 1 and N = 5. A logit's random weights are replaced by their mean
square, which is exact. It goes on where it was interrupted; data sets at N = 1 and width 16 and 64 alone.

**Table**: `table.csv`, Spearman with accuracies of nas-robbench-201 on all 6,466 architectures, among the best half and
tenth, given parameters, and regrets, with bootstrap intervals over architectures, for minus the log of the predicted
sensitivity (small is good), the same the other way round (`reversed`), that of the variance, and parameters; and the
predicted Jacobian beside `jacobian_norm` of 320 real networks.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from orders import ENDS, Orders
from torch import Tensor, nn
from torch.autograd import forward_ad

import robnas
from robnas.benchmarks import read_scores
from robnas.kernels import balanced_batch, signal_propagation
from robnas.kernels.nas_bench_201._stem import natural_images
from robnas.networks import build_network, count
from robnas.reports import write_csv
from robnas.spaces import Architecture
from robnas.statistics import Bootstrap, summarised

Floats = npt.NDArray[np.float64]
SCORES, DEVIATION = Path(__file__).parent / "results" / "proxies" / "scores.parquet", 0.25
"""With `jacobian_norm` of 64 CIFAR-10 images, C = 16, N = 5; standard deviation of CIFAR-10's pixels."""
SIZE, IMAGES, SIDE = 0.125, 32, 16
CELLS = {
    1: ("000100", "000200", "000300", "444444", "311411", "310310", "134231", "210432", "301341", "300033", "323133",
        "333333"),
    5: ("000100", "444444", "311411", "134231", "301341", "323133"),
}  # fmt: skip
NETWORKS = {1: {16: 6, 64: 3, 256: 1}, 5: {16: 6, 64: 2}}
"""Initial weights by width, by cells."""
QUANTITIES = ("variance", "jacobian", "sensitivity")
KEY = ("images", "cells", "width", "architecture", "networks")
HEADER = (*KEY, *(f"{name}{end}" for end in ("", "_error", "_predicted", "_relative_error") for name in QUANTITIES))


def images_of(kind: str) -> Floats:
    """Images of power 1/k², or of a data set, normalised; large ones by means over 2×2 pixels."""
    if kind == "natural":
        return natural_images(3, SIDE, SIDE, IMAGES)
    train = robnas.load_data(kind, validation=0).split("train")
    pixels = train.images[balanced_batch(train.labels, IMAGES, seed=0)].double() / 255
    while pixels.shape[-1] > SIDE:
        pixels = F.avg_pool2d(pixels, 2)
    found = pixels.numpy()
    return (found - found.mean((0, 2, 3), keepdims=True)) / found.std((0, 2, 3), keepdims=True)


@torch.no_grad()
def measured(code: str, images: Tensor, width: int, cells: int, seed: int) -> tuple[float, float, float]:
    """Variance, squared Jacobian norm and sensitivity of one network."""
    network = build_network(code, num_classes=10, channels=width, cells=cells, in_channels=images.shape[1], seed=seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    network.train()(images)
    network.eval()
    pooled: list[Tensor] = []
    network.head.linear.register_forward_pre_hook(lambda _, given: pooled.append(given[0]))
    source = torch.Generator().manual_seed(seed)
    noise = torch.randn(images.shape, generator=source)
    with forward_ad.dual_level():
        network(forward_ad.make_dual(images, noise))
        here, tangent = forward_ad.unpack_dual(pooled.pop())
    network(images + SIZE * images.std() * noise)
    variance = float(here.double().var(dim=0).mean())
    moved = float((pooled.pop() - here).double().square().mean())
    slope = 0.0 if tangent is None else float(tangent.double().square().mean())
    return variance / 3, slope / 3, moved / variance


def networks(out: Path, kinds: list[str]) -> None:
    """Random networks beside the prediction."""
    path = out / "networks.csv"
    width = len(KEY) + 2 * len(QUANTITIES)
    rows = [row[:width] for row in csv.reader(path.open())][1:] if path.exists() else []
    done = {tuple(row[: len(KEY) - 1]) for row in rows}
    for kind in kinds:
        images = images_of(kind)
        pixels = torch.tensor(images, dtype=torch.float32)
        for cells, channels, code in [
            (n, w, code)
            for n in CELLS
            for w in NETWORKS[n]
            for code in CELLS[n]
            if kind == "natural" or (n == 1 and w < 256)
        ]:
            key, repeats = (kind, str(cells), str(channels), code), NETWORKS[cells][channels]
            if key in done:
                continue
            found = np.array([measured(code, pixels, channels, cells, seed) for seed in range(repeats)])
            errors = found.std(axis=0, ddof=1) / repeats**0.5 if repeats > 1 else np.full(3, np.nan)
            rows.append([*key, str(repeats), *(f"{x:.5g}" for x in found.mean(axis=0)), *(f"{x:.2g}" for x in errors)])
            write_csv(path, HEADER[:width], rows)
            print(*rows[-1], flush=True)
    write_csv(path, HEADER, [row + beside for row, beside in zip(rows, predicted(rows), strict=True)])


def predicted(rows: list[list[str]]) -> list[list[str]]:
    """What `signal_propagation` says of each row, and its relative error."""
    found: dict[tuple[str, ...], list[str]] = {}
    for kind, cells in {(row[0], row[1]) for row in rows}:
        codes = sorted({row[3] for row in rows if (row[0], row[1]) == (kind, cells)})
        field = signal_propagation(codes, images_of(kind), cells=int(cells), size=SIZE)
        for place, code in enumerate(codes):
            found[kind, cells, code] = [f"{getattr(field, name)[place]:.5g}" for name in QUANTITIES]
    beside = []
    for row in rows:
        values = found[row[0], row[1], row[3]]
        means = row[len(KEY) : len(KEY) + len(QUANTITIES)]
        relative = [f"{float(one) / float(mean) - 1:.3f}" for one, mean in zip(values, means, strict=True)]
        beside.append(values + relative)
    return beside


def table(out: Path) -> None:
    """Predicted numbers against measured accuracies."""
    published = robnas.load("nas-robbench-201")
    archs = [Architecture(arch) for arch in published.architectures]
    field = signal_propagation(archs)
    with np.errstate(divide="ignore"):
        columns = {
            "mean_field_sensitivity": -np.log(field.sensitivity),
            "minus_log_variance": -np.log(field.variance),
        }
    parameters = np.log([count(arch, live=True).parameters for arch in archs])
    alive = np.isfinite(field.sensitivity)
    columns = {name: np.where(alive, column, -np.inf) for name, column in columns.items()}
    columns |= {"reversed": np.where(alive, np.log(field.sensitivity), -np.inf), "parameters": parameters}
    rows = []
    for dataset in ("cifar10", "cifar100", "imagenet16-120"):
        for metric in ("clean", "pgd@8/255") if dataset == "cifar10" else ("pgd@8/255",):
            where = {"dataset": dataset, "metric": metric, "split": "test", "seed": "mean"}
            truth = np.array([published.peek(arch, **where) for arch in archs])
            orders = Orders(truth, parameters)
            for name, column in columns.items():
                figures = orders.figures(column, given_parameters=name != "parameters")
                rows += [(dataset, metric, name, *one) for one in figures]
    for row in rows:
        print(*row)
    rows += [("cifar10", "jacobian_norm", *row) for row in jacobians()]
    write_csv(out / "table.csv", ("dataset", "metric", "score", "figure", *ENDS), rows)


def jacobians() -> list[tuple[str, str, str, str, str]]:
    """The predicted Jacobian of 320 architectures beside the measured one: logarithms of norms by pixels, 10 logits."""
    scores = read_scores(SCORES)
    norms = np.log(-np.array(scores.column("jacobian_norm"), dtype=np.float64))
    field = signal_propagation(scores.codes)
    expected = np.log(10 * field.jacobian) / 2 - np.log(DEVIATION)
    draws, known = Bootstrap(len(norms), np.random.default_rng(0)), np.isfinite(norms) & np.isfinite(expected)
    found = summarised(draws.spearman(norms, expected, known), int(known.sum()))
    low, middle, high = np.quantile((expected - norms)[known], [0.05, 0.5, 0.95])
    return [
        ("log_jacobian", "spearman", *(f"{x:.4f}" for x in (found.value, found.low, found.high))),
        ("log_jacobian", "difference_of_logarithms_median_and_90_percent", *(f"{x:.4f}" for x in (middle, low, high))),
    ]


def main() -> None:
    """Measure networks, or read the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--networks", nargs="*", help="natural, or data by name; natural and digits if none")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if given.networks is not None:
        networks(given.out, given.networks or ["natural", "digits"])
    if given.table:
        table(given.out)


if __name__ == "__main__":
    main()
