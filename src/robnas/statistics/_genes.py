"""What each gene's choices come to: means of the architectures that share one, and how much they explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture, Space

Floats = npt.NDArray[np.float64]


@final
@dataclass(frozen=True)
class ChoiceEffect:
    """The architectures that made one choice."""

    choice: str
    """As it is written in texts."""
    architectures: int
    mean: float
    lowest: float
    highest: float


@final
@dataclass(frozen=True)
class GeneEffect:
    """One gene."""

    gene: str
    explained: float
    """Share of the variance between architectures that the choice of this gene alone accounts for, adjusted for the
    number of choices (ε² of Kelley 1935), at least 0; nan where all made the same, or one is left per choice."""
    choices: tuple[ChoiceEffect, ...]
    """Those that were made, in the order of the gene."""


def gene_effects(space: Space, architectures: Sequence[Architecture], values: npt.ArrayLike) -> list[GeneEffect]:
    """How the choices of each gene go with a value: an association, not a cause where genes were not drawn at random.

    Args:
        space: of the architectures.
        architectures: each with a value.
        values: shape (architectures,); those that are nan are left out.

    Returns:
        One entry per gene, in the order of the space.

    Raises:
        InputError: shapes that do not fit, or an architecture of another space.
    """
    given = np.asarray(values, dtype=np.float64)
    if given.shape != (len(architectures),):
        expected, got = f"shape ({len(architectures)},)", Verbatim(f"shape {given.shape}")
        raise InputError("values of architectures", expected=expected, got=got)
    known = ~np.isnan(given)
    places, given = space.position_array(architectures)[known], given[known]
    return [
        GeneEffect(
            gene.name, _explained(places[:, column], given), tuple(_choices(gene.texts, places[:, column], given))
        )
        for column, gene in enumerate(space.genes)
    ]


def _choices(texts: Sequence[str], places: npt.NDArray[np.int64], values: Floats) -> list[ChoiceEffect]:
    found = []
    for place in np.unique(places).tolist():
        chosen = values[places == place]
        found.append(ChoiceEffect(texts[place], len(chosen), *map(float, (chosen.mean(), chosen.min(), chosen.max()))))
    return found


def _explained(places: npt.NDArray[np.int64], values: Floats) -> float:
    """1 − (within / (n − k)) / (total / (n − 1)), at least 0."""
    _, group = np.unique(places, return_inverse=True)
    count, groups = len(values), int(group.max(initial=-1)) + 1
    total = float(((values - values.mean()) ** 2).sum()) if count else 0.0
    if groups < 2 or count <= groups or not total > 0:
        return float("nan")
    means = np.bincount(group, weights=values) / np.bincount(group)
    within = float(((values - means[group]) ** 2).sum())
    return max(0.0, 1 - within / (count - groups) * (count - 1) / total)
