"""Conformance suites for what people add: each check raises an `AssertionError` of one line, or returns nothing."""

from typing import TYPE_CHECKING

from robnas import _lazy
from robnas.testing._algorithm import check_algorithm as check_algorithm

if TYPE_CHECKING:
    from robnas.testing._scores import check_scores as check_scores

__getattr__, __dir__ = _lazy.attach(__name__, {"check_scores": "robnas.testing._scores"})
