"""NAS-Bench-201 as networks: the cell, and what its ways tell without one (that needs no torch)."""

from typing import TYPE_CHECKING

from robnas import _lazy
from robnas.networks.nas_bench_201._top_score import top_score as top_score
from robnas.spaces.nas_bench_201 import NAME as NAME

if TYPE_CHECKING:
    from robnas.networks.nas_bench_201._cell import Cell as Cell
    from robnas.networks.nas_bench_201._cell import Convolutions as Convolutions
    from robnas.networks.nas_bench_201._cell import Fan as Fan
    from robnas.networks.nas_bench_201._shape import shape as shape

_HOME = {"_cell": ("Cell", "Convolutions", "Fan"), "_shape": ("shape",)}
__getattr__, __dir__ = _lazy.attach(
    __name__, {name: f"{__name__}.{module}" for module, names in _HOME.items() for name in names}
)
