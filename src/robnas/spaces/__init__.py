"""What a search space is: genes, architectures as values, and the spaces that come with robnas. No torch."""

from robnas import _lazy
from robnas.spaces._architecture import Architecture as Architecture
from robnas.spaces._architecture import GeneArchitecture as GeneArchitecture
from robnas.spaces._combinations import MOST_LISTED as MOST_LISTED
from robnas.spaces._gene import Gene as Gene
from robnas.spaces._gene import GeneValue as GeneValue
from robnas.spaces._modules import MODULES as MODULES
from robnas.spaces._modules import ModuleSpace as ModuleSpace
from robnas.spaces._space import Space as Space
from robnas.spaces._spaces import SPACES as SPACES
from robnas.spaces._spaces import configured as configured
from robnas.spaces._spaces import parse_key as parse_key
from robnas.spaces._spaces import space_of as space_of
from robnas.spaces._theory import ACTIVATIONS as ACTIVATIONS
from robnas.spaces._theory import LEAKY_SLOPE as LEAKY_SLOPE
from robnas.spaces._theory import READOUTS as READOUTS
from robnas.spaces._theory import TheoryArchitecture as TheoryArchitecture
from robnas.spaces._theory import TheorySpace as TheorySpace
from robnas.spaces._wide_resnet import wide_resnet as wide_resnet
from robnas.spaces.nas_bench_201 import CONVOLUTIONS as CONVOLUTIONS
from robnas.spaces.nas_bench_201 import EDGES as EDGES
from robnas.spaces.nas_bench_201 import FORMATS as FORMATS
from robnas.spaces.nas_bench_201 import OPERATIONS as OPERATIONS
from robnas.spaces.nas_bench_201 import PARTITIONS as PARTITIONS
from robnas.spaces.nas_bench_201 import SIZE as SIZE
from robnas.spaces.nas_bench_201 import WAYS as WAYS
from robnas.spaces.nas_bench_201 import CellArchitecture as CellArchitecture
from robnas.spaces.nas_bench_201 import NASBench201 as NASBench201
from robnas.spaces.nas_bench_201 import Partition as Partition
from robnas.spaces.nas_bench_201 import architectures as architectures
from robnas.spaces.nas_bench_201 import canonical as canonical
from robnas.spaces.nas_bench_201 import compute_partition as compute_partition
from robnas.spaces.nas_bench_201 import crossover as crossover
from robnas.spaces.nas_bench_201 import draw_cell as draw_cell
from robnas.spaces.nas_bench_201 import live_convolutions as live_convolutions
from robnas.spaces.nas_bench_201 import mutate as mutate
from robnas.spaces.nas_bench_201 import partition as partition
from robnas.spaces.nas_bench_201 import partition_facts as partition_facts
from robnas.spaces.nas_bench_201 import partition_of as partition_of
from robnas.spaces.nas_bench_201 import sample as sample
from robnas.spaces.nas_bench_201 import versioned as versioned

__dir__ = _lazy.listing(__name__)
