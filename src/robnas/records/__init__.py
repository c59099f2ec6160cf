"""Measurements with their provenance, and the SQL store that keeps them."""

from typing import TYPE_CHECKING

from robnas import _lazy
from robnas.records._record import Record as Record

if TYPE_CHECKING:
    from robnas.records._store import SCHEMA_VERSION as SCHEMA_VERSION
    from robnas.records._store import RecordStore as RecordStore

# A worker makes records but needs no database.
__getattr__, __dir__ = _lazy.attach(
    __name__, {"RecordStore": "robnas.records._store", "SCHEMA_VERSION": "robnas.records._store"}
)
