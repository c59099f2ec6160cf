"""Measurements with their provenance, and the SQL store that keeps them and the trials that are still to be done."""

from typing import TYPE_CHECKING

from robnas import _lazy
from robnas.records._address import StoreAddress as StoreAddress
from robnas.records._address import is_store as is_store
from robnas.records._curve import OF_TRAINING as OF_TRAINING
from robnas.records._curve import TRAINING_METRICS as TRAINING_METRICS
from robnas.records._curve import Curve as Curve
from robnas.records._record import Record as Record
from robnas.records._trials import Ending as Ending
from robnas.records._trials import Failure as Failure
from robnas.records._trials import FailureKind as FailureKind
from robnas.records._trials import Outcome as Outcome
from robnas.records._trials import QueuedTrial as QueuedTrial
from robnas.records._trials import space_facts as space_facts

if TYPE_CHECKING:
    from robnas.records._designs import DesignStatus as DesignStatus
    from robnas.records._drivers import LEASE as LEASE
    from robnas.records._plans import ON_DEMAND as ON_DEMAND
    from robnas.records._plans import StoredPlan as StoredPlan
    from robnas.records._plans import find_plan as find_plan
    from robnas.records._plans import find_plans as find_plans
    from robnas.records._plans import plan_doubts as plan_doubts
    from robnas.records._plans import plan_pairs as plan_pairs
    from robnas.records._plans import plan_records as plan_records
    from robnas.records._plans import stored_plans as stored_plans
    from robnas.records._queue import State as State
    from robnas.records._queue import TrialQueue as TrialQueue
    from robnas.records._queue import Unfinished as Unfinished
    from robnas.records._schema import SCHEMA_VERSION as SCHEMA_VERSION
    from robnas.records._searches import LoggedEvent as LoggedEvent
    from robnas.records._searches import SearchLog as SearchLog
    from robnas.records._status import PlanStatus as PlanStatus
    from robnas.records._status import Timing as Timing
    from robnas.records._status import store_status as store_status
    from robnas.records._status import timing as timing
    from robnas.records._store import RecordStore as RecordStore
    from robnas.records._wanted import WantedTrials as WantedTrials

# A worker makes records but needs no database.
__getattr__, __dir__ = _lazy.attach(
    __name__,
    {
        "DesignStatus": "robnas.records._designs",
        "LEASE": "robnas.records._drivers",
        "LoggedEvent": "robnas.records._searches",
        "ON_DEMAND": "robnas.records._plans",
        "PlanStatus": "robnas.records._status",
        "RecordStore": "robnas.records._store",
        "SCHEMA_VERSION": "robnas.records._schema",
        "SearchLog": "robnas.records._searches",
        "State": "robnas.records._queue",
        "StoredPlan": "robnas.records._plans",
        "Timing": "robnas.records._status",
        "TrialQueue": "robnas.records._queue",
        "Unfinished": "robnas.records._queue",
        "WantedTrials": "robnas.records._wanted",
        "find_plan": "robnas.records._plans",
        "find_plans": "robnas.records._plans",
        "plan_doubts": "robnas.records._plans",
        "plan_pairs": "robnas.records._plans",
        "plan_records": "robnas.records._plans",
        "store_status": "robnas.records._status",
        "stored_plans": "robnas.records._plans",
        "timing": "robnas.records._status",
    },
)
