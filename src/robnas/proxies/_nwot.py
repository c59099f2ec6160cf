"""NASWOT: how differently images switch the ReLUs."""

from __future__ import annotations

import numpy as np

from robnas.proxies._probe import Probe, UndefinedScoreError


def nwot(probe: Probe) -> float:
    """Log det Σ [B Bᵀ + (1 − B)(1 − B)ᵀ] over ReLUs, B = 1[input > 0] of shape (n, units) (Mellor et al. 2021, Eq. 2).

    Every convolution of a cell has its own ReLU and counts. Dead edges are not built, while published scores count
    theirs. The paper takes batches of 128.

    Raises:
        UndefinedScoreError: two images switch all ReLUs alike, or there is no ReLU.
    """
    sign, value = np.linalg.slogdet(probe.clean.agreement.cpu().numpy())
    if sign <= 0 or not np.isfinite(value):
        raise UndefinedScoreError("the kernel of ReLU codes is singular: images share a code, or there is no ReLU")
    return float(value)
