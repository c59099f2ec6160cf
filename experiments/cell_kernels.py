"""Kernels of infinitely wide networks of NAS-Bench-201 cells on the digits: all cells clean, some cells attacked.

    python experiments/cell_kernels.py --out runs/cell-kernels
    python experiments/cell_kernels.py --out runs/cell-kernels --five experiments/digits_beta.toml
    python experiments/cell_kernels.py --out runs/cell-kernels --five experiments/digits_beta.toml --blind
    python experiments/cell_kernels.py --out experiments/results/cells --widths

Images are --images of the training digits, as equally many per class as possible, normalised as for the benchmark's
networks; N = 1 cell per stage; branches scaled to unit variance on the clean images. The first three write shards of
architectures into --out and leave those alone that are there: they go on where they were interrupted, and --shards says
after how many new ones to stop. A shard prints its CPU time and what the whole would take at that rate; at the end the
measures of all kernels that are there stand in `clean-64.csv` or `five-64.csv`.

**Clean**: one architecture per class of the partition `effective`, 5,044, 128 to a shard in the order of digits, so
that they share the beginning of their cells. **Five**: kernels of clean, attacked and twice attacked images, of the
architectures of a plan in random order, so that the first shards are a sample. An infinitely wide network has no
gradient to follow, so the attack (PGD as the table digits-beta measures it: 10 steps of 8/255 from a random start,
ε = 32/255) is made on `build_wide_cell_network` of width 16, the channels of the benchmark, one output per class, its
own branches scaled on the clean images; with --blind attacks are aimed at random labels, which is what tells how much
of a term is labels that attacks told the kernels. **Widths**: `widths.csv`, mean kernels of random networks on 4×4
noise, less the limit; the difference falls as 1/width. And `benchmark.csv`, products of pooled features of the
benchmark's own batch-normed networks beside the three limits.
"""

from __future__ import annotations

import argparse
import time
import tomllib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

import robnas
from robnas._arrays import read_arrays, write_arrays
from robnas.attacks import PGD, perturb
from robnas.kernels import (
    MEASURES,
    NTKSettings,
    RobustKernels,
    balanced_batch,
    empirical_ntk,
    infinite_cell_kernels,
    infinite_cell_ntk,
    random_labels,
)
from robnas.networks import Normalize, build_wide_cell_network
from robnas.networks.nas_bench_201 import BRANCH_SCALINGS
from robnas.reports import write_csv
from robnas.spaces import Architecture, CellArchitecture, partition
from robnas.types import ThreatModel

Floats = npt.NDArray[np.float64]
KIND = "cell kernels 1"
CLEAN, FIVE = ("ntk", "nngp"), ("clean", "cross", "robust", "cross_twice", "twice")
ATTACK = PGD(ThreatModel.linf("32/255"), steps=10, step_size=8 / 255)
WIDTH, NETWORKS = 16, {12: 300, 24: 200, 48: 100, 96: 100, 384: 30}


def digits(count: int) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """The normalisation, pixels in [0, 1] and labels."""
    data = robnas.load_data("digits")
    train = data.split("train")
    chosen = balanced_batch(train.labels, count, seed=0)
    return Normalize(data.mean, data.std).double(), train.images[chosen].double() / 255, train.labels[chosen]


def clean(archs: Sequence[Architecture], count: int) -> dict[str, Floats]:
    """Both kernels of each architecture, shape (architectures, n, n)."""
    normalize, pixels, _ = digits(count)
    found = [kernels for _, kernels in infinite_cell_kernels(archs, normalize(pixels).numpy(), cells=1)]
    return {name: np.stack([getattr(kernels, name) for kernels in found]) for name in CLEAN}


def five(archs: Sequence[Architecture], count: int, *, blind: bool = False) -> dict[str, Floats]:
    """The five kernels of each architecture, shape (architectures, n, n); blind ones know no labels by attacks."""
    normalize, pixels, labels = digits(count)
    labels = torch.from_numpy(random_labels(labels.numpy())) if blind else labels
    given, found = normalize(pixels), []
    for arch in archs:
        wide = build_wide_cell_network(
            arch, width=WIDTH, calibration=given, in_channels=1, cells=1, outputs=10, dtype=torch.float64
        )
        network = nn.Sequential(normalize, wide).eval()
        robust = perturb(ATTACK, network, pixels, labels, seed=0).images
        twice = perturb(ATTACK, network, robust, labels, seed=1).images
        stack = torch.cat([given, normalize(robust), normalize(twice)])
        found.append(
            RobustKernels.from_stack(infinite_cell_ntk(arch, stack.numpy(), cells=1, calibration=given.numpy()))
        )
    return {name: np.stack([getattr(kernels, name) for kernels in found]) for name in FIVE}


def sweep(
    name: str,
    archs: Sequence[Architecture],
    size: int,
    kernels: Callable[[Sequence[Architecture]], dict[str, Floats]],
    out: Path,
    most: int | None,
) -> None:
    """Write the shards that are missing, `most` of them at most."""
    shards = [archs[start : start + size] for start in range(0, len(archs), size)]
    missing = [number for number in range(len(shards)) if not (out / f"{name}-{number:03}.npz").exists()]
    begun, done = time.process_time(), 0
    for number in missing[:most]:
        found = kernels(shards[number])
        codes = np.array([arch.code for arch in shards[number]])
        write_arrays(out / f"{name}-{number:03}.npz", KIND, {"codes": codes, **found})
        done += len(codes)
        each = (time.process_time() - begun) / done
        whole = each * len(archs) / 3600
        print(f"{name}, shard {number} of {len(shards)}: {each:.3f} CPU s each, {whole:.2f} h in all", flush=True)


def report(name: str, kernels: Sequence[str], out: Path, count: int) -> None:
    """Measures of all kernels that are there."""
    labels, lines = digits(count)[2].numpy(), []
    for path in sorted(out.glob(f"{name}-*.npz")):
        codes, *arrays = read_arrays(path, KIND, "codes", *kernels)
        for kernel, values in zip(kernels, arrays, strict=True):
            if kernel.startswith("cross"):
                continue  # indefinite
            for code, one in zip(codes, values, strict=True):
                measures = [f"{measure(one, labels):.6g}" if one.any() else "" for measure in MEASURES.values()]
                lines.append([str(code), kernel, *measures])
    write_csv(out / f"{name}.csv", ["architecture", "kernel", *MEASURES], lines)


def widths(out: Path) -> None:
    """Random networks beside their limit: a pair of images each row, and the mean diagonal as the unit."""
    x = np.random.default_rng(0).normal(size=(3, 2, 4, 4))
    x[1] += 0.7 * x[0]
    inputs, lines = torch.tensor(x), []
    for code, scaling in (("301341", "unit"), ("414141", "unit"), ("301341", "centred")):
        limit = infinite_cell_ntk(code, x, cells=1, scaling=scaling)
        for width, networks in NETWORKS.items():
            build = partial(
                build_wide_cell_network, code, width=width, calibration=inputs, in_channels=2, cells=1, scaling=scaling
            )
            found = [
                empirical_ntk(build(seed=seed, dtype=torch.float64), inputs, settings=NTKSettings(reduction="sum"))
                for seed in range(networks)
            ]
            mean, error = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / networks**0.5
            for i, j in zip(*np.triu_indices(3), strict=True):
                unit = np.trace(limit) / 3
                numbers = (limit[i, j], (mean - limit)[i, j], error[i, j])
                lines.append(
                    [code, scaling, str(width), str(networks), f"{i}-{j}", *(f"{one / unit:.4f}" for one in numbers)]
                )
    header = ["architecture", "scaling", "width", "networks", "images", "limit", "difference", "standard_error"]
    write_csv(out / "widths.csv", header, lines)


def benchmark(out: Path) -> None:
    """How far products of pooled features of the benchmark's own networks are from the limit of each scaling.

    Batch norm takes the statistics of the images; the 1×1 convolution beside a reduction, which PyTorch draws with
    variance 1 / (3 fan-in), is multiplied by √3. Products are means over networks, divided by their trace.
    """
    normalize, pixels, _ = digits(24)
    codes = ("323133", "301341", "414141", "000300", "111111", "144141")
    limits = {
        scaling: dict(infinite_cell_kernels(codes, normalize(pixels).numpy(), cells=1, scaling=scaling))
        for scaling in BRANCH_SCALINGS
    }
    lines = []
    for width, networks in {16: 12, 64: 4}.items():
        for arch in map(CellArchitecture, codes):
            found = np.sum([features(arch, width, seed, normalize(pixels)) for seed in range(networks)], axis=0)
            found /= np.trace(found)
            for scaling, kernels in limits.items():
                limit = kernels[arch].nngp
                error = np.linalg.norm(found - limit / np.trace(limit)) / np.linalg.norm(found)
                lines.append([arch.code, str(width), str(networks), scaling, f"{error:.3f}"])
    write_csv(out / "benchmark.csv", ["architecture", "width", "networks", "scaling", "relative_difference"], lines)


@torch.no_grad()
def features(arch: CellArchitecture, width: int, seed: int, images: torch.Tensor) -> Floats:
    """Products of what the read-out of a random batch-normed network reads, shape (n, n)."""
    network = robnas.build_network(arch, num_classes=10, in_channels=1, channels=width, cells=1, seed=seed).double()
    for block in network.reductions:
        block.shortcut.weight.mul_(3**0.5)
    read: list[torch.Tensor] = []
    network.head.linear.register_forward_pre_hook(lambda _, given: read.append(given[0]))
    network.train()(images)
    product: Floats = (read[0] @ read[0].T).numpy()
    return product


def main() -> None:
    """Write what is missing, then report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--five", type=Path, help="a plan that lists architectures")
    parser.add_argument("--blind", action="store_true", help="with --five: attacks aimed at random labels")
    parser.add_argument("--widths", action="store_true")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--shards", type=int, help="stop after that many new ones")
    settings = parser.parse_args()
    settings.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    if settings.widths:
        benchmark(settings.out)
        widths(settings.out)
        return
    if settings.five:
        codes = tomllib.loads(settings.five.read_text())["space"]["architectures"]
        order = np.random.default_rng(0).permutation(len(codes))  # the first shards are a sample
        archs, size, names = [Architecture(codes[place]) for place in order], 4, FIVE
        name, kernels = ("blind", partial(five, blind=True)) if settings.blind else ("five", five)
    else:
        archs = sorted(partition("effective").representatives(), key=lambda arch: arch.code)
        name, size, kernels, names = "clean", 128, clean, CLEAN
    name += f"-{settings.images}"
    sweep(name, archs, size, partial(kernels, count=settings.images), settings.out, settings.shards)
    report(name, names, settings.out, settings.images)


if __name__ == "__main__":
    main()
