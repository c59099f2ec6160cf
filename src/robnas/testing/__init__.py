"""Conformance suites for what people add: each check raises an `AssertionError` of one line, or returns nothing."""

from typing import TYPE_CHECKING

from robnas import _lazy
from robnas.testing._algorithm import check_algorithm as check_algorithm
from robnas.testing._space import check_space as check_space
from robnas.testing._table import check_table as check_table
from robnas.testing._trace import check_trace as check_trace

if TYPE_CHECKING:
    from robnas.testing._explorer import check_explorer_data as check_explorer_data
    from robnas.testing._plan import check_plan as check_plan
    from robnas.testing._scores import check_scores as check_scores
    from robnas.testing._store import check_store as check_store

# These need torch, a database, or what searches are compared with.
__getattr__, __dir__ = _lazy.attach(
    __name__,
    {
        "check_explorer_data": "robnas.testing._explorer",
        "check_plan": "robnas.testing._plan",
        "check_scores": "robnas.testing._scores",
        "check_store": "robnas.testing._store",
    },
)
