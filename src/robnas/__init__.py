"""Adversarially robust neural architecture search.

>>> import robnas
>>> arch = robnas.Architecture("323133")
>>> arch.genotype
'|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|'
"""

from typing import TYPE_CHECKING

from robnas import _lazy
from robnas._version import __version__ as __version__

if TYPE_CHECKING:
    from robnas import (
        attacks,
        benchmarks,
        building,
        data,
        errors,
        evaluation,
        explorer,
        kernels,
        networks,
        paper,
        proxies,
        records,
        reports,
        search,
        spaces,
        statistics,
        surrogates,
        testing,
        training,
        types,
    )
    from robnas.attacks import perturb
    from robnas.benchmarks import Table, load
    from robnas.building import load_network
    from robnas.data import load_data
    from robnas.evaluation import Suite, evaluate
    from robnas.networks import build_network
    from robnas.records import Record, RecordStore
    from robnas.spaces import Architecture
    from robnas.training import Recipe, train
    from robnas.types import ThreatModel

_ROOMS = (
    "attacks",
    "benchmarks",
    "building",
    "data",
    "errors",
    "evaluation",
    "explorer",
    "kernels",
    "networks",
    "paper",
    "proxies",
    "records",
    "reports",
    "search",
    "spaces",
    "statistics",
    "surrogates",
    "testing",
    "training",
)
__all__ = [
    "Architecture",
    "Recipe",
    "Record",
    "RecordStore",
    "Suite",
    "Table",
    "ThreatModel",
    "attacks",
    "benchmarks",
    "build_network",
    "building",
    "data",
    "errors",
    "evaluate",
    "evaluation",
    "explorer",
    "kernels",
    "load",
    "load_data",
    "load_network",
    "networks",
    "paper",
    "perturb",
    "proxies",
    "records",
    "reports",
    "search",
    "spaces",
    "statistics",
    "surrogates",
    "testing",
    "train",
    "training",
    "types",
]

_FORMER = ("analysis", "build")  # names of rooms that users' scripts may still have
__getattr__, _ = _lazy.attach(
    __name__,
    {room: f"robnas.{room}" for room in (*_ROOMS, *_FORMER, "types")}
    | {
        "Architecture": "robnas.spaces",
        "Recipe": "robnas.training",
        "Record": "robnas.records",
        "RecordStore": "robnas.records",
        "Suite": "robnas.evaluation",
        "Table": "robnas.benchmarks",
        "ThreatModel": "robnas.types",
        "build_network": "robnas.networks",
        "evaluate": "robnas.evaluation",
        "load": "robnas.benchmarks",
        "load_data": "robnas.data",
        "load_network": "robnas.building",
        "perturb": "robnas.attacks",
        "train": "robnas.training",
    },
)
__dir__ = _lazy.listing(__name__, __all__)
