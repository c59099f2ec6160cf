"""Records in an SQL database: transactional, and the same record twice is one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from robnas.errors import StoreError, StoreUnavailableError, Verbatim
from robnas.records import _schema
from robnas.records._record import Record
from robnas.records._schema import SCHEMA_VERSION
from robnas.spaces import Architecture
from robnas.types import Metric

_BUSY = 60.0  # seconds to wait for another writer of an SQLite file
_records = _schema.records
_KEY = tuple(column.name for column in _records.primary_key)


class RecordStore:
    """Records in a database.

    Args:
        url: an SQLAlchemy URL such as ``sqlite:///runs.db`` or ``postgresql://user@host/name``; the tables are made if
            they are not there, and those of an older version are completed.
        complete: False leaves the tables as they are; `version` says what there is.

    Raises:
        StoreError: the database cannot be opened, is none of robnas, or is of a newer version.
    """

    version: int | None
    """Of the schema; None if there are no tables."""

    def __init__(self, url: str, *, complete: bool = True) -> None:
        self._url = url if "@" not in url else f"{url.partition('://')[0]}://…"  # errors show no password
        try:
            with self.clear_errors():
                parsed = _parse(url)
                self._url = parsed.render_as_string(hide_password=True)
                if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
                    raise StoreError(
                        f"store {self._url}",
                        expected="the name of a file",
                        got=Verbatim("none"),
                        remedy="give a URL such as sqlite:///runs.db: what is kept in memory is lost",
                    )
                self._engine = _engine(url)
                self._open(complete)
        except ModuleNotFoundError as error:
            raise StoreError(
                f"store {self._url}",
                expected=f"the driver {error.name}",
                got=Verbatim("no such module"),
                remedy="pip install 'robnas[postgres]'",
            ) from None
        except StoreError:
            if hasattr(self, "_engine"):
                self.close()
            raise

    def _open(self, complete: bool) -> None:
        """Check the version, and write only what is missing."""
        names = sa.inspect(self._engine).get_table_names()
        if names and _schema.meta.name not in names:
            raise StoreError(
                f"store {self._url}", expected="an empty database or one of robnas", got=Verbatim(", ".join(names)[:60])
            )
        self.version = version = self._version() if names else None
        if version == SCHEMA_VERSION:
            return
        if version is not None and version > SCHEMA_VERSION:
            raise StoreError(
                f"store {self._url}",
                expected=f"schema version {SCHEMA_VERSION} or older",
                got=Verbatim(version),
                remedy="read it with the robnas that wrote it",
            )
        if not complete:
            return
        with self.write() as connection:
            if self.dialect == "postgresql":  # "if not exists" alone fails when two create at the same moment
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(0x0B0B)))
            for table in _schema.metadata.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))
            self.insert_new(connection, _schema.meta, [{"key": "schema_version", "value": str(SCHEMA_VERSION)}])
            connection.execute(
                sa.update(_schema.meta).where(_schema.meta.c.key == "schema_version").values(value=str(SCHEMA_VERSION))
            )
        self.version = SCHEMA_VERSION

    def _version(self) -> int | None:
        with self._engine.connect() as connection:
            text = connection.scalar(sa.select(_schema.meta.c.value).where(_schema.meta.c.key == "schema_version"))
        return int(text) if text is not None and text.isdecimal() else None

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that writes: all or, after an error, none."""
        with self.clear_errors(), self._engine.connect() as connection:
            connection = connection.execution_options(robnas_write=True)
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection for queries; they see one state of the store."""
        with self.clear_errors(), self._engine.connect() as connection:
            if self.dialect == "postgresql":  # where otherwise each query sees a state of its own
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def clear_errors(self) -> Iterator[None]:
        """Turn the errors of SQLAlchemy into `StoreError`."""
        try:
            yield
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            kind = StoreUnavailableError if isinstance(error, OperationalError | InterfaceError) else StoreError
            # the text of an error about a malformed URL repeats it, its password included
            shown = "not a URL" if isinstance(error, ArgumentError) else " ".join(str(cause).split())[:120]
            raise kind(
                f"store {self._url}",
                expected="a database of records that can be read and written",
                got=Verbatim(f"{type(cause).__name__} ({shown})"),
                remedy=_remedy(shown),
            ) from None

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()

    def __enter__(self) -> RecordStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, records: Iterable[Record], settings: Mapping[str, Mapping[str, Any]] | None = None) -> int:
        """Add records in one transaction: all or, after an error, none.

        Args:
            records: those that the store holds already, with the same value, are left alone.
            settings: hash → settings of the recipes and attacks that the records name.

        Returns:
            How many were new.

        Raises:
            StoreError: the store holds another value under the same key, or cannot be written.
        """
        with self.write() as connection:
            return self.add_within(connection, records, settings or {})

    def add_within(
        self, connection: sa.Connection, records: Iterable[Record], settings: Mapping[str, Mapping[str, Any]]
    ) -> int:
        """The same as a part of a larger transaction."""
        rows = list({record.key: _to_row(record) for record in records}.values())
        described = [{"hash": key, "json": json.dumps(value, sort_keys=True)} for key, value in settings.items()]
        self.insert_new(connection, _schema.settings, described)
        new = self.insert_new(connection, _records, rows)
        if new < len(rows):
            self._check_same(connection, rows)
        return new

    def insert_new(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> int:
        """Insert the rows whose keys are not there yet, and return how many those were."""
        if not rows:
            return 0
        # In the order of their keys: two transactions that insert the same rows then wait for each other in turn only.
        keys = [column.name for column in table.primary_key]
        rows = sorted(rows, key=lambda row: [row[name] for name in keys])
        statement: Any
        if self.dialect == "postgresql":
            from sqlalchemy.dialects.postgresql import insert as postgresql_insert

            statement = postgresql_insert(table).on_conflict_do_nothing()
        else:
            from sqlalchemy.dialects.sqlite import insert as sqlite_insert

            statement = sqlite_insert(table).on_conflict_do_nothing()
        return int(connection.execute(statement, rows, execution_options={"preserve_rowcount": True}).rowcount)

    def _check_same(self, connection: sa.Connection, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            where = sa.and_(*(_records.c[name] == row[name] for name in _KEY))
            stored = connection.scalar(sa.select(_records.c.value).where(where))
            if stored != row["value"]:
                raise StoreError(
                    f"record {row['architecture']} {row['dataset']} {row['split']} {row['metric']} seed {row['seed']}",
                    expected=f"{stored}, which the store holds",
                    got=Verbatim(row["value"]),
                    remedy="perhaps another torch, device or batch size gave another value: use another store",
                )

    def records(self, **where: object) -> list[Record]:
        """Records whose columns equal `where`, for example ``split="test"``, in the order of their keys."""
        query = sa.select(_records).order_by(*(_records.c[name] for name in _KEY))
        for name, value in where.items():
            if name not in _records.c:
                raise StoreError("record column", expected=f"one of {', '.join(_records.c.keys())}", got=name)
            query = query.where(_records.c[name] == (value.code if isinstance(value, Architecture) else value))
        with self.read() as connection:
            return [_from_row(row) for row in connection.execute(query).mappings()]

    def settings(self, hash_: str) -> dict[str, Any]:
        """The recipe or attack settings of a hash.

        Raises:
            StoreError: the store does not know the hash.
        """
        table = _schema.settings
        with self.read() as connection:
            text = connection.scalar(sa.select(table.c.json).where(table.c.hash == hash_))
        if text is None:
            raise StoreError("settings hash", expected="one that the store holds", got=hash_)
        found: dict[str, Any] = json.loads(text)
        return found


def _remedy(problem: str) -> str:
    """What to do about the text of a database's error."""
    known = {
        "is locked": "another process writes to it: try again when it has ended",
        "is full": "make room on the disk: the same command then goes on",
        "disk I/O": "make room on the disk, or look after it: the same command then goes on",
        "connect": "check that the server runs and can be reached: the same command then goes on",
        "server": "check that the server runs and can be reached: the same command then goes on",
    }
    found = [remedy for words, remedy in known.items() if words in problem]
    return found[0] if found else "give a URL such as sqlite:///runs.db in a folder that can be written"


def _parse(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except ValueError:  # a port that is no number
        raise ArgumentError("not a URL") from None


def _engine(url: str) -> sa.Engine:
    """An engine whose writing transactions lock at once: two that read first could otherwise not both write."""
    if sa.make_url(url).get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True)  # a server may have been restarted
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY})

    @sa.event.listens_for(engine, "connect")
    def manual(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # Python's sqlite3 begins no transactions of its own

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        write = connection.get_execution_options().get("robnas_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _to_row(record: Record) -> dict[str, Any]:
    metric = Metric.parse(record.metric)
    row = {name: getattr(record, name) for name in Record.__dataclass_fields__}
    return {
        **row,
        "architecture": record.architecture.code,
        "attack": metric.attack,
        "norm": metric.threat.norm if metric.threat else None,
        "epsilon": metric.threat.epsilon if metric.threat else None,
    }


def _from_row(row: Mapping[Any, Any]) -> Record:
    fields = {name: row[name] for name in Record.__dataclass_fields__}
    return Record(**{**fields, "architecture": Architecture(row["architecture"])})
