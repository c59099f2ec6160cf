"""How far the plans of a store are."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from typing import final

import sqlalchemy as sa

from robnas.records import _schema
from robnas.records._designs import DesignStatus, design_statuses
from robnas.records._drivers import living, now
from robnas.records._store import RecordStore

_WINDOW = 600.0  # seconds over which the rate is taken
_SHOWN = 20  # failures that are listed
_plans, _trials, _members = _schema.plans, _schema.trials, _schema.members


@dataclass(frozen=True)
class FailedTrial:
    """A trial without records."""

    architecture: str
    seed: int
    kind: str
    message: str


@final
@dataclass(frozen=True)
class PlanStatus:
    """How far a plan is; a trial is in exactly one of the four states."""

    plan: str
    """Hash."""
    name: str
    total: int
    done: int
    running: int
    """Claimed by a driver that is alive."""
    failed: int
    remaining: int
    """Neither done, running nor failed; also what was paused."""
    doubtful: int
    """Done, but sanity checks of the evaluation failed."""
    drivers: int
    """Alive, with trials of this plan."""
    mean_seconds: float | None
    """Of a finished trial, on one worker; None if none is finished."""
    core_hours: float
    """Of the finished trials."""
    finished: float | None
    """When the last trial was finished, in seconds since 1970."""
    rate: float | None
    """Trials per second over the last ten minutes; None if nothing runs or nothing has finished yet."""
    seconds_left: float | None
    """At that rate."""
    failures: tuple[FailedTrial, ...]
    """The first twenty."""
    design: DesignStatus | None = None
    """How far the last design is by which a part of the plan was chosen."""


def store_status(store: RecordStore) -> list[PlanStatus]:
    """The state of each plan in a store, in the order in which they came."""
    with store.read() as connection:
        moment = now(connection)
        alive = living(connection, moment)
        found = connection.execute(sa.select(_plans.c.hash, _plans.c.name).order_by(_plans.c.created)).all()
        designs = design_statuses(store, connection)
        statuses = [_status(connection, hash_, name, alive, moment) for hash_, name in found]
    return [_with_design(one, designs.get(one.plan)) for one in statuses]


def _with_design(status: PlanStatus, design: DesignStatus | None) -> PlanStatus:
    """The same with what the design may choose yet in the time that is left."""
    if design is None or status.rate is None or status.seconds_left is None:
        return replace(status, design=design)
    return replace(status, design=design, seconds_left=status.seconds_left + design.trials_left / status.rate)


def _status(connection: sa.Connection, plan: str, name: str, alive: set[str], moment: float) -> PlanStatus:
    inside = _trials.join(_members, (_members.c.trial == _trials.c.hash) & (_members.c.plan == plan))
    recently = _trials.c.finished.between(moment - _WINDOW, moment)  # not before the clock was set back
    groups = connection.execute(
        sa.select(
            _trials.c.state,
            _trials.c.owner,
            sa.func.count(),
            sa.func.sum(_trials.c.seconds),
            sa.func.sum(sa.case((recently, 1), else_=0)),
            sa.func.min(sa.case((recently, _trials.c.finished))),
            sa.func.count(_trials.c.message),
            sa.func.max(_trials.c.finished),
        )
        .select_from(inside)
        .group_by(_trials.c.state, _trials.c.owner)
    ).all()
    count = {"done": 0, "running": 0, "failed": 0, "waiting": 0}
    drivers, recent, first, seconds, doubtful, last = 0, 0, moment, 0.0, 0, None
    for state, owner, size, spent, fresh, earliest, messages, latest in groups:
        here = "waiting" if state == "paused" or (state == "running" and owner not in alive) else state
        count[here] += size
        drivers += here == "running"
        recent += fresh or 0
        first = min(first, earliest or moment)
        if state == "done":
            seconds += spent or 0.0
            doubtful += messages
            last = max(last or 0.0, latest or 0.0)
    ended = recent - 1 if recent and first > moment - 0.9 * _WINDOW else recent  # the first one opens the window
    span = moment - first
    rate = ended / span if drivers and ended > 0 and span > 0 else None
    left = count["running"] + count["waiting"]
    return PlanStatus(
        plan=plan,
        name=name,
        total=sum(count.values()),
        done=count["done"],
        running=count["running"],
        failed=count["failed"],
        remaining=count["waiting"],
        doubtful=doubtful,
        drivers=drivers,
        mean_seconds=seconds / count["done"] if count["done"] else None,
        core_hours=seconds / 3600,
        finished=last,
        rate=rate,
        seconds_left=left / rate if rate else None,
        failures=_failures(connection, inside) if count["failed"] else (),
    )


def _failures(connection: sa.Connection, inside: sa.FromClause) -> tuple[FailedTrial, ...]:
    query = (
        sa.select(_trials.c.architecture, _trials.c.seed, _trials.c.failure, _trials.c.message)
        .select_from(inside)
        .where(_trials.c.state == "failed")
        .order_by(_trials.c.finished, _trials.c.hash)
        .limit(_SHOWN)
    )
    return tuple(FailedTrial(*row) for row in connection.execute(query))


@final
@dataclass(frozen=True)
class Timing:
    """How long the trials of a setup took."""

    measured: int
    """Finished trials."""
    mean: float | None
    """Seconds."""
    standard_error: float | None
    """Of the mean; None below two trials."""
    states: dict[str, str]
    """Hash → state of every trial of the setup."""


def timing(store: RecordStore, setup: str) -> Timing:
    """What is known about the trials of a setup, whatever plan they belong to."""
    query = sa.select(_trials.c.hash, _trials.c.state, _trials.c.seconds).where(_trials.c.setup == setup)
    with store.read() as connection:
        rows = connection.execute(query).all()
    seconds = [row.seconds for row in rows if row.state == "done" and row.seconds is not None]
    mean = sum(seconds) / len(seconds) if seconds else None
    error = statistics.stdev(seconds) / math.sqrt(len(seconds)) if len(seconds) > 1 else None
    return Timing(len(seconds), mean, error, {row.hash: row.state for row in rows})
