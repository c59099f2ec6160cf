"""Trainings chosen in batches, each from what those before it have told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import final, get_args

import numpy as np
import numpy.typing as npt

from robnas.benchmarks import Direction, check_indices, floats
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture, Space, space_of
from robnas.surrogates._classes import classes_of, one_of_each
from robnas.surrogates._designs import Focus, choose, is_sequential
from robnas.surrogates._fit import Fitted, complete_features, fit, tells
from robnas.surrogates._ground import Ground
from robnas.surrogates._information import Information, looked_at
from robnas.surrogates._prediction import Prediction, Vector
from robnas.surrogates._remembered import remembered
from robnas.surrogates._surrogates import SURROGATES

FIRST = 20
"""Values that are known before a surrogate is asked for a choice; until then `active` is `spread`."""


@final
class Campaign:
    """Architectures some of which are trained so that a surrogate completes the others.

    Args:
        architectures: all that may be trained or are to be predicted, each once.
        information: what the surrogate may look at; `Structure` if omitted.
        model: a name in `robnas.surrogates.SURROGATES`.
        level: of the intervals of `fit`.
        direction: ``maximise`` where higher values are better, else ``minimise``.
        space: of the architectures, where it is not registered.

    Raises:
        InputError: no architectures, one of another space, or features that are missing for some.
    """

    def __init__(
        self,
        architectures: Sequence[Architecture],
        *,
        information: Sequence[Information] | None = None,
        model: str = "gaussian-process",
        level: float = 0.9,
        direction: str = "maximise",
        space: Space | None = None,
    ) -> None:
        if not len(architectures):
            raise InputError("architectures of a campaign", expected="at least one", got=Verbatim("none"))
        self.space = space_of(architectures[0].space) if space is None else space
        self.architectures = tuple(self.space.parse(arch) for arch in architectures)
        if len({arch.text for arch in self.architectures}) < len(self.architectures):
            raise InputError("architectures of a campaign", expected="each once", got=Verbatim("one twice"))
        if direction not in get_args(Direction):
            raise InputError("direction of a campaign", expected="maximise or minimise", got=direction)
        SURROGATES[model]
        self.information = remembered(looked_at(information, self.space), self.architectures)
        self._features = complete_features(self.information, self.architectures)  # said before anything is trained
        self.model, self.level, self.direction = model, level, direction

    @cached_property
    def classes(self) -> npt.NDArray[np.int64]:
        """`robnas.surrogates.classes_of` the architectures: one of each class is trained."""
        return classes_of(self.architectures, self.space)

    @cached_property
    def _ground(self) -> tuple[Ground, npt.NDArray[np.int64]]:
        """One architecture of each class as points, and the place of each among all."""
        places = one_of_each(self.classes)
        return Ground(self._features.rows[places], self._features.groups), places

    def fit(self, values: npt.ArrayLike, noise: npt.ArrayLike | None = None, seed: int = 0) -> Fitted:
        """Fit on the known values.

        Args:
            values: of each architecture, nan where it is not known, shape (architectures,).
            noise: standard error of each value, one number or shape (architectures,); estimated if omitted.
            seed: of whatever the model draws.

        Raises:
            InputError: as `robnas.surrogates.fit`.
        """
        given = self._checked(values)
        places = np.flatnonzero(~np.isnan(given))
        errors = None if noise is None else floats("noise of a campaign", noise)
        if errors is not None and errors.shape == given.shape:
            errors = errors[places]
        return fit(
            [self.architectures[place] for place in places], given[places], noise=errors, model=self.model,
            information=self.information, space=self.space, pool=self.architectures, level=self.level, seed=seed,
        )  # fmt: skip

    def propose(
        self,
        values: npt.ArrayLike,
        count: int,
        *,
        design: str = "active",
        noise: npt.ArrayLike | None = None,
        focus: Focus = "everywhere",
        taken: Sequence[int] = (),
        seed: int = 0,
    ) -> list[int]:
        """Which architectures to train next, no two of one class, and none of a class that has a value.

        Args:
            values: of each architecture, nan where it is not known, shape (architectures,).
            count: how many to choose.
            design: a name in `robnas.surrogates.DESIGNS`.
            noise: see `fit`.
            focus: where ``active`` lowers the uncertainty, ``everywhere`` or near the ``top``.
            taken: places that are being trained, or failed.
            seed: of whatever is drawn; the same arguments give the same choice.

        Returns:
            Places of `count` architectures in the order in which they are to be trained.

        Raises:
            InputError: an unknown design, fewer classes left than `count`, or as `fit`.
        """
        given = self._checked(values)
        ground, places = self._ground
        busy = ~np.isnan(given)
        busy[check_indices("taken, places of a campaign", list(taken), len(busy))] = True
        before = np.flatnonzero(np.isin(self.classes[places], self.classes[busy]))
        predicted = None
        enough = (~np.isnan(given)).sum() >= FIRST and tells(given)
        if is_sequential(design) and enough and len(before) + count < len(places):
            predicted = self._upward(self.fit(given, noise, seed).predict([self.architectures[one] for one in places]))
        found = choose(
            design, range(len(places)), count, rows=ground, taken=before.tolist(), predicted=predicted, focus=focus,
            seed=seed,
        )  # fmt: skip
        return [int(places[place]) for place in found]

    def _checked(self, values: npt.ArrayLike) -> Vector:
        given = floats("values of a campaign", values)
        if given.shape != (len(self.architectures),) or np.isinf(given).any():
            expected = f"one for each of {len(self.architectures):,} architectures, nan where it is not known"
            got = "infinite ones" if np.isinf(given).any() else f"shape {given.shape}"
            raise InputError("values of a campaign", expected=expected, got=Verbatim(got))
        return given

    def _upward(self, predicted: Prediction) -> Prediction:
        """The prediction with higher values for better ones."""
        if self.direction == "maximise":
            return predicted
        return replace(predicted, mean=-predicted.mean, low=-predicted.high, high=-predicted.low)
