"""What one value of an answer is: its name, its unit, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, final, get_args

from robnas._settings import check_keys
from robnas.errors import InputError

Direction = Literal["maximise", "minimise"]


@final
@dataclass(frozen=True)
class Goal:
    """A quantity that a search improves; it may have any unit and range.

    Raises:
        InputError: no name, or another direction.
    """

    name: str
    """Such as ``pgd@8/255`` or ``latency``."""
    unit: str = ""
    """Such as ``ms``; empty for fractions and counts."""
    direction: Direction = "maximise"
    """Which way is better."""

    def __post_init__(self) -> None:
        for what, text in (("name", self.name), ("unit", self.unit)):
            if not isinstance(text, str) or not text.isprintable() or (what == "name" and not text):
                raise InputError(f"goal {what}", expected="a printable text", got=text)
        check_keys("goal direction", [self.direction], get_args(Direction))

    @property
    def sign(self) -> float:
        """What a measured value is multiplied by so that higher is better."""
        return 1.0 if self.direction == "maximise" else -1.0

    def __str__(self) -> str:
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return dict(vars(self))
