"""Jacobian covariance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from robnas.proxies._probe import Probe, UndefinedScoreError

_TINY = 1e-5


def jacov(probe: Probe) -> float:
    """−Σ_i [log(v_i + k) + 1/(v_i + k)], v the eigenvalues of the correlations of rows of J, k = 1e-5.

    J holds ∂(Σ logits)/∂x, one row per image (Mellor et al. 2021, first version, Eq. 3). Here x are pixels, in the
    released code normalised pixels, which differ by a factor per colour that is nearly the same for all three.

    Raises:
        UndefinedScoreError: a row is constant.
    """
    values = np.linalg.eigvalsh(correlation(probe.jacobian.cpu().numpy())) + _TINY
    if values[0] <= 0:
        raise UndefinedScoreError("the correlation matrix of the Jacobian is indefinite")
    return -float((np.log(values) + 1 / values).sum())


def correlation(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Pearson correlations of rows, shape (n, n).

    Raises:
        UndefinedScoreError: a row is constant or not finite.
    """
    centred = rows - rows.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    if not np.isfinite(norms).all():
        raise UndefinedScoreError("the Jacobian of an image is not finite")
    if (norms <= rows.shape[1] * np.finfo(np.float64).eps * np.linalg.norm(rows, axis=1, keepdims=True)).any():
        raise UndefinedScoreError("the Jacobian of an image is constant, so its correlations are undefined")
    scaled: npt.NDArray[np.float64] = centred / norms
    return scaled @ scaled.T
