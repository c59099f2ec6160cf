"""What happened in one run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.benchmarks import pareto_front
from robnas.search._hypervolume import Scale
from robnas.search._optimum import optimum_text
from robnas.spaces import Architecture, parse_key, space_of

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
    budget: int
    seed: int
    architectures: tuple[Architecture, ...]
    """What was charged, in order."""
    values: Floats
    """What the search was told, higher is better (costs have a minus), shape (queries, objectives); -inf in every
    objective where the table lacks a value because the training failed."""
    outcomes: Floats
    """What is reported of the same architectures, shape (queries, reported + costs); nan where there is no value.
    Table values, or expected accuracies where the regret is against the expected best."""
    scale: Scale
    """Best and worst of the table in the reported columns; the expected best where the regret is against that."""
    hours: Floats | None
    """Simulated GPU-hours spent up to each query, shape (queries,); None without a cost model."""
    questions: npt.NDArray[np.int64]
    """Questions asked up to each charged query, free ones included, shape (queries,)."""
    duplicates: int
    """Questions about a class that was charged before: free."""
    infeasible: int
    """Questions about an architecture that breaks a constraint: refused, free."""
    failed: int
    """Charged queries for which the table has no value."""
    stopped: Stopped
    """``budget``: used up; ``finished``: the algorithm had no more to ask; ``stalled``: it only repeats itself."""
    oracle_selection: tuple[str, ...]
    """Test columns that the search saw."""
    least: float = 0.0
    """See `Task.least`."""

    def __len__(self) -> int:
        return len(self.architectures)

    def __str__(self) -> str:
        text = (
            f"{self.algorithm} on {self.task['name']}, seed {self.seed}: {len(self)} queries, "
            f"{self.duplicates} free repetitions, regret {self.regret[-1]:.4f} "
            f"against the {optimum_text(self.task)}"
        )
        return f"{text}; oracle selection on {', '.join(self.oracle_selection)}" if self.oracle_selection else text

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

        Of several objectives, the first.
        """
        value = self.values[:, 0]
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
        value; where nothing was found yet, the whole range of that column. Several objectives: the share of the
        hypervolume of the table's front that the reported front lacks.
        """
        if self.values.shape[1] == 1:
            found = np.where(np.isfinite(self.incumbent), self.outcomes[self.incumbents, 0], np.nan)
            worst, best = self.scale.worst[0], self.scale.best[0]
            missing: Floats = best - np.where(np.isnan(found), worst, found)
            return missing
        return self._missing_volume()

    def _missing_volume(self) -> Floats:
        """One minus the reported hypervolume of what looks undominated to the search, as a share of the table's."""
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

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
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
            "regret": self.regret.tolist(),
            "questions": self.questions.tolist(),
            "hours": None if self.hours is None else self.hours.tolist(),
        }


def plain_rows(values: Floats) -> list[list[float | None]]:
    """Rows of numbers for JSON, which has neither infinities nor nan."""
    return [[value if np.isfinite(value) else None for value in row] for row in values.tolist()]
