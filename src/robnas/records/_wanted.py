"""The trials that somebody waits for: known one after the other, and run in the order in which they are wanted."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import final

import sqlalchemy as sa

from robnas.records._queue import State, TrialQueue, Unfinished
from robnas.records._searches import SearchLog
from robnas.records._trials import Ending, Failure, QueuedTrial


@final
class WantedTrials:
    """A `TrialQueue` as a driver sees it, of those trials only that are wanted at the moment.

    Args:
        queue: of a plan that was enrolled with ``whole=False``.
        setup: hash of what all its trials share.
    """

    def __init__(self, queue: TrialQueue, setup: str) -> None:
        self._queue, self._setup = queue, setup
        self._wanted: dict[str, QueuedTrial] = {}
        self._new: list[QueuedTrial] = []  # not in the store yet
        self._used = set[str]()  # in the store, and perhaps not of this plan yet
        self.log: SearchLog | None = None
        """Of the search that wants them: what it has is kept before anything is claimed."""
        self._held = set[str]()  # claimed here
        self.lease = queue.lease
        self.again = set[str]()
        """Hashes of those that are to be run although they are done."""
        self.failed_again = set[str]()
        """Hashes of those that were run although they were done, and failed: they are done still."""

    def want(self, trials: Sequence[QueuedTrial], again: Collection[str] = ()) -> None:
        """Let these be run after those that are wanted already; the store learns of them when some are claimed.

        Args:
            trials: one that is wanted already is run up to the later of both epochs.
            again: hashes of those that are run although they are done, because something of them is missing.
        """
        self._new += trials
        for trial in trials:
            known = self._wanted.get(trial.hash)
            self._wanted[trial.hash] = trial if known is None else max(known, trial, key=_reach)
        self.again.update(again)

    def use(self, hashes: Iterable[str]) -> None:
        """Let these, which the store knows, belong to the plan, too."""
        self._used.update(hashes)

    def drop(self, hashes: Iterable[str]) -> None:
        """Nobody waits for these any more; one that is running here is finished."""
        for hash_ in hashes:
            self._wanted.pop(hash_, None)
            self.again.discard(hash_)

    def __len__(self) -> int:
        return len(self._wanted)

    def states(self, hashes: Sequence[str]) -> dict[str, State]:
        """See `TrialQueue.states`."""
        return self._queue.states(hashes)

    # what a driver calls

    def join(self) -> None:
        """See `TrialQueue.join`, and for the following ones theirs."""
        self._queue.join()

    def beat(self) -> None:
        self.flush()
        self._queue.beat()

    def flush(self) -> None:
        """Keep what the search has asked, been told and used."""
        with self._queue.store.write() as connection:
            self._keep_search(connection)
        self._kept()

    def release(self) -> None:
        self._held.clear()
        self._queue.release()

    def leave(self) -> None:
        self._held.clear()
        self._queue.leave()

    def claim(self, count: int) -> list[QueuedTrial]:
        open_ = [trial for trial in self._wanted.values() if trial.hash not in self._held]
        found = self._queue.claim_of(open_, count, self.again, self._keep) if open_ else []
        if open_:
            self._new.clear()
            self._kept()
        self._held.update(trial.hash for trial in found)
        return found

    def _keep(self, connection: sa.Connection) -> None:
        """One transaction for all that precedes a training, because each waits for the disk."""
        self._keep_search(connection)
        self._queue.add_within(connection, self._setup, self._new)

    def _keep_search(self, connection: sa.Connection) -> None:
        if self.log is not None:
            self.log.flush_within(connection)
        self._queue.use_within(connection, self._used)

    def _kept(self) -> None:
        """The transaction has ended well."""
        self._used.clear()
        if self.log is not None:
            self.log.kept()

    def finish(self, results: Iterable[tuple[QueuedTrial, Ending]], *, retried: Collection[str] = ()) -> set[str]:
        results = list(results)
        kept = self._queue.finish(results, retried=retried)
        self._held.difference_update(trial.hash for trial, _ in results)
        ended = {trial.hash: result for trial, result in results if trial.hash in kept - set(retried)}
        self.failed_again |= {hash_ for hash_ in self.again & ended.keys() if isinstance(ended[hash_], Failure)}
        self.again -= ended.keys()
        return kept

    def unfinished(self) -> Unfinished:
        states = self._queue.states(list(self._wanted))
        running = sum(state.name == "running" for state in states.values())
        return Unfinished(len(self._wanted) - running, running)


def _reach(trial: QueuedTrial) -> float:
    return math.inf if trial.until is None else trial.until
