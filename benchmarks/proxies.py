"""Time and memory of every proxy of one network: alone, and together with the passes that they share.

    OMP_NUM_THREADS=2 python benchmarks/proxies.py
    python benchmarks/proxies.py --arch 333333 --images 64 --repeats 5 --kernels

Each proxy is scored in a fresh process that has warmed up on a small network, so that the peak of its resident set is
its own. Times are medians over repeats in CPU seconds, which a busy machine hardly changes, and in wall-clock seconds.
"gradient" are all proxies of the first group that differentiate the network, scored together: the target is 3 s on two
cores. "cheap" adds nwot, zen and the sizes. Random images serve as well as real ones.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

import torch

from robnas.networks import build_network
from robnas.proxies import CHEAP, PROXIES, ROBUSTNESS, Probe, attacks_of, score_network

FORWARD = ("parameters", "macs", "convolutions", "nwot", "zen", "l2_norm")
GRADIENT = [name for name in CHEAP if name not in FORWARD]
KERNELS = ("ntk-clean-lambda-min", "ntk-robust-lambda-min", "ntk-twice-lambda-min")


def probe(arch: str, images: int, channels: int, cells: int, size: int, attacks: int = 0) -> Probe:
    generator = torch.Generator().manual_seed(0)
    network = build_network(arch, num_classes=10, channels=channels, cells=cells)
    batch = torch.rand(images, 3, size, size, generator=generator)
    return Probe(network, batch, torch.arange(images) % 10, attacks=attacks)


def memory() -> float:
    """Peak of the resident set of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(names: list[str], settings: argparse.Namespace) -> dict[str, float]:
    """Run in a process of its own."""
    score_network(probe("323133", 8, 2, 1, 8, attacks_of(names)), names)
    before, cpu, wall = memory(), [], []
    for _ in range(settings.repeats):
        made = probe(settings.arch, settings.images, settings.channels, settings.cells, 32, attacks_of(names))
        began = time.process_time(), time.perf_counter()
        score_network(made, names)
        cpu.append(time.process_time() - began[0])
        wall.append(time.perf_counter() - began[1])
    return {"cpu": statistics.median(cpu), "wall": statistics.median(wall), "memory": memory() - before}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="323133")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--cells", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--kernels", action="store_true", help="also scores of neural tangent kernels")
    parser.add_argument("--only", nargs="+", choices=list(PROXIES), help=argparse.SUPPRESS)
    settings = parser.parse_args()
    if settings.only:
        print(json.dumps(measure(settings.only, settings)))
        return
    groups = {name: [name] for name in (*CHEAP, *ROBUSTNESS, *(KERNELS if settings.kernels else ()))}
    groups |= {"gradient": GRADIENT, "cheap": list(CHEAP)}
    print(
        f"{settings.arch}, C={settings.channels}, N={settings.cells}, {settings.images} images 3×32×32, torch "
        f"{torch.__version__}, {torch.get_num_threads()} threads, median of {settings.repeats}"
    )
    print(f"{'proxy':<24}{'CPU s':>8}{'wall s':>8}{'MiB':>8}")
    alone = 0.0
    for label, names in groups.items():
        command = [sys.executable, __file__, *sys.argv[1:], "--only", *names]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        alone += found["cpu"] if label in GRADIENT else 0
        print(f"{label:<24}{found['cpu']:>8.2f}{found['wall']:>8.2f}{found['memory']:>8.0f}", flush=True)
        if label == "gradient":
            print(f"{'  the same one by one':<24}{alone:>8.2f}")


if __name__ == "__main__":
    main()
