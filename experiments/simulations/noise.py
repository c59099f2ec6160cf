"""Intervals of the standard deviation of one training: how often they hold the truth.

Networks are trained 2 to 5 times. `pooled`: the interval of all networks, against χ², which takes the noise as equal,
and the percentile bootstrap. `local`: that of the networks of similar accuracy, at a quantile of the accuracies.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Column, Repeats
from robnas.benchmarks._noise import LocalNoise, measure_local_noise

Floats = npt.NDArray[np.float64]
REPEATS = 300
SHARE, LOUD = 10 / 641, 138.0  # of the networks, and how many times their variance: they hold 68 % of the squares


def _equal(share: Floats) -> Floats:
    return np.full(len(share), 0.002)


def _falling(share: Floats) -> Floats:
    """Tenfold at the bottom what it is at the top."""
    return np.asarray(0.02 * 0.1**share)


def _ten(share: Floats) -> Floats:
    """As on CIFAR-10 under PGD at 8/255: a few networks at the bottom hold two thirds of the sum of squares."""
    return np.where(share < SHARE, 0.002 * LOUD**0.5, 0.002)


NOISES: dict[str, Callable[[Floats], Floats]] = {
    "equal for all": _equal, "falls tenfold with the accuracy": _falling, "68 % from the lowest 1.6 %": _ten,
}  # fmt: skip
TAILS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Floats]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "t5": lambda rng, shape: rng.standard_t(5, size=shape) / (5 / 3) ** 0.5,
}


def simulate(rng: np.random.Generator, repeats: int | None) -> list[dict[str, object]]:
    """Coverage of 95 % intervals; `width` is the mean ratio of the upper to the lower end."""
    rows = []
    for noise in NOISES:
        for tail in TAILS:
            for groups in (20, 80, 320, 641):
                rows += _pooled(rng, repeats or REPEATS, noise, tail, groups)
    for noise in ("equal for all", "falls tenfold with the accuracy"):
        for place in (0.0, 0.1, 0.5, 1.0):
            rows.append(_local(rng, repeats or REPEATS, noise, place, 641))
    return rows


def trained(rng: np.random.Generator, noise: str, tail: str, groups: int) -> Repeats:
    """Networks drawn at random, and trained 2 to 5 times."""
    degrees = rng.integers(1, 5, groups).astype(np.float64)
    draws = TAILS[tail](rng, (groups, 5))
    draws[np.arange(5) > degrees[:, None]] = np.nan
    squares = np.nansum((draws - np.nanmean(draws, axis=1, keepdims=True)) ** 2, axis=1)
    return Repeats(squares * NOISES[noise](rng.random(groups)) ** 2, degrees)


def truth(noise: str) -> float:
    """The standard deviation pooled over all networks that there might be."""
    return float(np.sqrt((NOISES[noise](np.linspace(0, 1, 1_000_001)) ** 2).mean()))


def _pooled(rng: np.random.Generator, repeats: int, noise: str, tail: str, groups: int) -> list[dict[str, object]]:
    from scipy.stats import chi2

    found: dict[str, list[tuple[float, float]]] = {"shown": [], "percentile": [], "chi-square": []}
    for _ in range(repeats):
        drawn = trained(rng, noise, tail, groups)
        found["shown"].append(drawn.interval())
        found["percentile"].append(_percentile(rng, drawn))
        total, freedom = drawn.squares.sum(), drawn.degrees.sum()
        low, high = np.sqrt(total / chi2.ppf([0.975, 0.025], freedom))
        found["chi-square"].append((float(low), float(high)))
    return [
        {"kind": "pooled", "noise": noise, "tails": tail, "networks": groups, "at": "", "interval": name,
         **_judged(np.array(ends), truth(noise))}
        for name, ends in found.items()
    ]  # fmt: skip


def _percentile(rng: np.random.Generator, drawn: Repeats, resamples: int = 400) -> tuple[float, float]:
    chosen = rng.integers(len(drawn.squares), size=(resamples, len(drawn.squares)))
    variance = drawn.squares[chosen].sum(axis=1) / drawn.degrees[chosen].sum(axis=1)
    low, high = np.sqrt(np.quantile(variance, [0.025, 0.975]))
    return float(low), float(high)


def _local(rng: np.random.Generator, repeats: int, noise: str, place: float, groups: int) -> dict[str, object]:
    """Networks of three seeds each; the noise at the accuracy of the network at this quantile, as reports show it."""
    share = (np.arange(groups) + 0.5) / groups
    value, ends = 0.3 + 0.4 * share, []
    for _ in range(repeats):
        runs = value[:, None] + rng.normal(size=(groups, 3)) * NOISES[noise](share)[:, None]
        ends.append(local(runs).interval_at(0.3 + 0.4 * place))
    expected = float(NOISES[noise](np.array([place]))[0])
    return {"kind": "local", "noise": noise, "tails": "normal", "networks": groups, "at": place, "interval": "shown",
            **_judged(np.array(ends), expected)}  # fmt: skip


def local(runs: Floats) -> LocalNoise:
    """The noise of networks of similar accuracy, a seventh of them."""
    column = Column("simulated", "test", "clean", runs, tuple(range(runs.shape[1])))
    return measure_local_noise(np.arange(len(runs)), column, window=len(runs) // 7)


def _judged(ends: Floats, expected: float) -> dict[str, object]:
    low, high = ends.T
    return {
        "repeats": len(ends), "coverage": round(float(((low <= expected) & (expected <= high)).mean()), 4),
        "too_low": round(float((high < expected).mean()), 4), "too_high": round(float((low > expected).mean()), 4),
        "width": round(float(np.exp(np.mean(np.log(high / low)))), 3),
    }  # fmt: skip
