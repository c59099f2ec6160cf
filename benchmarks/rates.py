"""Seconds of a whole published trial on this machine, from its parts: what experiments/scale.py asks for.

    python benchmarks/rates.py --out rates.json                       # CPU: batch 32, all cores
    python benchmarks/rates.py --device cuda --out rates.json         # batch 256

Times training steps (PGD-7 and update), gradients to the pixels and forward passes of random architectures (C = 16,
N = 5), and extends them to 50 epochs and the published attacks on all test images. AutoAttack, measured with one of
three seeds, is counted in passes: 100 gradients for each image that is classified correctly; 1,800 more and 5,000
forward passes for each that is robust, at the mean accuracies of the published table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from robnas.attacks import PGD, frozen
from robnas.networks import build_network
from robnas.spaces import sample
from robnas.training import PRECISIONS, Recipe, Step
from robnas.types import ThreatModel, silent

SIZES = {"cifar10": (32, 10, 50_000, 10_000), "cifar100": (32, 100, 50_000, 10_000),
         "imagenet16-120": (16, 120, 151_700, 6_000)}  # fmt: skip
"""Side, classes, training and test images."""
ACCURACIES = {"cifar10": (0.678, 0.367), "cifar100": (0.374, 0.155), "imagenet16-120": (0.104, 0.034)}
"""Clean and under AutoAttack, means of the table of Wu et al. 2024."""
MEAN, STD = (0.491, 0.482, 0.447), (0.247, 0.243, 0.262)


def seconds(run: Callable[[], object], device: str, repeats: int) -> float:
    """Median, after runs that do not count: on a GPU a step is captured in the fourth."""
    spent, idle = [], 5 if device == "cuda" else 1
    for _ in range(idle + repeats):
        begun = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent[idle:])


def parts(code: str, dataset: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Seconds per image of a training step, a gradient to the pixels and a forward pass."""
    side, classes, _, _ = SIZES[dataset]
    recipe = Recipe.nas_robbench_201().replace(precision=arguments.precision)
    network = build_network(
        code, num_classes=classes, channels=recipe.channels, cells=recipe.cells, mean=MEAN, std=STD
    ).to(arguments.device)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(arguments.batch, 3, side, side, generator=generator).to(arguments.device)
    labels = torch.randint(classes, (arguments.batch,), generator=generator).to(arguments.device)
    network.train()
    step = Step(network, recipe, torch.Generator(arguments.device).manual_seed(0))
    pgd = PGD(ThreatModel.linf("8/255"), 20, 2.5 * 8 / 255 / 20)
    found = {"step": seconds(lambda: step(images, labels, 0.01, 0.9), arguments.device, arguments.repeats)}
    network.eval()
    with frozen(network) as folded:
        attack = partial(pgd, seed=0, batch_size=arguments.batch, progress=silent)
        found["gradient"] = (
            seconds(lambda: attack(folded, images, labels), arguments.device, arguments.repeats) / pgd.steps
        )
        with torch.no_grad():
            found["forward"] = seconds(lambda: folded(images), arguments.device, arguments.repeats)
    return {name: spent / arguments.batch for name, spent in found.items()}


def trial(dataset: str, per_image: dict[str, float]) -> float:
    """Seconds of training and evaluation."""
    _, _, train, test = SIZES[dataset]
    clean, robust = ACCURACIES[dataset]
    epochs = Recipe.nas_robbench_201().epochs
    attacks = clean * 2 * (1 + 20) * per_image["gradient"]
    autoattack = (100 * clean + 1_800 * robust) * per_image["gradient"] + 5_000 * robust * per_image["forward"]
    return epochs * train * per_image["step"] + test * (per_image["forward"] + attacks + autoattack / 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--batch", type=int, help="images per step (32 on a CPU, 256 on a GPU)")
    parser.add_argument("--precision", default="float32", choices=PRECISIONS)
    parser.add_argument("--architectures", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.batch = arguments.batch or (32 if arguments.device == "cpu" else 256)
    torch.set_num_threads(arguments.threads)
    cuda = arguments.device == "cuda"
    trials = []
    for arch in sample(np.random.default_rng(0), arguments.architectures, "official"):
        for dataset in SIZES:
            per_image = parts(arch.code, dataset, arguments)
            trials.append({"dataset": dataset, "architecture": arch.code, "seconds": trial(dataset, per_image)})
            trials[-1]["per_image"] = per_image
            shown = ", ".join(f"{name} {1e3 * spent:.2f} ms" for name, spent in per_image.items())
            print(f"{arch.code} {dataset}: {trials[-1]['seconds'] / 3600:.2f} h ({shown} per image)", flush=True)
    how = (
        f"medians of {arguments.repeats} steps of {arguments.batch} images in {arguments.precision}, extended to 50 "
        "epochs, FGSM and PGD-20 at two radii on all test images, and AutoAttack with one of three seeds, whose passes "
        "are counted at the mean accuracies of the published table (benchmarks/rates.py)"
    )
    facts = {
        "unit": "GPU" if cuda else "machine",
        "device": torch.cuda.get_device_name() if cuda else f"{torch.get_num_threads()} CPU cores",
        "torch": torch.__version__, "how": how, "concurrent": 1, "trials": trials,
    }  # fmt: skip
    arguments.out.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
