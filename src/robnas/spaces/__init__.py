"""Architectures as values: parse, format, canonical form, partitions, neighbours, sampling. No torch."""

from robnas import _lazy
from robnas.spaces._architecture import CONVOLUTIONS as CONVOLUTIONS
from robnas.spaces._architecture import SIZE as SIZE
from robnas.spaces._architecture import Architecture as Architecture
from robnas.spaces._architecture import architectures as architectures
from robnas.spaces._drawing import draw_cell as draw_cell
from robnas.spaces._encodings import EDGES as EDGES
from robnas.spaces._encodings import FORMATS as FORMATS
from robnas.spaces._encodings import OPERATIONS as OPERATIONS
from robnas.spaces._encodings import WAYS as WAYS
from robnas.spaces._partition import PARTITIONS as PARTITIONS
from robnas.spaces._partition import Partition as Partition
from robnas.spaces._partition import canonical as canonical
from robnas.spaces._partition import compute_partition as compute_partition
from robnas.spaces._partition import partition as partition
from robnas.spaces._partition import partition_facts as partition_facts
from robnas.spaces._partition import partition_of as partition_of
from robnas.spaces._partition import versioned as versioned
from robnas.spaces._sampling import crossover as crossover
from robnas.spaces._sampling import mutate as mutate
from robnas.spaces._sampling import sample as sample
from robnas.spaces._theory import ACTIVATIONS as ACTIVATIONS
from robnas.spaces._theory import READOUTS as READOUTS
from robnas.spaces._theory import TheoryArchitecture as TheoryArchitecture
from robnas.spaces._theory import TheorySpace as TheorySpace

__dir__ = _lazy.listing(__name__)
