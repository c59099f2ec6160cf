"""Tables behind the calls that users of other benchmarks know; written from their published signatures."""

from robnas import _lazy
from robnas.benchmarks.adapters.nas_robbench_201 import NasRobBench201 as NasRobBench201
from robnas.benchmarks.adapters.naslib import NaslibGraph as NaslibGraph
from robnas.benchmarks.adapters.nats_bench import NatsBench as NatsBench
from robnas.benchmarks.adapters.robustness_dataset import RobustnessDataset as RobustnessDataset

__dir__ = _lazy.listing(__name__)
