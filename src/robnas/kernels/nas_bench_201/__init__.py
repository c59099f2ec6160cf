"""What the mean field of its networks tells of a cell of NAS-Bench-201, without torch."""

from robnas.kernels.nas_bench_201._mean_field import MEAN_FIELD as MEAN_FIELD
from robnas.kernels.nas_bench_201._mean_field import mean_field as mean_field
