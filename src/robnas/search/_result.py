"""What many runs of one algorithm on one task came to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.errors import InputError
from robnas.search import _forms
from robnas.search._charged import charged_by, space_of_task
from robnas.search._goal import Goal
from robnas.search._optimum import is_optimum, optimum_text
from robnas.search._task import Task
from robnas.search._trace import Stopped, Trace, plain_rows

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
FORMAT = 4
"""Of results kept in files; it goes up when the same experiment gives other numbers, or is written otherwise. Since 4
they have a hash of their content."""
KIND = "robnas search results"
"""What is hashed together with the content of a file."""
NEAR = 0.99
"""Share of the optimum from which `Result.reached` counts a run as near it."""
_TUPLES = ("checkpoints", "seeds", "reached", "architectures", "oracle_selection", "oracle")


@final
@dataclass(frozen=True)
class FailedRun:
    """A run that raised."""

    seed: int
    error: str


@dataclass(frozen=True, eq=False)
class Finish:
    """What is kept of a run."""

    __repr__ = brief

    seed: int
    architecture: str
    """Text of what the search would return: the incumbent, of several objectives by the first."""
    outcome: tuple[float, ...]
    """What is reported of it."""
    regret: Floats
    """After each query, or whole training's worth of epochs, shape (budget,); a run that ended early keeps its last."""
    checkpoints: tuple[float, ...]
    """Regret at the checkpoints."""
    reached: int | None
    """Queries until 99 % of the optimum were found for good, of the expected best those that one architecture has; None
    if the run does not end there."""
    hours: float | None
    queries: int
    duplicates: int
    infeasible: int
    failed: int
    stopped: Stopped
    front: Floats
    """Reported values of the queries that look undominated, shape (points, reported); empty for one objective."""
    partial: int = 0
    """Queries that were answered before the last epoch."""

    @classmethod
    def of(cls, trace: Trace, checkpoints: tuple[int, ...]) -> Finish:
        """The end of a trace."""
        last, queries, scale = int(trace.incumbents[-1]), len(trace), trace.scale
        assert scale is not None  # of a task
        regret = trace.regret_by(np.arange(1, int(trace.budget) + 1))
        several = trace.values.shape[1] > 1
        return cls(
            seed=trace.seed,
            architecture=trace.architectures[last].text,
            outcome=tuple(trace.outcomes[last].tolist()),
            regret=regret,
            checkpoints=tuple(float(regret[point - 1]) for point in checkpoints),
            reached=_reached(regret - trace.least, 1.0 if several else float(scale.best[0])),
            hours=None if trace.hours is None else float(trace.hours[-1]),
            queries=queries,
            duplicates=trace.duplicates,
            infeasible=trace.infeasible,
            failed=trace.failed,
            stopped=trace.stopped,
            front=trace.outcomes[trace.front] if several else np.empty((0, trace.outcomes.shape[1])),
            partial=trace.partial,
        )


def _reached(regret: Floats, optimum: float) -> int | None:
    """Queries from which on the regret above the least is at most 1 % of the optimum, or of the whole volume.

    With noise or transfer the regret may rise again: what a run finds and gives up does not count.
    """
    far = np.flatnonzero(regret > (1 - NEAR) * abs(optimum) + 1e-12)
    first = int(far[-1]) + 2 if len(far) else 1
    return first if first <= len(regret) else None


@final
@dataclass(frozen=True, eq=False)
class Result:
    """Means over the runs of one algorithm on one task, and what each run found; `seeds` is empty if none finished."""

    __repr__ = brief

    algorithm: str
    settings: dict[str, Any]
    task: dict[str, Any]
    budget: int
    runs: int
    """Planned before the first one."""
    seed: int
    """Of the first run."""
    checkpoints: tuple[int, ...]
    """Budgets of `regrets`, the last one the whole."""
    mean: Floats
    """Mean regret after each query, shape (budget,); shape (0,) if no run finished."""
    sd: Floats
    """Standard deviation of the regret over runs, shape of `mean`."""
    seeds: tuple[int, ...]
    """Of the runs that finished."""
    regrets: Floats
    """Regret of each finished run at each checkpoint, shape (finished, checkpoints)."""
    reached: tuple[int | None, ...]
    """Queries until each finished run had found 99 % of the optimum (of several objectives, of the hypervolume) and
    kept it to its end; None for a run that does not end there."""
    architectures: tuple[str, ...]
    """Text of what each run would return."""
    outcomes: Floats
    """What is reported of it, shape (finished, reported + costs); what is minimised has a minus, see `goals`."""
    fronts: tuple[Floats, ...]
    """With several objectives what is reported of each run's front, shape (points, reported + costs) each."""
    hours: float | None
    """Mean simulated GPU-hours per run."""
    counts: dict[str, float]
    """Means per run: queries, duplicates, infeasible, failed; runs that finished or stalled before the budget; partial
    queries, of fewer epochs than the whole, where there were any."""
    failures: tuple[FailedRun, ...]
    oracle_selection: tuple[str, ...]
    oracle: tuple[float, ...]
    """Best reported value of the table, per reported column and cost, with a minus where lower is better: no single
    architecture need reach them all."""
    table_front: Floats
    """With several objectives what is reported of the table's own front, shape (points, reported + costs)."""
    several: bool
    """Whether there are several objectives, so that the regret is a share of hypervolume."""
    least: float = 0.0
    """Lowest regret that an architecture has: above 0 where the optimum is the expected best, whichever that is."""

    @cached_property
    def standard_error(self) -> Floats:
        """Of the mean regret, shape of `mean`."""
        error: Floats = self.sd / np.sqrt(max(len(self.seeds), 1))
        return error

    @property
    def found_best(self) -> float:
        """Share of the runs that ended with the least regret that there is."""
        return self._best(self.regrets[:, -1]) if self.seeds else 0.0

    def found_best_at(self, budget: int) -> float:
        """The same at a checkpoint, of at least one finished run."""
        return self._best(self.at(budget))

    def _best(self, regrets: Floats) -> float:
        return float((regrets <= self.least + 1e-12).mean())

    @property
    def multi_fidelity(self) -> bool:
        """Whether something was asked before its last epoch: budgets are then whole trainings' worth of epochs."""
        return "partial" in self.counts

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What the columns of `outcomes` are: names, units and directions."""
        return _forms.reported(self.task)

    @property
    def goal(self) -> Goal:
        """What the regret of one objective is of."""
        return self.goals[0]

    @property
    def span(self) -> float:
        """What a regret is large or small by: 1 of accuracies and shares of hypervolume, else the table's range."""
        own = self.several or self.goal.is_accuracy
        return 1.0 if own else float(self.task["optimum"]["range"])

    @property
    def optimum(self) -> str:
        """What the regret is against, its value, and the sample that it is of, in words."""
        return optimum_text(self.task)

    def at(self, budget: int) -> Floats:
        """Regret of each finished run at a checkpoint, shape (finished,).

        Raises:
            InputError: the budget is none of `checkpoints`.
        """
        if budget not in self.checkpoints:
            known = ", ".join(map(str, self.checkpoints))
            raise InputError("checkpoint", expected=f"one of {known}", got=budget)
        regret: Floats = self.regrets[:, self.checkpoints.index(budget)]
        return regret

    def to_pandas(self) -> pd.DataFrame:
        """A row per finished run, by its seed: the architecture's text, what is reported of it, regrets. Needs pandas.

        ``reported NAME`` is as measured, without the minus of what is minimised; ``regret at BUDGET`` of each
        checkpoint; ``reached`` as the field.
        """
        import pandas as pd

        data: dict[str, Any] = {
            "architecture": list(self.architectures),
            **_forms.columns(self.outcomes, _forms.reported(self.task), "reported "),
            **{f"regret at {point}": self.regrets[:, place] for place, point in enumerate(self.checkpoints)},
            "reached": pd.array(list(self.reached), dtype="Int64"),
        }
        return pd.DataFrame(data, index=pd.Index(self.seeds, name="seed"))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        return {
            **{key: getattr(self, key) for key in ("algorithm", "settings", "task", "budget", "runs", "seed")},
            **{key: list(getattr(self, key)) for key in _TUPLES},
            **{key: getattr(self, key).tolist() for key in ("mean", "sd", "regrets")},
            "outcomes": plain_rows(self.outcomes),
            "fronts": [plain_rows(front) for front in self.fronts],
            "hours": self.hours,
            "counts": self.counts,
            "failures": [vars(failure) for failure in self.failures],
            "table_front": self.table_front.tolist(),
            "several": self.several,
            "least": self.least,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Result:
        """The result of `to_dict`.

        Raises:
            ValueError, TypeError, KeyError, AttributeError, ArithmeticError: it is none.
        """
        width = len(values["task"]["reported"]) + len(values["task"]["costs"])
        found = cls(
            **{
                **values,
                **{key: tuple(values[key]) for key in _TUPLES},
                **{key: np.array(values[key], dtype=np.float64) for key in ("mean", "sd")},
                "regrets": np.array(values["regrets"], dtype=np.float64).reshape(-1, len(values["checkpoints"])),
                "outcomes": np.array(values["outcomes"], dtype=np.float64).reshape(-1, width),
                "fronts": tuple(np.array(front, dtype=np.float64).reshape(-1, width) for front in values["fronts"]),
                "table_front": np.array(values["table_front"], dtype=np.float64).reshape(-1, width),
                "failures": tuple(FailedRun(**failure) for failure in values["failures"]),
            }
        )
        if not (_of_right_kind(found) and _fits(found)):
            raise ValueError(f"{found.algorithm!r:.60}: numbers that do not belong together")
        return found


def _of_right_kind(found: Result) -> bool:
    """Whether the entries of a file are what they are said to be."""
    task, failed = found.task, found.failures
    space = space_of_task(task)
    texts = [found.algorithm, *(task[key] for key in ("name", "table", "noise", "partition")), *found.oracle_selection]
    texts += [*task["seen"], *task["reported"], *task["costs"], *(one.error for one in failed), *found.counts]
    counts = [found.budget, found.runs, found.seed, *found.checkpoints, *found.seeds, *(one.seed for one in failed)]
    numbers = [*found.oracle, found.least, *found.counts.values(), *([] if found.hours is None else [found.hours])]
    return (
        all(isinstance(text, str) and text.encode() == text.encode(errors="replace") for text in texts)
        and all(type(count) is int and count >= 0 for count in counts)
        and all(type(number) in (int, float) and math.isfinite(number) for number in numbers)
        and all(near is None or (type(near) is int and 1 <= near <= found.budget) for near in found.reached)
        and all(space.parse(text).text == text for text in found.architectures)
        and bool(charged_by(task))
        and isinstance(found.settings, dict)
        and isinstance(found.several, bool)
        and is_optimum(task.get("optimum"))
        and math.isfinite(found.span)
        and len(found.goals) == len(task["reported"]) + len(task["costs"])
    )


def _fits(found: Result) -> bool:
    """Whether the entries of a file belong together."""
    runs, width = len(found.seeds), len(found.task["reported"]) + len(found.task["costs"])
    curve = (found.budget,) if runs else (0,)
    shapes = [(runs, len(found.checkpoints)), (runs, width), curve, curve]
    return (
        shapes == [array.shape for array in (found.regrets, found.outcomes, found.mean, found.sd)]
        and {runs} == {len(found.reached), len(found.architectures), *([len(found.fronts)] if found.several else [])}
        and all(np.isfinite(array).all() for array in (found.regrets, found.mean, found.sd))
        and len(set(found.seeds)) == runs
        and len(found.oracle) == width
        and found.checkpoints[-1:] == (found.budget,)
        and list(found.checkpoints) == sorted(set(found.checkpoints))
    )


@dataclass
class Summary:
    """Takes in runs one by one, in the order of their seeds; keeps some numbers of each, not its trace."""

    __repr__ = brief

    algorithm: str
    settings: dict[str, Any]
    task: Task
    budget: int
    runs: int
    seed: int
    checkpoints: tuple[int, ...]
    _mean: Floats = field(init=False)
    _squares: Floats = field(init=False)
    _kept: list[Finish] = field(default_factory=list)
    _failures: list[FailedRun] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._mean, self._squares = np.zeros(self.budget), np.zeros(self.budget)

    def add(self, one: Finish | FailedRun) -> None:
        """Update the running mean and squares (Welford 1962)."""
        if isinstance(one, FailedRun):
            self._failures.append(one)
            return
        regret = one.regret
        self._kept.append(replace(one, regret=np.empty(0)))
        gap = regret - self._mean
        self._mean += gap / len(self._kept)
        self._squares += gap * (regret - self._mean)

    def result(self) -> Result:
        """What the runs came to."""
        kept = self._kept
        counted = ("queries", "duplicates", "infeasible", "failed")
        counts = {key: _mean([getattr(one, key) for one in kept]) for key in counted}
        for end in ("finished", "stalled"):
            counts[end] = _mean([one.stopped == end for one in kept])
        if partial := _mean([one.partial for one in kept]):
            counts["partial"] = partial
        hours = [one.hours for one in kept if one.hours is not None]
        several = self.task.objectives > 1
        return Result(
            algorithm=self.algorithm,
            settings=self.settings,
            task=self.task.to_dict(),
            budget=self.budget,
            runs=self.runs,
            seed=self.seed,
            checkpoints=self.checkpoints,
            mean=self._mean if kept else np.empty(0),
            sd=np.sqrt(self._squares / max(len(kept) - 1, 1)) if kept else np.empty(0),
            seeds=tuple(one.seed for one in kept),
            regrets=np.array([one.checkpoints for one in kept]).reshape(-1, len(self.checkpoints)),
            reached=tuple(one.reached for one in kept),
            architectures=tuple(one.architecture for one in kept),
            outcomes=np.array([one.outcome for one in kept]).reshape(-1, self.task.outcomes.shape[1]),
            fronts=tuple(one.front for one in kept) if several else (),
            hours=float(np.mean(hours)) if hours else None,
            counts=counts,
            failures=tuple(self._failures),
            oracle_selection=self.task.oracle_selection,
            oracle=tuple(self.task.scale.best.tolist()),
            table_front=self.task.front if several else np.empty((0, self.task.outcomes.shape[1])),
            several=several,
            least=self.task.least,
        )


def _mean(values: Sequence[float]) -> float:
    """0 of nothing."""
    return float(np.mean(values)) if values else 0.0
