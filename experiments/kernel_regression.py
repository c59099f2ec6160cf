"""Clean and robust accuracy of kernels on digits, by how the kernel is fitted.

    python experiments/kernel_regression.py --out experiments/results/regression    # a minute of one core

Digits 3 against 8, 100 training and 70 test inputs on the unit sphere, the kernel of an infinitely wide network,
attacked on the fitted kernel itself (`SphereAttack(0.3, 5)`). One sample of inputs, so differences of a few hundredths
are noise.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

import robnas
from robnas import kernels
from robnas.data import Images
from robnas.reports import write_csv

CLASSES, TRAIN, TEST = (3, 8), 100, 70
ATTACK = kernels.SphereAttack(0.3, 5)
RIDGES, TIMES, BETAS, STEPS = (0.1, 1.0), (0.3, 3.0, 30.0), (0.5, 1.0), (20, 50)


def chosen(part: Images, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and labels of two classes, as many of both."""
    places = torch.isin(part.labels, torch.tensor(CLASSES)).nonzero().squeeze(1)
    places = places[kernels.balanced_batch(part.labels[places], count, 0)]
    return part.images[places].double().numpy() / 255, part.labels[places].numpy()


def fitted(
    kernel: kernels.Kernel, x: np.ndarray, y: np.ndarray
) -> Iterator[tuple[str, float, kernels.KernelRegression]]:
    """What is compared: how, the setting of it, and the predictor."""
    closed = kernels.KernelRegression.fit(kernel, x, y)
    yield "closed form", 0.0, closed
    for ridge in RIDGES:
        yield "ridge", ridge, kernels.KernelRegression.fit(kernel, x, y, ridge=ridge)
    for time in TIMES:
        yield "time", time, kernels.KernelRegression.fit(kernel, x, y, time=time)
    attacked = kernels.attack_regression(closed, x, y, ATTACK)
    for beta in BETAS:
        yield "K_all", beta, kernels.mixed_regression(kernel, x, attacked, y, beta=beta)
    for steps in STEPS:
        yield "Adv-NTK steps", float(steps), kernels.AdvNTK(steps=steps).fit(kernel, x, y, ATTACK)


def main() -> None:
    """One row for each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--architecture", default="fc:relu,relu:1")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    data = robnas.load_data("digits")
    (x, y), (test, wanted) = chosen(data.split("train"), TRAIN), chosen(data.split("test"), TEST)
    centre = x.mean()
    x, test = (kernels.unit_sphere(part - centre) for part in (x, test))
    rows = []
    for how, setting, found in fitted(kernels.InfiniteKernel(given.architecture), x, y):
        accuracies = found.accuracy(test, wanted), kernels.robust_accuracy(found, test, wanted, ATTACK)
        rows.append([how, f"{setting:g}", *(f"{one:.4f}" for one in accuracies)])
        print(*rows[-1], flush=True)
    write_csv(given.out / "regression.csv", ["how", "setting", "clean", "robust"], rows)


if __name__ == "__main__":
    main()
