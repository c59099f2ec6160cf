"""Do scores that know the weight β of the robust loss order networks that were trained with it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, Verbatim
from robnas.statistics._correlation import Correlation
from robnas.statistics._scored import Bootstrap, known_in, missing_last, simultaneous, summarised
from robnas.types import check_range

Floats = npt.NDArray[np.float64]
_FEWEST = 3


@final
@dataclass(frozen=True)
class BetaOrder:
    """How one score orders accuracies of one kind, of networks trained with one β; intervals over architectures."""

    score: str
    metric: str
    beta: float
    missing: int
    """Architectures without a score, such as a singular kernel has; they rank below all others, ties averaged."""
    spearman: Correlation
    given_parameters: Correlation
    """Partial Spearman; nan where numbers of parameters are not known, or explain all."""
    gain: Correlation
    """Spearman less that of the score's rival with the same accuracies, on the same resamples; the interval holds for
    all β at once. nan for a score without rival."""

    @property
    def better(self) -> str:
        """Whether it orders better than its rival: yes, no (it orders worse) or open; empty without rival."""
        if np.isnan(self.gain.value):
            return ""
        return "yes" if self.gain.low > 0 else "no" if self.gain.high < 0 else "open"


def beta_orders(
    betas: Sequence[float],
    scores: Mapping[str, npt.ArrayLike],
    truth: Mapping[str, npt.ArrayLike],
    parameters: npt.ArrayLike,
    pairs: Sequence[tuple[str, str]],
    rivals: Mapping[str, npt.ArrayLike],
    *,
    rng: np.random.Generator,
) -> list[BetaOrder]:
    """Spearman of scores with accuracies, β by β.

    Args:
        betas: of the trainings, at least one.
        scores: by name, shape (betas, architectures), higher is better; nan and −∞ where there is none.
        truth: by metric the accuracies measured at each β, of the same shape; nan where there is none.
        parameters: of the networks, shape (architectures,), or nan.
        pairs: score and metric that are set beside each other.
        rivals: by score one that does not know β, shape (architectures,): what it has to be better than.
        rng: source of the resamples of architectures, all correlations on the same.

    Raises:
        InputError: shapes that do not fit, no β, a pair of what is not there, or fewer than 3 architectures that have
            an accuracy.
    """
    size = np.asarray(parameters, dtype=np.float64)
    wanted, draws, found = size.shape, Bootstrap(size.size, rng), list[BetaOrder]()
    if not len(betas):
        raise InputError("betas", expected="at least one", got=Verbatim("none"))
    known, measured = (
        {name: _shaped(name, values, (len(betas), *wanted)) for name, values in columns.items()}
        for columns in (scores, truth)
    )
    against = {name: missing_last(_shaped(name, values, wanted)) for name, values in rivals.items()}
    for score, metric in pairs:
        for what, name, columns in (("score", score, known), ("metric", metric, measured)):
            if name not in columns:
                raise InputError(what, expected=f"one of {', '.join(columns)}", got=name)
        for place, beta in enumerate(betas):
            check_range("beta", beta, 0, 1)
            values, accuracy = known[score][place], measured[metric][place]
            there = known_in(accuracy)
            if there.sum() < _FEWEST:
                expected, got = f"at least {_FEWEST} with {metric} at β = {beta:g}", Verbatim(int(there.sum()))
                raise InputError("architectures", expected=expected, got=got)
            scored, count = missing_last(values), int(there.sum())
            alone = draws.spearman(scored, accuracy, there)
            given = np.full(2, np.nan) if np.isnan(size).any() else draws.partial(scored, accuracy, size, there)
            gain = alone - draws.spearman(against[score], accuracy, there) if score in against else np.full(2, np.nan)
            missing = int(((scored == -np.inf) & there).sum())
            orders = summarised(alone, count), summarised(given, count), simultaneous(gain, count, len(betas))
            found.append(BetaOrder(score, metric, float(beta), missing, *orders))
    return found


def _shaped(name: str, values: npt.ArrayLike, wanted: tuple[int, ...]) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != wanted or len(wanted) not in (1, 2):
        raise InputError(name, expected=f"shape {wanted}", got=Verbatim(array.shape))
    return array
