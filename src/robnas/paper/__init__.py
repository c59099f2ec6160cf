"""The tables and figures of Wu et al. 2024 again, with what was recalled and what was checked."""

from robnas import _lazy
from robnas.paper._reproduce import REPRODUCTIONS as REPRODUCTIONS
from robnas.paper._reproduce import SCORED as SCORED
from robnas.paper._reproduce import reproduce as reproduce
from robnas.paper._table2 import TABLE2_NOTICE as TABLE2_NOTICE

__dir__ = _lazy.listing(__name__)
