"""What it costs a proxy to see other images for every architecture.

    python experiments/published_batches.py --cifar DIR --out runs/published-batches --architectures 300

The runner with which NAS-Bench-Suite-Zero scored its architectures takes the next shuffled batch of training images for
each one, of 32 images in its configuration, classes as they come; robnas shows all the same batch, 64 images
balanced over classes. Scores that compare images within a class (`epe_nas`) or whose terms cancel over balanced classes
(`plain`) then carry noise that has nothing to do with the architecture. This scores random architectures both ways and
correlates with accuracy under PGD 8/255 in nas-robbench-201. Finished architectures are kept: the command goes on.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from journal import kept_rows

import robnas
from robnas.proxies import ProxySettings, score_network
from robnas.proxies._batch import Batch
from robnas.reports import write_csv
from robnas.spaces import sample, space_of
from robnas.statistics import correlate

PROXIES = ("epe_nas", "jacov", "plain", "snip", "grad_norm", "fisher")
METRIC = "pgd@8/255"


def batch_of(data: Any, fresh: int | None, settings: ProxySettings) -> Batch:
    """The same batch for all, or with `fresh` images a random one of seed `settings`."""
    if fresh is None:
        return Batch.draw(data, 0, settings)
    train = data.split("train")
    chosen = torch.from_numpy(np.random.default_rng(fresh).permutation(len(train))[: settings.images])
    images = train.images[chosen]
    return Batch(0, images, train.labels[chosen], images, data.num_classes, data.mean, data.std)


def main() -> None:
    """Score what is missing, then report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cifar", type=Path, required=True, help="folder of CIFAR-10")
    parser.add_argument("--architectures", type=int, default=300)
    settings = parser.parse_args()
    settings.out.mkdir(parents=True, exist_ok=True)
    table, file = robnas.load("nas-robbench-201"), settings.out / "rows.jsonl"
    data = robnas.load_data("cifar10", data_dir=settings.cifar)
    rows = kept_rows(file)
    done = {row["architecture"] for row in rows}
    archs = sample(np.random.default_rng(0), settings.architectures, "official")
    ways = {"same 64": (ProxySettings(), False), "other 32": (ProxySettings(images=32), True)}
    for place, arch in enumerate(archs):
        if arch.code in done:
            continue
        row: dict[str, Any] = {"architecture": arch.code}
        for way, (sizes, fresh) in ways.items():
            probe = batch_of(data, arch.index if fresh else None, sizes).probe(arch, space_of(None), sizes, 0, "cpu")
            row[way] = {name: one.value for name, one in score_network(probe, PROXIES).items()}
        with file.open("a") as stream:
            stream.write(json.dumps(row) + "\n")
        rows.append(row)
        print(f"{place + 1}/{len(archs)} {arch}", flush=True)
    kept = [row for row in rows if row["architecture"] in {arch.code for arch in archs}]
    truth = [table.peek(row["architecture"], dataset="cifar10", metric=METRIC, split="test", seed="mean")
             for row in kept]  # fmt: skip
    lines = []
    for name in PROXIES:
        for way in ways:
            scores = [np.nan if row[way][name] is None else row[way][name] for row in kept]
            found = correlate(scores, truth, rng=np.random.default_rng(0))
            lines.append([name, way, found.count, f"{found.value:.3f}", f"{found.low:.3f}", f"{found.high:.3f}"])
            print(f"{name:<10} {way:<9} {found.count:>4}  {found}")
    write_csv(settings.out / "correlations.csv", ["proxy", "batch", "architectures", "spearman", "low", "high"], lines)


if __name__ == "__main__":
    main()
