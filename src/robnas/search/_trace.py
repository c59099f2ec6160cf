"""What happened in one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.benchmarks import pareto_front
from robnas.errors import InputError
from robnas.search import _forms
from robnas.search._goal import Goal, goals_of
from robnas.search._hypervolume import Scale
from robnas.search._optimum import optimum_text
from robnas.spaces import Architecture, Space, parse_key, space_of

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Stopped = Literal["budget", "finished", "stalled"]


@final
@dataclass(frozen=True, eq=False)
class Trace:
    """Every charged query of a run, in order.

    Duplicates and infeasible architectures are counted, not listed.
    """

    __repr__ = brief

    algorithm: str
    settings: dict[str, Any]
    """Of the algorithm."""
    task: dict[str, Any]
    """See `Task.to_dict`."""
    budget: float
    """In `unit`."""
    seed: int
    architectures: tuple[Architecture, ...]
    """What was charged, in order."""
    values: Floats
    """What the search was told, higher is better (what is minimised has a minus), shape (queries, objectives); -inf in
    every objective where the table lacks a value because the training failed."""
    outcomes: Floats
    """What is reported of the same architectures, shape (queries, reported + costs); nan where there is no value.
    Table values, or expected accuracies where the regret is against the expected best."""
    scale: Scale | None
    """Best and worst of the table in the reported columns; the expected best where the regret is against that. None
    where nobody knows them: without a table there is no regret."""
    hours: Floats | None
    """Simulated GPU-hours spent up to each query, shape (queries,); None without a cost model."""
    questions: npt.NDArray[np.int64]
    """Questions asked up to each charged query, free ones included, shape (queries,)."""
    duplicates: int
    """Questions about a class that was charged before: free."""
    infeasible: int
    """Questions about an architecture that breaks a constraint: refused, free; and charged ones whose answer breaks a
    measured one."""
    failed: int
    """Charged queries that have no value, because the training failed."""
    stopped: Stopped
    """``budget``: used up; ``finished``: the algorithm had no more to ask; ``stalled``: it only repeats itself."""
    oracle_selection: tuple[str, ...]
    """Test columns that the search saw."""
    least: float = 0.0
    """See `Task.least`."""
    unit: str = "trainings"
    """Of the budget, see `run`."""
    fidelities: npt.NDArray[np.int64] | None = None
    """Epochs that each answer rests on, shape (queries,); None where there are whole trainings only."""
    charged: Floats | None = None
    """Whole trainings' worth of epochs charged up to each query, shape (queries,); of what was kept by an earlier
    version None: one per query."""
    seconds: Floats | None = None
    """That the answers took up to each query, shape (queries,); None where they were not measured."""

    def __len__(self) -> int:
        return len(self.architectures)

    def __str__(self) -> str:
        text = (
            f"{self.algorithm} on {self.task['name']}, seed {self.seed}: {len(self)} queries, "
            f"{self.duplicates} free repetitions, "
        )
        if not self.has_regret:
            goal = self.goals[0]
            return f"{text}best {goal.name} {goal.sign * self.incumbent[-1]:.4g} {goal.unit}".rstrip()
        unit = "" if self.values.shape[1] > 1 else f" {_forms.reported(self.task)[0].unit}".rstrip()
        text += f"regret {self.regret[-1]:.4f}{unit} against the {optimum_text(self.task)}"
        return f"{text}; oracle selection on {', '.join(self.oracle_selection)}" if self.oracle_selection else text

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What the values are."""
        if "goals" in self.task:
            return tuple(Goal(**goal) for goal in self.task["goals"])
        return goals_of(self.task, "seen")

    @property
    def space(self) -> str:
        """Name and settings of the space, see `Task.space_key`."""
        return str(self.task["space"])

    @property
    def indices(self) -> npt.NDArray[np.int64]:
        """The number of each architecture in its space, shape (queries,).

        Raises:
            InputError: the space is not registered, or has more architectures than can be listed.
        """
        space = space_of(parse_key(self.space))
        space.check_listable("numbers of architectures")
        return np.array([space.index_of(arch) for arch in self.architectures], dtype=np.int64)

    @cached_property
    def incumbents(self) -> npt.NDArray[np.int64]:
        """Query that holds the highest value seen up to each query (the earliest of equals), shape (queries,).

        Of several objectives, the first; of several fidelities, among the answers that rest on the most epochs so far.
        """
        value = self.values[:, 0]
        if self.fidelities is not None and (self.fidelities != self.fidelities[0]).any():
            return _of_most_epochs(value, self.fidelities)
        best = np.maximum.accumulate(value)
        improved = np.concatenate([[True], value[1:] > best[:-1]])
        return np.maximum.accumulate(np.where(improved, np.arange(len(value)), 0))

    @property
    def best(self) -> Architecture:
        """The architecture that the search would return: highest value seen, not highest value reported."""
        return self.architectures[int(self.incumbents[-1])]

    @property
    def incumbent(self) -> Floats:
        """Highest value seen up to each query on the metric that the search sees, shape (queries,)."""
        best: Floats = self.values[self.incumbents, 0]
        return best

    @cached_property
    def regret(self) -> Floats:
        """How much is missing after each query, shape (queries,).

        One objective: the optimum of the first reported column, see `Task.regret`, minus the incumbent's reported
        value, or the other way round where lower is better, in the column's unit; where nothing was found yet, the
        whole range of that column. Several objectives: the share of the
        hypervolume of the table's front that the reported front lacks. What is reported of a query is of the
        whole training, whatever its fidelity.

        Raises:
            InputError: nobody knows the optimum, because no table answered.
        """
        if self.scale is None:
            remedy = "trace.incumbent has the best value after each query"
            raise InputError(
                f"regret of {self.task['name']}", expected="a search on a table", got="none", remedy=remedy
            )
        if self.values.shape[1] == 1:
            found = np.where(np.isfinite(self.incumbent), self.outcomes[self.incumbents, 0], np.nan)
            worst, best = self.scale.worst[0], self.scale.best[0]
            missing: Floats = best - np.where(np.isnan(found), worst, found)
            return missing
        return self._missing_volume()

    def regret_by(self, budgets: npt.ArrayLike) -> Floats:
        """The regret once so many whole trainings' worth of epochs were charged, shape of `budgets`.

        A run that ended before keeps its last; before the first answer it is the largest of the run.
        """
        charged = np.arange(1.0, len(self) + 1) if self.charged is None else self.charged
        last = np.searchsorted(charged, np.asarray(budgets, dtype=np.float64) + 1e-9, side="right") - 1
        found: Floats = np.where(last < 0, self.regret.max(), self.regret[np.maximum(last, 0)])
        return found

    def _missing_volume(self) -> Floats:
        """One minus the reported hypervolume of what looks undominated to the search, as a share of the table's."""
        assert self.scale is not None
        missing, front = np.ones(len(self)), np.empty(0, dtype=np.int64)
        for query, values in enumerate(self.values):
            here = self.values[front]
            if np.isfinite(values).all() and not (here >= values).all(axis=1).any():
                front = np.append(front[~(here <= values).all(axis=1)], query)
                missing[query:] = 1.0 - self.scale.share(self.outcomes[front])
        return missing

    @property
    def front(self) -> npt.NDArray[np.int64]:
        """Queries that no other one dominates in the values seen, by decreasing first objective."""
        found = pareto_front(np.where(np.isfinite(self.values), self.values, np.nan))
        return found[np.argsort(-self.values[found, 0], kind="stable")]

    @property
    def partial(self) -> int:
        """Queries that rest on fewer epochs than a whole training has."""
        if self.fidelities is None or self.charged is None or not len(self):
            return 0
        whole = self.fidelities[0] / self.charged[0]  # what was asked first is charged from its start
        return int((self.fidelities < whole - 0.5).sum())

    @property
    def has_regret(self) -> bool:
        """Whether the regret is known: a table answered."""
        return self.scale is not None or "regret" in vars(self)

    def to_pandas(self) -> pd.DataFrame:
        """A row per charged query, counted from 1.

        Columns: the architecture's text; what the search was told by the names of the objectives, and what is reported
        as ``reported NAME``, as they are measured (costs without a minus, nan where the training failed); the
        incumbent's value seen; the regret where it is known; epochs, charged trainings, seconds and hours where there
        are any; questions asked so far. Needs pandas.
        """
        import pandas as pd

        goal = self.goals[0]
        data: dict[str, Any] = {
            "architecture": [arch.text for arch in self.architectures],
            **_forms.columns(self.values, self.goals),
            **_forms.columns(self.outcomes, _forms.reported(self.task), "reported "),
            "incumbent": _forms.columns(self.incumbent[:, None], (goal,))[goal.name],
            **({"regret": self.regret} if self.has_regret else {}),
        }
        charged = None if self.fidelities is None else self.charged  # else one per query
        more = {"epochs": self.fidelities, "charged": charged, "seconds": self.seconds, "hours": self.hours}
        data |= {name: values for name, values in more.items() if values is not None}
        data["questions"] = self.questions
        return pd.DataFrame(data, index=pd.RangeIndex(1, len(self) + 1, name="query"))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, space: Space | None = None) -> Trace:
        """The trace of `to_dict`, of earlier versions as well; `space` where it is not registered.

        The regret comes back as it is written; `scale`, which is not, is None, and `least` 0.

        Raises:
            InputError: these are no plain values of a trace.
            DataError: its space is not registered here.
        """
        fields, regret = _forms.fields_of_trace(values, space)
        found = cls(**fields)
        if regret is not None:
            vars(found)["regret"] = regret
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        return {
            "algorithm": self.algorithm,
            "settings": self.settings,
            "task": self.task,
            "budget": self.budget,
            "seed": self.seed,
            "stopped": self.stopped,
            "duplicates": self.duplicates,
            "infeasible": self.infeasible,
            "failed": self.failed,
            "oracle_selection": list(self.oracle_selection),
            "architectures": [arch.text for arch in self.architectures],
            "values": plain_rows(self.values),
            "reported": plain_rows(self.outcomes),
            "regret": self.regret.tolist() if self.has_regret else None,
            "questions": self.questions.tolist(),
            "hours": None if self.hours is None else self.hours.tolist(),
            **({} if self.unit == "trainings" else {"unit": self.unit}),
            **({} if self.fidelities is None else {"epochs": self.fidelities.tolist()}),
            **({} if self.fidelities is None or self.charged is None else {"charged": self.charged.tolist()}),
            **({} if self.seconds is None else {"seconds": self.seconds.tolist()}),
        }


def _of_most_epochs(value: Floats, epochs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Query with the highest value among those of the most epochs up to each query, shape (queries,).

    A training that failed is behind all others, whatever its epochs.
    """
    found, best = [], 0
    ranks = list(zip(np.where(np.isfinite(value), epochs, 0).tolist(), value.tolist(), strict=True))
    for query, rank in enumerate(ranks):
        if rank > ranks[best]:
            best = query
        found.append(best)
    return np.array(found, dtype=np.int64)


def plain_rows(values: Floats) -> list[list[float | None]]:
    """Rows of numbers for JSON, which has neither infinities nor nan."""
    return [[value if np.isfinite(value) else None for value in row] for row in values.tolist()]
