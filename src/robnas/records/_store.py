"""Records in an SQL database: transactional, and the same record twice is one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from robnas.errors import StoreError, StoreUnavailableError, Verbatim
from robnas.records import _earlier, _schema
from robnas.records._address import StoreAddress
from robnas.records._check import wrong_value
from robnas.records._curve import Curve
from robnas.records._curves import add_curves, curve_of
from robnas.records._drivers import living, now
from robnas.records._engine import RESTORE, engine_of, may_pass, remedy_of
from robnas.records._read import read_rows
from robnas.records._record import Record
from robnas.records._rows import facts_of_images, hash_of_space, images_key, known_facts, to_row
from robnas.records._schema import SCHEMA_VERSION
from robnas.records._trials import space_facts
from robnas.spaces import parse_key, space_of

_LONGEST = 120  # characters of a database's error that are shown
_VERSION = "schema_version"
_SEEN = "robnas_seen"  # mark of a connection that sees a store of an older version as the present one
_KNOWN = {str(version): version for version in range(1, SCHEMA_VERSION + 1)}  # spelled exactly so
_records = _schema.records
_KEY = tuple(column.name for column in _records.primary_key)
_FIELDS = tuple(_records.c[name] for name in Record.__dataclass_fields__ if name in _records.c)


@final
class RecordStore:
    """Records in a database.

    Args:
        url: such as ``sqlite:///runs.db`` or ``postgresql://user@host/name``, or the path of an SQLite file; the tables
            are made if they are not there, and those of an older version are rewritten, if that can be.
        complete: False leaves the tables as they are until something is written; `version` says what there is. What is
            read is in the present form, whatever the version.

    Raises:
        StoreError: the database cannot be opened, is none of robnas, or is of a version that this robnas does not know.
    """

    version: int | None
    """Of the schema; None if there are no tables."""

    def __init__(self, url: str | Path | StoreAddress, *, complete: bool = True) -> None:
        self._address = StoreAddress.parse(url)
        try:
            with self.clear_errors():
                self._engine = engine_of(self._address)
                self._open(complete)
        except ModuleNotFoundError as error:
            raise StoreError(
                f"store {self.shown}",
                expected=f"the driver {error.name}",
                got=Verbatim("no such module"),
                remedy="pip install 'robnas[postgres]'",
            ) from None
        except StoreError:
            if hasattr(self, "_engine"):
                self.close()
            raise

    @property
    def shown(self) -> str:
        """The URL as messages may show it: without password and options."""
        return self._address.shown

    @property
    def file(self) -> Path | None:
        """Of an SQLite store; None on a server."""
        return self._address.path

    def __repr__(self) -> str:
        return f"RecordStore({self.shown!r})"

    def _open(self, complete: bool) -> None:
        """Check the version, and write only what is missing."""
        names = sa.inspect(self._engine).get_table_names()
        if names and _schema.meta.name not in names:
            raise StoreError(
                f"store {self.shown}",
                expected="an empty database or one of robnas",
                got=Verbatim(", ".join(names)[:60]),
            )
        with self._engine.connect() as connection:
            self.version = self._version(connection) if names else None
            checked = self.version is not None and self.dialect == "sqlite"
            if checked and (wrong := wrong_value(connection, set(names), self.version or 0)):
                place, expected, got = wrong
                raise StoreError(f"store {self.shown}, {place}", expected=expected, got=got, remedy=RESTORE)
        if complete and self.version != SCHEMA_VERSION:
            try:
                self._complete()
            except StoreError:
                if self.version is None:
                    raise  # else it can still be read, and writing says again what is wrong

    def _complete(self) -> None:
        with self._transaction() as connection:
            if self.dialect == "postgresql":  # "if not exists" alone fails when two create at the same moment
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(0x0B0B)))
            there = sa.inspect(connection).has_table(_schema.meta.name)
            # another process may have made it in the meantime, in a version of its own
            found = self._version(connection) if there else None
            if found != SCHEMA_VERSION:
                self._check_nobody_writes(connection)
                _earlier.complete(connection, found)
                row = {"key": _VERSION, "value": str(SCHEMA_VERSION)}
                if not self.insert_new(connection, _schema.meta, [row]):
                    self._version(connection)
                    meta = _schema.meta
                    connection.execute(sa.update(meta).where(meta.c.key == _VERSION).values(value=row["value"]))
        self.version = SCHEMA_VERSION

    def _version(self, connection: sa.Connection) -> int:
        """Of the schema; an error if it is none that this code knows."""
        # as the database has it: in SQLite any column may hold anything
        value = sa.type_coerce(_schema.meta.c.value, sa.types.NullType())
        found: list[Any] = list(connection.scalars(sa.select(value).where(_schema.meta.c.key == _VERSION)))
        if len(found) == 1 and found[0] in _KNOWN:
            return _KNOWN[found[0]]
        got = found[0] if found else Verbatim("none")
        raise StoreError(
            f"store {self.shown}",
            expected=f"schema version {SCHEMA_VERSION} or older",
            got=Verbatim(got) if isinstance(got, str) and re.fullmatch("[0-9]{1,9}", got) else got,
            remedy="read it with the robnas that wrote it",
        )

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that writes: all or, after an error, none. A store of an older version is rewritten before."""
        if self.version != SCHEMA_VERSION:
            self._complete()
        with self._transaction() as connection:
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with self.clear_errors(), self._engine.connect() as connection:
            if _SEEN in connection.info:
                with connection.begin():
                    _earlier.forget(connection)
                del connection.info[_SEEN]
            connection = connection.execution_options(robnas_write=True)
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection for queries; they see one state of the store."""
        with self.clear_errors(), self._engine.connect() as connection:
            if self.version != SCHEMA_VERSION or _SEEN in connection.info:
                self._show_as_now(connection)
            if self.dialect == "postgresql":  # where otherwise each query sees a state of its own
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    def _show_as_now(self, connection: sa.Connection) -> None:
        """Let a connection see a store of an older version in the present one."""
        with connection.begin():
            seen = connection.exec_driver_sql("pragma data_version").scalar() if self.dialect == "sqlite" else None
            if seen is not None and connection.info.get(_SEEN) == seen:
                return  # nobody has written since
            there = _earlier.forget(connection)
            # which another process may have changed
            self.version = self._version(connection) if _schema.meta.name in there else None
            if self.version != SCHEMA_VERSION:
                _earlier.show_as_now(connection, there, self.version)
                connection.info[_SEEN] = seen
            else:
                connection.info.pop(_SEEN, None)

    def _check_nobody_writes(self, connection: sa.Connection) -> None:
        """Refuse to rewrite a store while a build of an earlier version writes to it."""
        known = sa.inspect(connection).has_table(_schema.drivers.name)
        if known and (count := len(living(connection, now(connection)))):
            raise StoreError(
                f"store {self.shown}, of an earlier version of robnas",
                expected="no running build when it is rewritten in the present version",
                got=Verbatim(f"{count} running"),
                remedy="wait until they have ended, or end them; until then it can be read",
            )

    @contextmanager
    def clear_errors(self) -> Iterator[None]:
        """Turn the errors of SQLAlchemy into `StoreError`."""
        try:
            yield
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            text = " ".join(str(cause).split())[:_LONGEST]
            kind = StoreUnavailableError if may_pass(error, text) else StoreError
            hidden = any(secret in text for secret in self._address.secrets)  # some drivers repeat a password
            raise kind(
                f"store {self.shown}",
                expected="a database of records that can be read and written",
                got=Verbatim(type(cause).__name__ if hidden else f"{type(cause).__name__} ({text})"),
                remedy=remedy_of(text),
            ) from None

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()

    def __enter__(self) -> RecordStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(
        self,
        records: Iterable[Record],
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        curves: Iterable[Curve] = (),
    ) -> int:
        """Add records and curves in one transaction: all or, after an error, none.

        Args:
            records: those that the store holds already, with the same value, are left alone.
            settings: hash → settings of the recipes and attacks that records and curves name.
            curves: of those that the store holds already the epochs that it lacks are added.

        Returns:
            How many records were new.

        Raises:
            StoreError: the store holds another value under the same key, or another accuracy after the same epoch, or
                cannot be written.
        """
        with self.write() as connection:
            return self.add_within(connection, records, settings or {}, curves)

    def add_within(
        self,
        connection: sa.Connection,
        records: Iterable[Record],
        settings: Mapping[str, Mapping[str, Any]],
        curves: Iterable[Curve] = (),
    ) -> int:
        """The same as a part of a larger transaction."""
        records, curves = list(records), list(curves)
        self.keep_spaces(connection, {record.space for record in records} | {curve.space for curve in curves})
        rows = list({record.key: to_row(record) for record in records}.values())
        settings = {**facts_of_images(records), **settings}
        described = [{"hash": key, "json": json.dumps(value, sort_keys=True)} for key, value in settings.items()]
        self.insert_new(connection, _schema.settings, described)
        new = self.insert_new(connection, _records, rows)
        if new < len(rows):
            self._check_same(connection, rows)
        add_curves(self, connection, curves)
        return new

    def keep_spaces(self, connection: sa.Connection, keys: Iterable[str]) -> None:
        """Keep the fingerprints of spaces, named by `Space.key`.

        Raises:
            StoreError: the store was filled with a space of that name and other genes.
        """
        facts = {key: space_facts(space_of(parse_key(key))) for key in keys}
        rows = [{"hash": hash_of_space(key), "json": json.dumps(fact, sort_keys=True)} for key, fact in facts.items()]
        if self.insert_new(connection, _schema.settings, rows) < len(rows):
            self.check_spaces(connection, facts)

    def check_spaces(self, connection: sa.Connection, facts: Mapping[str, Mapping[str, str]]) -> None:
        """Raise `StoreError` if the store was filled with other genes; `facts` is `Space.key` → `space_facts`."""
        table = _schema.settings
        keys = {hash_of_space(key): key for key in facts}
        known = sa.select(table.c.hash, table.c.json).where(table.c.hash.in_(keys))
        for row in connection.execute(known).all():
            found, key = self.decoded(row.json, f"settings {row.hash}").get("space_fingerprint"), keys[row.hash]
            if found != facts[key]["space_fingerprint"]:
                raise StoreError(
                    f"store {self.shown}, space {key}",
                    expected=f"the genes and choices with which the store was filled, fingerprint {found}",
                    got=Verbatim(facts[key]["space_fingerprint"]),
                    remedy="restore the file of the space, or give the changed space another name",
                )

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
        """Records whose columns equal `where`, for example ``split="test"``, in the order of their keys.

        Of a list a column equals any; spaces that are not asked for need not be known here.

        Raises:
            StoreError: there is no such column, or a record is damaged.
            InputError: a space is not known here, which says how to bring it.
        """
        with self.read() as connection:
            found: list[Record] = read_rows(self, connection, _records, _FIELDS, where, lambda row: Record(**row))
            table = _schema.settings
            keys = {images_key(record) for record in found}
            known = sa.select(table.c.hash, table.c.json).where(table.c.hash.in_(keys))
            facts = {
                row.hash: self.decoded(row.json, f"settings {row.hash}") for row in connection.execute(known).all()
            }
        return [
            Record(**{**vars(record), **known_facts(facts[key])}) if (key := images_key(record)) in facts else record
            for record in found
        ]

    def curves(self, **where: object) -> list[Curve]:
        """Curves whose columns equal `where`, for example ``metric="clean"``, as `records` gives records.

        Raises:
            StoreError: there is no such column, or a curve is damaged.
            InputError: a space is not known here, which says how to bring it.
        """
        with self.read() as connection:
            return read_rows(self, connection, _schema.curves, tuple(_schema.curves.c), where, curve_of)

    def spaces(self) -> tuple[str, ...]:
        """`Space.key` of all records, whether the spaces are known here or not."""
        with self.read() as connection:
            return tuple(sorted(connection.scalars(sa.select(_records.c.space).distinct())))

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
        return self.decoded(text, f"settings {hash_}")

    def decoded(self, text: str, what: str) -> dict[str, Any]:
        """The dictionary of a JSON text that this store holds.

        Raises:
            StoreError: it is something else.
        """
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = text
        if not isinstance(found, dict):
            raise StoreError(f"store {self.shown}, {what}", expected="a JSON object", got=found, remedy=RESTORE)
        return found
