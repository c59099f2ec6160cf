"""What commands know of NAS-Bench-201 alone."""

from robnas.cli.nas_bench_201._theory_sample import CellSample as CellSample
from robnas.spaces.nas_bench_201 import NAME as CELLS

__all__ = ["CELLS", "CellSample"]
