"""Every algorithm by its name."""

from __future__ import annotations

from robnas.search._asha import ASHA
from robnas.search._bohb import BOHB
from robnas.search._halving import Hyperband, SuccessiveHalving
from robnas.search._named import SEARCHERS as SEARCHERS
from robnas.search._named import searcher as searcher
from robnas.search._pruner import OptunaPruner
from robnas.search._stopping import MedianStopping

SEARCHERS["successive-halving"] = SuccessiveHalving
SEARCHERS["hyperband"] = Hyperband
SEARCHERS["asha"] = ASHA
SEARCHERS["bohb"] = BOHB
SEARCHERS["median-stopping"] = MedianStopping
SEARCHERS["optuna-pruner"] = OptunaPruner
