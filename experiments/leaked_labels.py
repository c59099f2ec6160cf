"""How much do kernels of attacked inputs know of the labels?

    python experiments/leaked_labels.py --out experiments/results/leak    # some minutes of one core

The terms of Wu et al. 2024, Theorem 1, at β = ½ on 100 digits 3 and 8, as `robnas theory` prints them: with attacks at
the true labels, with attacks at random labels (the term of the true ones, and of the random ones themselves), and with
the second attack made on an independent second initialisation. `terms.csv` has them for one architecture, `twelve.csv`
for six random ones each of depth 3 and 4. `alignment.csv` has the score `label-alignment` of untrained cells.
"""

from __future__ import annotations

import argparse
import io
import json
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

import robnas
from robnas import kernels
from robnas.cli import main as robnas_command
from robnas.reports import write_csv
from robnas.spaces import TheorySpace

RADII = ("0.1", "0.3")
ONE = "fc:relu,relu:1"
TWELVE = [
    str(arch) for depth, seed in ((3, 0), (4, 1)) for arch in TheorySpace(depth).sample(np.random.default_rng(seed), 6)
]
CELLS, EPSILONS, IMAGES = ("323133", "444444"), ("8/255", "32/255"), 40
HEADER = ("architecture", "rho", "second_init", "kernel", "clean", "robust")


def theory(archs: list[str], rho: str, *options: str) -> list[dict[str, Any]]:
    """The rows that the command prints."""
    printed = io.StringIO()
    with redirect_stdout(printed), suppress(SystemExit):
        robnas_command(["theory", *archs, "--rho", rho, "--json", *options])
    found: list[dict[str, Any]] = json.loads(printed.getvalue())["rows"]
    return found


def terms(archs: list[str], rho: str, *options: str) -> list[list[Any]]:
    """A line for true labels, for random attacks and for random labels."""
    lines = []
    for row in theory(archs, rho, *options):
        control = row["random_labels"]
        for kernel, of in (
            ("true labels", row["bound"]),
            ("random attacks", control["bound"]),
            ("random labels", control["noise"]),
        ):
            values = (f"{of[side]:.4g}" for side in ("clean", "robust"))
            lines.append([row["architecture"], rho, bool(options), kernel, *values])
    return lines


def alignment() -> list[list[Any]]:
    """Scores of clean and of twice attacked kernels, by whose labels are attacked and on which network."""
    train = robnas.load_data("digits").split("train")
    chosen = kernels.balanced_batch(train.labels, IMAGES, seed=0)
    images, labels = train.images[chosen] / 255, train.labels[chosen]
    noise = torch.from_numpy(kernels.random_labels(labels.numpy()))
    settings, measure, lines = kernels.NTKSettings(reduction="sum"), kernels.MEASURES["label-alignment"], []
    for code in CELLS:
        network, second = (
            robnas.build_network(code, num_classes=10, in_channels=1, channels=4, cells=1, seed=seed) for seed in (0, 1)
        )
        for epsilon in EPSILONS:
            for text, options in (
                ("true labels", {}),
                ("random attacks", {"attack_labels": noise}),
                ("second network", {"victim": second}),
            ):
                threat = robnas.ThreatModel.linf(epsilon)
                five = kernels.robust_ntk(network, images, labels, threat=threat, settings=settings, **options)
                values = (f"{measure(kernel, labels.numpy()):.4g}" for kernel in (five.clean, five.robust, five.twice))
                lines.append([code, epsilon, text, *values])
    return lines


def main() -> None:
    """Three files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    one = [line for rho in RADII for options in ((), ("--second-init",)) for line in terms([ONE], rho, *options)]
    write_csv(out / "terms.csv", HEADER, one)
    write_csv(out / "alignment.csv", ("code", "epsilon", "attacks", "clean", "robust", "twice"), alignment())
    write_csv(out / "twelve.csv", HEADER, [line for rho in RADII for line in terms(TWELVE, rho)])


if __name__ == "__main__":
    main()
