"""A surrogate of known values, with calibrated intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas.benchmarks import floats
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture, Space, space_of
from robnas.surrogates._calibration import ENOUGH, left_out, stretch, stretched
from robnas.surrogates._information import Features, Information, gather, looked_at
from robnas.surrogates._prediction import Prediction, Predictor, Vector
from robnas.surrogates._surrogates import SURROGATES
from robnas.types import check_count

FEWEST = 5
"""Known values that a fit needs."""
_ROUNDING = 1e-13  # of the largest value: what is less apart is equal
_HUGE = 1e100


@final
@dataclass(frozen=True, eq=False)
class Fitted:
    """A surrogate fitted on known values; make one with `fit`."""

    __repr__ = brief

    model: str
    """Its name in `robnas.surrogates.SURROGATES`."""
    information: tuple[str, ...]
    """What it looked at, each kind by its text."""
    architectures: tuple[Architecture, ...] = field(repr=False)
    """Those whose values were known."""
    values: Vector = field(repr=False)
    """Theirs, shape (n,)."""
    level: float
    """Of the intervals."""
    seed: int
    stretch: float
    """By how much intervals were stretched so that they hold known values left out; 1 below 100 known ones."""
    _space: Space = field(repr=False)
    _kinds: tuple[Information, ...] = field(repr=False)
    _predictor: Predictor = field(repr=False)

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        """Mean and interval of each architecture; of a known one, too, what another measurement would find.

        Raises:
            InputError: an architecture of another space, or features that are missing.
        """
        if not len(architectures):
            none = np.empty(0)
            return Prediction(none, none, none, none, self.level)
        rows = complete_features(self._kinds, [self._space.parse(arch) for arch in architectures]).rows
        found = self._predictor.predict(rows, self.level)
        return found if self.stretch == 1 else stretched(found, self.stretch)

    def to_dict(self) -> dict[str, Any]:
        """How the predictions came about, for provenance: plain values."""
        return {
            "model": self.model,
            "information": list(self.information),
            "known": len(self.architectures),
            "level": self.level,
            "seed": self.seed,
            "stretch": self.stretch,
        }


def fit(
    architectures: Sequence[Architecture],
    values: npt.ArrayLike,
    *,
    noise: npt.ArrayLike | None = None,
    model: str = "gaussian-process",
    information: Sequence[Information] | None = None,
    space: Space | None = None,
    pool: Sequence[Architecture] = (),
    level: float = 0.9,
    seed: int = 0,
) -> Fitted:
    """Fit a surrogate on architectures whose values are known.

    Args:
        architectures: the known ones, at least 5.
        values: theirs, in any unit, shape (n,).
        noise: standard error of each value in the same unit, one number or shape (n,); estimated from the fit where it
            is not given or nan.
        model: a name in `robnas.surrogates.SURROGATES`.
        information: what the model may look at; `Structure` if omitted.
        space: of the architectures, where it is not registered.
        pool: architectures that are to be predicted, which tell the spread of features; no values.
        level: of the intervals, between 0 and 1.
        seed: of whatever the model draws.

    Raises:
        InputError: too few values, some that are not finite or all equal, an architecture of another space, features
            that are missing, or an unknown model.
    """
    known = floats("values of a surrogate", values)
    finite = np.isfinite(known)
    if known.shape != (len(architectures),) or len(known) < FEWEST or not finite.all():
        expected = f"one finite value for each of at least {FEWEST} architectures"
        got = Verbatim(f"shape {known.shape} for {len(architectures)}" if finite.all() else f"{known[~finite][0]}")
        raise InputError("values of a surrogate", expected=expected, got=got)
    apart = float(np.ptp(known))
    if not tells(known):
        raise InputError("values of a surrogate", expected="at least two different ones", got=float(known[0]))
    if not 1 / _HUGE < apart < _HUGE:
        remedy = "give them in another unit"
        raise InputError(
            "values of a surrogate", expected="a sensible range", got=Verbatim(f"{apart:g}"), remedy=remedy
        )
    space = space_of(architectures[0].space) if space is None else space
    members = tuple(space.parse(arch) for arch in architectures)
    check_level("level of a surrogate", level)
    check_count("seed", seed, 0)
    if len({arch.text for arch in members}) < len(members):
        got = Verbatim("one twice")
        remedy = "give the mean of its values"
        raise InputError("architectures of a surrogate", expected="each architecture once", got=got, remedy=remedy)
    kinds = looked_at(information, space)
    features = complete_features(kinds, members)
    rows = features.rows
    around = complete_features(kinds, [space.parse(arch) for arch in pool]).rows if len(pool) else rows[:0]
    errors = _errors(noise, len(known))
    surrogate = SURROGATES[model]
    others: dict[str, Any] = {"groups": features.groups, "pool": around, "seed": seed}
    predictor = surrogate.fit(rows, known, errors, **others)
    factor = 1.0
    if len(known) >= ENOUGH:
        factor = stretch(left_out(surrogate, predictor, rows, known, errors, level=level, **others), known)
    texts = tuple(one.text for one in kinds)
    return Fitted(model, texts, members, known, level, seed, factor, space, kinds, predictor)


def tells(values: Vector) -> bool:
    """Whether a surrogate can be fitted on values, nan where they are not known: they are enough, and not all equal."""
    known = values[~np.isnan(values)]
    return len(known) >= FEWEST and bool(np.ptp(known) > _ROUNDING * np.abs(known).max())


def check_level(what: str, level: object) -> None:
    """Refuse what is no level of an interval."""
    if not isinstance(level, int | float) or not 0 < level < 1:
        raise InputError(what, expected="a number between 0 and 1", got=level)


def _errors(noise: npt.ArrayLike | None, count: int) -> Vector:
    given = floats("noise of a surrogate", np.nan if noise is None else noise)
    if given.shape not in ((), (count,)) or (given < 0).any() or np.isinf(given).any():
        expected = f"standard errors of at least 0, one or {count}, nan where unknown"
        raise InputError("noise of a surrogate", expected=expected, got=noise)
    return np.broadcast_to(given, count).copy()


def complete_features(kinds: Sequence[Information], architectures: Sequence[Architecture]) -> Features:
    """Those of `gather`, of which none may be missing.

    Raises:
        InputError: some are, or as `gather`.
    """
    found = gather(kinds, architectures)
    if missing := np.flatnonzero(np.isnan(found.rows).any(axis=1)).tolist():
        arch = architectures[missing[0]].text
        got = Verbatim(f"{len(missing):,} of {len(found.rows):,} without, the first {arch}")
        raise InputError("features of a surrogate", expected="all of them for each architecture", got=got)
    return found
