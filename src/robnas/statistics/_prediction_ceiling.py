"""How good predictions of a noisy table can be at all."""

from __future__ import annotations

import numpy as np

from robnas.benchmarks import Column, Table, measured_column, measured_noise
from robnas.statistics._correlation import behind_values, table_residuals
from robnas.statistics._true_noise import true_noise
from robnas.surrogates import Prediction, accuracy_of

_DRAWS = 10  # of a whole table
_OVERALL, _AT_TOP = ("spearman", "r2", "mae"), ("top_decile_spearman", "regret_top10")
_NIL = 0.05  # of the distance between true means: with less noise than that they are told apart as they are


def prediction_ceiling(table: Table, column: Column, rng: np.random.Generator) -> dict[str, float] | None:
    """What predictions would reach that know the true value behind each measured one: all but the intervals.

    True values are drawn from the distribution that explains the column best, as in `correlation_ceiling`, and measured
    with the noise of its trainings. What concerns the best alone is left out where their values differ by no more than
    noise: the upper end of that distribution cannot be told then.

    Args:
        table: of the column.
        column: what is predicted; the values that it has measured are looked at.
        rng: source of randomness.

    Returns:
        By name as `robnas.surrogates.accuracy_of`; None where no trainings were repeated.
    """
    column = measured_column(column)
    noise = measured_noise(table, column)
    if noise is None or not noise.run_sd > 0:
        return None
    residuals, runs = table_residuals(table, column)
    known = ~np.isnan(column.mean)
    values = column.mean[known]
    around, behind = true_noise(residuals, values), runs[known].astype(np.float64)
    _, found, _ = behind_values(values, behind, around)
    width, share = np.gradient(found.grid), found.share.ravel() / found.share.sum()
    several = []
    for _ in range(_DRAWS):
        kind, point = np.divmod(rng.choice(len(share), p=share, size=len(values)), len(found.grid))
        sd = found.sd[kind, point]
        between = np.where(sd < _NIL * width[point], 0.0, width[point])  # true values lie between points, too
        true = found.grid[point] + between * (rng.random(len(sd)) - 0.5)
        seen = true + sd * rng.standard_normal(len(sd))
        perfect = Prediction(true, sd, true, true, 0.9)
        several.append(accuracy_of(seen, perfect, sign=column.sign, rng=rng))
    best = column.sign * values >= np.quantile(column.sign * values, 0.9)
    told = values[best].var() > (around(values[best]) ** 2 / behind[best]).mean()
    names = (*_OVERALL, *_AT_TOP) if told else _OVERALL
    return {name: float(np.mean([one[name] for one in several])) for name in names}
