"""Seconds of a whole published trial on this machine, from its parts: what experiments/scale.py asks for.

    python benchmarks/rates.py --out rates.json                       # CPU: batch 32, all cores
    python benchmarks/rates.py --device cuda --out rates.json         # batch 256
    python benchmarks/rates.py --device cuda --concurrent 3 --out rates-3.json

Times training steps (PGD-7 and update), gradients to the pixels and forward passes of random architectures (C = 16,
N = 5), and extends them to 50 epochs and the published attacks on all test images. AutoAttack, measured with one of
three seeds, is counted in passes: 100 gradients for each image that is classified correctly; 1,800 more and 5,000
forward passes for each that is robust, at the mean accuracies of the published table.

With `--concurrent` so many processes that have started do the same at the same time and share the GPU. Each part is
timed for `--seconds` at least, which begin together; seconds are those of one of the trials that run side by side.
Measured trials are kept in the file as they come, and a repeated call measures the missing ones.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from robnas.attacks import PGD, frozen
from robnas.networks import build_network
from robnas.spaces import Architecture, sample
from robnas.training import PRECISIONS, Recipe, Step
from robnas.types import ThreatModel, silent

SIZES = {"cifar10": (32, 10, 50_000, 10_000), "cifar100": (32, 100, 50_000, 10_000),
         "imagenet16-120": (16, 120, 151_700, 6_000)}  # fmt: skip
"""Side, classes, training and test images."""
ACCURACIES = {"cifar10": (0.678, 0.367), "cifar100": (0.374, 0.155), "imagenet16-120": (0.104, 0.034)}
"""Clean and under AutoAttack, means of the table of Wu et al. 2024."""
MEAN, STD = (0.491, 0.482, 0.447), (0.247, 0.243, 0.262)


beside: list[Any] = []
"""The barrier at which this process meets those that measure at the same time; empty if it measures alone."""


def timed(run: Callable[[], object], device: str) -> float:
    begun = time.perf_counter()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def seconds(run: Callable[[], object], arguments: argparse.Namespace) -> float:
    """Median, after runs that do not count: on a GPU a step is captured in the fourth."""
    for _ in range(5 if arguments.device == "cuda" else 1):
        timed(run, arguments.device)
    for barrier in beside:
        barrier.wait(timeout=300)
    spent: list[float] = []
    while len(spent) < arguments.repeats or sum(spent) < arguments.seconds:
        spent.append(timed(run, arguments.device))
    return statistics.median(spent)


def parts(code: str, dataset: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Seconds per image of a training step, a gradient to the pixels and a forward pass."""
    side, classes, _, _ = SIZES[dataset]
    recipe = Recipe.nas_robbench_201().replace(precision=arguments.precision)
    network = build_network(code, num_classes=classes, mean=MEAN, std=STD).to(arguments.device)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(arguments.batch, 3, side, side, generator=generator).to(arguments.device)
    labels = torch.randint(classes, (arguments.batch,), generator=generator).to(arguments.device)
    network.train()
    step = Step(network, recipe, torch.Generator(arguments.device).manual_seed(0))
    pgd = PGD(ThreatModel.linf("8/255"), 20, 2.5 * 8 / 255 / 20)
    found = {"step": seconds(lambda: step(images, labels, 0.01, 0.9), arguments)}
    network.eval()
    with frozen(network) as folded:
        attack = partial(pgd, seed=0, batch_size=arguments.batch, progress=silent)
        found["gradient"] = seconds(lambda: attack(folded, images, labels), arguments) / pgd.steps
        with torch.no_grad():
            found["forward"] = seconds(lambda: folded(images), arguments)
    return {name: spent / arguments.batch for name, spent in found.items()}


def mean_parts(
    code: str, dataset: str, arguments: argparse.Namespace, workers: ProcessPoolExecutor | None
) -> dict[str, float]:
    """The same, as the mean over all that measure at the same time."""
    if workers is None:
        return parts(code, dataset, arguments)
    each = range(arguments.concurrent)  # none takes two, because the first waits for the others
    found = list(workers.map(parts, [code for _ in each], [dataset for _ in each], [arguments for _ in each]))
    return {name: statistics.fmean(one[name] for one in found) for name in found[0]}


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
    parser.add_argument("--architectures", type=int, default=24, help="how many, drawn at random")
    parser.add_argument("--codes", nargs="+", help="these architectures instead")
    parser.add_argument("--datasets", nargs="+", default=list(SIZES), choices=SIZES)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.0, help="per part, at least")
    parser.add_argument("--concurrent", type=int, default=1, help="processes that share the device")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.batch = arguments.batch or (32 if arguments.device == "cpu" else 256)
    if arguments.concurrent > 1:
        arguments.seconds = max(arguments.seconds, 2.0)  # else most of it would be measured alone
    drawn = [arch.code for arch in sample(np.random.default_rng(0), arguments.architectures, "official")]
    codes = [Architecture(code).code for code in arguments.codes or drawn]
    facts = described(arguments)
    if arguments.out.exists():
        before = json.loads(arguments.out.read_text())
        if {**before, "trials": []} != facts:
            raise SystemExit(f"{arguments.out}: expected rates measured in the same way, got others; delete it")
        facts = before
    done = {(entry["architecture"], entry["dataset"]) for entry in facts["trials"]}
    workers = None
    if arguments.concurrent > 1:
        context = get_context("spawn")
        shared = context.Barrier(arguments.concurrent), arguments.threads
        workers = ProcessPoolExecutor(arguments.concurrent, context, initializer=prepare, initargs=shared)
    prepare(None, arguments.threads)
    for code in codes:
        for dataset in arguments.datasets:
            if (code, dataset) in done:
                continue
            per_image = mean_parts(code, dataset, arguments, workers)
            entry = {"dataset": dataset, "architecture": code, "seconds": trial(dataset, per_image)}
            facts["trials"].append(entry | {"per_image": per_image})
            arguments.out.write_text(json.dumps(facts, indent=1) + "\n")
            shown = ", ".join(f"{name} {1e3 * spent:.2f} ms" for name, spent in per_image.items())
            print(f"{code} {dataset}: {entry['seconds'] / 3600:.2f} h ({shown} per image)", flush=True)
    if workers is not None:
        workers.shutdown()


def prepare(barrier: Any, threads: int) -> None:
    """Make a process ready to measure."""
    torch.set_num_threads(threads)
    if barrier is not None:
        beside.append(barrier)


def described(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the file says about its rates."""
    cuda = arguments.device == "cuda"
    how = (
        f"medians of at least {arguments.repeats} steps of {arguments.batch} images in {arguments.precision}, extended "
        "to 50 epochs, FGSM and PGD-20 at two radii on all test images, and AutoAttack with one of three seeds, whose "
        "passes are counted at the mean accuracies of the published table (benchmarks/rates.py)"
    )
    return {
        "unit": "GPU" if cuda else "machine",
        "device": torch.cuda.get_device_name() if cuda else f"{arguments.threads} CPU cores",
        "torch": torch.__version__, "how": how, "concurrent": arguments.concurrent, "trials": [],
    }  # fmt: skip


if __name__ == "__main__":
    main()
