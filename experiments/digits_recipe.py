"""How the recipe of the bundled digits benchmark was chosen: cost against how far architectures stand apart.

    python experiments/digits_recipe.py --out runs/digits-recipe

Each candidate trains the same random architectures with several seeds on one core. A benchmark is worth most where the
spread between architectures is well above that between seeds, and a training costs little. The reliability is the
share of the variance of one run that is due to the architecture: 1 − (mean variance within) / (variance of all runs).
Finished trainings are kept, so that the command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from journal import kept_rows

from robnas.attacks import FGSM, PGD
from robnas.data import load_data
from robnas.evaluation import Suite, evaluate
from robnas.networks import build_network
from robnas.spaces import Architecture, sample
from robnas.training import Recipe, train
from robnas.types import ThreatModel


def attack(steps: int) -> PGD:
    """PGD with this many steps that together can cross the ball and a quarter more."""
    return PGD(ThreatModel.linf("32/255"), steps=steps, step_size=1.25 * 32 / 255 / max(1, steps / 2))


BASE = Recipe.digits().replace(epochs=15, attack=PGD(ThreatModel.linf("32/255"), 5, 10 / 255))
CANDIDATES = {
    "15 epochs, PGD-5, C=4": (4, BASE),
    "8 epochs, PGD-2, C=4": (4, BASE.replace(epochs=8, attack=attack(2))),
    "6 epochs, PGD-2, C=4": (4, BASE.replace(epochs=6, attack=attack(2))),
    "8 epochs, PGD-1, C=4": (4, BASE.replace(epochs=8, attack=attack(1))),
    "6 epochs, PGD-2, C=8": (8, BASE.replace(epochs=6, attack=attack(2))),
    "5 epochs, PGD-1, C=8": (8, BASE.replace(epochs=5, attack=attack(1))),
    "4 epochs, PGD-2, C=8": (8, BASE.replace(epochs=4, attack=attack(2))),
    "4 epochs, PGD-2, C=16": (16, BASE.replace(epochs=4, attack=attack(2))),
}
WEAK, STRONG = ThreatModel.linf("16/255"), ThreatModel.linf("32/255")
SUITE = Suite(
    "digits-recipe",
    (FGSM(WEAK), FGSM(STRONG), PGD(WEAK, 10, 2.5 * 16 / 255 / 10), PGD(STRONG, 10, 2.5 * 32 / 255 / 10)),
    checks=False,
)


def run(code: str, channels: int, recipe: Recipe, seed: int, data) -> dict[str, float]:
    """Train and evaluate once."""
    network = build_network(
        code,
        num_classes=data.num_classes,
        channels=channels,
        cells=1,
        in_channels=data.image_shape[0],
        mean=data.mean,
        std=data.std,
        seed=seed,
    )
    begun = time.process_time()
    train(network, data, recipe, seed=seed)
    trained = time.process_time()
    values = {}
    for split in ("validation", "test"):
        found = evaluate(network, data, SUITE, split=split, seed=seed, batch_size=400)
        values |= {f"{split} {entry.metric}": entry.value for entry in found.measurements}
    return {"train_s": trained - begun, "evaluate_s": time.process_time() - trained, **values}


def reliability(runs: list[list[float]]) -> tuple[float, float, float]:
    """Spread between architectures, spread between seeds, and the share of variance that is due to the first."""
    values = np.array(runs)
    within = values.var(axis=1, ddof=1).mean()
    between = max(values.mean(axis=1).var(ddof=1) - within / values.shape[1], 0.0)
    return between**0.5, within**0.5, between / (between + within)


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = load_data("digits")
    drawn: list[Architecture] = list(sample(np.random.default_rng(0), args.architectures, "official"))
    args.out.mkdir(parents=True, exist_ok=True)
    print(f"{'candidate':36s} {'train':>7s} {'evaluate':>8s}   " + "spread between/within (reliability) on test")
    for name, (channels, recipe) in CANDIDATES.items():
        path = args.out / f"{recipe.hash}-{channels}.jsonl"
        lines = kept_rows(path)
        done = {(line["architecture"], line["seed"]) for line in lines}
        for arch in drawn:
            for seed in range(args.seeds):
                if (arch.text, seed) in done:
                    continue
                lines.append({"architecture": arch.text, "seed": seed, **run(arch.text, channels, recipe, seed, data)})
                with path.open("a") as file:
                    file.write(json.dumps(lines[-1]) + "\n")
        wanted = [line for line in lines if line["seed"] < args.seeds]
        cost = [statistics.fmean(line[key] for line in wanted) for key in ("train_s", "evaluate_s")]
        shares = []
        for metric in ("clean", "fgsm@32/255", "pgd@16/255", "pgd@32/255"):
            runs = [[line[f"test {metric}"] for line in wanted if line["architecture"] == arch.text] for arch in drawn]
            between, within, share = reliability(runs)
            shares.append(f"{metric} {np.mean(runs):.1%} {100 * between:.1f}/{100 * within:.1f} ({share:.2f})")
        print(f"{name:36s} {cost[0]:6.2f}s {cost[1]:7.2f}s   " + "; ".join(shares), flush=True)


if __name__ == "__main__":
    main()
