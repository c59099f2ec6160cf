"""What a build is told to train next, by a design and a surrogate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from robnas.building import Chosen, Measured
from robnas.spaces import Architecture, Space, space_of
from robnas.surrogates._campaign import Campaign
from robnas.surrogates._designs import DESIGNS, Focus, check_focus, is_sequential, near_top
from robnas.surrogates._fit import tells
from robnas.surrogates._information import Information, of_networks
from robnas.surrogates._prediction import Vector
from robnas.surrogates._surrogates import SURROGATES
from robnas.surrogates._tables import information_of

_Asked = tuple[str, tuple[Architecture, ...]]
"""Key of the space, and the candidates."""
_MEAN_OF_ABSOLUTE = math.sqrt(2 / math.pi)  # of a normal variable with standard deviation 1
_DEGREES = 10  # of freedom, that the noise of a training needs to be known from repeated seeds


@final
@dataclass(frozen=True, eq=False)
class Chooser:
    """Chooses the trainings of a `robnas.building.Plan` with a design, see `robnas.building.Chooser`.

    The error that it tells is the mean over all architectures of whose class none is measured (with ``top`` by their
    chance to be in the best tenth) of what one more value like the measured ones, means over seeds, would differ from
    its prediction, by the width of the calibrated intervals; the noise of a training has a part in it.

    Raises:
        InputError: an unknown design, focus or model.
    """

    design: str = "active"
    """A name in `robnas.surrogates.DESIGNS`."""
    focus: Focus = "everywhere"
    """Where predictions matter: ``everywhere``, or near the ``top``."""
    model: str = "gaussian-process"
    """A name in `robnas.surrogates.SURROGATES`."""
    information: Sequence[str | Information] = ("structure",)
    """What the surrogate may look at; texts are those of `robnas.surrogates.information_of`."""
    seed: int = 0
    """Of whatever is drawn."""
    _campaigns: dict[_Asked, Campaign] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        DESIGNS[self.design], SURROGATES[self.model]
        check_focus(self.focus)

    @property
    def sequential(self) -> bool:
        """Whether choices depend on measurements."""
        return is_sequential(self.design)

    def to_dict(self) -> dict[str, Any]:
        """What decides the choices, as plain values."""
        texts = [one if isinstance(one, str) else one.text for one in self.information]
        return {"design": self.design, "focus": self.focus, "model": self.model, "information": texts,
                "seed": self.seed}  # fmt: skip

    def choose(self, measured: Measured, count: int) -> Chosen:
        """See `robnas.building.Chooser`; no two of one of `robnas.surrogates.classes_of`."""
        campaign = self._campaign(measured.candidates, measured.space)
        values = np.full(len(measured.candidates), np.nan)
        values[list(measured.rows)] = np.nanmean(measured.values, axis=1) if measured.rows else np.nan
        noise = _noise(measured)
        taken = np.array([*measured.rows, *measured.closed], dtype=np.int64)
        left = len(np.unique(campaign.classes)) - len(np.unique(campaign.classes[taken]))
        rows: Sequence[int] = ()
        if count and left:
            rows = campaign.propose(
                values, min(count, left), design=self.design, noise=noise, focus=self.focus, taken=measured.closed,
                seed=self.seed,
            )  # fmt: skip
        return Chosen(rows, self._error(campaign, values, noise))

    def _campaign(self, candidates: tuple[Architecture, ...], space: Space | None) -> Campaign:
        """Whose features are computed once."""
        space = space_of(candidates[0].space) if space is None else space
        if (key := (space.key, candidates)) not in self._campaigns:
            kinds = [one if not isinstance(one, str) else information_of([one], space)[0] for one in self.information]
            self._campaigns.clear()
            self._campaigns[key] = Campaign(
                candidates, information=of_networks(kinds, space), model=self.model, space=space
            )  # fmt: skip
        return self._campaigns[key]

    def _error(self, campaign: Campaign, values: Vector, noise: Vector | None) -> float | None:
        """Estimated mean absolute error over classes that are not measured; None while it cannot be known."""
        if not tells(values):
            return None
        predicted = campaign.fit(values, noise, self.seed).predict(campaign.architectures)
        sd = predicted.calibrated_sd
        known = campaign.classes[~np.isnan(values)]
        matters = (~np.isin(campaign.classes, known)).astype(np.float64)
        if self.focus == "top":  # by the chance to be there
            matters *= near_top(predicted.mean, sd, predicted.mean)
        if not matters.any():
            return 0.0
        return _MEAN_OF_ABSOLUTE * float((matters * sd).sum() / matters.sum())


def _noise(measured: Measured) -> Vector | None:
    """Standard error of each candidate's value by its seeds; None where too few were trained again."""
    counts = (~np.isnan(measured.values)).sum(axis=1)
    degrees = int((counts - 1).sum()) if len(counts) else 0
    if degrees < _DEGREES:
        return None
    away = measured.values - np.nanmean(measured.values, axis=1, keepdims=True)
    variance = float(np.nansum(away**2)) / degrees
    found = np.full(len(measured.candidates), np.nan)
    found[list(measured.rows)] = np.sqrt(variance / counts)
    return found if variance > 0 else None
