"""NASWOT: how differently images switch the ReLUs."""

from __future__ import annotations

import numpy as np

from robnas.kernels import is_singular
from robnas.proxies._probe import Probe, UndefinedScoreError


def nwot(probe: Probe) -> float:
    """Log det Σ [B Bᵀ + (1 − B)(1 − B)ᵀ] over ReLUs, B = 1[input > 0] of shape (n, units) (Mellor et al. 2021, Eq. 2).

    Every convolution of a cell has its own ReLU and counts. Dead edges are not built, while published scores count
    theirs. The paper takes batches of 128.

    Raises:
        UndefinedScoreError: the kernel is singular, as where two images switch all ReLUs alike, where there are more
            images than the units tell apart, or no ReLU; or the input of a ReLU is nan.
    """
    kernel = probe.clean.agreement.cpu().numpy()
    if not np.isfinite(kernel).all():
        raise UndefinedScoreError("the input of a ReLU is not a number")
    if is_singular(np.linalg.eigvalsh(kernel)):
        raise UndefinedScoreError("the kernel of ReLU codes is singular: images share a code, or there is no ReLU")
    return float(np.linalg.slogdet(kernel)[1])
