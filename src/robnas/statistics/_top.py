"""How well a score finds the best: its rank correlation among them, and the regret of its first choices."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import final

import numpy as np
import numpy.typing as npt

from robnas.statistics._correlation import Correlation
from robnas.statistics._scored import missing_last, summarised

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

TOPS: dict[str, float] = {"top_half": 0.5, "top_decile": 0.1}
"""Shares of the architectures, by **true** accuracy: what a score says among those that are good."""
CHOICES = (1, 5, 10)
"""How many architectures are chosen by score; the best of them counts."""


@final
class Best:
    """One metric of a sample of architectures, and of resamples of it.

    Every method returns an array of shape (1 + resamples,): the value of the sample, then those of its resamples. A
    missing score (nan) is lower than any other: what has no score is chosen last. Architectures whose accuracy is not
    known belong into no sample: `truth` has none.
    """

    def __init__(self, truth: Floats, index: Index) -> None:
        """Take `truth`, shape (n,), and `index`, shape (1 + resamples, n): places in it, first those of the sample."""
        self.truth, self._index = truth, index
        # A maximum: resamples of all places take the same few first choices again and again, and their intervals are
        # too short; those of half of the places (m out of n, Bickel et al. 1997) vary about as other samples do.
        halves = [row[: len(row) if number == 0 else (len(row) + 1) // 2] for number, row in enumerate(index)]
        self._drawn = np.stack([np.bincount(row, minlength=len(truth)) for row in halves])
        self._optimum: Floats = np.array([truth[row].max() for row in halves])
        self._tops: dict[float, tuple[Index, Floats, npt.NDArray[np.bool_]]] = {}

    def count(self, share: float) -> int:
        """Architectures of the sample that are among the best: that share of it, rounded up, and what ties with it."""
        return int(self._top(share)[2][0].sum())

    def spearman(self, score: Floats, share: float) -> Floats:
        """Spearman's ρ of the score with the accuracy among the most accurate ones; nan where either is constant.

        The best are chosen by accuracy, not by score: among those that a *score* puts first it would be compared with
        others for every score, and a score that takes the best and no others in would look poor.
        """
        places, truth, inside = self._top(share)
        ranks = _ranks(np.where(inside, missing_last(score)[places], np.inf), inside)
        found: Floats = np.einsum("rn,rn->r", ranks, truth)
        return found

    def regret(self, score: Floats, first: int) -> Floats:
        """Best accuracy of all minus the best among the `first` architectures by score, 0 if there are no more.

        Where scores tie at the last choice: the mean over all ways to choose among the tied ones. Resamples are of half
        of the architectures here.
        """
        filled = missing_last(score)
        order = self._leading(np.argsort(-filled, kind="stable"), filled, first)
        new = np.append(True, filled[order][1:] != filled[order][:-1])
        starts, group = np.flatnonzero(new), np.cumsum(new) - 1  # of architectures with one score
        drawn, truth = self._drawn[:, order], self.truth[order]
        chosen = np.cumsum(np.add.reduceat(drawn, starts, axis=1), axis=1)  # with each group and all before it
        before = np.concatenate([np.zeros((len(drawn), 1), dtype=np.int64), chosen[:, :-1]], axis=1)
        alone = np.bincount(group) == 1  # however often it was drawn, it is one choice or none
        sure = np.where(alone, before < first, chosen <= first)
        best = np.where((drawn > 0) & sure[:, group], truth, -np.inf).max(axis=1)
        for row, last in np.argwhere(~sure & (before < first)):
            tied = slice(starts[last], starts[last + 1] if last + 1 < len(starts) else None)
            values = np.repeat(truth[tied], drawn[row, tied])
            best[row] = _expected_best(np.maximum(values, best[row]), first - before[row, last])
        found: Floats = np.maximum(self._optimum - best, 0.0)  # means of ties round
        return found

    def _leading(self, order: Index, score: Floats, first: int) -> Index:
        """As much of the order by score as the first choices of every resample are among."""
        size = 4 * first + 40
        while size < len(order) and self._drawn[:, order[:size]].sum(axis=1).min() < first:
            size *= 2
        last = score[order[min(size, len(order)) - 1]]
        return order[: int((score >= last).sum())]  # with all that tie

    def _top(self, share: float) -> tuple[Index, Floats, npt.NDArray[np.bool_]]:
        """Places of the most accurate in every resample, their ranks by accuracy, and where there are any."""
        if share not in self._tops:
            truth = self.truth[self._index]
            size = truth.shape[1]
            least = size - math.ceil(share * size - 1e-9)
            inside = truth >= np.partition(truth, least, axis=1)[:, [least]]
            front = np.argsort(~inside, axis=1, kind="stable")[:, : inside.sum(axis=1).max()]
            inside = np.take_along_axis(inside, front, axis=1)
            truth = np.where(inside, np.take_along_axis(truth, front, axis=1), np.inf)
            self._tops[share] = np.take_along_axis(self._index, front, axis=1), _ranks(truth, inside), inside
        return self._tops[share]


def regret_interval(found: Floats, count: int) -> Correlation:
    """Value and 95 % interval of `Best.regret`, nan as in `summarised`.

    The first choices of half of the architectures are twice as large a share of them: where few are good, all resamples
    may do better than the sample. The interval reaches to the value then.
    """
    one = summarised(found, count)
    return replace(one, low=float(np.minimum(one.low, one.value)), high=float(np.maximum(one.high, one.value)))


def _ranks(values: Floats, inside: npt.NDArray[np.bool_]) -> Floats:
    """Ranks of the columns `inside`, the others being infinite, with mean 0 and length 1; nan where they all tie."""
    from scipy.stats import rankdata

    ranks = np.where(inside, rankdata(values, axis=1), 0)
    ranks = np.where(inside, ranks - ranks.sum(axis=1, keepdims=True) / inside.sum(axis=1, keepdims=True), 0)
    length = np.linalg.norm(ranks, axis=1, keepdims=True)
    found: Floats = ranks / np.where(length > 1e-9, length, np.nan)
    return found


def _expected_best(values: Floats, count: int) -> float:
    """Mean over all choices of `count` of the values of the best one."""
    ordered, size = np.sort(values)[::-1], len(values)
    place = np.arange(size - count)
    odds = count / size * np.cumprod(np.append(1.0, (size - count - place) / (size - 1 - place)))
    return float(odds @ ordered[: size - count + 1])
