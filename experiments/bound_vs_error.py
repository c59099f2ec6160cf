"""Do the generalization bounds order networks as their measured errors do?

    python experiments/bound_vs_error.py --out runs/bound-vs-error --cifar DIR

Random fully connected architectures of the theory space, binary tasks of the digits and of CIFAR-10 (left out without
--cifar, a folder that `robnas.load_data("cifar10", data_dir=...)` reads). For each architecture, seed and β a network
of width 256 is trained by one pass of SGD on N inputs (Wu et al. 2024, Algorithm 1), and clean and robust 0-1 error on
test inputs are averaged over iterates. Beside them stand the terms √(yᵀK_all⁻¹y/N) and √(yᵀK̃_all⁻¹y/N) of the
infinite-width kernel on the same N inputs, which are attacked on the network at initialisation. Attacks tell kernels
the labels, so each term has its control: what it is where attacks are aimed at random labels, as large and blind.

What the theory leaves open is chosen here: inputs are centred by the mean of the training images and scaled to the unit
sphere, CIFAR-10 images are averaged to 16×16 pixels before; ρ is 0.1 for the digits and 0.03 for CIFAR-10; attacks have
5 steps. With k the mean diagonal of K_all, γ = 1/max(k, √k): neither the output nor the weights move by much more than
1 in a step, because kernels differ in scale by 10⁴ and γ = 1/k made networks of small kernels diverge. A pass over 50
inputs is the beginning of one over 200. Finished networks are kept, so that the command goes on where it was stopped.

Written are `correlations.csv`, of each term, of its control and of the term given its control; `falls.csv`, how often
an architecture's errors and terms are lower with more inputs; per task a file with the points of the picture.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from journal import kept_rows

from robnas import kernels
from robnas.data import load_data
from robnas.networks import build_theory_network
from robnas.reports import write_csv, write_pictures
from robnas.spaces import TheorySpace
from robnas.statistics import Bootstrap, correlate, summarised

STEPS, WIDTH, TEST = 5, 256, 200
RHO = {"digits": 0.1, "cifar10": 0.03}
BETAS, SIZES, EVERY = (0.0, 0.5, 1.0), (50, 100, 200), 10
TASKS = {
    "digits 3/8": ("digits", 3, 8),
    "digits 4/9": ("digits", 4, 9),
    "CIFAR-10 airplane/frog": ("cifar10", 0, 6),
    "CIFAR-10 automobile/deer": ("cifar10", 1, 4),
}
KEYS = ("task", "architecture", "beta", "inputs")
HEADER = ["task", "error", "beta", "inputs", "points"] + [
    f"{name}{end}"
    for name in ("spearman", "control", "difference", "given_control")
    for end in ("", "_low_95", "_high_95")
]


def binary(data: Any, split: str, classes: tuple[int, int], count: int, mean: torch.Tensor) -> tuple[Any, Any]:
    """The first `count` inputs of two classes on the unit sphere, and ±1."""
    part = data.split(split)
    chosen = torch.isin(part.labels, torch.tensor(classes)).nonzero().squeeze(1)[:count]
    x = small(part.images[chosen]) - mean
    return kernels.unit_sphere(x.flatten(1).numpy()), np.where(part.labels[chosen].numpy() == classes[1], 1.0, -1.0)


def small(images: torch.Tensor) -> torch.Tensor:
    """Pixels; large images at half the resolution."""
    pixels = images.double() / 255
    return torch.nn.functional.avg_pool2d(pixels, 2) if images.shape[-1] > 16 else pixels


def measure(arch: str, seed: int, rho: float, train: tuple[Any, Any], test: tuple[Any, Any]) -> list[dict[str, Any]]:
    """Bounds, their controls and errors for all β and N."""
    (x, y), (x_test, y_test) = train, test
    attack, rows = kernels.SphereAttack(rho, STEPS), []
    inputs, labels = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    others, truth = torch.tensor(x_test, dtype=torch.float32), torch.tensor(y_test, dtype=torch.float32)

    def fresh() -> Any:
        return build_theory_network(arch, input_shape=inputs.shape[1:], width=WIDTH, seed=seed)

    def kernels_under(aim: torch.Tensor) -> kernels.RobustKernels:
        start = fresh()
        robust = attack(start, inputs, aim)
        twice = attack(start, robust, aim)
        return kernels.infinite_kernels(
            arch, x, *(kernels.unit_sphere(part.double().numpy()) for part in (robust, twice))
        )

    five, blind = kernels_under(labels), kernels_under(torch.tensor(noise(y, seed), dtype=torch.float32))
    for beta in BETAS:
        network, errors = fresh(), {}
        diagonal = float(np.trace(five.mixed(beta))) / len(five)
        stops = range(1, len(x) + 1, EVERY)
        training = kernels.one_pass_sgd(
            network, inputs, labels, attack=attack, beta=beta, step_size=1 / max(diagonal, diagonal**0.5), stop_at=stops
        )
        for iterate in training:
            attacked = attack(network, others, truth)
            errors[iterate] = [kernels.zero_one_error(network, points, truth) for points in (others, attacked)]
        for size in SIZES:
            bound, control = (first(size, found).bound(y[:size], beta) for found in (five, blind))
            seen = np.array([values for iterate, values in errors.items() if iterate <= size]).mean(axis=0)
            rows.append(
                {
                    "beta": beta,
                    "inputs": size,
                    "clean_bound": bound.clean,
                    "robust_bound": bound.robust,
                    "clean_control": control.clean,
                    "robust_control": control.robust,
                    "clean_spectral": bound.clean_spectral,
                    "robust_spectral": bound.robust_spectral,
                    "clean_error": float(seen[0]),
                    "robust_error": float(seen[1]),
                }
            )
    return rows


def noise(y: Any, seed: int) -> Any:
    """Random labels, blind to the true ones among the first N inputs for every N."""
    return np.concatenate([kernels.random_labels(part, seed=seed) for part in np.split(y, SIZES[:-1])])


def first(size: int, five: kernels.RobustKernels) -> kernels.RobustKernels:
    """The kernels of the first inputs."""
    return kernels.RobustKernels(
        *(k[:size, :size] for k in (five.clean, five.cross, five.robust, five.cross_twice, five.twice))
    )


def spearman(rows: list[dict[str, Any]], side: str) -> list[str]:
    """Of error with term, with control and with the term given the control, and the difference of the first two.

    Seeds are averaged; each with its 95 % interval; an infinite term has the highest rank.
    """
    from scipy.stats import rankdata

    bounds, controls, errors = (
        rankdata([row[f"{side}_{what}"] for row in rows]) for what in ("bound", "control", "error")
    )
    draws, known = Bootstrap(len(rows), np.random.default_rng(0)), np.ones(len(rows), dtype=bool)
    of_term, of_control = (draws.spearman(column, errors, known) for column in (bounds, controls))
    rest = draws.partial(bounds, errors, controls, known)
    others = [summarised(found, len(rows)) for found in (of_control, of_term - of_control, rest)]
    found = [correlate(bounds, errors, rng=np.random.default_rng(0)), *others]
    return ["" if np.isnan(value) else f"{value:.3f}" for one in found for value in (one.value, one.low, one.high)]


def falls(rows: list[dict[str, Any]]) -> list[list[Any]]:
    """Share of (task, architecture, β) of which errors and terms are lower with more inputs."""
    found = {tuple(row[key] for key in KEYS): row for row in rows}
    groups = list(dict.fromkeys(key[:-1] for key in found))
    return [
        [
            what,
            few,
            many,
            len(groups),
            f"{np.mean([found[(*g, many)][what] < found[(*g, few)][what] for g in groups]):.3f}",
        ]
        for what in ("clean_error", "robust_error", "clean_bound", "robust_bound")
        for few, many in pairwise(SIZES)
    ]


def averaged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per task, architecture, β and N."""
    values = [key for key in rows[0] if key.endswith(("_bound", "_control", "_error", "_spectral"))]
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in KEYS), []).append(row)
    return [
        dict(zip(KEYS, group, strict=True)) | {value: float(np.mean([row[value] for row in found])) for value in values}
        for group, found in groups.items()
    ]


def shown(value: Any) -> Any:
    """Four digits of a number."""
    return f"{value:.4g}" if isinstance(value, float) else value


def report(rows: list[dict[str, Any]], out: Path) -> None:
    """Table of rank correlations, and the picture."""
    from matplotlib.figure import Figure

    rows, lines = averaged(rows), []
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    for task, side in product(tasks, ("clean", "robust")):
        of_task = [row for row in rows if row["task"] == task]
        for beta, size in product(BETAS, SIZES):
            cell = [row for row in of_task if row["beta"] == beta and row["inputs"] == size]
            lines.append([task, side, beta, size, len(cell), *spearman(cell, side)])
        lines.append([task, side, "all", "all", len(of_task), *spearman(of_task, side)])
    write_csv(out / "correlations.csv", HEADER, lines)
    write_csv(out / "falls.csv", ["what", "inputs", "more_inputs", "cases", "lower"], falls(rows))
    for task in tasks:
        points = [[shown(value) for key, value in row.items() if key != "task"] for row in rows if row["task"] == task]
        write_csv(out / f"{task.replace(' ', '-').replace('/', '-').lower()}.csv", list(rows[0])[1:], points)
    figure = Figure(figsize=(3.2 * len(tasks), 6), layout="constrained")
    axes = figure.subplots(2, len(tasks), squeeze=False, sharey="row")
    colours, markers = (
        dict(zip(SIZES, ("#56B4E9", "#0072B2", "#000000"), strict=True)),
        dict(zip(BETAS, "os^", strict=True)),
    )
    for (line, side), (column, task) in product(enumerate(("clean", "robust")), enumerate(tasks)):
        panel = axes[line, column]
        of_task = [row for row in rows if row["task"] == task and np.isfinite(row[f"{side}_bound"])]
        for beta, size in product(BETAS, SIZES):
            cell = [row for row in of_task if row["beta"] == beta and row["inputs"] == size]
            panel.scatter(
                [row[f"{side}_bound"] for row in cell], [100 * row[f"{side}_error"] for row in cell], s=14, alpha=0.6,
                color=colours[size], marker=markers[beta], linewidths=0, label=f"N={size}, β={beta:g}",
            )  # fmt: skip
        found = [float(entry[5]) for entry in lines if entry[:2] == [task, side] and entry[2] != "all"]
        panel.set_title(f"{task}, {side}\nSpearman over architectures {min(found):.2f} … {max(found):.2f}", fontsize=9)
        panel.axhline(50, color="0.6", linewidth=0.8, linestyle="--")
        panel.set_xscale("log")
        panel.set_xlabel("√(yᵀ" + ("K_all" if side == "clean" else "K̃_all") + "⁻¹y / N)")
        panel.grid(color="0.9")
        panel.set_axisbelow(True)
        if column == 0:
            panel.set_ylabel(f"{side} 0-1 error (%)")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False, fontsize=7)
    write_pictures(out / "bound-vs-error", figure)


def main() -> None:
    """Measure what is missing, then report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cifar", type=Path, help="folder of CIFAR-10")
    parser.add_argument("--architectures", type=int, default=24)
    parser.add_argument("--depth", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=2)
    settings = parser.parse_args()
    settings.out.mkdir(parents=True, exist_ok=True)
    file = settings.out / "rows.jsonl"
    rows = kept_rows(file)
    done = {(row["task"], row["architecture"], row["seed"]) for row in rows}
    archs = [str(arch) for arch in TheorySpace(settings.depth).sample(np.random.default_rng(0), settings.architectures)]
    for task, (name, *classes) in TASKS.items():
        if name == "cifar10" and settings.cifar is None:
            continue
        data = load_data(name, data_dir=settings.cifar, validation=0, allow_partial=True)
        mean = small(data.split("train").images[:5000]).mean(dim=0)
        train = binary(data, "train", tuple(classes), max(SIZES), mean)
        test = binary(data, "test", tuple(classes), TEST, mean)
        begun, fresh = time.process_time(), 0
        for arch, seed in product(archs, range(settings.seeds if name == "digits" else 1)):
            if (task, arch, seed) in done:
                continue
            labels = {"task": task, "architecture": arch, "seed": seed}
            found = [labels | row for row in measure(arch, seed, RHO[name], train, test)]
            with file.open("a") as stream:
                stream.write("".join(json.dumps(row) + "\n" for row in found))
            rows += found
            fresh += 1
            print(f"{task} {arch} {seed}: {(time.process_time() - begun) / fresh:.1f} CPU s each", flush=True)
    report(rows, settings.out)


if __name__ == "__main__":
    main()
