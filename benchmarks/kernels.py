"""Five kernels of one network against per-sample gradients by other means, and an infinite-width kernel.

    OMP_NUM_THREADS=1 python benchmarks/kernels.py [--images 64] [--repeats 3]

The network is 323133 with C=16, N=5 on images of 3×32×32: clean, cross, robust, cross-twice and twice kernels of the
sum of the logits (TE-NAS's reduction), batch norm calibrated and in evaluation mode. The attacks are not part of it.
Beside

- (a) one backward pass per image with all gradients kept, the batch's graph retained, as TE-NAS does it;
- (b) torch.func's vmap of grad, all images of a batch at once, or 16 at a time.

Both then need only matrix products, here in float64 too. Each contender runs in a process of its own, in turn, so that
peak memory is its own; CPU seconds of one core, the second time round. (a) is scaled from the first --sample backward
passes of each batch, since all of them take the same; its peak memory holds the full Jacobian.

Then single kernels, reductions trace and sum, of four convolutions of width 64 and 8 with 48 images and of the network
above with --cells images, beside torch.func: vmap of jacrev for trace and of grad for sum.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
import tracemalloc
from functools import partial

import numpy as np
import torch

from robnas import kernels
from robnas.kernels import NTKSettings
from robnas.networks import build_network


def network_and_images(count: int):
    """Calibrated network in evaluation mode, and three batches."""
    network = build_network("323133", num_classes=10)
    batches = [torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) for seed in range(3)]
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network(batches[0])
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.1  # as built, so that the network is known for what it is
    return network.eval(), batches


def products(jacobians: list[torch.Tensor]) -> list[np.ndarray]:
    """The five kernels from whole Jacobians, in float64, some columns at a time."""
    found = []
    for first, second in ((0, 0), (0, 1), (1, 1), (1, 2), (2, 2)):
        total = torch.zeros(len(jacobians[0]), len(jacobians[0]), dtype=torch.float64)
        for a, b in zip(jacobians[first].split(8192, 1), jacobians[second].split(8192, 1), strict=True):
            total += a.double() @ b.double().T
        found.append(total.numpy())
    return found


def ours(count: int, memory: float, sample: int):
    network, batches = network_and_images(count)
    settings = NTKSettings("sum", batch_norm="eval-raw", memory_mib=memory)

    def work():
        five = kernels.empirical_kernels(network, *batches, settings=settings)
        return [five.clean, five.cross, five.robust, five.cross_twice, five.twice]

    return work, 1.0


def one_by_one(count: int, memory: float, sample: int):
    network, batches = network_and_images(count)
    parameters = list(network.parameters())
    size = sum(parameter.numel() for parameter in parameters)

    def work():
        jacobians = [torch.zeros(count, size) for _ in batches]
        network(batches[0][:2])
        for jacobian, batch in zip(jacobians, batches, strict=True):
            logits = network(batch)
            for place in range(sample):
                network.zero_grad()
                logits[place].backward(torch.ones_like(logits[place]), retain_graph=True)
                jacobian[place] = torch.cat([parameter.grad.flatten() for parameter in parameters])
        return products(jacobians)

    return work, count / sample


class Plain(torch.nn.Module):
    """The same network without the change of memory format, which vmap does not know."""

    def __init__(self, network):
        super().__init__()
        self.network = network.to(memory_format=torch.contiguous_format)

    def forward(self, x):
        x = self.network.stages[0](self.network.stem(self.network.normalize(x)))
        for reduction, stage in zip(self.network.reductions, self.network.stages[1:], strict=True):
            x = stage(reduction(x))
        return self.network.head(x)


def vmapped(count: int, memory: float, sample: int, chunk: int | None = None):
    from torch.func import functional_call, grad, vmap

    network, batches = network_and_images(count)
    network = Plain(network)
    weights = {name: parameter.detach() for name, parameter in network.named_parameters()}

    def value(given, image):
        return functional_call(network, given, (image[None],)).sum()

    def work():
        gradient = vmap(grad(value), in_dims=(None, 0), chunk_size=chunk)
        jacobians = [
            torch.cat([part.flatten(1) for part in gradient(weights, batch).values()], dim=1) for batch in batches
        ]
        return products(jacobians)

    return work, 1.0


def convolutions(width: int) -> torch.nn.Module:
    """Four of them on images of 3×32×32, and ten outputs."""
    torch.manual_seed(0)
    layers: list[torch.nn.Module] = []
    for before in (3, width, width, width):
        layers += [torch.nn.Conv2d(before, width, 3, padding=1), torch.nn.ReLU()]
    pooled = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(width, 10)]
    return torch.nn.Sequential(*layers, *pooled).eval()


def cells() -> torch.nn.Module:
    """The network of the five kernels."""
    return network_and_images(64)[0]


NETWORKS = {
    "convolutions of width 64": partial(convolutions, 64),
    "convolutions of width 8": partial(convolutions, 8),
    "323133, C=16, N=5": cells,
}


def reduced(network: torch.nn.Module, images: torch.Tensor, reduction: str, memory: float):
    """One kernel."""
    settings = NTKSettings(reduction, batch_norm="eval-raw", memory_mib=memory)
    return lambda: kernels.empirical_ntk(network, images, settings=settings)


def differentiated(
    network: torch.nn.Module, images: torch.Tensor, reduction: str, memory: float, chunk: int | None = None
):
    """The same by torch.func."""
    from torch.func import functional_call, grad, jacrev, vmap

    network = Plain(network) if hasattr(network, "stem") else network
    weights = {name: parameter.detach() for name, parameter in network.named_parameters()}

    def logits(given, image):
        return functional_call(network, given, (image[None],))[0]

    each = jacrev(logits) if reduction == "trace" else grad(lambda *given: logits(*given).sum())
    outputs = 10 if reduction == "trace" else 1

    def work():
        found = vmap(each, in_dims=(None, 0), chunk_size=chunk)(weights, images)
        jacobian = torch.cat([part.reshape(len(images), outputs, -1) for part in found.values()], dim=2)
        total = torch.zeros(len(images), len(images), dtype=torch.float64)
        for columns in jacobian.flatten(1).split(8192, 1):
            wide = columns.double()
            total.addmm_(wide, wide.T)
        return (total / outputs).numpy()

    return work


REDUCED = {
    "robnas": reduced,
    "torch.func": differentiated,
    "torch.func, 16 at a time": partial(differentiated, chunk=16),
}


CONTENDERS = {
    "robnas": ours,
    "(a) one backward pass per image": one_by_one,
    "(b) vmap of grad": vmapped,
    "(b) vmap of grad, 16 at a time": partial(vmapped, chunk=16),
}


def child(name: str, settings: argparse.Namespace) -> None:
    """One measurement: CPU seconds, the peak of memory above what the process took before, and a checksum."""
    if settings.network:
        count = settings.cells if settings.network.startswith("323133") else 48
        images = torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(1))
        network = NETWORKS[settings.network]()
        work, factor = REDUCED[name](network, images, settings.reduction, settings.memory), 1.0
    else:
        work, factor = CONTENDERS[name](settings.images, settings.memory, min(settings.sample, settings.images))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    work()
    begun = time.process_time()
    found = work()
    seconds = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    several = found if isinstance(found, list) else [found]
    trace = None if factor > 1 else [float(np.trace(kernel)) for kernel in several]
    print(json.dumps({"seconds": factor * seconds, "peak": peak, "trace": trace}))


def measured(names, options: list[str], repeats: int) -> dict[str, list[dict]]:
    """All contenders in turn, each in a process of its own."""
    rows: dict[str, list[dict]] = {name: [] for name in names}
    for _ in range(repeats):
        for name in names:
            out = subprocess.check_output([sys.executable, __file__, f"--contender={name}", *options])
            rows[name].append(json.loads(out))
    return rows


def report(title: str, rows: dict[str, list[dict]]) -> None:
    """Medians, and the median of the ratios of a repeat."""
    ours, wanted = rows["robnas"], rows["robnas"][0]["trace"]
    print(title)
    for name, found in rows.items():
        seconds = statistics.median(row["seconds"] for row in found)
        ratio = statistics.median(row["seconds"] / own["seconds"] for row, own in zip(found, ours, strict=True))
        peak = statistics.median(row["peak"] for row in found)
        print(f"  {name:<34} {seconds:8.2f} CPU s  ×{ratio:.2f}  peak {peak:,.0f} MiB", flush=True)
        if found[0]["trace"] is not None:
            np.testing.assert_allclose(found[0]["trace"], wanted, rtol=1e-3)


def infinite() -> None:
    """CPU seconds of one kernel of 1,000 inputs at depth 10, and of 40 images under a memory limit with its peak."""
    x = kernels.unit_sphere(np.random.default_rng(0).normal(size=(1000, 64)))
    for name in ("relu", "gelu", "tanh"):
        arch = f"fc:{','.join([name] * 9)}:{'1' * 8}"
        kernels.infinite_ntk(arch, x[:10])
        found = []
        for _ in range(3):
            begun = time.process_time()
            kernels.infinite_ntk(arch, x)
            found.append(time.process_time() - begun)
        print(f"infinite width, 1,000 inputs, depth 10, {name:<5} {statistics.median(found):.2f} s")
    x = kernels.unit_sphere(np.random.default_rng(0).normal(size=(40, 3, 32, 32)))
    for name in ("relu", "tanh"):
        arch = f"conv3-flat:{name},{name}:0"
        begun = time.process_time()
        kernels.infinite_ntk(arch, x, memory_mib=16)
        seconds = time.process_time() - begun
        tracemalloc.start()
        kernels.infinite_ntk(arch, x, memory_mib=16)
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        print(f"infinite width, 40 images 3×32×32 in 16 MiB, {name:<5} {seconds:.2f} s, peak {peak:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sample", type=int, default=2, help="backward passes per batch that (a) really runs")
    parser.add_argument("--memory", type=float, default=1250, help="limit given to robnas in MiB")
    parser.add_argument("--cells", type=int, default=16, help="images of single kernels of the cells")
    parser.add_argument("--part", choices=("five", "single", "infinite"), help="only this part")
    for hidden in ("--contender", "--network", "--reduction"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    settings = parser.parse_args()
    if settings.contender:
        child(settings.contender, settings)
        return
    if settings.part in (None, "single"):
        for network in NETWORKS:
            for reduction in ("trace", "sum"):
                options = [f"--network={network}", f"--reduction={reduction}", f"--cells={settings.cells}"]
                report(f"{network}, {reduction}", measured(REDUCED, options, settings.repeats))
    if settings.part in (None, "five"):
        options = [f"--images={settings.images}", f"--sample={settings.sample}", f"--memory={settings.memory}"]
        report("five kernels", measured(CONTENDERS, options, settings.repeats))
    if settings.part in (None, "infinite"):
        infinite()


if __name__ == "__main__":
    main()
