"""Which drivers of a store are alive."""

from __future__ import annotations

import sqlalchemy as sa

from robnas.records import _schema
from robnas.records._machine import Process

LEASE = 60.0  # seconds without a heartbeat after which a driver is taken for dead


def now(connection: sa.Connection) -> float:
    """The database's clock, in seconds since 1970."""
    if connection.dialect.name == "postgresql":
        query = "select extract(epoch from clock_timestamp())::float8"
    else:
        query = "select (julianday('now') - 2440587.5) * 86400.0"
    return float(connection.exec_driver_sql(query).scalar_one())


def living(connection: sa.Connection, moment: float, lease: float = LEASE) -> set[str]:
    """The drivers that are alive at `moment`: with a fresh heartbeat, and not known to have ended.

    A heartbeat in the future is as stale as one in the past: the clock was set back after it, and a driver that lives
    beats again long before a lease is over.
    """
    return {
        row.id
        for row in connection.execute(sa.select(_schema.drivers))
        if abs(moment - row.heartbeat) < lease and not Process(row.machine, row.pid, row.started).is_gone()
    }
