"""The weight of the robust loss in the objective of training: as a number, and in names."""

from __future__ import annotations

import numpy as np

from robnas.errors import InputError


def as_beta(what: str, beta: object) -> float:
    """A weight of the robust loss, to twelve decimals, so that 0.1 + 0.2 and 0.3 are the same.

    Raises:
        InputError: no number in [0, 1].
    """
    if isinstance(beta, bool) or not isinstance(beta, int | float | np.number) or not 0 <= beta <= 1:
        raise InputError(what, expected="a number in [0, 1]", got=beta)
    return round(float(beta), 12) + 0.0  # no -0, which would be shown


def beta_text(beta: float | None) -> str:
    """``beta=0.5``, as names of columns and plans have it; nothing where it is not known."""
    return "" if beta is None else f"beta={beta:.12g}"
