"""Plans and trials: what is trained, where, by whom, and what comes out of it."""

from typing import TYPE_CHECKING

from robnas import _lazy
from robnas.building._executor import Executor as Executor
from robnas.building._executor import Limits as Limits
from robnas.building._executor import Trainer as Trainer

if TYPE_CHECKING:
    from robnas.building._designing import Chooser as Chooser
    from robnas.building._designing import Chosen as Chosen
    from robnas.building._designing import Designing as Designing
    from robnas.building._designing import DesignResult as DesignResult
    from robnas.building._designing import Measured as Measured
    from robnas.building._driver import BuildResult as BuildResult
    from robnas.building._driver import Policy as Policy
    from robnas.building._driver import drive as drive
    from robnas.building._driver import duration as duration
    from robnas.building._enrol import enrol as enrol
    from robnas.building._enrol import resumed as resumed
    from robnas.building._executors import EXECUTORS as EXECUTORS
    from robnas.building._export import table_of_plan as table_of_plan
    from robnas.building._export import table_of_plans as table_of_plans
    from robnas.building._inputs import Inputs as Inputs
    from robnas.building._local import LocalExecutor as LocalExecutor
    from robnas.building._measuring import CurveMeasuring as CurveMeasuring
    from robnas.building._measuring import Measuring as Measuring
    from robnas.building._plan import Expansion as Expansion
    from robnas.building._plan import Plan as Plan
    from robnas.building._plan import expand as expand
    from robnas.building._records import module_records as module_records
    from robnas.building._run import Estimate as Estimate
    from robnas.building._run import estimate as estimate
    from robnas.building._run import load_and_expand as load_and_expand
    from robnas.building._run import run_plan as run_plan
    from robnas.building._selection import Extra as Extra
    from robnas.building._selection import Selection as Selection
    from robnas.building._trainer import TrainAndEvaluate as TrainAndEvaluate
    from robnas.building._training_objective import TrainingObjective as TrainingObjective
    from robnas.building._trial import TRIAL as TRIAL
    from robnas.building._trial import Source as Source
    from robnas.building._trial import Trial as Trial
    from robnas.building._trial import load_trial as load_trial
    from robnas.building._weights import Trained as Trained
    from robnas.building._weights import check_layout as check_layout
    from robnas.building._weights import load_network as load_network
    from robnas.building._weights import load_trained as load_trained
    from robnas.building._weights import write_weights as write_weights

# Whoever only starts processes, or asks how far a build is, needs no torch.
__getattr__, __dir__ = _lazy.attach(
    __name__,
    {
        "BuildResult": "robnas.building._driver",
        "Chooser": "robnas.building._designing",
        "Chosen": "robnas.building._designing",
        "CurveMeasuring": "robnas.building._measuring",
        "Designing": "robnas.building._designing",
        "DesignResult": "robnas.building._designing",
        "EXECUTORS": "robnas.building._executors",
        "Estimate": "robnas.building._run",
        "Expansion": "robnas.building._plan",
        "Extra": "robnas.building._selection",
        "Inputs": "robnas.building._inputs",
        "LocalExecutor": "robnas.building._local",
        "Measured": "robnas.building._designing",
        "Measuring": "robnas.building._measuring",
        "Plan": "robnas.building._plan",
        "Policy": "robnas.building._driver",
        "Selection": "robnas.building._selection",
        "Source": "robnas.building._trial",
        "TRIAL": "robnas.building._trial",
        "TrainAndEvaluate": "robnas.building._trainer",
        "Trained": "robnas.building._weights",
        "TrainingObjective": "robnas.building._training_objective",
        "Trial": "robnas.building._trial",
        "check_layout": "robnas.building._weights",
        "drive": "robnas.building._driver",
        "duration": "robnas.building._driver",
        "enrol": "robnas.building._enrol",
        "estimate": "robnas.building._run",
        "expand": "robnas.building._plan",
        "load_and_expand": "robnas.building._run",
        "load_network": "robnas.building._weights",
        "load_trained": "robnas.building._weights",
        "load_trial": "robnas.building._trial",
        "module_records": "robnas.building._records",
        "resumed": "robnas.building._enrol",
        "run_plan": "robnas.building._run",
        "table_of_plan": "robnas.building._export",
        "table_of_plans": "robnas.building._export",
        "write_weights": "robnas.building._weights",
    },
)
