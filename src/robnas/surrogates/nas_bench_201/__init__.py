"""What surrogates read of a cell of NAS-Bench-201."""

from robnas.spaces.nas_bench_201 import NAME as NAME
from robnas.surrogates.nas_bench_201._cells import by_cells as by_cells
