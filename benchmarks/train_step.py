"""One step of adversarial training (PGD-7 attack + update), written the published way and by robnas, side by side.

    python benchmarks/train_step.py                      # CPU: batch 32, all cores
    python benchmarks/train_step.py --device cuda        # batch 256

The baseline is the literal reference network of the tests, channels-first, every edge executed, attacked by
torchattacks, in float32 without TF32. Both take turns in one process, after steps that do not count: on a GPU the
captured step is timed. The rate is that of the multiply-accumulates that reach the output, against the machine's own
float32 matrix product; on a GPU also that of the bytes which the operations of robnas read and write, each tensor once
per operation, against a copy. Memory is what two steps add to the resident set at their peak (CPU, in fresh processes),
or what a further step needs of the device with all that is kept for it, a captured graph included (GPU).
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.reference.network import ReferenceNetwork

from robnas.networks import build_network, count
from robnas.spaces import Architecture
from robnas.training import PRECISIONS, Recipe, Step

PANEL = ["323133", "333133", "421211", "333333", "113023", "400402", "111211", "121144", "031420", "222222"]
MEAN, STD = (0.491, 0.482, 0.447), (0.247, 0.243, 0.262)
ATTACK_STEPS = 7
# Forward and gradient to the input, a forward, and a backward to input and weights.
PASSES = 2 * ATTACK_STEPS + 3
WARM_UP = {"cpu": 1, "cuda": 5}  # on a GPU robnas captures its step in the fourth


def batch(arguments: argparse.Namespace) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(arguments.batch, 3, 32, 32, generator=generator).to(arguments.device)
    return images, torch.randint(10, (arguments.batch,), generator=generator).to(arguments.device)


def baseline(code: str, arguments: argparse.Namespace) -> Callable[[], None]:
    import torchattacks

    network = ReferenceNetwork(code, channels=arguments.channels, cells=arguments.cells, mean=MEAN, std=STD).to(
        arguments.device
    )
    attack = torchattacks.PGD(network, eps=8 / 255, alpha=2 / 255, steps=ATTACK_STEPS, random_start=True)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    images, labels = batch(arguments)
    network.train()

    def step() -> None:
        attacked = attack(images, labels)
        loss = F.cross_entropy(network(attacked), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def ours(code: str, arguments: argparse.Namespace) -> Callable[[], None]:
    recipe = Recipe.nas_robbench_201().replace(precision=arguments.precision)
    network = build_network(
        code, num_classes=10, channels=arguments.channels, cells=arguments.cells, mean=MEAN, std=STD
    ).to(arguments.device)
    step = Step(network, recipe, torch.Generator(arguments.device).manual_seed(0))
    images, labels = batch(arguments)
    network.train()

    def run() -> None:
        step(images, labels, 0.01, 0.9)

    return run


SIDES = {"baseline": baseline, "robnas": ours}


def seconds(run: Callable[[], None], device: str) -> float:
    begun = time.perf_counter()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def matrix_rate(device: str) -> float:
    """Multiply-accumulates per second of the machine's own float32 matrix product."""
    size = 2048 if device == "cpu" else 8192
    a = torch.rand(size, size, device=device)
    return size**3 / min(seconds(lambda: torch.mm(a, a), device) for _ in range(10))


def copy_rate(device: str) -> float:
    """Bytes per second read and written by a copy."""
    a = torch.empty(2**28, dtype=torch.uint8, device=device)
    b = torch.empty_like(a)
    return 2 * a.numel() / min(seconds(lambda: b.copy_(a), device) for _ in range(10))


class Traffic(TorchDispatchMode):
    """Counts the bytes of the tensors that operations read and write; views move nothing."""

    bytes = 0

    def __torch_dispatch__(self, function, types, given=(), named=None):
        found = function(*given, **(named or {}))
        if not function.is_view:
            tensors = [leaf for leaf in tree_leaves((given, named, found)) if isinstance(leaf, torch.Tensor)]
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return found


def traffic(code: str, arguments: argparse.Namespace) -> int:
    """Bytes that the operations of one step of robnas, launched one by one, read and write."""
    run = ours(code, arguments)
    with Traffic() as counted:
        run()
    return counted.bytes


def _field(name: str) -> int:
    text = Path("/proc/self/status").read_text()
    return 1024 * int(next(line for line in text.splitlines() if line.startswith(name)).split()[1])


def memory(code: str, side: str, arguments: argparse.Namespace) -> float:
    """MiB that a step needs at its peak."""
    if arguments.device == "cuda":
        release()
        before = torch.cuda.memory_reserved()
        run = SIDES[side](code, arguments)
        for _ in range(WARM_UP["cuda"]):
            run()
        # Of what a graph computes the allocator only knows the room that is reserved for it.
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        run()
        return (torch.cuda.max_memory_reserved() - before) / 2**20
    command = [sys.executable, __file__, "--peak", side, code, "--batch", str(arguments.batch)]
    command += ["--channels", str(arguments.channels), "--cells", str(arguments.cells)]
    # Large blocks go back to the system when they are freed, so that the peak is that of what is alive.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    return float(subprocess.check_output(command, env=environment))


def release() -> None:
    """Give back what no living tensor holds."""
    gc.collect()
    torch.cuda.empty_cache()


def peak(side: str, code: str, arguments: argparse.Namespace) -> float:
    run = SIDES[side](code, arguments)
    seconds(lambda: torch.nn.Conv2d(3, 4, 3)(torch.rand(1, 3, 8, 8)), "cpu")
    before = _field("VmRSS")
    run()
    run()
    return (_field("VmHWM") - before) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--batch", type=int, help="images per step (32 on a CPU, 256 on a GPU)")
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--cells", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--precision", default="float32", choices=PRECISIONS, help="of robnas; the baseline is float32")
    parser.add_argument("--architectures", nargs="+", default=PANEL)
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peak", nargs=2, metavar=("SIDE", "CODE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.batch = arguments.batch or (32 if arguments.device == "cpu" else 256)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(arguments.threads)
    if arguments.peak:
        print(peak(*arguments.peak, arguments))
        return
    if arguments.device == "cuda":
        for place in (torch.backends.cuda.matmul, torch.backends.cudnn.conv):  # robnas says what it wants itself
            place.fp32_precision = "ieee"
    rate, copied = matrix_rate(arguments.device), copy_rate(arguments.device)
    warm_up, rows = WARM_UP[arguments.device], []
    for code in arguments.architectures:
        runs = {side: make(code, arguments) for side, make in SIDES.items()}
        times: dict[str, list[float]] = {side: [] for side in SIDES}
        for repeat in range(warm_up + arguments.repeats):
            for side, run in runs.items():
                spent = seconds(run, arguments.device)
                if repeat >= warm_up:
                    times[side].append(spent)
        del runs, run
        macs = count(Architecture(code), channels=arguments.channels, cells=arguments.cells, live=True).macs
        median = {side: statistics.median(spent) for side, spent in times.items()}
        row = {
            "architecture": code,
            "baseline_ms": 1e3 * median["baseline"],
            "robnas_ms": 1e3 * median["robnas"],
            "ratio": statistics.median(b / r for b, r in zip(times["baseline"], times["robnas"], strict=True)),
            "of_matrix_rate": PASSES * macs * arguments.batch / median["robnas"] / rate,
        }
        if arguments.device == "cuda":
            row["of_copy_rate"] = traffic(code, arguments) / median["robnas"] / copied
        if not arguments.no_memory:
            row |= {f"{side}_mib": memory(code, side, arguments) for side in SIDES}
        rows.append(row)
        if not arguments.json:
            print(
                f"{code}  {row['baseline_ms']:8.1f} ms → {row['robnas_ms']:8.1f} ms  {row['ratio']:5.2f}×  "
                f"{row['of_matrix_rate']:6.1%} of the matrix rate  "
                + (f"{row['of_copy_rate']:6.1%} of the copy rate  " if "of_copy_rate" in row else "")
                + "".join(f"{side} {row[f'{side}_mib']:.0f} MiB  " for side in SIDES if f"{side}_mib" in row),
                flush=True,
            )
    mean = math.exp(statistics.fmean(math.log(row["ratio"]) for row in rows))
    summary = {
        "geometric_mean": mean,
        "lowest": min(row["ratio"] for row in rows),
        "matrix_gmacs": rate / 1e9,
        "copy_gb_s": copied / 1e9,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if arguments.device == "cuda" else "cpu",
        **{key: getattr(arguments, key) for key in ("batch", "channels", "cells", "repeats", "precision")},
    }
    if arguments.json:
        print(json.dumps({"summary": summary, "rows": rows}))
        return
    print(
        f"geometric mean {mean:.2f}×, lowest {summary['lowest']:.2f}×; matrix product {rate / 1e9:.0f} GMAC/s, "
        f"copy {summary['copy_gb_s']:.0f} GB/s; batch {arguments.batch}, {summary['threads']} threads, "
        f"torch {torch.__version__}, {summary['device']}, n={arguments.repeats}"
    )


if __name__ == "__main__":
    main()
