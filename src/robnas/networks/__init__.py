"""Architecture → `nn.Module`; parameter and MAC counts and a score (those of shipped spaces need no torch)."""

from typing import TYPE_CHECKING

from robnas import _lazy
from robnas.networks._counts import count as count
from robnas.networks._counts import counted_by_arithmetic as counted_by_arithmetic
from robnas.networks._counts import wide_resnet_counts as wide_resnet_counts
from robnas.networks._sizes import Counts as Counts
from robnas.networks.nas_bench_201 import top_score as top_score

if TYPE_CHECKING:
    from robnas.networks._as_built import unlike_built as unlike_built
    from robnas.networks._blocks import Normalize as Normalize
    from robnas.networks._build import BUILDERS as BUILDERS
    from robnas.networks._build import build_network as build_network
    from robnas.networks._fused import average_pool as average_pool
    from robnas.networks._graphs import GRAPHS as GRAPHS
    from robnas.networks._layouts import LAYOUTS as LAYOUTS
    from robnas.networks._layouts import NORMALISED as NORMALISED
    from robnas.networks._module_counts import count_module as count_module
    from robnas.networks._theory import TheoryNetwork as TheoryNetwork
    from robnas.networks._theory import build_theory_network as build_theory_network
    from robnas.networks._wide_resnet import WideResNet as WideResNet
    from robnas.networks._wide_resnet import build_wide_resnet as build_wide_resnet
    from robnas.networks.nas_bench_201 import Cell as Cell
    from robnas.networks.nas_bench_201 import Convolutions as Convolutions
    from robnas.networks.nas_bench_201 import Fan as Fan
    from robnas.networks.nas_bench_201 import Folded as Folded
    from robnas.networks.nas_bench_201 import Network as Network
    from robnas.networks.nas_bench_201 import WideCellNetwork as WideCellNetwork
    from robnas.networks.nas_bench_201 import build_wide_cell_network as build_wide_cell_network

__getattr__, __dir__ = _lazy.attach(
    __name__,
    {
        "Cell": "robnas.networks.nas_bench_201",
        "Convolutions": "robnas.networks.nas_bench_201",
        "Fan": "robnas.networks.nas_bench_201",
        "Folded": "robnas.networks.nas_bench_201",
        "GRAPHS": "robnas.networks._graphs",
        "LAYOUTS": "robnas.networks._layouts",
        "NORMALISED": "robnas.networks._layouts",
        "Network": "robnas.networks.nas_bench_201",
        "Normalize": "robnas.networks._blocks",
        "TheoryNetwork": "robnas.networks._theory",
        "WideCellNetwork": "robnas.networks.nas_bench_201",
        "WideResNet": "robnas.networks._wide_resnet",
        "average_pool": "robnas.networks._fused",
        "BUILDERS": "robnas.networks._build",
        "build_network": "robnas.networks._build",
        "build_theory_network": "robnas.networks._theory",
        "build_wide_cell_network": "robnas.networks.nas_bench_201",
        "build_wide_resnet": "robnas.networks._wide_resnet",
        "count_module": "robnas.networks._module_counts",
        "unlike_built": "robnas.networks._as_built",
    },
)
