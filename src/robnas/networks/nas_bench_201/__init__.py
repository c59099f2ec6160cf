"""NAS-Bench-201 as networks: cells, the skeleton around them, and what a cell tells without a network."""

from typing import TYPE_CHECKING

from robnas import _lazy
from robnas.networks.nas_bench_201._branches import BRANCH_SCALINGS as BRANCH_SCALINGS
from robnas.networks.nas_bench_201._branches import LEAST_VARIANCE as LEAST_VARIANCE
from robnas.networks.nas_bench_201._top_score import top_score as top_score
from robnas.spaces.nas_bench_201 import NAME as NAME

if TYPE_CHECKING:
    from robnas.networks.nas_bench_201._cell import Cell as Cell
    from robnas.networks.nas_bench_201._cell import Convolutions as Convolutions
    from robnas.networks.nas_bench_201._cell import Fan as Fan
    from robnas.networks.nas_bench_201._folded import Folded as Folded
    from robnas.networks.nas_bench_201._network import Network as Network
    from robnas.networks.nas_bench_201._network import build_cell_network as build_cell_network
    from robnas.networks.nas_bench_201._published import published_weights as published_weights
    from robnas.networks.nas_bench_201._shape import SHAPE as SHAPE
    from robnas.networks.nas_bench_201._shape import shape as shape
    from robnas.networks.nas_bench_201._wide import WideCellNetwork as WideCellNetwork
    from robnas.networks.nas_bench_201._wide import build_wide_cell_network as build_wide_cell_network

_HOME = {
    "_cell": ("Cell", "Convolutions", "Fan"),
    "_folded": ("Folded",),
    "_network": ("Network", "build_cell_network"),
    "_published": ("published_weights",),
    "_shape": ("SHAPE", "shape"),
    "_wide": ("WideCellNetwork", "build_wide_cell_network"),
}
__getattr__, __dir__ = _lazy.attach(
    __name__, {name: f"{__name__}.{module}" for module, names in _HOME.items() for name in names}
)
