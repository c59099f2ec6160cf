"""Former name of `robnas.statistics`, `robnas.reports` and `robnas.paper`."""

from robnas import _lazy

__getattr__, __dir__ = _lazy.moved(__name__, "robnas.statistics", "robnas.reports", "robnas.paper")
