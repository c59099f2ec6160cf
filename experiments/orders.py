"""How a score orders what was measured: the figures of a table, which several experiments write."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from robnas.statistics import TOPS, Best, Bootstrap, Correlation, missing_last, regret_interval, summarised

Floats = npt.NDArray[np.float64]
ENDS = ("value", "low_95", "high_95")


class Orders:
    """Of accuracies, shape (n,), none missing; all scores on the same resamples of architectures."""

    def __init__(self, truth: Floats, parameters: Floats) -> None:
        self._parameters, self._everyone = parameters, np.ones(len(truth), dtype=bool)
        self._truth, self._draws = truth, Bootstrap(len(truth), np.random.default_rng(0))
        self._best = Best(truth, self._draws.index(self._everyone))

    def figures(self, score: Floats, *, given_parameters: bool = True) -> Iterator[tuple[str, str, str, str]]:
        """Name and `ENDS` of each figure; missing scores come last.

        Spearman over all and among the best, given the number of parameters too unless the score is that itself, and
        the regrets of its first choice and of the best of ten.
        """
        for name, one in self._found(missing_last(score), given_parameters):
            yield name, f"{one.value:.4f}", f"{one.low:.4f}", f"{one.high:.4f}"

    def _found(self, column: Floats, given_parameters: bool) -> Iterator[tuple[str, Correlation]]:
        count = len(self._truth)
        for name, share in {"spearman": 1.0, **{f"{top}_spearman": share for top, share in TOPS.items()}}.items():
            yield name, summarised(self._best.spearman(column, share), self._best.count(share))
        if given_parameters:
            given = self._draws.partial(column, self._truth, self._parameters, self._everyone)
            yield "spearman_given_parameters", summarised(given, count)
        for first in (1, 10):
            yield f"regret_{first}", regret_interval(self._best.regret(column, first), count)
