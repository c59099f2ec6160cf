"""NAS-Bench-201: its architectures, encodings, partitions and drawing; what no other space has."""

from robnas import _lazy
from robnas.spaces.nas_bench_201._architecture import CONVOLUTIONS as CONVOLUTIONS
from robnas.spaces.nas_bench_201._architecture import GENES as GENES
from robnas.spaces.nas_bench_201._architecture import NAME as NAME
from robnas.spaces.nas_bench_201._architecture import SIZE as SIZE
from robnas.spaces.nas_bench_201._architecture import CellArchitecture as CellArchitecture
from robnas.spaces.nas_bench_201._architecture import architectures as architectures
from robnas.spaces.nas_bench_201._architecture import live_convolutions as live_convolutions
from robnas.spaces.nas_bench_201._drawing import draw_cell as draw_cell
from robnas.spaces.nas_bench_201._earlier import earlier_recipe as earlier_recipe
from robnas.spaces.nas_bench_201._earlier import named_space as named_space
from robnas.spaces.nas_bench_201._earlier import split_recipe as split_recipe
from robnas.spaces.nas_bench_201._encodings import EDGES as EDGES
from robnas.spaces.nas_bench_201._encodings import FORMATS as FORMATS
from robnas.spaces.nas_bench_201._encodings import OPERATIONS as OPERATIONS
from robnas.spaces.nas_bench_201._encodings import WAYS as WAYS
from robnas.spaces.nas_bench_201._partition import PARTITIONS as PARTITIONS
from robnas.spaces.nas_bench_201._partition import Partition as Partition
from robnas.spaces.nas_bench_201._partition import canonical as canonical
from robnas.spaces.nas_bench_201._partition import compute_partition as compute_partition
from robnas.spaces.nas_bench_201._partition import partition as partition
from robnas.spaces.nas_bench_201._partition import partition_facts as partition_facts
from robnas.spaces.nas_bench_201._partition import partition_of as partition_of
from robnas.spaces.nas_bench_201._partition import versioned as versioned
from robnas.spaces.nas_bench_201._published import published_indices as published_indices
from robnas.spaces.nas_bench_201._sampling import crossover as crossover
from robnas.spaces.nas_bench_201._sampling import mutate as mutate
from robnas.spaces.nas_bench_201._sampling import sample as sample
from robnas.spaces.nas_bench_201._space import PRESETS as PRESETS
from robnas.spaces.nas_bench_201._space import NASBench201 as NASBench201
from robnas.spaces.nas_bench_201._spanning import SPANNING as SPANNING

__dir__ = _lazy.listing(__name__)
