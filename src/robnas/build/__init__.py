"""Plans and trials: what is trained, where, by whom, and what comes out of it."""

from typing import TYPE_CHECKING

from robnas import _lazy
from robnas.build._executor import Executor as Executor
from robnas.build._executor import Limits as Limits
from robnas.build._executor import Trainer as Trainer

if TYPE_CHECKING:
    from robnas.build._driver import BuildResult as BuildResult
    from robnas.build._driver import Policy as Policy
    from robnas.build._driver import drive as drive
    from robnas.build._driver import duration as duration
    from robnas.build._executors import EXECUTORS as EXECUTORS
    from robnas.build._export import table_of_plan as table_of_plan
    from robnas.build._local import LocalExecutor as LocalExecutor
    from robnas.build._measuring import Measuring as Measuring
    from robnas.build._plan import Expansion as Expansion
    from robnas.build._plan import Plan as Plan
    from robnas.build._plan import expand as expand
    from robnas.build._run import Estimate as Estimate
    from robnas.build._run import enrol as enrol
    from robnas.build._run import estimate as estimate
    from robnas.build._run import load_and_expand as load_and_expand
    from robnas.build._run import resumed as resumed
    from robnas.build._run import run_plan as run_plan
    from robnas.build._selection import Extra as Extra
    from robnas.build._selection import Selection as Selection
    from robnas.build._trainer import TrainAndEvaluate as TrainAndEvaluate
    from robnas.build._trial import TRIAL as TRIAL
    from robnas.build._trial import Source as Source
    from robnas.build._trial import Trial as Trial
    from robnas.build._trial import load_trial as load_trial

# Whoever only starts processes, or asks how far a build is, needs no torch.
__getattr__, __dir__ = _lazy.attach(
    __name__,
    {
        "BuildResult": "robnas.build._driver",
        "EXECUTORS": "robnas.build._executors",
        "Estimate": "robnas.build._run",
        "Expansion": "robnas.build._plan",
        "Extra": "robnas.build._selection",
        "LocalExecutor": "robnas.build._local",
        "Measuring": "robnas.build._measuring",
        "Plan": "robnas.build._plan",
        "Policy": "robnas.build._driver",
        "Selection": "robnas.build._selection",
        "Source": "robnas.build._trial",
        "TRIAL": "robnas.build._trial",
        "TrainAndEvaluate": "robnas.build._trainer",
        "Trial": "robnas.build._trial",
        "drive": "robnas.build._driver",
        "duration": "robnas.build._driver",
        "enrol": "robnas.build._run",
        "estimate": "robnas.build._run",
        "expand": "robnas.build._plan",
        "load_and_expand": "robnas.build._run",
        "load_trial": "robnas.build._trial",
        "resumed": "robnas.build._run",
        "run_plan": "robnas.build._run",
        "table_of_plan": "robnas.build._export",
    },
)
