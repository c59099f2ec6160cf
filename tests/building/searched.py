"""Searches whose trainings are those of an `Oracle`."""

from robnas.building import EXECUTORS, LocalExecutor, TrainingObjective, load_and_expand
from tests.building.oracle import Oracle
from tests.building.test_driver import Inline
from tests.building.test_plan import plan

SPLIT, METRIC = "validation", "fgsm@16/255"
OFFICIAL = {"kind": "representatives", "partition": "official"}


def expansion_of(**changes):
    """Of a plan on the digits that may be asked for every official class."""
    return load_and_expand(plan(**{"seeds": [0, 1, 2], "space": OFFICIAL, "extra": []} | changes), listed=False)


def objective(expansion, store, *, jobs=None, inline=True, note=lambda text: None, oracle=None, **options):
    """A `TrainingObjective` whose trainings are an `Oracle`."""
    given = Oracle.of(expansion, **(oracle or {}))
    EXECUTORS.pop("oracle", None)
    EXECUTORS["oracle"] = lambda trainer, **more: Inline(given) if inline else LocalExecutor(given, **more)
    where = {"metric": METRIC, "split": SPLIT} | options
    return TrainingObjective(expansion, store, executor="oracle", jobs=jobs, note=note, **where)
