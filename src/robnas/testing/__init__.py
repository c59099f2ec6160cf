"""Conformance suites for what people add: each check raises an `AssertionError` of one line, or returns nothing."""

from robnas import _lazy
from robnas.testing._algorithm import check_algorithm as check_algorithm

__dir__ = _lazy.listing(__name__)
