"""What a search may see, and what is reported about it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import starmap
from typing import Any, Literal, cast, final, get_args

import numpy as np
import numpy.typing as npt

from robnas._betas import beta_text
from robnas._brief import brief
from robnas._seeds import derive_seed
from robnas._settings import check_keys
from robnas.benchmarks import (
    AfterEpoch,
    Column,
    Expected,
    Objective,
    Table,
    expected_accuracies,
    pareto_front,
    predicted_rows,
    trained_in,
)
from robnas.errors import InputError, Verbatim
from robnas.search._after import after, epochs_seen
from robnas.search._bounds import (
    Numbered,
    bound_note,
    bound_to,
    class_notes,
    is_measured,
    kept_rows,
    lacking_notes,
    numbered,
    predicted_notes,
)
from robnas.search._charged import ROWS, facts_of_classes
from robnas.search._classes import Classes
from robnas.search._columns import column_of, listed, metrics_of
from robnas.search._constraint import Constraint, check_constraints
from robnas.search._costs import COSTS, Cost, costs_of, hours_of
from robnas.search._goal import Goal, kinds_of
from robnas.search._hypervolume import Scale
from robnas.search._noise import check_runs, has_runs, local_noise, one_run, predictive_sd, run_sd, within_scale
from robnas.search._objective import Answer, Ask, Question, one_by_one
from robnas.search._optimum import EXPECTED, FRONT, HIGHEST, LOWEST
from robnas.spaces import SPACES, Architecture, Space
from robnas.types import check_count

Floats = npt.NDArray[np.float64]
Noise = Literal["none", "seeds", "gaussian", "local", "predictive"]
Edges = Literal["live", "all"]
Against = Literal["table", "expected"]
NOISES: tuple[str, ...] = get_args(Noise)
REGRETS: tuple[str, ...] = get_args(Against)


@final
@dataclass(frozen=True, eq=False)
class Task:
    """Columns that the search sees, columns that are reported, and what counts as one architecture.

    Raises:
        InputError: nothing to see, a cost or noise that is not known, noise that the table cannot give.
    """

    __repr__ = brief

    table: Table
    seen: tuple[Column, ...]
    """What the search improves, one or several metrics: accuracies, which it maximises, and costs or scores, by the
    `Column.direction` of each. What lacks a cost or score is not asked for, which `notes` say."""
    reported: tuple[Column, ...]
    """What is told about the architectures it found. With one objective any columns, the first of which gives the
    regret; with several one per element of `seen`."""
    costs: tuple[Cost, ...] = ()
    """Further objectives, to be minimised: parameters or MACs of the architecture that was trained, as a network of
    C = 16 and N = 5 on 3×32×32 pixels with 10 classes, whatever size the table's networks had."""
    noise: Noise = "none"
    """``none``: the means of the table; ``seeds``: one run of the table, drawn once per query; ``gaussian``: the mean
    plus normal noise of the standard deviation of one training, measured from the table; ``local``: the same with the
    standard deviation among architectures of similar accuracy, which is smaller for the best; where few were trained
    several times it is pooled over all of them, which `notes` say. ``predictive``, on a completed table: what was
    predicted is drawn from its predictive distribution, the mean plus normal noise of `Column.sd`, and what was
    measured stays as it is. The normal noise of several metrics is independent, that of ``seeds`` is common."""
    seed: int | None = None
    """See this run of the table instead of the mean."""
    partition: str | None = None
    """A class of this partition is charged once and has one answer, that of the member asked first; None for the
    table's own rows."""
    max_parameters: int | None = None
    """Architectures with more parameters, counted as for `costs`, are infeasible: no algorithm is offered them, and one
    that asks all the same is told -inf, and charged nothing."""
    regret: Against = "table"
    """What a regret is against. ``table``: the highest table value, noise included: it is too high by what its
    architecture owes to luck, and another may be better. ``expected``: accuracies with the noise taken off, of what is
    chosen and of the best, see `robnas.benchmarks.Expected`; for one objective."""
    count: Edges = "live"
    """Edges that costs and constraints count: ``live``, those that reach the output, or ``all``, as published."""
    name: str = ""
    """How the task is called in results; made from the columns if empty."""
    constraints: tuple[Constraint, ...] = ()
    """Further ones that make architectures infeasible: by the numbers of the architecture that is asked for, see
    `Constraint.of`, or by those of a column of the table in the row that answers. What lacks a number is infeasible.
    A constraint on an accuracy is measured, as by `Function`: what breaks it is asked and charged, and told -inf."""

    def __post_init__(self) -> None:
        if not self.seen:
            raise InputError("objectives of a search", expected="at least one metric", got=Verbatim("none"))
        check_keys("cost", self.costs, COSTS)
        check_keys("noise", [self.noise], NOISES)
        check_keys("count", [self.count], get_args(Edges))
        check_keys("regret", [self.regret], REGRETS)
        if self.regret == "expected" and self.objectives > 1:
            raise InputError("regret", expected="table for several objectives", got=self.regret)
        if self.objectives > 1 and len(self.reported) != len(self.seen):
            raise InputError(
                "reported columns",
                expected=f"one per objective, {len(self.seen)}",
                got=Verbatim(str(len(self.reported))),
            )
        if not self.reported:
            raise InputError("reported columns", expected="at least one", got=Verbatim("none"))
        if self.max_parameters is not None:
            check_count("max_parameters", self.max_parameters)
        bounds = bound_to(self.table, check_constraints(self.constraints, measured=True), self.seen[0])
        object.__setattr__(self, "constraints", bounds)
        if self.regret == "expected" and not all(column.is_accuracy for column in self.reported):
            raise InputError("regret", expected="table where not all that is reported are accuracies", got=self.regret)
        if self.partition is not None:
            object.__setattr__(self, "partition", self.space.versioned(self.partition))
        if self.seed is not None and self.noise in ("seeds", "predictive"):
            raise InputError("noise", expected="none, gaussian or local where a seed is named", got=self.noise)
        if self.seed is not None or self.noise == "seeds":
            check_runs(self.seen)
        if not self.name:
            object.__setattr__(self, "name", self._describe())

    @classmethod
    def of(cls, objective: Objective | Task) -> Task:
        """The task of an objective of `Table.objective`; its table means are reported."""
        if isinstance(objective, Task):
            return objective
        if not isinstance(objective, Objective):
            raise InputError("objective", expected="that of Table.objective, or a Task", got=objective)
        column, seed = objective.column, objective.seed
        return cls(
            objective.table,
            (column,),
            (column,),
            noise="seeds" if seed == "random" else "none",
            seed=None if isinstance(seed, str) else int(seed),
        )

    @classmethod
    def named(
        cls,
        table: Table,
        dataset: str | None,
        metrics: str | Sequence[str],
        *,
        split: str | None = None,
        report_dataset: str | None = None,
        report_metrics: str | Sequence[str] | None = None,
        report_split: str | None = None,
        costs: str | Sequence[str] = (),
        space: Space | str | None = None,
        beta: float | None = None,
        **settings: Any,
    ) -> Task:
        """A task by the names of columns.

        Args:
            table: the benchmark.
            dataset: data set that the search sees.
            metrics: key of the metric that it improves, or several; or the whole name of a column, such as
                ``cifar10 test latency:pixel3``.
            split: that it sees; may be omitted where the table has one only.
            report_dataset: data set reported; the one seen if omitted, as for the next two.
            report_metrics: metrics reported.
            report_split: split reported.
            costs: further objective, to be minimised, or several.
            space: with which settings the networks were trained, or its key, where the table has several.
            beta: weight of the robust loss that they were trained with, where the table has several.
            settings: further fields. Among `constraints` there may be texts such as ``latency:pixel3 <= 5``.

        Raises:
            InputError: the table does not have such a column; the text lists what it has.
        """
        metrics = listed(metrics)
        reports = metrics if report_metrics is None else listed(report_metrics)
        seen = tuple(column_of(table, dataset, metric, split, space, beta) for metric in metrics)
        shown = report_dataset or dataset
        reported = tuple(column_of(table, shown, metric, report_split or split, space, beta) for metric in reports)
        if not reported:
            raise InputError("metric", expected=f"at least one of {', '.join(metrics_of(table))}", got=Verbatim("none"))
        return cls(table, seen, reported, costs=cast(tuple[Cost, ...], listed(costs)), **settings)

    @cached_property
    def space(self) -> Space:
        """In which it is searched: that of the table, with the settings of the networks seen where these are known."""
        return trained_in(self.table, self.seen[0])

    @property
    def space_key(self) -> str:
        """Name and settings of the space in which the networks seen were trained.

        The name alone where the settings are not known, and the table's space has the usual ones.
        """
        usual = SPACES.get(self.space.name) in (None, self.space)
        return self.seen[0].space or (self.space.name if usual else self.space.key)

    @property
    def _kind(self) -> list[str]:
        """What tells the first column seen from others of its name."""
        same = [column for column in self.table.columns if column.name == self.seen[0].name]
        space = self.space_key if len({column.space for column in same}) > 1 else ""
        beta = beta_text(self.beta) if len({column.beta for column in same}) > 1 else ""
        return [told for told in (space, beta) if told]

    @property
    def beta(self) -> float | None:
        """Weight of the robust loss that the networks seen were trained with; None where it is not known."""
        return self.seen[0].beta

    @property
    def objectives(self) -> int:
        """Values per answer."""
        return len(self.seen) + len(self.costs)

    @property
    def oracle_selection(self) -> tuple[str, ...]:
        """Accuracies on test images that are seen or bounded, by name: selecting on them tells of no unseen images."""
        bounds = [one.of for one in self.constraints if isinstance(one.of, Column)]
        chosen = [column for column in (*self.seen, *bounds) if column.split == "test" and column.is_accuracy]
        return tuple(dict.fromkeys(column.name for column in chosen))

    def _describe(self) -> str:
        def join(columns: Sequence[Column]) -> str:
            names = dict.fromkeys((column.dataset, column.split) for column in columns)
            return ", ".join(
                f"{d} {s} {' × '.join(c.qualified for c in columns if (c.dataset, c.split) == (d, s))}"
                for d, s in names
            )

        text = " × ".join(filter(None, [join(self.seen), *self.costs]))
        text += "".join(f", {told}" for told in self._kind)
        if self.seed is not None:
            text += f", seed {self.seed}"
        if self.noise != "none":
            text += f", {self.noise} noise"
        if self.partition is not None:
            text += f", {self.partition} classes"
        if self.max_parameters is not None:
            text += f", at most {self.max_parameters:,} parameters"
        text += "".join(f", {constraint}" for constraint in self.constraints)
        if self.count == "all" and (self.costs or self.max_parameters is not None):
            text += ", every edge counted"
        if [c.name for c in self.seen] != [c.name for c in self.reported]:
            text += f" → {join(self.reported)}"
        if self.regret == "expected":
            text += ", against the expected best"
        return text

    def to_dict(self) -> dict[str, Any]:
        """What decides the results, as plain values."""
        return {
            "name": self.name,
            "table": self.table.name,
            "space": self.space_key,
            # Earlier versions knew 1 only, and did not say it.
            **({} if self.beta in (None, 1) and not self._kind else {"beta": self.beta}),
            "seen": [column.name for column in self.seen],
            "reported": [column.name for column in self.reported],
            "costs": list(self.costs),
            **kinds_of(map(Goal.of, (*self.seen, *self.reported))),
            "noise": self.noise,
            "seed": self.seed,
            **facts_of_classes(self.charged_by, self.space),
            "max_parameters": self.max_parameters,
            **({"constraints": [one.to_dict() for one in self.constraints]} if self.constraints else {}),
            **({} if self.count == "live" else {"count": self.count}),
            "regret": self.regret,
            "optimum": self.optimum,
        }

    @property
    def optimum(self) -> dict[str, Any]:
        """What the regret is against, in words and as a value (None for a front), and of how many architectures.

        Of what is no accuracy also the range of the values among them: a regret of 0.1 ms is large or small by that.
        """
        known, goal = self._reportable[:, 0], Goal.of(self.reported[0])
        several = self.objectives > 1
        highest = HIGHEST if goal.direction == "maximise" else LOWEST
        span = {} if several or goal.is_accuracy else {"range": float(self.scale.best[0] - self.scale.worst[0])}
        return {
            "is": FRONT if several else EXPECTED if self.regret == "expected" else highest,
            "value": None if several else round(goal.sign * float(self.scale.best[0]), 12),
            "architectures": int((~np.isnan(known)).sum()),
            **({"predicted": predicted} if (predicted := self._predicted) else {}),
            **span,
        }

    @property
    def charged_by(self) -> str:
        """The classes that are charged once: a partition, or ``rows``."""
        return self.partition or self.table.partition or ROWS

    def __getstate__(self) -> dict[str, Any]:
        """Without the classes, which are made anew faster than they travel between processes."""
        return {key: value for key, value in self.__dict__.items() if key != "classes"}

    # what the loop needs, made once

    @cached_property
    def classes(self) -> Classes:
        """What may be asked, what keeps the constraints; after which epochs, where the table has learning curves.

        Raises:
            InputError: nothing keeps them.
        """
        found = self._all_allowed()
        if self.table.curves:
            found.epochs, found.whole_only = epochs_seen(self.table, self.seen)
        return found

    def _all_allowed(self) -> Classes:
        source, kept = (self.table, self.partition, self.objectives, self.space), self._kept
        functions = [one for one in self.constraints if callable(one.of)]
        if not functions:
            return Classes(*source, allowed=kept)
        row_of = Classes(*source).row_of

        def allowed(arch: Architecture) -> bool:
            if kept is not None and not kept[row_of(arch)]:
                return False
            return all(constraint.allows(arch) for constraint in functions)

        return Classes(*source, allowed=allowed)

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What the values of an answer are: accuracies and other columns, and costs to be minimised."""
        return (*map(Goal.of, self.seen), *(Goal(cost, direction="minimise") for cost in self.costs))

    def serve(self, ask: Ask, seed: int) -> Iterator[tuple[Question, Answer]]:
        """See `robnas.search.Objective.serve`; the noise depends on the run's seed and the row only.

        After some epochs the learning curves answer, after the last of them the columns themselves. Noise is that of
        the last epoch at all of them: the same run where one run answers, the same deviation where it is normal.
        """
        last = self.classes.epochs[-1] if self.classes.epochs else None
        told = {last: self._told(seed)}
        row_of, hours, kept = self.classes.row_of, self.hours, self._kept_after

        def answer(question: Question) -> Answer:
            row, epochs = row_of(question.architecture), question.epochs or last
            if epochs not in told:
                told[epochs] = self._told(seed, epochs)
            spent = None if hours is None else float(hours[row])
            if spent is not None and epochs and last:
                spent *= epochs / last
            values = tuple(told[epochs][row].tolist())
            feasible = kept is None or epochs != last or bool(kept[row]) or -math.inf in values  # a failure is one
            return Answer(values, None, spent, feasible)

        return one_by_one(ask, answer)

    def _told(self, seed: int, epochs: int | None = None) -> Floats:
        """What a run is told, -inf in every objective where a value is missing, shape (rows, objectives)."""
        told = self.answers_of_run(np.random.default_rng(derive_seed(seed, "noise")), epochs)
        if (missing := np.isnan(told)).any():  # told without costs, or a cheap failure would look undominated
            told = np.where(missing.any(axis=1, keepdims=True), -np.inf, told)
        return told

    @cached_property
    def costs_of_rows(self) -> dict[str, Floats]:
        """`COSTS` of each row's architecture, on the edges that `count` names, shape (rows,) each."""
        return costs_of(self.table.architectures, self.space, every=self.count == "all")

    @cached_property
    def answers(self) -> Floats:
        """What the search sees without noise, higher is better, shape (rows, objectives); nan where infeasible."""
        return self._answers_of(self.seen)

    def _answers_of(self, columns: Sequence[Column | AfterEpoch]) -> Floats:
        found = [
            column.sign * (one.mean if self.seed is None or not has_runs(column) else one.seed_column(self.seed))
            for column, one in zip(self.seen, columns, strict=True)
        ]
        return np.stack([*found, *(-self.costs_of_rows[cost] for cost in self.costs)], axis=1)

    @cached_property
    def _small(self) -> npt.NDArray[np.bool_] | None:
        """Whether each row has at most `max_parameters`, shape (rows,)."""
        if self.max_parameters is None:
            return None
        parameters = self.costs_of_rows["parameters"]
        if len(parameters) and parameters.min() > self.max_parameters:
            expected = f"at least {parameters.min():,.0f}, which the smallest architecture has"
            raise InputError("max_parameters", expected=expected, got=Verbatim(f"{self.max_parameters:,}"))
        small: npt.NDArray[np.bool_] = parameters <= self.max_parameters
        return small

    @cached_property
    def _numbered(self) -> tuple[Numbered, ...]:
        """Constraints on what the table knows, each with the number of each row, shape (rows,)."""
        return numbered(self.constraints, lambda cost: self.costs_of_rows[cost])

    @cached_property
    def _kept(self) -> npt.NDArray[np.bool_] | None:
        """Whether each row keeps what is known before it is asked, shape (rows,); None if all do."""
        kept = [] if self._small is None else [self._small]
        kept += [~np.isnan(one.mean) for one in self.seen if not one.is_accuracy and np.isnan(one.mean).any()]
        kept += [kept_rows(one, numbers) for one, numbers in self._numbered if not is_measured(one)]
        return np.logical_and.reduce(kept) if kept else None

    @cached_property
    def _kept_after(self) -> npt.NDArray[np.bool_] | None:
        """Whether each row keeps the constraints on accuracies, shape (rows,); None if there are none."""
        kept = [kept_rows(one, numbers) for one, numbers in self._numbered if is_measured(one)]
        return np.logical_and.reduce(kept) if kept else None

    @cached_property
    def allowed(self) -> npt.NDArray[np.bool_] | None:
        """Whether each row keeps the constraints, shape (rows,): it answers for some architecture that does.

        None if there are none.
        """
        allowed = self._kept
        if any(callable(one.of) for one in self.constraints):
            allowed = np.zeros(len(self.table), dtype=np.bool_)
            allowed[[self.classes.row_of(arch) for arch in self.classes.architectures]] = True
        if self._kept_after is None:
            return allowed
        allowed = self._kept_after if allowed is None else allowed & self._kept_after
        if not allowed.any():
            got = Verbatim(f"none of {len(allowed):,}")
            raise InputError(f"search of {self.name}", expected="an architecture that keeps the constraints", got=got)
        return allowed

    @cached_property
    def size(self) -> int:
        """Classes that may be asked for: the largest budget."""
        return len(self.classes.representatives)

    @cached_property
    def outcomes(self) -> Floats:
        """What is reported, higher is better, shape (rows, reported + costs)."""
        if self.regret == "expected":
            return np.stack([found.means for found in self._expected], axis=1)
        columns = (column.sign * column.mean for column in self.reported)
        return np.stack([*columns, *(-self.costs_of_rows[cost] for cost in self.costs)], axis=1)

    @cached_property
    def _expected(self) -> tuple[Expected, ...]:
        return tuple(expected_accuracies(self.table, column) for column in self.reported)

    @cached_property
    def _reportable(self) -> Floats:
        return self.outcomes if self.allowed is None else self.outcomes[self.allowed]

    @property
    def _predicted(self) -> int:
        """Architectures of which something that is reported is predicted."""
        found = np.logical_or.reduce([predicted_rows(column) for column in self.reported])
        return int((found if self.allowed is None else found & self.allowed).sum())

    @cached_property
    def scale(self) -> Scale:
        """Best and worst that can be reported.

        Raises:
            InputError: a reported column is empty, or the front has no volume.
        """
        if np.isnan(self._reportable).all(axis=0).any():
            raise InputError(
                f"reported values of {self.name}", expected="at least one per column", got=Verbatim("none")
            )
        found = Scale.of(self._reportable, self.front if self.objectives > 1 else None)
        if self.regret == "expected":
            return replace(found, best=np.array([one.best(self.allowed) for one in self._expected]))
        if not found.volume > 0:
            raise InputError(
                f"front of {self.name}",
                expected="a point that is better than the table's worst in every objective",
                got=Verbatim("none"),
                remedy="report objectives in which the table's architectures differ, or search a larger table",
            )
        return found

    @cached_property
    def least(self) -> float:
        """Lowest regret that an architecture has: 0 unless the optimum is the expected best."""
        if self.regret == "table":
            return 0.0
        return float(self.scale.best[0] - np.nanmax(self._reportable[:, 0]))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader of results has to know: where local noise is pooled, what is not asked for."""
        columns = [*(self.seen if self.noise == "local" else ()), *(self.reported if self.regret == "expected" else ())]
        columns = [column for column in columns if column.is_accuracy]
        bounds = [one.of for one in self.constraints if isinstance(one.of, Column)]
        found = [*predicted_notes((*self.seen, *self.reported, *bounds)), *lacking_notes(self.seen)]
        found += starmap(bound_note, self._numbered)
        found += class_notes(self.table, self.seen, self.constraints)
        for column in {(column.name, column.space, column.beta): column for column in columns}.values():
            local = local_noise(self.table, column)
            if local.window == local.groups:
                found.append(
                    f"noise of {column.name}: pooled over the {local.groups} architectures that were trained several "
                    "times, too few to tell it by their accuracy"
                )
        return tuple(found)

    def check(self) -> None:
        """Raise `InputError` now for what would stop every run: noise or a scale that the table cannot give."""
        self.answers_of_run(np.random.default_rng(0))
        _ = self.scale

    @cached_property
    def front(self) -> Floats:
        """What no architecture dominates in the reported values, shape (points, reported + costs)."""
        return np.unique(self._reportable[pareto_front(self._reportable)], axis=0)

    @cached_property
    def noise_sd(self) -> Floats:
        """Standard deviation of the normal noise, that of one training or of a prediction; costs have none.

        Shape (rows, metrics seen).
        """
        if self.noise == "predictive":
            return predictive_sd(self.seen)
        return run_sd(self.table, self.seen, local=self.noise == "local")

    def answers_of_run(self, rng: np.random.Generator, epochs: int | None = None) -> Floats:
        """What one run sees, shape (rows, objectives): the noise depends on the run's seed and the row only.

        Args:
            rng: source of the noise.
            epochs: after so many, as the learning curves have it; at the end if None.
        """
        columns: Sequence[Column | AfterEpoch] = self.seen if epochs is None else after(self.table, self.seen, epochs)
        answers = self.answers if epochs is None else self._answers_of(columns)
        if self.noise == "none":
            return answers
        found = answers.copy()
        width = len(self.seen)
        if self.noise != "seeds":
            found[:, :width] += rng.normal(0.0, 1.0, (len(found), width)) * self.noise_sd
            return within_scale(found, self.seen) if self.noise == "predictive" else found
        drawn = rng.random(len(found))  # one training gives all metrics
        for place, (column, one) in enumerate(zip(self.seen, columns, strict=True)):
            if has_runs(column):
                told = column.sign * one_run(one, drawn)
                found[:, place] = np.where(np.isnan(found[:, place]), np.nan, told)
        return found

    @cached_property
    def hours(self) -> Floats | None:
        """Simulated GPU-hours of each row's adversarial training on the data set seen, shape (rows,).

        None where there is no cost model: tables of another recipe or data set.
        """
        return hours_of(self.table, self.seen[0].dataset)
