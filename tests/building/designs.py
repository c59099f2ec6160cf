"""A chooser that fits nothing, and builds that ask it."""

import hashlib
from dataclasses import dataclass, field

import numpy as np

from robnas.building import EXECUTORS, Chosen, load_and_expand, run_plan
from tests.building.oracle import Oracle
from tests.building.test_driver import Inline
from tests.building.test_plan import plan

LISTED = [f"{number:06d}" for number in range(10, 14)] + ["323133", "444444", "113023", "000000", "222222", "333333"]


@dataclass
class Whimsical:
    """Chooses by a number that changes with every value and candidate; the error falls with what is known."""

    sequential: bool = True
    scale: float = 1.0
    asked: list = field(default_factory=list)
    """What was measured, and how many were wanted, at each question."""

    def choose(self, measured, count):
        self.asked.append((measured, count))
        taken = {*measured.rows, *measured.closed}
        seen = f"{np.nan_to_num(measured.values).sum():.9f}"
        free = [row for row in range(len(measured.candidates)) if row not in taken]
        free.sort(key=lambda row: hashlib.sha256(f"{seen} {measured.candidates[row]}".encode()).digest())
        known = len(measured.rows)
        return Chosen(free[:count], self.scale / known if known else None)

    def to_dict(self):
        return {"name": "whimsical"}


def designed(design, **changes):
    """An expansion of ten architectures of the digits."""
    space = {"kind": "list", "architectures": LISTED, "channels": 2}
    return load_and_expand(plan(**{"seeds": [0], "space": space, "extra": [], "design": design} | changes))


def build(expansion, store, chooser=None, *, executor=Inline, oracle=None, **options):
    """A build whose trainings are an `Oracle`."""
    given = Oracle.of(expansion, **(oracle or {}))
    EXECUTORS.pop("oracle", None)
    EXECUTORS["oracle"] = lambda trainer, **more: executor(given, **more)
    try:
        return run_plan(expansion, store, executor="oracle", chooser=chooser or Whimsical(), **options)
    finally:
        EXECUTORS.pop("oracle", None)


def trained(store):
    """Texts and seeds of all trials that are done."""
    with store.read() as connection:
        rows = connection.exec_driver_sql("select architecture, seed from trials where state = 'done'").all()
    return sorted(tuple(row) for row in rows)


def choices(store):
    """Texts in the order in which they were chosen."""
    with store.read() as connection:
        query = "select architecture from search_events where kind = 'ask' order by search, number"
        return [row.architecture for row in connection.exec_driver_sql(query)]
