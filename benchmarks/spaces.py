"""Time to enumerate all 15,625 architectures and to canonicalise them under two partitions.

    python benchmarks/spaces.py

Each repeat runs in a fresh process, so that no cache helps; imports are not counted.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

REPEATS = 7
SCRIPT = """
import time
from robnas.spaces import architectures, compute_partition
begun = time.perf_counter()
count = sum(1 for _ in architectures()), compute_partition("official").count, compute_partition("effective").count
assert count == (15625, 6466, 5044)
print(time.perf_counter() - begun)
"""

if __name__ == "__main__":
    seconds = [float(subprocess.check_output([sys.executable, "-c", SCRIPT])) for _ in range(REPEATS)]
    print(f"median {statistics.median(seconds):.3f} s, min {min(seconds):.3f}, max {max(seconds):.3f}, n={REPEATS}")
