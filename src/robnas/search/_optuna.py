"""Any Optuna sampler as a search algorithm."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final, overload

import numpy as np

from robnas._registry import Registry
from robnas._settings import check_keys
from robnas.errors import InputError, reason
from robnas.search._algorithm import Searcher, Values, answer, one_objective, several, unasked
from robnas.search._classes import Class, Classes
from robnas.spaces import Architecture, Gene, Space
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
    """An Optuna study (Akiba et al. 2019) with one parameter per gene.

    Samplers repeat themselves in a small space. A repetition is free and told again; after `patience` of them in a row
    a random new architecture is put in, without which a run might never end. It may be asked for any number of
    architectures before it is told of one; what waits for an answer is known to samplers that can use it.
    """

    name: ClassVar[str] = "optuna"
    asynchronous: ClassVar[bool] = True

    sampler: str | Callable[[int], optuna.samplers.BaseSampler] = "tpe"
    """A name of `SAMPLERS`, or a function that makes a sampler from a seed. ``gp`` needs torch and some seconds per
    run; ``cma-es`` needs the package cmaes."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the sampler's class."""
    encoding: Literal["auto", "categorical", "continuous"] = "auto"
    """Of genes without an order. ``categorical``: a gene chooses one of its values; ``continuous``: it has a number in
    [0, 1] for each, of which the largest chooses, for samplers without categories; ``auto``: what suits the named
    sampler. An ordered gene is the whole number of its place among its choices."""
    patience: int = 20
    """Repetitions, or questions outside a table that is not complete, in a row before a random architecture. Under
    constraints a random new one of the nearest that are allowed takes the place of what is not allowed or known
    already, at once, and samplers that learn constraints (``tpe``, ``gp``, ``nsga2``, ``nsga3``) are told what broke
    one."""

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

    def start(self, space: Classes | Space, rng: np.random.Generator) -> Searcher:
        """Begin a run; it ends when every class was asked for."""
        classes = Classes.of(space)
        if isinstance(self.sampler, str) and self.sampler not in _SEVERAL:
            one_objective(self, classes)
        continuous = self.encoding == "continuous" or (self.encoding == "auto" and self.sampler in _CONTINUOUS)
        return _Study(classes, rng, self._made(int(rng.integers(2**31))), continuous, self.patience)

    def _made(self, seed: int) -> optuna.samplers.BaseSampler:
        if not isinstance(self.sampler, str):
            return self.sampler(seed)
        import optuna

        kind = getattr(optuna.samplers, SAMPLERS[self.sampler])
        usual: dict[str, Any] = {}
        if self.sampler in ("gp", "cma-es", "qmc"):
            usual["warn_independent_sampling"] = False
        if self.sampler in _SEVERAL[:4] and not hasattr(optuna.Trial, "set_constraint"):  # before Optuna 5
            usual["constraints_func"] = _broken
        with quiet():
            try:
                return kind(seed=seed, **{**usual, **self.options})  # type: ignore[no-any-return]
            except (TypeError, ValueError, ImportError) as error:
                raise InputError(
                    f"optuna options of {self.sampler}", expected=f"arguments of {kind.__name__}", got=reason(error)
                ) from error


@final
class _Study:
    """One run: questions are trials of a study."""

    def __init__(
        self,
        classes: Classes,
        rng: np.random.Generator,
        sampler: optuna.samplers.BaseSampler,
        continuous: bool,
        patience: int,
    ) -> None:
        import optuna

        self._classes, self._rng, self._patience = classes, rng, patience
        self._codings = [Coding.of(gene, continuous) for gene in classes.space.genes]
        self._distributions = {name: one for coding in self._codings for name, one in coding.distributions().items()}
        with quiet():
            self._study = optuna.create_study(directions=["maximize"] * classes.objectives, sampler=sampler)
        self._asked, self._idle = set[Class](), 0
        self._constrained = classes.restricted
        kinds = optuna.samplers
        known = (kinds.TPESampler, kinds.GPSampler, kinds.NSGAIISampler, kinds.NSGAIIISampler)
        self._learns = self._constrained and isinstance(sampler, known)
        self._models = self._constrained and isinstance(sampler, known[:2])
        self._open: dict[Architecture, list[optuna.Trial]] = {}

    @overload
    def ask(self) -> Architecture | None: ...

    @overload
    def ask(self, n: int) -> tuple[Architecture, ...]: ...

    def ask(self, n: int | None = None) -> Architecture | tuple[Architecture, ...] | None:
        """See `Searcher.ask`."""
        return self._next() if n is None else several(self._next, n)

    def _next(self) -> Architecture | None:
        while self._classes.size is None or len(self._asked) < self._classes.size:
            if self._idle >= self._patience:
                arch = self._classes.fresh(self._asked, self._rng)
                if arch is None:
                    return None
                self._study.enqueue_trial(self._write(arch))
            with quiet():
                trial = self._study.ask(self._distributions)
            arch = self._read(trial.params)
            self._idle += 1
            if self._constrained and not self._is_new(arch):
                arch = self._near(arch)
            if arch in self._classes:
                number = self._classes.class_of(arch)
                if number not in self._asked:
                    self._idle = 0
                self._asked.add(number)
                self._open.setdefault(arch, []).append(trial)
                return arch
            self._fail(trial)
        return None

    def tell(self, arch: Architecture, values: Values) -> None:
        """See `Searcher.tell`."""
        found = answer(values, self._classes.objectives)
        if not isinstance(arch, Architecture) or arch not in self._open:
            raise unasked(arch, list(self._open))
        trials = self._open[arch]
        trial = trials.pop(0)
        if not trials:
            del self._open[arch]
        drawn = self._read(trial.params)
        allowed = not self._constrained or drawn in self._classes
        if self._models and drawn != arch:
            self._end(trial, (-np.inf,) if allowed else found, allowed=allowed)  # known already, or not allowed
            self._study.enqueue_trial(self._write(arch))
            with quiet():
                trial = self._study.ask(self._distributions)
            allowed = True
        self._end(trial, found, allowed=allowed)

    def _is_new(self, arch: Architecture) -> bool:
        return arch in self._classes and self._classes.class_of(arch) not in self._asked

    def _near(self, arch: Architecture) -> Architecture:
        """A new one in the place of one that is not allowed or known: of the nearest, or any; itself if none is new."""
        new = [other for other in self._classes.neighbours(arch) if self._classes.class_of(other) not in self._asked]
        return new[self._rng.integers(len(new))] if new else self._classes.fresh(self._asked, self._rng) or arch

    def _end(self, trial: optuna.Trial, values: Values, *, allowed: bool) -> None:
        """Tell a trial its answer, and samplers that can learn it whether what they drew was allowed."""
        if self._learns:
            _mark(trial, allowed)
        if np.isfinite(values).all():
            with quiet():
                self._study.tell(trial, list(values))
        else:
            self._fail(trial)

    def _fail(self, trial: optuna.Trial) -> None:
        import optuna

        with quiet():
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)

    def _write(self, arch: Architecture) -> dict[str, Any]:
        places = self._classes.space.positions(arch)
        pairs = zip(self._codings, places, strict=True)
        return {name: value for coding, place in pairs for name, value in coding.write(place).items()}

    def _read(self, values: Mapping[str, Any]) -> Architecture:
        return self._classes.space.at([coding.read(values) for coding in self._codings])


class Coding:
    """A gene as parameters of a trial: one category."""

    def __init__(self, gene: Gene) -> None:
        self.gene, self.name = gene, gene.name

    @staticmethod
    def of(gene: Gene, continuous: bool) -> Coding:
        """The coding that fits."""
        return _Ordered(gene) if gene.ordered else _Continuous(gene) if continuous else Coding(gene)

    def distributions(self) -> dict[str, optuna.distributions.BaseDistribution]:
        from optuna.distributions import CategoricalDistribution

        return {self.name: CategoricalDistribution(self.gene.choices)}

    def write(self, place: int) -> dict[str, Any]:
        return {self.name: self.gene.choices[place]}

    def read(self, values: Mapping[str, Any]) -> int:
        return self.gene.position(values[self.name])


@final
class _Ordered(Coding):
    """One whole number."""

    def distributions(self) -> dict[str, optuna.distributions.BaseDistribution]:
        from optuna.distributions import IntDistribution

        return {self.name: IntDistribution(0, len(self.gene) - 1)}

    def write(self, place: int) -> dict[str, Any]:
        return {self.name: place}

    def read(self, values: Mapping[str, Any]) -> int:
        return int(values[self.name])


@final
class _Continuous(Coding):
    """A number for each choice."""

    def distributions(self) -> dict[str, optuna.distributions.BaseDistribution]:
        from optuna.distributions import FloatDistribution

        return {self._part(text): FloatDistribution(0.0, 1.0) for text in self.gene.texts}

    def write(self, place: int) -> dict[str, Any]:
        chosen = self.gene.texts[place]
        return {self._part(text): 0.75 if text == chosen else 0.25 for text in self.gene.texts}

    def read(self, values: Mapping[str, Any]) -> int:
        return max(range(len(self.gene)), key=lambda place: values[self._part(self.gene.texts[place])])

    def _part(self, text: str) -> str:
        return f"{self.name} {text}"


_BROKEN = "robnas constraint"  # above 0 where an architecture is not allowed


def _mark(trial: optuna.Trial, allowed: bool) -> None:
    """Say whether a trial keeps the constraints, to samplers of Optuna 5 as it is done there."""
    broken = -1.0 if allowed else 1.0
    if hasattr(trial, "set_constraint"):
        trial.set_constraint(_BROKEN, broken)
    else:
        trial.set_user_attr(_BROKEN, broken)


def _broken(trial: optuna.trial.FrozenTrial) -> tuple[float]:
    """The ``constraints_func`` of earlier versions."""
    return (float(trial.user_attrs.get(_BROKEN, -1.0)),)


@contextmanager
def quiet() -> Iterator[None]:
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
