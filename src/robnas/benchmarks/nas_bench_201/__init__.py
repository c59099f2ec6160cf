"""Tables of NAS-Bench-201: its published files, and what a training of the published table cost."""

from robnas import _lazy
from robnas.benchmarks.nas_bench_201._cost import training_hours as training_hours
from robnas.benchmarks.nas_bench_201._importers import SPACE as SPACE
from robnas.benchmarks.nas_bench_201._importers import either_of_the_authors as either_of_the_authors
from robnas.benchmarks.nas_bench_201._importers import jung_2023 as jung_2023
from robnas.benchmarks.nas_bench_201._importers import nas_robbench_201 as nas_robbench_201
from robnas.benchmarks.nas_bench_201._importers import nas_robbench_201_seeds as nas_robbench_201_seeds

__dir__ = _lazy.listing(__name__)
