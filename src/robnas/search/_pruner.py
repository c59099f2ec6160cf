"""Any Optuna pruner around any algorithm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from robnas._registry import Registry
from robnas._settings import check_keys
from robnas.errors import InputError, reason
from robnas.search._algorithm import Algorithm
from robnas.search._classes import Classes
from robnas.search._optuna import quiet
from robnas.search._stopping import Curve, Stopping, inner, is_asynchronous
from robnas.spaces import Space
from robnas.types import check_count

if TYPE_CHECKING:
    import optuna

PRUNERS: Registry[str] = Registry(
    "pruner",
    {
        "median": "MedianPruner",
        "percentile": "PercentilePruner",
        "successive-halving": "SuccessiveHalvingPruner",
        "hyperband": "HyperbandPruner",
        "patient": "PatientPruner",
        "threshold": "ThresholdPruner",
        "nop": "NopPruner",
    },
    str,
)
"""Pruners by short name; any other one comes as an object."""
_PERCENTILE = 25.0


@final
@dataclass(frozen=True)
class OptunaPruner:
    """An Optuna pruner (Akiba et al. 2019) says after each epoch whether a training goes on.

    Around any algorithm that trains to the end: it is told the last value of what was stopped. Optuna's successive
    halving and Hyperband compare each training with those that came before, and stop it for good: `asha` and
    `hyperband` are other algorithms, which let trainings wait.
    """

    name: ClassVar[str] = "optuna-pruner"
    multi_fidelity: ClassVar[bool] = True

    pruner: str | Callable[[], optuna.pruners.BasePruner] = "median"
    """A name of `PRUNERS`, or a function that makes a pruner."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the pruner's class. Of ``hyperband`` and ``successive-halving`` the resources are those of the
    objective if omitted; the ``percentile`` is 25; of ``patient`` the ``wrapped_pruner`` may be a name, none if
    omitted, and the ``patience`` is 1."""
    algorithm: str | Algorithm = "random-search"
    """What asks for architectures: a name of `SEARCHERS`, or an algorithm."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the algorithm, where that is a name."""
    min_epochs: int = 1
    """Trainings are looked at from this epoch on."""

    def __post_init__(self) -> None:
        check_count(f"{self.name} min_epochs", self.min_epochs)
        if isinstance(self.pruner, str):
            check_keys("optuna pruner", [self.pruner], PRUNERS)
        elif not callable(self.pruner):
            raise InputError("optuna pruner", expected="a name, or a function that makes one", got=self.pruner)
        if not isinstance(self.options, Mapping):
            raise InputError("optuna options", expected="arguments of the pruner by name", got=self.options)
        inner(self.name, self.algorithm, self.settings)

    @property
    def asynchronous(self) -> bool:
        """As the algorithm."""
        return is_asynchronous(inner(self.name, self.algorithm, self.settings))

    def start(self, space: Classes | Space, rng: np.random.Generator) -> Stopping:
        """Begin a run."""
        return Stopping.of(self, Classes.of(space), rng, lambda epochs: _Pruned(self._made(epochs), epochs, rng))

    def _made(self, epochs: tuple[int, ...]) -> optuna.pruners.BasePruner:
        if not isinstance(self.pruner, str):
            return self.pruner()
        return _pruner(self.pruner, self.options, epochs)


def _pruner(name: str, options: Mapping[str, Any], epochs: tuple[int, ...]) -> optuna.pruners.BasePruner:
    import optuna

    resources = {"min_resource": epochs[0], "max_resource": epochs[-1]}
    usual: dict[str, dict[str, Any]] = {
        "percentile": {"percentile": _PERCENTILE},
        "successive-halving": {"min_resource": epochs[0]},
        "hyperband": resources,
        "patient": {"wrapped_pruner": None, "patience": 1},
    }
    given = {**usual.get(name, {}), **options}
    if name == "patient" and isinstance(given["wrapped_pruner"], str):
        check_keys("wrapped_pruner", [given["wrapped_pruner"]], PRUNERS)
        given["wrapped_pruner"] = _pruner(given["wrapped_pruner"], {}, epochs)
    kind = getattr(optuna.pruners, PRUNERS[name])
    with quiet():
        try:
            return kind(**given)  # type: ignore[no-any-return]
        except (TypeError, ValueError) as error:
            raise InputError(
                f"optuna options of {name}", expected=f"arguments of {kind.__name__}", got=reason(error)
            ) from error


@final
class _Pruned:
    """The rule of a pruner, of which every training is a trial."""

    def __init__(self, pruner: optuna.pruners.BasePruner, epochs: tuple[int, ...], rng: np.random.Generator) -> None:
        import optuna

        self._epochs = epochs
        seed = int(rng.integers(2**31))
        with quiet():
            sampler = optuna.samplers.RandomSampler(seed=seed)  # draws nothing; without it Optuna's own has no seed
            # Hyperband chooses the bracket of a trial by the study's name
            self._study = optuna.create_study(
                study_name=f"{seed}", direction="maximize", sampler=sampler, pruner=pruner
            )

    def begin(self) -> Callable[[Curve, bool], bool]:
        """See `Rule.begin`."""
        with quiet():
            trial = self._study.ask()
        return lambda curve, ended: self._look(trial, curve, ended)

    def _look(self, trial: optuna.Trial, curve: Curve, ended: bool) -> bool:
        from optuna.trial import TrialState

        with quiet():
            if curve[-1] == -np.inf:
                self._study.tell(trial, state=TrialState.FAIL)
                return True
            trial.report(curve[-1], self._epochs[len(curve) - 1])
            if ended:
                self._study.tell(trial, curve[-1])
                return False
            stops = trial.should_prune()
            if stops:
                self._study.tell(trial, state=TrialState.PRUNED)
            return stops
