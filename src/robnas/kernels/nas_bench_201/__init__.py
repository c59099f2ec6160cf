"""What the theory tells of a cell of NAS-Bench-201 without weights: its mean field, its kernels of infinite width."""

from robnas.kernels.nas_bench_201._infinite_cells import InfiniteCellKernel as InfiniteCellKernel
from robnas.kernels.nas_bench_201._infinite_cells import infinite_cell_kernels as infinite_cell_kernels
from robnas.kernels.nas_bench_201._infinite_cells import infinite_cell_ntk as infinite_cell_ntk
from robnas.kernels.nas_bench_201._mean_field import MEAN_FIELD as MEAN_FIELD
from robnas.kernels.nas_bench_201._mean_field import mean_field as mean_field
from robnas.kernels.nas_bench_201._propagation import Propagation as Propagation
from robnas.kernels.nas_bench_201._propagation import signal_propagation as signal_propagation
from robnas.kernels.nas_bench_201._work import CellKernels as CellKernels
