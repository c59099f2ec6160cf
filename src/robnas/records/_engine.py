"""Connections to a database, and what its errors mean."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from robnas.records._address import FOR_SQLITE, StoreAddress

RESTORE = "the store is damaged: restore it from a copy"
_BUSY = 60.0  # seconds to wait for another writer of an SQLite file


def may_pass(error: SQLAlchemyError, text: str) -> bool:
    """Whether the same call may succeed later; what a damaged or foreign file says comes in the same class."""
    lasting = ("no such table", "no such column", "has no column", "syntax error", "could not decode", "malformed")
    return isinstance(error, OperationalError | InterfaceError) and not any(words in text.lower() for words in lasting)


def remedy_of(problem: str) -> str:
    """What to do about the text of a database's error."""
    known = {
        "is locked": "another process writes to it: try again when it has ended",
        "is full": "make room on the disk: the same command then goes on",
        "disk I/O": "make room on the disk, or look after it: the same command then goes on",
        "resolve": "check that the server runs and can be reached: the same command then goes on",
        "connect": "check that the server runs and can be reached: the same command then goes on",
        "server": "check that the server runs and can be reached: the same command then goes on",
        **dict.fromkeys(("no such", "no column", "malformed", "decode", "not a database"), RESTORE),
    }
    found = [remedy for words, remedy in known.items() if words in problem]
    return found[0] if found else "give a URL such as sqlite:///runs.db in a folder that can be written"


def engine_of(address: StoreAddress) -> sa.Engine:
    """An engine whose writing transactions lock at once: two that read first could otherwise not both write."""
    if address.path is None:
        url = sa.URL.create(address.driver, **address.server, query=address.options)
        return sa.create_engine(url, pool_pre_ping=True)  # a server may have been restarted
    # a URI in SQLite's own form, in which a name cannot be taken for anything else
    arguments = {"timeout": _BUSY, **address.options}
    query = {"uri": "true"} | {key: arguments.pop(key) for key in address.options if key in FOR_SQLITE}
    name = "file://" + quote(os.fsencode(address.path.absolute()))  # the path itself may begin with two slashes
    engine = sa.create_engine(sa.URL.create("sqlite", database=name, query=query), connect_args=arguments)

    @sa.event.listens_for(engine, "connect")
    def manual(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # Python's sqlite3 begins no transactions of its own

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        write = connection.get_execution_options().get("robnas_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine
