"""Two cheap proxies together, for robust accuracy."""

from __future__ import annotations

import math

from robnas.proxies._epe_nas import epe_nas
from robnas.proxies._probe import Probe, UndefinedScoreError
from robnas.proxies._sizes import macs

ROBUST_WEIGHT = 3.135
"""Of log epe_nas, beside log MACs."""


def robust_score(probe: Probe) -> float:
    """Log MACs + 3.135 log epe_nas: how large a network is, and how differently its Jacobian sees images of a class.

    Pair and weight were chosen among all pairs of 14 proxies by rank correlation with accuracy under PGD 8/255 on
    **CIFAR-100** (NAS-RobBench-201), on 160 random architectures, C = 16, N = 5, with 64 CIFAR-10 images; what it says
    of other architectures and data is measured in docs/proxies.md: it orders the whole; among the best it is no better
    than the number of parameters, `top_score` is. With another number of images or classes epe_nas changes by a factor,
    so scores compare within one setting only.

    Raises:
        UndefinedScoreError: epe_nas is not defined or 0.
    """
    differing = epe_nas(probe)
    if not differing > 0:
        raise UndefinedScoreError("Jacobians within every class are fully correlated")
    return math.log(macs(probe)) + ROBUST_WEIGHT * math.log(differing)
