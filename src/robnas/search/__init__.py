"""Ask/tell algorithms, objectives that answer them, the one run loop, budgets, traces. No torch."""

import warnings as _warnings
from typing import Any as _Any

from robnas import _lazy
from robnas.search._algorithm import Algorithm as Algorithm
from robnas.search._algorithm import Loop as Loop
from robnas.search._algorithm import Searcher as Searcher
from robnas.search._algorithm import Steps as Steps
from robnas.search._algorithm import Values as Values
from robnas.search._algorithm import WaitingError as WaitingError
from robnas.search._algorithm import one_objective as one_objective
from robnas.search._asha import ASHA as ASHA
from robnas.search._bananas import Bananas as Bananas
from robnas.search._bohb import BOHB as BOHB
from robnas.search._charged import ROWS as ROWS
from robnas.search._charged import charged_by as charged_by
from robnas.search._charged import space_of_task as space_of_task
from robnas.search._classes import Class as Class
from robnas.search._classes import Classes as Classes
from robnas.search._constraint import Constraint as Constraint
from robnas.search._constraint import check_constraints as check_constraints
from robnas.search._costs import COSTS as COSTS
from robnas.search._evolution import RegularizedEvolution as RegularizedEvolution
from robnas.search._experiment import Experiment as Experiment
from robnas.search._function import Function as Function
from robnas.search._goal import Goal as Goal
from robnas.search._goal import goals_of as goals_of
from robnas.search._halving import Hyperband as Hyperband
from robnas.search._halving import SuccessiveHalving as SuccessiveHalving
from robnas.search._hypervolume import hypervolume as hypervolume
from robnas.search._journal import Event as Event
from robnas.search._journal import Journal as Journal
from robnas.search._ledger import UNITS as UNITS
from robnas.search._local import LocalSearch as LocalSearch
from robnas.search._mo_evolution import MORegularizedEvolution as MORegularizedEvolution
from robnas.search._nsga2 import NSGA2 as NSGA2
from robnas.search._objective import Answer as Answer
from robnas.search._objective import Ask as Ask
from robnas.search._objective import Objective as Objective
from robnas.search._objective import Question as Question
from robnas.search._optimum import is_optimum as is_optimum
from robnas.search._optimum import optimum_text as optimum_text
from robnas.search._optuna import SAMPLERS as SAMPLERS
from robnas.search._optuna import Optuna as Optuna
from robnas.search._planned import Planned as Planned
from robnas.search._planned import read_planned as read_planned
from robnas.search._predictor import PREDICTORS as PREDICTORS
from robnas.search._predictor_evolution import PredictorEvolution as PredictorEvolution
from robnas.search._proxy import SIZES as SIZES
from robnas.search._proxy import ProxySearch as ProxySearch
from robnas.search._pruner import PRUNERS as PRUNERS
from robnas.search._pruner import OptunaPruner as OptunaPruner
from robnas.search._random import RandomSearch as RandomSearch
from robnas.search._repeat import Case as Case
from robnas.search._repeat import Repetitions as Repetitions
from robnas.search._repeat import repeat as repeat
from robnas.search._repeat import repeat_all as repeat_all
from robnas.search._result import FORMAT as FORMAT
from robnas.search._result import KIND as KIND
from robnas.search._result import FailedRun as FailedRun
from robnas.search._result import Result as Result
from robnas.search._run import run as run
from robnas.search._rungs import Bracket as Bracket
from robnas.search._searchers import SEARCHERS as SEARCHERS
from robnas.search._searchers import searcher as searcher
from robnas.search._stopping import MedianStopping as MedianStopping
from robnas.search._task import NOISES as NOISES
from robnas.search._task import REGRETS as REGRETS
from robnas.search._task import Task as Task
from robnas.search._trace import Trace as Trace

__dir__ = _lazy.listing(__name__)


def __getattr__(name: str) -> _Any:
    """The former name of `Classes`."""
    if name != "Space":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _warnings.warn("robnas.search.Space is now robnas.search.Classes", DeprecationWarning, stacklevel=2)
    return Classes
