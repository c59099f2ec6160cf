"""What a search leaves behind in every space: its trace, its result, and their files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, final

import numpy as np

from robnas.errors import InputError
from robnas.search import Algorithm, Result, Task, Trace, repeat, run
from robnas.spaces import Space
from robnas.testing._examiner import DATASET, METRICS, Examiner, registered, table_of


def check_trace(space: Space, algorithm: Algorithm, *, count: int = 40, budget: int = 12, seed: int = 0) -> None:
    """Whether a search in a table of a space tells what it asked, by the space's key and texts, and reads back.

    Args:
        space: registered or not.
        algorithm: its settings.
        count: architectures of the table, drawn at random; fewer where the space has fewer.
        budget: of a run; smaller where the table is.
        seed: of the drawing and the runs.

    Raises:
        AssertionError: it does not; the line says what has to be mended.
        InputError: the algorithm says that it cannot search there.
    """
    with registered(space):
        table = table_of(space, count, seed)
        task = Task.named(table, DATASET, METRICS[1], split="validation", report_split="test")
        _Check(space, algorithm, task, min(budget, task.size), seed).all()


@final
class _Check(Examiner):
    def __init__(self, space: Space, algorithm: Algorithm, task: Task, budget: int, seed: int) -> None:
        super().__init__(f"{getattr(algorithm, 'name', type(algorithm).__name__)} on space {space.name}")
        self.space, self.algorithm, self.task, self.budget, self.seed = space, algorithm, task, budget, seed

    def all(self) -> None:
        trace = run(self.algorithm, self.task, self.budget, self.seed)
        self._trace(trace)
        again = run(self.algorithm, self.task, self.budget, self.seed)
        self.expect(again.to_dict() == trace.to_dict(), "asks other questions when it runs again with the same seed")
        self._plain(trace)
        self._result(trace)

    def _trace(self, trace: Trace) -> None:
        table, column = self.task.table, self.task.seen[0]
        self.expect(trace.space == self.space.key, f"the trace is of space {trace.space}")
        spent = len(trace) if trace.charged is None else float(trace.charged[-1])
        self.expect(len(trace) > 0, "the trace has no query")
        self.expect(spent <= self.budget + 1e-9, f"the trace has {spent:g} trainings' worth of {self.budget}")
        last = self.task.classes.epochs[-1] if self.task.classes.epochs else 0
        epochs = [last] * len(trace) if trace.fidelities is None else trace.fidelities.tolist()
        asked = list(zip(trace.architectures, epochs, strict=True))
        self.expect(len(set(asked)) == len(trace), "an architecture is charged twice")
        for (arch, epoch), values in zip(asked, trace.values, strict=True):
            self.expect(arch in self.space, f"the trace has {arch}, which is not in the space")
            if epoch == last:
                wanted = column.sign * column.mean[table.row(arch)]
                self.expect(values[0] == wanted, f"was told {values[0]} of {arch}, which has {wanted}")
        told = dict(zip(asked, trace.values[:, 0].tolist(), strict=True))
        most = max((epoch for (_, epoch), value in told.items() if np.isfinite(value)), default=last)
        best = max(value for (_, epoch), value in told.items() if epoch == most)
        self.expect(told.get((trace.best, most)) == best, f"the best of the trace, {trace.best}, is not the best")
        if self.space.listable:
            numbers = [self.space.index_of(arch) for arch in trace.architectures]
            self.expect(trace.indices.tolist() == numbers, "the numbers of the trace are not those of the space")

    def _plain(self, trace: Trace) -> None:
        plain = _through_json(self, "the trace", trace.to_dict())
        texts = [arch.text for arch in trace.architectures]
        self.expect(plain["architectures"] == texts, "the trace as JSON has other texts")
        found = [self.attempt(f"parse({text!r})", self.space.parse, text) for text in texts]
        self.expect(found == list(trace.architectures), "texts of the trace are those of other architectures")

    def _result(self, trace: Trace) -> None:
        result = repeat(self.algorithm, self.task, self.budget, 2, seed=self.seed)
        self.expect(result.architectures[0] == trace.best.text, "the result names another best of its first run")
        plain = _through_json(self, "the result", result.to_dict())
        again = self.attempt("reading the result", Result.from_dict, plain)
        self.expect(again.to_dict() == result.to_dict(), "the result does not read back")
        plain["architectures"][0] = "no architecture"
        try:
            Result.from_dict(plain)
        except (InputError, ValueError):
            return
        self.fail("the result is read back though one of its architectures is none")


def _through_json(examiner: Examiner, what: str, values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = examiner.attempt(f"{what} as JSON", lambda: json.loads(json.dumps(values, allow_nan=False)))
    return found
