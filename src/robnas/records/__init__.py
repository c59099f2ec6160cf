"""Measurements with their provenance, and the SQL store that keeps them."""

from robnas.records._record import Record as Record
from robnas.records._store import SCHEMA_VERSION as SCHEMA_VERSION
from robnas.records._store import RecordStore as RecordStore
