"""An evaluation on 1,000 images, written the published way and by robnas, side by side.

    python benchmarks/evaluate.py                        # CPU
    python benchmarks/evaluate.py --device cuda

Clean, FGSM and PGD-20 at 3/255 and 8/255. The baseline is the literal reference network of the tests attacked by
torchattacks, in float32 without TF32, as robnas evaluates. Both sides ask the same random weights on random images
whose labels are the network's own predictions: every image counts as correct and is attacked, which is the least
favourable case for robnas, as it leaves out images that are misclassified already. With `--autoattack N` the time of
standard AutoAttack on N images is printed beside that of the library called directly.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.reference.network import ReferenceNetwork, copy_weights

from robnas.attacks import AutoAttack, perturb
from robnas.data import Dataset, Images
from robnas.evaluation import Suite, evaluate
from robnas.networks import build_network
from robnas.types import ThreatModel

MEAN, STD = (0.491, 0.482, 0.447), (0.247, 0.243, 0.262)
EPSILONS = (3 / 255, 8 / 255)


def images_of(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def networks(code: str, arguments: argparse.Namespace) -> tuple[torch.nn.Module, torch.nn.Module]:
    """The literal network with statistics that fit it, and ours with its weights."""
    sizes = {"channels": arguments.channels, "cells": arguments.cells, "mean": MEAN, "std": STD}
    torch.manual_seed(0)
    reference = ReferenceNetwork(code, **sizes)
    with torch.no_grad():
        for batch in images_of(320).split(32):
            reference(batch / 255)
    network = build_network(code, num_classes=10, **sizes)
    copy_weights(network, reference)
    return reference.to(arguments.device).eval(), network.to(arguments.device).eval()


@torch.no_grad()
def predictions(network: torch.nn.Module, images: torch.Tensor, arguments: argparse.Namespace) -> torch.Tensor:
    batches = (images / 255).to(arguments.device).split(arguments.batch)
    return torch.cat([network(batch).argmax(1) for batch in batches]).cpu()


def published(network: torch.nn.Module, data: Dataset, arguments: argparse.Namespace) -> list[float]:
    import torchattacks

    part = data.split("test").to(arguments.device)
    pixels = part.images.float() / 255
    attacks = [torchattacks.FGSM(network, eps=epsilon) for epsilon in EPSILONS]
    attacks += [torchattacks.PGD(network, eps=e, alpha=2.5 * e / 20, steps=20) for e in EPSILONS]
    found = []
    for attack in (None, *attacks):
        right = 0
        for batch, labels in zip(pixels.split(arguments.batch), part.labels.split(arguments.batch), strict=True):
            attacked = batch if attack is None else attack(batch, labels)
            with torch.no_grad():
                right += (network(attacked).argmax(1) == labels).sum().item()
        found.append(right / len(part))
    return found


def ours(network: torch.nn.Module, data: Dataset, arguments: argparse.Namespace) -> list[float]:
    whole = Suite.nas_robbench_201()
    suite = Suite("benchmark", whole.attacks[:4], checks=False)
    found = evaluate(network, data, suite, split="test", seed=0, batch_size=arguments.batch, device=arguments.device)
    return [measurement.value for measurement in found.measurements]


def timed(run, *given):
    begun = time.perf_counter()
    values = run(*given)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begun, values


def library(network: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Robust accuracy by the library alone, on the same network in evaluation mode."""
    from pyautoattack import AutoAttack as Library

    attack = Library(network, norm="Linf", eps=8 / 255, device=images.device)
    found = attack.run_standard_evaluation(images, labels, batch_size=len(images))[0]
    with torch.no_grad():
        return (network(found).argmax(1) == labels).float().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--architectures", nargs="+", default=["323133", "421211", "111211"])
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--cells", type=int, default=5)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--autoattack", type=int, default=0, metavar="N", help="also AutoAttack on N images")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    if arguments.device == "cuda":
        for place in (torch.backends.cuda.matmul, torch.backends.cudnn.conv):
            place.fp32_precision = "ieee"
    images = images_of(arguments.images)
    rows = []
    for code in arguments.architectures:
        reference, network = networks(code, arguments)
        labels = predictions(reference, images, arguments)
        part = Images(images, labels)
        data = Dataset("noise", 10, {"train": part, "test": part}, MEAN, STD)
        times: dict[str, list[float]] = {"baseline": [], "robnas": []}
        for _ in range(arguments.repeats):
            spent, theirs = timed(published, reference, data, arguments)
            times["baseline"].append(spent)
            spent, mine = timed(ours, network, data, arguments)
            times["robnas"].append(spent)
        row = {
            "architecture": code,
            **{f"{side}_s": statistics.median(spent) for side, spent in times.items()},
            "ratio": statistics.median(b / r for b, r in zip(*times.values(), strict=True)),
            "baseline": theirs,
            "robnas": mine,
        }
        if arguments.autoattack:
            part = (
                images[: arguments.autoattack].to(arguments.device) / 255,
                labels[: arguments.autoattack].to(arguments.device),
            )
            row["autoattack_library_s"], row["autoattack_library"] = timed(library, reference, *part)
            row["autoattack_robnas_s"], found = timed(
                lambda: perturb(AutoAttack(ThreatModel.linf("8/255")), network, *part, seed=0)  # noqa: B023
            )
            row["autoattack_robnas"] = found.correct.float().mean().item()
        rows.append(row)
        if not arguments.json:
            print(
                f"{code}  {row['baseline_s']:6.1f} s → {row['robnas_s']:6.1f} s  {row['ratio']:.2f}×   accuracies "
                f"{' '.join(f'{value:.3f}' for value in theirs)} | {' '.join(f'{value:.3f}' for value in mine)}"
            )
            if arguments.autoattack:
                print(
                    f"        AutoAttack on {arguments.autoattack}: library {row['autoattack_library_s']:.1f} s "
                    f"({row['autoattack_library']:.3f}), robnas {row['autoattack_robnas_s']:.1f} s "
                    f"({row['autoattack_robnas']:.3f})"
                )
    if arguments.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
