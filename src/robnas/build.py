"""Former name of `robnas.building`."""

from robnas import _lazy

__getattr__, __dir__ = _lazy.moved(__name__, "robnas.building")
