"""Jacobian correlations within classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from robnas.proxies._jacov import correlation
from robnas.proxies._probe import Probe, UndefinedScoreError

_TINY, _MANY = 1e-5, 100


def epe_nas(probe: Probe) -> float:
    """Σ_c |s_c|, s_c = Σ log(|r| + 1e-5) over the correlations r of Jacobian rows within class c (Lopes et al. 2021).

    With more than 100 outputs the mean of Σ_c' |s_c − s_c'| over c, s_c divided by the images of c, as in the released
    code. Rows as in `jacov`. Every class of the batch counts; one image of a class correlates with itself alone.

    Raises:
        UndefinedScoreError: a row is constant, no class has two images, or with more than 100 outputs there is one
            class alone.
    """
    rows, labels = probe.jacobian.cpu().numpy(), probe.labels.cpu().numpy()
    many = probe.clean.logits.shape[1] > _MANY
    _check_classes(labels, 2 if many else 1)
    sums = []
    for label in np.unique(labels):
        of_class = rows[labels == label]
        found = np.log(np.abs(correlation(of_class)) + _TINY).sum()
        sums.append(found / len(of_class) if many else found)
    values = np.array(sums)
    if many:
        return float(np.abs(values[:, None] - values).sum() / len(values))
    return float(np.abs(values).sum())


def _check_classes(labels: npt.NDArray[np.int64], least: int) -> None:
    """Raise `UndefinedScoreError` unless images of a class can be compared, and `least` classes with one another."""
    _, counts = np.unique(labels, return_counts=True)
    if counts.max() < 2 or len(counts) < least:
        raise UndefinedScoreError(
            f"images of a class are compared, which takes 2 or more of {'a class' if least == 1 else 'several classes'}"
            f"; the batch has {len(labels)}, at most {counts.max()} of each of {len(counts)} classes: draw 4 or more, "
            "which are pairs where the data have them"
        )
