"""CPU seconds that making corrupted images takes, per corruption and severity.

    python benchmarks/corruptions.py                     # 1,000 random images of 3×32×32, given for 10,000
    python benchmarks/corruptions.py --shape 1 8 8

Made in one process and thread; the first images of each are made twice, so that tables and operators that are kept do
not count.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from robnas.data import corrupt, corruptions_of
from robnas.types import COMMON_CORRUPTIONS, SEVERITIES


def seconds(images: np.ndarray, name: str, severity: int) -> float:
    corrupt(images[:8], name, severity, seed=0)
    start = time.process_time()
    corrupt(images, name, severity, seed=0)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1_000)
    parser.add_argument("--shape", type=int, nargs=3, default=(3, 32, 32), metavar=("C", "H", "W"))
    arguments = parser.parse_args()
    shape = tuple(arguments.shape)
    images = np.random.default_rng(0).integers(0, 256, (arguments.images, *shape), dtype=np.uint8)
    found = {}
    for name in corruptions_of(shape):
        found[name] = [seconds(images, name, severity) * 10_000 / len(images) for severity in SEVERITIES]
        print(f"{name:18s}" + "".join(f"{value:7.2f}" for value in found[name]), flush=True)
    common = sum(sum(found[name]) for name in COMMON_CORRUPTIONS if name in found)
    print(
        json.dumps({"seconds_of_10000": {"common": round(common, 1), "all": round(sum(map(sum, found.values())), 1)}})
    )


if __name__ == "__main__":
    main()
