"""What stores promise in every space: records, trials and plans under the space's key and the architecture's text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, final

from robnas.benchmarks import Table, table_of_store
from robnas.building import Expansion, Plan, enrol, table_of_plan
from robnas.records import Failure, Outcome, QueuedTrial, Record, RecordStore, find_plan, store_status
from robnas.spaces import Architecture, Space
from robnas.testing._examiner import Examiner, made_up, registered, some
from robnas.testing._plan import expansion_of, plan_values


def check_store(space: Space, folder: Path, *, count: int = 5, seed: int = 0) -> None:
    """Whether records of a space are kept, a plan's trials are queued and finished, and both become tables.

    Nothing is trained; the accuracies are made up.

    Args:
        space: registered or not.
        folder: for two SQLite stores, which must not be there yet.
        count: architectures, drawn at random; fewer where the space has fewer.
        seed: of the drawing.

    Raises:
        AssertionError: they are not; the line says what has to be mended.
    """
    with registered(space):
        _Check(space, some(space, count, seed)).all(folder)


@final
class _Check(Examiner):
    def __init__(self, space: Space, archs: list[Architecture]) -> None:
        super().__init__(f"stores of space {space.name}")
        self.space, self.archs = space, archs

    def all(self, folder: Path) -> None:
        self._records(folder / "records.db")
        selection = {"kind": "list", "architectures": [arch.text for arch in self.archs]}
        plan = Plan.from_dict(plan_values(self.space, selection))
        self._build(folder / "build.db", expansion_of(plan))

    def _records(self, path: Path) -> None:
        records = [record for arch in self.archs for record in self._of(arch, 0, "f" * 16)]
        with RecordStore(path) as store:
            added = self.attempt("adding records", store.add, records)
            self.expect(added == len(records), f"of {len(records)} records {added} were new: two have one key")
            self.expect(store.add(records) == 0, "records that are there are new again")
            other = replace(records[0], value=1 - records[0].value / 2)
            self.refused("another value of a record", store.add, [other])
        with RecordStore(path) as store:
            found = self.attempt("reading records", store.records)
            self.expect(
                {one.key: one for one in found} == {one.key: one for one in records}, "records do not read back"
            )
            self.expect(
                len(store.records(space=self.space.key)) == len(records), "records forget the key of their space"
            )
            mine = store.records(architecture=self.archs[0])
            self.expect(
                {one.architecture for one in mine} == {self.archs[0]}, f"records of {self.archs[0]} are not found"
            )
        table = self.attempt("a table of the store", table_of_store, path)
        self._table(table, seed=0)

    def _build(self, path: Path, expansion: Expansion) -> None:
        """The queue of a plan whose first trial fails at first."""
        with RecordStore(path) as store:
            queue = self.attempt("making a plan known", enrol, expansion, store)
            queue.join()
            waiting = queue.claim(len(expansion.trials) + 1)
            self.expect(set(waiting) == set(expansion.trials), "the queue hands out other trials than the plan has")
            first, *others = waiting
            endings = [(trial, Outcome(tuple(self._of_trial(trial, expansion)))) for trial in others]
            kept = self.attempt("finishing trials", queue.finish, [(first, Failure("error", "made up")), *endings])
            self.expect(kept == {trial.hash for trial in waiting}, "the queue does not keep what was finished")
            self.expect(queue.retry() == 1, "a failed trial does not wait again")
            again = queue.claim(9)
            self.expect([trial.hash for trial in again] == [first.hash], "a failed trial is not handed out again")
            queue.finish([(first, Outcome(tuple(self._of_trial(first, expansion))))])
            queue.leave()
            status = store_status(store)[0]
            total = len(expansion.trials)
            self.expect((status.done, status.failed, status.total) == (total, 0, total), f"the status says {status}")
            plan = self.attempt("finding the plan", find_plan, store, expansion.hash)
            self.expect(Plan.from_dict(plan.facts) == expansion.plan, "the plan in the store is another one")
            table = self.attempt("a table of the plan", table_of_plan, store, plan)
        for seed in expansion.plan.seeds:
            self._table(table, seed)

    def _of_trial(self, trial: QueuedTrial, expansion: Expansion) -> Iterator[Record]:
        arch = self.space.parse(trial.architecture)
        recipe = expansion.plan.recipe.hash
        for entry in expansion.measurements:
            yield self._record(arch, trial.seed, entry["metric"], entry["attack_hash"], recipe, entry["images"])

    def _of(self, arch: Architecture, seed: int, recipe: str) -> Iterator[Record]:
        for metric, attack in (("clean", ""), ("fgsm@16/255", "a" * 16)):
            yield self._record(arch, seed, metric, attack, recipe, 60)

    def _record(self, arch: Architecture, seed: int, metric: str, attack: str, recipe: str, images: int) -> Record:
        return Record(
            architecture=arch, space=self.space.key, dataset="digits", dataset_hash="d" * 16, split="test",
            recipe_hash=recipe, seed=seed, metric=metric, attack_hash=attack, attack_seed=seed if attack else 0,
            images=images, value=_value(arch, metric, seed), seconds=1.0, torch_version="made up", device="cpu",
            num_classes=10, majority=0.1,
        )  # fmt: skip

    def _table(self, table: Table, seed: int) -> None:
        self.expect(table.space == self.space, f"a table of the store is of {table.space}")
        self.expect(set(table.architectures) == set(self.archs), "a table of the store has other architectures")
        for column in table.columns:
            self.expect(column.space == self.space.key, f"column {column.name} of a store's table is of {column.space}")
            for arch in self.archs:
                named: Any = {"dataset": "digits", "metric": column.metric, "split": "test"}
                value = table.peek(arch, **named, seed=seed)
                wanted = _value(arch, column.metric, seed)
                self.expect(value == wanted, f"a table of the store gives {arch} the value {value}, not {wanted}")


def _value(arch: Architecture, metric: str, seed: int) -> float:
    return made_up(f"{arch.text} {metric}", seed)
