"""The trials of a plan in a store, shared by any number of drivers: each is counted once, whatever dies."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, final

import sqlalchemy as sa

from robnas.errors import StoreError, Verbatim
from robnas.records import _schema
from robnas.records._drivers import LEASE, living, now
from robnas.records._machine import Process
from robnas.records._store import RecordStore
from robnas.records._trials import Ending, Failure, Outcome, QueuedTrial

_CHUNK = 500  # names in one statement
_FREE = ("waiting", "paused")
_plans, _trials, _members, _drivers = _schema.plans, _schema.trials, _schema.members, _schema.drivers


@final
class Unfinished(NamedTuple):
    """Trials that are neither done nor failed."""

    waiting: int
    running: int


@final
class State(NamedTuple):
    """Where a trial is."""

    name: str
    """``waiting``, ``running`` in a driver that is alive, ``paused``, ``done`` or ``failed``."""
    reached: int | None
    """Epochs, of one that was paused."""
    seconds: float | None
    """Of workers, so far."""


@final
class TrialQueue:
    """What is left to do of one plan.

    A driver calls `join`, then again and again `claim`, `finish` and `beat`, and at the end `leave`. A trial is
    claimed by one driver at a time. If the driver dies, its claims fall back: at once if it ran on this machine, else
    when its last heartbeat is `lease` seconds old, or as far in the future because the clock was set back. A result
    counts only while the claim holds, so a driver that was taken for dead and comes back changes nothing.

    Args:
        store: where everything is kept.
        plan: hash of the plan, made known by `enrol`.
        clock: seconds since 1970; that of the database if omitted, so that the clocks of machines need not agree.
        lease: see above.
    """

    def __init__(
        self, store: RecordStore, plan: str, *, clock: Callable[[], float] | None = None, lease: float = LEASE
    ) -> None:
        self.store, self.plan, self.lease = store, plan, lease
        self.owner = uuid.uuid4().hex
        self._clock = clock
        self._cursor = ""  # claims go round the hashes, so that what is done is not looked at again and again

    def enrol(
        self,
        name: str,
        setup: str,
        settings: Mapping[str, Any],
        facts: Mapping[str, Any],
        trials: Sequence[QueuedTrial],
        *,
        whole: bool = True,
    ) -> int:
        """Make the plan and its trials known to the store, and return how many trials are new.

        Args:
            name: of the plan.
            setup: hash of what all its trials share.
            settings: what that hash stands for.
            facts: the plan in plain values.
            trials: its trials.
            whole: False if more come by `add_within`.

        Raises:
            StoreError: the store holds another trial under the same hash, or was filled with a space of the same name
                and other genes, or cannot be written.
        """
        with self.store.write() as connection:
            self.store.keep_spaces(connection, [settings["space"]] if "space" in settings else [])
            described = {"hash": setup, "json": json.dumps(settings, sort_keys=True)}
            self.store.insert_new(connection, _schema.settings, [described])
            row = {"hash": self.plan, "name": name, "setup": setup, "json": json.dumps(facts, sort_keys=True)}
            self.store.insert_new(connection, _plans, [row | {"created": self._now(connection)}])
            new = self.add_within(connection, setup, trials)
            count = connection.scalar(
                sa.select(sa.func.count()).select_from(_members).where(_members.c.plan == self.plan)
            )
            if whole and count != len({trial.hash for trial in trials}):
                raise StoreError(
                    f"plan {name}",
                    expected=f"the {count} trials that the store has under its hash {self.plan}",
                    got=Verbatim(f"{len(trials)} trials"),
                    remedy="the plans collide: use another store",
                )
        return new

    def add_within(self, connection: sa.Connection, setup: str, trials: Sequence[QueuedTrial]) -> int:
        """Let trials belong to the plan, as a part of a transaction; returns how many are new to the store."""
        rows = [
            {"hash": trial.hash, "setup": setup, "architecture": trial.architecture, "seed": trial.seed,
             "state": "waiting", "deaths": 0}
            for trial in trials
        ]  # fmt: skip
        new = self.store.insert_new(connection, _trials, rows)
        self.use_within(connection, [trial.hash for trial in trials])
        return new

    def use_within(self, connection: sa.Connection, hashes: Iterable[str]) -> None:
        """Let trials that the store knows belong to the plan, as a part of a transaction."""
        self.store.insert_new(connection, _members, [{"plan": self.plan, "trial": hash_} for hash_ in hashes])

    def join(self) -> None:
        """Announce this driver."""
        with self.store.write() as connection:
            self._beat(connection)
            self._free_abandoned(connection)

    def beat(self) -> None:
        """Say that this driver is alive, and free the trials of those that are not."""
        self.join()

    def release(self) -> None:
        """Give back what was claimed and not finished."""
        with self.store.write() as connection:
            self._release(connection, [self.owner])

    def leave(self) -> None:
        """Give back what was claimed and not finished, and say farewell."""
        with self.store.write() as connection:
            self._release(connection, [self.owner])
            self._dismiss(connection, [self.owner])

    def claim(self, count: int) -> list[QueuedTrial]:
        """Take up to `count` waiting trials, in the order of their hashes: a random one, but always the same."""
        with self.store.write() as connection:
            found = self._waiting(connection, count)
            if len(found) < count and self._cursor:
                self._cursor = ""
                taken = {trial.hash for trial in found}
                again = self._waiting(connection, count)
                found += [trial for trial in again if trial.hash not in taken][: count - len(found)]
            if found:
                self._cursor = found[-1].hash
                self._take(connection, found)
        return found

    def claim_of(
        self,
        wanted: Sequence[QueuedTrial],
        count: int,
        again: Collection[str] = (),
        before: Callable[[sa.Connection], None] = lambda connection: None,
    ) -> list[QueuedTrial]:
        """Take the first `count` of these trials that wait or are paused, each to be trained up to its `until`.

        Args:
            wanted: in the order in which they are to be run.
            count: at most so many.
            again: hashes of those that are taken if they are done, too.
            before: what is written first, in the same transaction.
        """
        free: dict[str, int] = {}
        with self.store.write() as connection:
            before(connection)
            for part in _parts([trial.hash for trial in wanted]):
                query = sa.select(_trials.c.hash, _trials.c.deaths).where(
                    _trials.c.hash.in_(part),
                    _trials.c.state.in_(_FREE) | (_trials.c.hash.in_([*again]) & (_trials.c.state == "done")),
                )
                if self.store.dialect == "postgresql":
                    query = query.with_for_update(skip_locked=True)
                free |= {row.hash: row.deaths for row in connection.execute(query)}
            found = [replace(one, deaths=free[one.hash]) for one in wanted if one.hash in free][:count]
            self._take(connection, found)
        return found

    def _take(self, connection: sa.Connection, found: Sequence[QueuedTrial]) -> None:
        for until in {trial.until for trial in found}:
            change = {"state": "running", "owner": self.owner, "claimed": self._now(connection), "target": until}
            self._update(connection, [trial.hash for trial in found if trial.until == until], change)

    def states(self, hashes: Sequence[str]) -> dict[str, State]:
        """Where those of these trials are that the store knows."""
        with self.store.read() as connection:
            alive = living(connection, self._now(connection), self.lease)
            found = {}
            for part in _parts(hashes):
                for row in connection.execute(sa.select(_trials).where(_trials.c.hash.in_(part))):
                    abandoned = row.state == "running" and row.owner not in alive
                    found[row.hash] = State("waiting" if abandoned else row.state, row.reached, row.seconds)
        return found

    def _waiting(self, connection: sa.Connection, count: int) -> list[QueuedTrial]:
        query = (
            sa.select(_trials.c.hash, _trials.c.architecture, _trials.c.seed, _trials.c.deaths)
            .join(_members, _members.c.trial == _trials.c.hash)
            .where(_members.c.plan == self.plan, _members.c.trial > self._cursor, _trials.c.state.in_(_FREE))
            .order_by(_members.c.trial)
            .limit(count)
        )
        if self.store.dialect == "postgresql":  # SQLite has one writer at a time anyway
            query = query.with_for_update(skip_locked=True, of=_trials)
        return [QueuedTrial(*row) for row in connection.execute(query)]

    def finish(self, results: Iterable[tuple[QueuedTrial, Ending]], *, retried: Collection[str] = ()) -> set[str]:
        """Keep results, records and curves in one transaction.

        A trial whose training was paused keeps what it has, and waits until it is wanted further.

        Args:
            results: how the trials ended; those that this driver does not hold any more are left out.
            retried: hashes of trials that failed because their worker died, and are run again: they wait.

        Returns:
            Hashes of the trials whose results were kept.

        Raises:
            StoreUnavailableError: nothing was kept, and the same call may succeed later.
            StoreError: the store holds other records or curves of the same trial.
        """
        given = {trial.hash: (trial, result) for trial, result in results}
        with self.store.write() as connection:
            held = self._held(connection, list(given))
            kept = [given[hash_] for hash_ in given if hash_ in held]
            outcomes = [result for _, result in kept if isinstance(result, Outcome)]
            settings = {key: value for outcome in outcomes for key, value in outcome.settings.items()}
            records = [record for outcome in outcomes for record in outcome.records]
            curves = [curve for outcome in outcomes for curve in outcome.curves]
            self.store.add_within(connection, records, settings, curves)
            now = self._now(connection)
            rows = [_ended(trial, result, now, trial.hash in retried) for trial, result in kept if not held[trial.hash]]
            self._write_ended(connection, rows)
            again = [(trial, result) for trial, result in kept if held[trial.hash]]
            self._write_ended(connection, [_done_again(trial, result) for trial, result in again])
        return {trial.hash for trial, _ in kept}

    def _write_ended(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows that have the same columns."""
        if rows:
            columns: dict[str, Any] = {name: sa.bindparam(f"b_{name}") for name in rows[0] if name != "hash"}
            spent = sa.func.coalesce(_trials.c.seconds, 0.0)  # until it was paused
            columns["seconds"] = spent + sa.bindparam("b_seconds", type_=sa.Float)
            statement = sa.update(_trials).where(_trials.c.hash == sa.bindparam("b_hash")).values(columns)
            connection.execute(statement, [{f"b_{key}": value for key, value in row.items()} for row in rows])

    def unfinished(self) -> Unfinished:
        """How many trials of the plan wait or are paused, and how many run in drivers that are alive."""
        query = (
            sa.select(_trials.c.state, _trials.c.owner, sa.func.count())
            .join(_members, (_members.c.trial == _trials.c.hash) & (_members.c.plan == self.plan))
            .where(_trials.c.state.in_((*_FREE, "running")))
            .group_by(_trials.c.state, _trials.c.owner)
        )
        with self.store.read() as connection:
            alive = living(connection, self._now(connection), self.lease)
            waiting = running = 0
            for state, owner, count in connection.execute(query):
                if state == "running" and owner in alive:
                    running += count
                else:
                    waiting += count
        return Unfinished(waiting, running)

    def retry(self) -> int:
        """Let the failed trials of the plan wait again, and return how many they are."""
        mine = sa.select(_members.c.trial).where(_members.c.plan == self.plan)
        change = {"state": "waiting", "deaths": 0, "failure": None, "message": None, "finished": None, "seconds": None}
        with self.store.write() as connection:
            failed = sa.update(_trials).where(_trials.c.state == "failed", _trials.c.hash.in_(mine))
            return int(connection.execute(failed.values(change)).rowcount)

    def _held(self, connection: sa.Connection, hashes: Sequence[str]) -> dict[str, bool]:
        """Those of these trials that this driver has claimed, and whether they were done before."""
        held: dict[str, bool] = {}
        for part in _parts(hashes):
            query = sa.select(_trials.c.hash, _trials.c.finished).where(
                _trials.c.hash.in_(part), _trials.c.state == "running", _trials.c.owner == self.owner
            )
            if self.store.dialect == "postgresql":
                query = query.with_for_update()
            held |= {row.hash: row.finished is not None for row in connection.execute(query)}
        return held

    def _update(self, connection: sa.Connection, hashes: Sequence[str], change: Mapping[str, Any]) -> None:
        for part in _parts(hashes):
            connection.execute(sa.update(_trials).where(_trials.c.hash.in_(part)).values(change))

    def _beat(self, connection: sa.Connection) -> None:
        process, now = Process.this(), self._now(connection)
        row = {"id": self.owner, "machine": process.machine, "pid": process.pid, "started": process.started}
        if not self.store.insert_new(connection, _drivers, [row | {"heartbeat": now}]):
            change = {"heartbeat": now, "started": process.started}  # which moves when the clock is set
            connection.execute(sa.update(_drivers).where(_drivers.c.id == self.owner).values(change))

    def _free_abandoned(self, connection: sa.Connection) -> None:
        # A driver that was dismissed while it slept may have claimed once more before it was killed.
        claimed = sa.select(_trials.c.owner).where(_trials.c.state == "running").distinct()
        known = {*connection.scalars(sa.select(_drivers.c.id)), *connection.scalars(claimed)}
        # Who lives is asked last: in PostgreSQL each query sees what was committed before it, new drivers included.
        dead = known - living(connection, self._now(connection), self.lease)
        if dead:
            self._release(connection, dead)
            self._dismiss(connection, dead)

    def _release(self, connection: sa.Connection, owners: Collection[str]) -> None:
        claimed = sa.update(_trials).where(_trials.c.state == "running", _trials.c.owner.in_(owners))
        before = sa.case((_trials.c.finished.is_not(None), "done"), else_="waiting")  # done ones may be run again
        connection.execute(claimed.values(state=before, owner=None, claimed=None))

    def _dismiss(self, connection: sa.Connection, owners: Collection[str]) -> None:
        connection.execute(sa.delete(_drivers).where(_drivers.c.id.in_(owners)))

    def _now(self, connection: sa.Connection) -> float:
        return now(connection) if self._clock is None else self._clock()


def _parts(hashes: Sequence[str]) -> Iterator[Sequence[str]]:
    return (hashes[start : start + _CHUNK] for start in range(0, len(hashes), _CHUNK))


def _ended(trial: QueuedTrial, result: Ending, moment: float, retried: bool) -> dict[str, Any]:
    """The columns of a trial that has ended, by name."""
    died = isinstance(result, Failure) and result.kind == "worker died"
    row = {"hash": trial.hash, "owner": None, "finished": moment, "deaths": trial.deaths + died}
    nothing = {"seconds": None, "failure": None, "message": None, "reached": None}
    if retried:
        return row | nothing | {"state": "waiting", "finished": None}
    if isinstance(result, Failure):
        failed = {"state": "failed", "failure": result.kind, "message": result.message}
        return row | nothing | failed | {"seconds": result.seconds}
    doubts = "\n".join(result.warnings) or None
    state = "done" if result.epochs is None else "paused"
    ended = {"state": state, "reached": result.epochs, "seconds": result.seconds, "message": doubts}
    return row | nothing | ended | ({} if result.epochs is None else {"finished": None})


def _done_again(trial: QueuedTrial, result: Ending) -> dict[str, Any]:
    """The same of a trial that was run although it was done: it is done, however it ended."""
    return {"hash": trial.hash, "owner": None, "state": "done", "seconds": result.seconds}
