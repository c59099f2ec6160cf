"""Any Optuna sampler as a search algorithm."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

import numpy as np

from robnas._registry import Registry
from robnas._settings import check_keys
from robnas.errors import InputError, reason
from robnas.search._algorithm import Loop, Steps, Values, one_objective
from robnas.search._space import Space
from robnas.spaces import EDGES, OPERATIONS, Architecture
from robnas.types import check_count

if TYPE_CHECKING:
    import optuna

SAMPLERS: Registry[str] = Registry(
    "sampler",
    {
        "tpe": "TPESampler",
        "gp": "GPSampler",
        "cma-es": "CmaEsSampler",
        "nsga2": "NSGAIISampler",
        "nsga3": "NSGAIIISampler",
        "qmc": "QMCSampler",
        "random": "RandomSampler",
    },
    str,
)
"""Samplers by short name; any other one comes as a function of a seed."""
_SEVERAL = ("tpe", "gp", "nsga2", "nsga3", "qmc", "random")
_CONTINUOUS = ("cma-es", "qmc")


@final
@dataclass(frozen=True)
class Optuna:
    """An Optuna study (Akiba et al. 2019) with one parameter per edge.

    Samplers repeat themselves in so small a space. A repetition is free and told again; after `patience` of them in a
    row a random new architecture is put in, without which a run might never end.
    """

    name: ClassVar[str] = "optuna"

    sampler: str | Callable[[int], optuna.samplers.BaseSampler] = "tpe"
    """A name of `SAMPLERS`, or a function that makes a sampler from a seed. ``gp`` needs torch and some seconds per
    run; ``cma-es`` needs the package cmaes."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the sampler's class."""
    encoding: Literal["auto", "categorical", "continuous"] = "auto"
    """``categorical``: each edge chooses one of 5 operations; ``continuous``: it has 5 numbers in [0, 1], of which the
    largest chooses, for samplers without categories; ``auto``: what suits the named sampler."""
    patience: int = 20
    """Repetitions, or questions outside a table that is not complete, in a row before a random architecture."""

    def __post_init__(self) -> None:
        if isinstance(self.sampler, str):
            check_keys("optuna sampler", [self.sampler], SAMPLERS)
        elif not callable(self.sampler):
            raise InputError("optuna sampler", expected="a name, or a function of a seed", got=self.sampler)
        check_keys("optuna encoding", [self.encoding], ("auto", "categorical", "continuous"))
        check_count("optuna patience", self.patience)
        if not isinstance(self.options, Mapping):
            raise InputError("optuna options", expected="arguments of the sampler by name", got=self.options)
        if "seed" in self.options:
            raise InputError("optuna options", expected="no seed, which is that of the run", got=dict(self.options))

    def start(self, space: Space, rng: np.random.Generator) -> Loop:
        """Begin a run; it ends when every class was asked for."""
        if isinstance(self.sampler, str) and self.sampler not in _SEVERAL:
            one_objective(self, space)
        return Loop(self._steps(space, rng, self._made(int(rng.integers(2**31)))))

    def _steps(self, space: Space, rng: np.random.Generator, sampler: optuna.samplers.BaseSampler) -> Steps:
        import optuna

        continuous = self.encoding == "continuous" or (self.encoding == "auto" and self.sampler in _CONTINUOUS)
        parameters, write, read = _CODINGS[continuous]
        distributions = parameters()
        with _quiet():
            study = optuna.create_study(directions=["maximize"] * space.objectives, sampler=sampler)
        asked, idle = set[int](), 0
        while len(asked) < space.size:
            if idle >= self.patience:
                arch = space.fresh(asked, rng)
                assert arch is not None
                study.enqueue_trial(write(arch))
            with _quiet():
                trial = study.ask(distributions)
            arch = read(trial.params)
            idle += 1
            values: Values | None = None
            if arch in space:
                if space.class_of(arch) not in asked:
                    idle = 0
                asked.add(space.class_of(arch))
                values = yield arch
            with _quiet():
                if values is not None and np.isfinite(values).all():
                    study.tell(trial, list(values))
                else:
                    study.tell(trial, state=optuna.trial.TrialState.FAIL)

    def _made(self, seed: int) -> optuna.samplers.BaseSampler:
        if not isinstance(self.sampler, str):
            return self.sampler(seed)
        import optuna

        kind = getattr(optuna.samplers, SAMPLERS[self.sampler])
        quiet = {"warn_independent_sampling": False} if self.sampler in ("gp", "cma-es", "qmc") else {}
        with _quiet():
            try:
                return kind(seed=seed, **{**quiet, **self.options})  # type: ignore[no-any-return]
            except (TypeError, ValueError, ImportError) as error:
                raise InputError(
                    f"optuna options of {self.sampler}", expected=f"arguments of {kind.__name__}", got=reason(error)
                ) from error


def _categorical() -> dict[str, optuna.distributions.BaseDistribution]:
    from optuna.distributions import CategoricalDistribution

    return {_edge(place): CategoricalDistribution(OPERATIONS) for place in range(len(EDGES))}


def _write_categorical(arch: Architecture) -> dict[str, Any]:
    return {_edge(place): operation for place, operation in enumerate(arch.operations)}


def _read_categorical(values: Mapping[str, Any]) -> Architecture:
    return Architecture(tuple(values[_edge(place)] for place in range(len(EDGES))))


def _continuous() -> dict[str, optuna.distributions.BaseDistribution]:
    from optuna.distributions import FloatDistribution

    return {f"{_edge(place)} {name}": FloatDistribution(0.0, 1.0) for place in range(len(EDGES)) for name in OPERATIONS}


def _write_continuous(arch: Architecture) -> dict[str, Any]:
    return {
        f"{_edge(place)} {name}": 0.75 if name == chosen else 0.25
        for place, chosen in enumerate(arch.operations)
        for name in OPERATIONS
    }


def _read_continuous(values: Mapping[str, Any]) -> Architecture:
    return Architecture(
        tuple(max(OPERATIONS, key=lambda name: values[f"{_edge(place)} {name}"]) for place in range(len(EDGES)))
    )


_CODINGS = (
    (_categorical, _write_categorical, _read_categorical),
    (_continuous, _write_continuous, _read_continuous),
)


def _edge(place: int) -> str:
    return "{}→{}".format(*EDGES[place])


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the log line of each new study and the notes that a sampler may change in later versions."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)
