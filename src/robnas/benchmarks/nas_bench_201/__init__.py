"""Tables of NAS-Bench-201: its published files, and what a training of the published table cost."""

from robnas import _lazy
from robnas.benchmarks.nas_bench_201._confusion import confusion_matrices as confusion_matrices
from robnas.benchmarks.nas_bench_201._cost import training_hours as training_hours
from robnas.benchmarks.nas_bench_201._hardware import HARDWARE as HARDWARE
from robnas.benchmarks.nas_bench_201._hardware import HARDWARE_FILE as HARDWARE_FILE
from robnas.benchmarks.nas_bench_201._hardware import hw_nas_bench as hw_nas_bench
from robnas.benchmarks.nas_bench_201._importers import SPACE as SPACE
from robnas.benchmarks.nas_bench_201._importers import either_of_the_authors as either_of_the_authors
from robnas.benchmarks.nas_bench_201._importers import nas_robbench_201 as nas_robbench_201
from robnas.benchmarks.nas_bench_201._importers import nas_robbench_201_seeds as nas_robbench_201_seeds
from robnas.benchmarks.nas_bench_201._jung import JUNG_FILES as JUNG_FILES
from robnas.benchmarks.nas_bench_201._jung import jung_2023 as jung_2023
from robnas.benchmarks.nas_bench_201._measured import COST as COST
from robnas.benchmarks.nas_bench_201._measured import COST_FILES as COST_FILES
from robnas.benchmarks.nas_bench_201._measured import nas_bench_201_cost as nas_bench_201_cost
from robnas.benchmarks.nas_bench_201._relabel import relabelled as relabelled
from robnas.benchmarks.nas_bench_201._suite_zero import SUITE_ZERO as SUITE_ZERO
from robnas.benchmarks.nas_bench_201._suite_zero import SUITE_ZERO_FILE as SUITE_ZERO_FILE
from robnas.benchmarks.nas_bench_201._suite_zero import nas_bench_suite_zero as nas_bench_suite_zero

__dir__ = _lazy.listing(__name__)
