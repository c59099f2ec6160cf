"""Records in an SQL database: transactional, and the same record twice is one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateTable

from robnas.errors import StoreError, Verbatim
from robnas.records._record import Record
from robnas.spaces import Architecture
from robnas.types import Metric

SCHEMA_VERSION = 1

_metadata = sa.MetaData()
_meta = sa.Table("meta", _metadata, sa.Column("key", sa.String, primary_key=True), sa.Column("value", sa.String))
_settings = sa.Table(
    "settings",
    _metadata,
    sa.Column("hash", sa.String(16), primary_key=True),
    sa.Column("json", sa.Text, nullable=False),
)
_KEY = (
    "architecture", "dataset_hash", "split", "recipe_hash", "seed", "metric", "attack_hash", "attack_seed", "images",
)  # fmt: skip
_records = sa.Table(
    "records",
    _metadata,
    sa.Column("architecture", sa.String(6), primary_key=True),
    sa.Column("dataset_hash", sa.String(16), primary_key=True),
    sa.Column("split", sa.String(10), primary_key=True),
    sa.Column("recipe_hash", sa.String(16), primary_key=True),
    sa.Column("seed", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("metric", sa.String(64), primary_key=True),
    sa.Column("attack_hash", sa.String(16), primary_key=True),
    sa.Column("attack_seed", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("images", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("dataset", sa.String, nullable=False),
    sa.Column("attack", sa.String, nullable=False),
    sa.Column("norm", sa.String(8)),
    sa.Column("epsilon", sa.Float),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("torch_version", sa.String, nullable=False),
    sa.Column("device", sa.String, nullable=False),
    sa.Column("created", sa.DateTime, server_default=sa.func.now()),
)


class RecordStore:
    """Records in a database.

    Args:
        url: an SQLAlchemy URL such as ``sqlite:///runs.db``; the tables are made if they are not there.

    Raises:
        StoreError: the database cannot be opened, is none of robnas, or is of a newer version.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        with self._clear_errors():
            self._engine = sa.create_engine(url)
            self._check_ours()
            with self._engine.begin() as connection:
                for table in _metadata.sorted_tables:  # several processes may open a new store at once
                    connection.execute(CreateTable(table, if_not_exists=True))
                self._insert(connection, _meta, {"key": "schema_version", "value": str(SCHEMA_VERSION)})
                version = connection.scalar(sa.select(_meta.c.value).where(_meta.c.key == "schema_version"))
        if version != str(SCHEMA_VERSION):
            self.close()
            raise StoreError(
                f"store {url}",
                expected=f"schema version {SCHEMA_VERSION}",
                got=Verbatim(version),
                remedy="read it with the robnas that wrote it",
            )

    def _check_ours(self) -> None:
        names = sa.inspect(self._engine).get_table_names()
        if names and _meta.name not in names:
            raise StoreError(
                f"store {self._url}", expected="an empty database or one of robnas", got=Verbatim(", ".join(names)[:60])
            )

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise StoreError(
                f"store {self._url}",
                expected="a database of records that can be read and written",
                got=Verbatim(f"{type(cause).__name__} ({' '.join(str(cause).split())[:120]})"),
                remedy="give a URL such as sqlite:///runs.db in a folder that can be written",
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
        rows = {record.key: _to_row(record) for record in records}
        with self._clear_errors(), self._engine.begin() as connection:
            for hash_, content in (settings or {}).items():
                self._insert(connection, _settings, {"hash": hash_, "json": json.dumps(content, sort_keys=True)})
            known = [row for row in rows.values() if not self._insert(connection, _records, row)]
            self._check_same(connection, known)
        return len(rows) - len(known)

    def _insert(self, connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> bool:
        """Insert a row; False if its key is there already, written by whomever."""
        statement: Any
        if self._engine.dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import insert as postgresql_insert

            statement = postgresql_insert(table).on_conflict_do_nothing()
        else:
            from sqlalchemy.dialects.sqlite import insert as sqlite_insert

            statement = sqlite_insert(table).on_conflict_do_nothing()
        return connection.execute(statement, row).rowcount == 1

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
        with self._clear_errors(), self._engine.connect() as connection:
            return [_from_row(row) for row in connection.execute(query).mappings()]

    def settings(self, hash_: str) -> dict[str, Any]:
        """The recipe or attack settings of a hash.

        Raises:
            StoreError: the store does not know the hash.
        """
        with self._clear_errors(), self._engine.connect() as connection:
            text = connection.scalar(sa.select(_settings.c.json).where(_settings.c.hash == hash_))
        if text is None:
            raise StoreError("settings hash", expected="one that the store holds", got=hash_)
        found: dict[str, Any] = json.loads(text)
        return found


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
