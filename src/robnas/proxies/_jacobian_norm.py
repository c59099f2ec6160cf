"""Norm of the input-output Jacobian."""

from __future__ import annotations

import torch

from robnas.proxies._probe import Probe, UndefinedScoreError

_PROJECTIONS = 1


def jacobian_norm(probe: Probe) -> float:
    """−‖∂logits/∂x‖_F / √n, of the batch of n images with respect to its pixels (Hoffman et al. 2019, Eq. 5).

    Negative, because a small Jacobian is the robust one. The square is estimated without bias from one random sign
    per logit (Eq. 6); their number grows with the batch, so the error is small. In training mode an image's logits
    depend a little on the other images, which the norm includes.

    Raises:
        UndefinedScoreError: the logits do not depend on the images, which would make it 0, the best of all.
    """
    logits, source = probe.clean.logits, probe.generator("jacobian_norm")
    total = 0.0
    for _ in range(_PROJECTIONS):
        signs = torch.randint(2, logits.shape, generator=source).to(logits) * 2 - 1
        total += float(probe.pulled_back(signs).square().sum())
    if total == 0:
        raise UndefinedScoreError("the logits do not depend on the images")
    return -float((total / _PROJECTIONS / len(logits)) ** 0.5)
