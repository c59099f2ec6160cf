"""Numbers that predictors read: proxies on scales on which differences mean something, and the shape of a cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from robnas._settings import check_keys
from robnas.errors import InputError
from robnas.networks import count
from robnas.spaces import WAYS, Architecture

Matrix = npt.NDArray[np.float64]
_SMALL = 1e-12
_SKIP, _CONV1, _CONV3, _POOL = "1234"


def _log(value: float) -> float:
    return math.log(max(abs(value), _SMALL))


SCALES: dict[str, Callable[[float], float]] = {
    "parameters": _log,
    "macs": _log,
    "convolutions": float,
    "grad_norm": _log,
    "plain": lambda value: math.copysign(math.log1p(100 * abs(value)), value),
    "snip": _log,
    "l2_norm": float,
    "fisher": _log,
    "synflow": float,
    "jacov": lambda value: -_log(value),
    "epe_nas": _log,
    "nwot": float,
    "zen": float,
    "jacobian_norm": _log,
}
"""How each proxy enters a predictor: those that spread over magnitudes by the logarithm of their size."""


def proxy_features(scores: Sequence[Mapping[str, float | None]]) -> Matrix:
    """The proxies of `SCALES` on their scales, shape (architectures, proxies); nan where a score is missing.

    Raises:
        InputError: a score of `SCALES` is not there at all, or infinite.
    """
    for row in scores:
        check_keys("scores of an architecture, for a predictor", SCALES, row)
        infinite = [name for name in SCALES if (value := row[name]) is not None and math.isinf(value)]
        if infinite:
            expected = "finite scores, None or nan for a missing one"
            raise InputError("scores of an architecture, for a predictor", expected=expected, got=row[infinite[0]])
    rows = [[(math.nan if row[name] is None else scale(row[name])) for name, scale in SCALES.items()] for row in scores]  # type: ignore[arg-type]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(SCALES))


def structure(architectures: Sequence[Architecture]) -> Matrix:
    """The shape of each cell, shape (architectures, 18); live edges only.

    Logarithms of parameters and MACs; numbers of 1×1 and 3×3 convolutions, of both, of poolings and of skips; ways from
    the input to the output; the most, fewest and mean convolutions, 3×3 convolutions and poolings on a way; and the
    logarithm of the sum over ways of the product of gains, 2, 6 and 1 for a 1×1, a 3×3 convolution and a pooling, which
    is about the growth of a network with |θ| and without batch norm.
    """
    return np.array([_structure(arch) for arch in architectures], dtype=np.float64)


def _structure(arch: Architecture) -> list[float]:
    counts = count(arch, live=True)
    live = [digit for digit, is_live in zip(arch.code, arch.live_edges, strict=True) if is_live]
    ones, threes, pools, skips = (float(live.count(digit)) for digit in (_CONV1, _CONV3, _POOL, _SKIP))
    ways = ["".join(arch.code[edge] for edge in way) for way in WAYS]
    ways = [way for way in ways if "0" not in way]
    found = [math.log(counts.parameters), math.log(counts.macs), ones, threes, ones + threes, pools, skips, len(ways)]
    for digits in (_CONV1 + _CONV3, _CONV3, _POOL):
        on_way = [sum(digit in digits for digit in way) for way in ways] or [-1]
        found += [max(on_way), min(on_way), sum(on_way) / len(on_way)]
    gains = {_SKIP: 1.0, _CONV1: 2.0, _CONV3: 6.0, _POOL: 1.0}
    return [*found, math.log(1e-3 + sum(math.prod(gains[digit] for digit in way) for way in ways))]
