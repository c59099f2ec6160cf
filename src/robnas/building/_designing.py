"""Which trainings of a plan are run where not all are: what chooses them, and when it is enough."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, final, get_args

import numpy as np
import numpy.typing as npt

from robnas._brief import brief
from robnas._settings import check_keys
from robnas.errors import InputError, Verbatim
from robnas.spaces import Architecture, Space
from robnas.types import Split, check_count, check_range, check_split

Focus = Literal["everywhere", "top"]
FOCUSES: tuple[Focus, ...] = get_args(Focus)
Matrix: TypeAlias = npt.NDArray[np.float64]
_COUNTS = {"budget": 1, "start": 1, "batch": 1, "seed": 0, "pool": 2}  # entry → smallest value
_GROWTH = 5  # a batch has one in so many of what is known
_SMALLEST = 5  # batch that is not said
_ENOUGH = ("budget", "until_mae")
"""Entries that decide when a build ends, and none of its choices."""


@final
@dataclass(frozen=True, kw_only=True)
class Designing:
    """How the trainings of a plan are chosen, and when they are enough."""

    kind: str
    """``random``, ``spread`` or ``active``, as of `robnas.surrogates.DESIGNS`."""
    budget: int | None = None
    """Architectures that are known at the end at most, those that failed and those that a store knows included; each is
    trained with all seeds that the plan has for it."""
    until_mae: float | None = None
    """Enough is known when the estimated mean absolute error of the predictions is so small, as a fraction."""
    focus: Focus = "everywhere"
    """Where the predictions matter: for all architectures, or near the top."""
    metric: str | None = None
    """What is looked at; by default PGD at the largest radius that the plan measures, else its last attack."""
    split: Split | None = None
    """On which images; validation by default, if the plan measures it."""
    start: int = 20
    """Architectures that are chosen before any is measured, spread over the space."""
    batch: int | None = None
    """Architectures that are chosen at once; a fifth of what is known if omitted, at least five."""
    seed: int = 0
    """Of what is random in the choices."""
    pool: int = 20_000
    """Of a larger space so many architectures are drawn at random, and among these the choices are."""
    information: tuple[str, ...] = ("structure",)
    """What a surrogate looks at, see `robnas.surrogates.Information`."""
    model: str = "gaussian-process"
    """The surrogate, one of `robnas.surrogates.SURROGATES`."""

    @classmethod
    def from_dict(cls, values: Any) -> Designing:
        """The entries of a plan's ``[design]``; its kind alone may stand there as a text.

        Raises:
            InputError: an unknown entry, a wrong one, or no kind.
        """
        given = {"kind": values} if isinstance(values, str) else values
        if not isinstance(given, Mapping):
            raise InputError("plan design", expected="a table [design], or the name of a design", got=values)
        check_keys("plan design", given, [field.name for field in dataclasses.fields(cls)])
        if "kind" not in given:
            raise InputError("plan design", expected="an entry kind, such as active", got=Verbatim("none"))
        return cls(**{**given, **({"information": _texts(given["information"])} if "information" in given else {})})

    def __post_init__(self) -> None:
        for name in ("kind", "model", *([] if self.metric is None else ["metric"])):
            if not (isinstance(value := getattr(self, name), str) and value):
                raise InputError(f"design {name}", expected="a name", got=value)
        for name, least in _COUNTS.items():
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, check_count(f"design {name}", value, least))
        if self.until_mae is not None:
            check_range("design until_mae", self.until_mae, 0.0, 1.0)
        check_keys("design focus", [self.focus], FOCUSES)
        if self.split is not None:
            check_split(self.split)

    def to_dict(self) -> dict[str, Any]:
        """The entries of ``[design]``; what is not said is left out."""
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        said = {name: value for name, value in plain.items() if value is not None}
        return said | {"information": list(self.information)}

    @property
    def choices(self) -> dict[str, Any]:
        """The same without what decides only when it is enough."""
        return {name: value for name, value in self.to_dict().items() if name not in _ENOUGH}

    def next_count(self, known: int) -> int:
        """How many architectures are chosen at once where so many are known."""
        if known < self.start:
            return self.start - known
        return self.batch or max(_SMALLEST, known // _GROWTH)


def _texts(value: Any) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not (isinstance(texts, list | tuple) and texts and all(isinstance(text, str) for text in texts)):
        raise InputError("design information", expected="a list of texts, such as structure", got=value)
    return tuple(texts)


@final
@dataclass(frozen=True)
class Measured:
    """What a build knows when it asks what to train next."""

    __repr__ = brief

    candidates: tuple[Architecture, ...]
    """What may be chosen, and what is known."""
    rows: tuple[int, ...]
    """Of the candidates that are measured, ascending."""
    values: Matrix
    """Accuracies as fractions, ``(rows, seeds)``; nan where a seed was not trained."""
    closed: tuple[int, ...] = ()
    """Rows of candidates that are not measured and are not to be chosen: their trainings failed."""
    space: Space | None = None
    """Of the candidates, with the settings of the networks that are trained; the usual one of its name where None."""

    @property
    def open(self) -> int:
        """How many candidates may be chosen."""
        return len(self.candidates) - len(self.rows) - len(self.closed)


@final
@dataclass(frozen=True)
class Chosen:
    """What a chooser says."""

    rows: Sequence[int]
    """Of the candidates that are trained next, in this order; none if there is nothing worth it."""
    error: float | None = None
    """Estimated mean absolute error of the predictions from what is measured now, as a fraction; None while nobody can
    say."""


class Chooser(Protocol):
    """What a designed build asks; `robnas.surrogates.Chooser` is one."""

    @property
    def sequential(self) -> bool:
        """Whether choices depend on measurements.

        If not, all that the budget allows are asked for at once, unless an accuracy is to be reached.
        """
        ...

    def choose(self, measured: Measured, count: int) -> Chosen:
        """Up to `count` candidates that are neither measured nor closed; with a count of 0 only the error is wanted.

        The same question has the same answer, so that a build that was killed goes on as if it had not been.
        """
        ...

    def to_dict(self) -> Mapping[str, Any]:
        """What decides the choices, as plain values."""
        ...


@final
@dataclass(frozen=True)
class DesignResult:
    """How far a designed build came."""

    known: int
    """Architectures that are measured."""
    failed: int
    """Architectures whose trainings all failed."""
    budget: int
    """Both together, at most."""
    error: float | None
    """Estimated mean absolute error of the predictions, as a fraction; None if nobody can say."""
    reason: str
    """Why no more was chosen."""


def checked(chosen: Chosen, measured: Measured, count: int) -> tuple[int, ...]:
    """The rows, as whole numbers.

    Raises:
        InputError: they are not of candidates that may be chosen, each once, or are too many.
    """
    rows = tuple(check_count("chooser, row", row, 0, len(measured.candidates) - 1) for row in chosen.rows)
    if len(rows) > count or len(set(rows)) < len(rows):
        raise InputError("chooser", expected=f"up to {count} rows, each once", got=list(rows))
    if taken := {*rows} & {*measured.rows, *measured.closed}:
        got = Verbatim(f"{measured.candidates[min(taken)]}, which is measured or has failed")
        raise InputError("chooser", expected="candidates that may be chosen", got=got)
    return rows
