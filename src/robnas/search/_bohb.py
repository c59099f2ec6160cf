"""Hyperband whose architectures come from a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from robnas.search._algorithm import Loop, Steps, Values
from robnas.search._classes import Class, Classes
from robnas.search._halving import brackets_of, check_brackets, halving
from robnas.search._optuna import Coding, quiet
from robnas.search._rungs import Bracket, least_of
from robnas.spaces import Architecture, Space
from robnas.types import check_count, check_range

if TYPE_CHECKING:
    import optuna


@final
@dataclass(frozen=True)
class BOHB:
    """Hyperband that draws from a tree-structured Parzen estimator of each fidelity (Falkner et al. 2018).

    The model of the most epochs that has enough answers draws; where its class is known, a neighbour is taken. It is
    Optuna's multivariate `TPESampler` with its own splits and bandwidths, not those of the authors' code. All
    architectures of a bracket are drawn when it begins, so that they may be trained side by side; the first bracket's
    are random. No class is drawn twice.
    """

    name: ClassVar[str] = "bohb"
    multi_fidelity: ClassVar[bool] = True

    eta: int = 3
    """η: one in so many goes on, to so many times as many epochs."""
    min_epochs: int = 1
    """No rung has fewer epochs."""
    brackets: int | None = None
    """The first so many of the brackets, those that begin with the fewest epochs; all of them if None."""
    random: float = 1 / 3
    """Share of random architectures among those drawn."""
    points: int = 10
    """Answers at one fidelity that its model needs."""

    def __post_init__(self) -> None:
        check_brackets(self.name, self.eta, self.min_epochs, self.brackets)
        check_range(f"{self.name} random", self.random, 0.0, 1.0)
        check_count(f"{self.name} points", self.points)

    def plan(self, classes: Classes) -> tuple[Bracket, ...]:
        """All brackets, in turn."""
        return brackets_of(self, classes, self.eta, self.min_epochs, self.brackets)

    def least(self, classes: Classes) -> float:
        """Whole trainings' worth of the first bracket."""
        return least_of(self.plan(classes), classes)

    def start(self, space: Classes | Space, rng: np.random.Generator) -> Loop:
        """Begin a run; it ends when every class was asked for."""
        classes = Classes.of(space)
        return Loop(self._steps(classes, rng, self.plan(classes)), 1)

    def _steps(self, classes: Classes, rng: np.random.Generator, brackets: Sequence[Bracket]) -> Steps:
        models: dict[int, _Model] = {}
        taken = set[Class]()
        for bracket in cycle(brackets):
            ready = [epochs for epochs, model in models.items() if model.size >= self.points]
            model = models[max(ready)] if ready else None
            drawn: list[Architecture] = []
            while len(drawn) < bracket.counts[0]:
                arch = None if model is None or rng.random() < self.random else model.draw(classes, taken, rng)
                arch = arch or classes.fresh(taken, rng)
                if arch is None:
                    break
                taken.add(classes.class_of(arch))
                drawn.append(arch)
            if not drawn:
                return
            for arch, epochs, values in (yield from halving(bracket, drawn)):
                if epochs not in models:
                    models[epochs] = _Model(classes.space, int(rng.integers(2**31)))
                models[epochs].add(arch, values)


@final
class _Model:
    """Answers at one fidelity, as trials of an Optuna study."""

    def __init__(self, space: Space, seed: int) -> None:
        import optuna

        self._space, self.size = space, 0
        self._codings = [Coding.of(gene, continuous=False) for gene in space.genes]
        self._distributions = {name: one for coding in self._codings for name, one in coding.distributions().items()}
        with quiet():
            sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=1)
            self._study = optuna.create_study(direction="maximize", sampler=sampler)

    def add(self, arch: Architecture, values: Values) -> None:
        """Keep an answer; of a training that failed nothing, as in `Optuna`."""
        if values[0] == -np.inf:
            return
        self.size += 1
        places = self._space.positions(arch)
        pairs = zip(self._codings, places, strict=True)
        written = {name: value for coding, place in pairs for name, value in coding.write(place).items()}
        self._study.add_trial(_trial(written, self._distributions, values[0]))

    def draw(self, classes: Classes, taken: set[Class], rng: np.random.Generator) -> Architecture | None:
        """An architecture of a new class, or a new one next to it; None where there is none."""
        import optuna

        with quiet():
            trial = self._study.ask(self._distributions)
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        arch = self._space.at([coding.read(trial.params) for coding in self._codings])
        if arch in classes and classes.class_of(arch) not in taken:
            return arch
        near = [other for other in classes.neighbours(arch) if classes.class_of(other) not in taken]
        return near[rng.integers(len(near))] if near else None


def _trial(
    params: dict[str, object], distributions: dict[str, optuna.distributions.BaseDistribution], value: float
) -> optuna.trial.FrozenTrial:
    import optuna

    return optuna.trial.create_trial(params=params, distributions=distributions, value=value)
