"""Which architectures to train next: designs by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, final

import numpy as np

from robnas._registry import Registry
from robnas.errors import InputError, Verbatim
from robnas.surrogates._active import most_telling
from robnas.surrogates._ground import Ground, Places
from robnas.surrogates._medoids import medoids
from robnas.surrogates._prediction import Matrix, Prediction, Vector
from robnas.types import check_count

Focus = Literal["everywhere", "top"]
FOCUSES: tuple[Focus, ...] = ("everywhere", "top")
"""Where the uncertainty is to be lowered: over all architectures, or among those that may be in the best tenth."""
_APART = 50  # of a spread design are medoids, the others are drawn
_MOST = 6000  # points whose distances fit into memory and a second; of more a sample is looked at


def check_focus(focus: str) -> None:
    """Refuse what is none of `FOCUSES`."""
    if focus not in FOCUSES:
        raise InputError("focus", expected=f"one of {', '.join(FOCUSES)}", got=focus)


class Design(Protocol):
    """A way to choose trainings; one of `robnas.surrogates.DESIGNS`."""

    def choose(
        self,
        ground: Ground,
        candidates: Places,
        count: int,
        *,
        taken: Places,
        predicted: Prediction | None,
        focus: Focus,
        rng: np.random.Generator,
    ) -> list[int]:
        """Places of `count` candidates.

        Args:
            ground: all architectures as points.
            candidates: places that may be chosen, more than `count`.
            count: how many, at least 1.
            taken: places that were chosen before.
            predicted: of every architecture, higher is better; None where nothing was fitted yet.
            focus: where the uncertainty is to be lowered.
            rng: source of randomness.
        """
        ...


@final
@dataclass(frozen=True)
class Random:
    """Each candidate with the same chance."""

    def choose(
        self, ground: Ground, candidates: Places, count: int, *, taken: Places, predicted: Prediction | None,
        focus: Focus, rng: np.random.Generator,
    ) -> list[int]:  # fmt: skip
        """See `Design`."""
        found: list[int] = rng.choice(candidates, size=count, replace=False).tolist()
        return found


@final
@dataclass(frozen=True)
class Spread:
    """Such that every architecture has a chosen one nearby: k-medoids on standardised features, squared distances.

    From 50 on they are drawn at random: medoids keep apart, and pairs that are close tell how far a value reaches.
    """

    def choose(
        self, ground: Ground, candidates: Places, count: int, *, taken: Places, predicted: Prediction | None,
        focus: Focus, rng: np.random.Generator,
    ) -> list[int]:  # fmt: skip
        """See `Design`."""
        apart = min(count, max(_APART - len(taken), 0))
        seen = _seen(ground, candidates, count, taken, rng)
        places = medoids(seen.ground.distances**2, apart, rng, allowed=seen.candidates, fixed=seen.taken.tolist())
        left = np.setdiff1d(seen.candidates, places)
        return seen.back([*places, *rng.choice(left, size=count - apart, replace=False).tolist()])


@final
@dataclass(frozen=True)
class Active:
    """One after another whatever lowers the predicted errors most, by `Focus`; `Spread` while nothing was fitted.

    How much a training tells of other architectures is taken from a Gaussian process on standardised features (Matérn
    5/2, the median distance as its length), how large they are from the prediction.
    """

    def choose(
        self, ground: Ground, candidates: Places, count: int, *, taken: Places, predicted: Prediction | None,
        focus: Focus, rng: np.random.Generator,
    ) -> list[int]:  # fmt: skip
        """See `Design`."""
        if predicted is None:
            return Spread().choose(ground, candidates, count, taken=taken, predicted=None, focus=focus, rng=rng)
        seen = _seen(ground, candidates, count, taken, rng)
        mean, sd = predicted.mean[seen.places], predicted.sd[seen.places]
        weights = near_top(mean, sd, predicted.mean) if focus == "top" else np.ones(len(mean))
        places = most_telling(seen.ground.distances, sd, weights, count, allowed=seen.candidates, taken=seen.taken)
        return seen.back(places)


def _check(name: str, design: object) -> None:
    if not callable(getattr(design, "choose", None)):
        raise InputError(f"design {name}", expected="an object with a method choose", got=design)


DESIGNS: Registry[Design] = Registry(
    "design", {"random": Random(), "spread": Spread(), "active": Active()}, object, _check
)
"""Ways to choose trainings by name. One of your own is one more entry."""


def is_sequential(design: str) -> bool:
    """Whether what a design chooses depends on what was measured; one of your own may, and is told a prediction."""
    return design not in ("random", "spread")


def choose(
    design: str,
    candidates: Sequence[int],
    count: int,
    *,
    rows: Matrix | Ground,
    taken: Sequence[int] = (),
    predicted: Prediction | None = None,
    focus: Focus = "everywhere",
    seed: int = 0,
) -> list[int]:
    """Choose trainings.

    Args:
        design: a name in `robnas.surrogates.DESIGNS`.
        candidates: places in `rows` that may be chosen, each once; those of `taken` among them are left out.
        count: how many of them.
        rows: features of all architectures, shape (architectures, features), or a `Ground`, which keeps the distances
            between them for the next call.
        taken: places that were chosen before.
        predicted: of every architecture, by a fit on what is known of `taken`; higher is better. `active` needs it once
            something is known.
        focus: ``everywhere``, or ``top``.
        seed: of whatever is drawn.

    Returns:
        Places of `count` candidates in the order in which they are to be trained.

    Raises:
        InputError: an unknown design or focus, fewer candidates than `count`, places that are none, or a design that
            chooses others.
    """
    check_focus(focus)
    ground = rows if isinstance(rows, Ground) else Ground(np.asarray(rows, dtype=np.float64))
    before, allowed = _places("taken", taken, ground), _places("candidates", candidates, ground)
    allowed = allowed[~np.isin(allowed, before)]
    if check_count("trainings to choose", count) > len(allowed):
        got = Verbatim(f"{len(allowed):,}")
        raise InputError(f"candidates for {count:,} trainings", expected="at least as many", got=got)
    rng = np.random.default_rng(check_count("seed", seed, 0))
    if count == len(allowed):
        return [int(place) for place in rng.permutation(allowed)]
    given = {"taken": before, "predicted": predicted, "focus": focus, "rng": rng}
    found = list(DESIGNS[design].choose(ground, allowed, count, **given))  # type: ignore[arg-type]
    if len(set(found)) != count or not set(found) <= set(allowed.tolist()):
        raise InputError(f"what design {design} chooses", expected=f"{count} candidates, each once", got=found)
    return found


def _places(what: str, given: Sequence[int], ground: Ground) -> Places:
    found = np.asarray(given, dtype=np.int64)
    if len(set(found.tolist())) < len(found) or (len(found) and not 0 <= found.min() <= found.max() < len(ground.rows)):
        raise InputError(
            f"{what}, places of a design", expected=f"numbers below {len(ground.rows):,}, each once", got=given
        )
    return found


@dataclass(frozen=True, eq=False)
class _Seen:
    """The points that a design looks at, and its candidates among them by their places there."""

    ground: Ground
    places: Places
    candidates: Places
    taken: Places

    def back(self, found: Sequence[int]) -> list[int]:
        """Places among all."""
        return [int(place) for place in self.places[list(found)]]


def _seen(ground: Ground, candidates: Places, count: int, taken: Places, rng: np.random.Generator) -> _Seen:
    """Candidates and what was taken; all points where they are few, a sample of the candidates where they are many."""
    size = len(ground.rows)
    if size <= _MOST:
        return _Seen(ground, np.arange(size), candidates, taken)
    if len(candidates) > (most := max(_MOST - len(taken), 2 * count)):
        candidates = np.sort(rng.choice(candidates, size=most, replace=False))
    places = np.concatenate([taken, candidates])
    here = np.arange(len(places))
    return _Seen(ground.part(places), places, here[len(taken) :], here[: len(taken)])


def near_top(mean: Vector, sd: Vector, everywhere: Vector) -> Vector:
    """Chance of each to be above what a tenth of all is predicted to be above."""
    from scipy.special import ndtr

    found: Vector = ndtr((mean - np.quantile(everywhere, 0.9)) / sd)
    return found
