"""Stores of earlier versions, seen and rewritten as the present one.

Schema 1 and 2 knew one space, with the size of its networks in the recipe. All hashes change with the recipe's: those
of recipes, setups, trials and plans. What they are now is computed from the settings that the store holds. Schema 3
lacks tables and columns of trials, no more. A store that is only read keeps its tables; the connection sees temporary
ones of the same names in their stead. A store that is written gets them for good, in one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from robnas._settings import content_hash, recipe_hash
from robnas.errors import InputError
from robnas.records import _schema
from robnas.records._trials import QueuedTrial, space_facts
from robnas.spaces import Space, space_of
from robnas.spaces.nas_bench_201 import split_recipe

UNKNOWN = space_of(None).name
"""`Record.space` of a record whose recipe the store does not know: the name of the space, whatever its settings."""
_WITHOUT_CURVES = 3
_SINCE_CURVES = ("target", "reached")  # columns of trials
_TEMPORARY = {"sqlite": "temp.", "postgresql": "pg_temp."}  # where temporary tables are
_IDENTITY = ("dataset_hash", "recipe_hash", "measurements", "batch_size")
_renamed = sa.Table(  # what is called otherwise in the present schema
    "robnas_renamed",
    sa.MetaData(),
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("hash", sa.String, primary_key=True),
    sa.Column("now", sa.String, nullable=False),
    sa.Column("space", sa.String),
    sa.Column("json", sa.Text),
    prefixes=["TEMPORARY"],
)
_AS_NOW = {
    "settings": """
        select hash, json from {old} where hash not in
            (select hash from robnas_renamed where kind in ('recipe', 'setup'))
        union all select now, json from robnas_renamed where kind in ('recipe', 'setup') and json is not null""",
    "records": """
        select architecture, coalesce(r.space, '{unknown}') as space, dataset_hash, split,
            coalesce(r.now, recipe_hash) as recipe_hash, seed, metric, attack_hash, attack_seed, images, dataset,
            attack, norm, epsilon, value, seconds, torch_version, device, created
        from {old} left join robnas_renamed r on r.kind = 'recipe' and r.hash = recipe_hash""",
    "plans": """
        select coalesce(p.now, o.hash) as hash, name, coalesce(s.now, setup) as setup, o.hash as earlier,
            coalesce(p.json, o.json) as json, created
        from {old} o left join robnas_renamed p on p.kind = 'plan' and p.hash = o.hash
            left join robnas_renamed s on s.kind = 'setup' and s.hash = setup""",
    "trials": """
        select coalesce(t.now, o.hash) as hash, coalesce(s.now, setup) as setup, architecture, seed, state, owner,
            deaths, claimed, finished, seconds, failure, message, cast(null as integer) as target,
            cast(null as integer) as reached
        from {old} o left join robnas_renamed t on t.kind = 'trial' and t.hash = o.hash
            left join robnas_renamed s on s.kind = 'setup' and s.hash = setup""",
    "members": """
        select coalesce(p.now, "plan") as "plan", coalesce(t.now, trial) as trial
        from {old} o left join robnas_renamed p on p.kind = 'plan' and p.hash = "plan"
            left join robnas_renamed t on t.kind = 'trial' and t.hash = trial""",
}


def show_as_now(connection: sa.Connection, there: set[str], version: int | None) -> None:
    """Let this connection see the store in the present schema; nothing of it is written.

    Of schema 1 and 2 it sees copies, which have the keys by which they are joined; of the records, which may be many, a
    view. In PostgreSQL these are copied too: nobody could drop a table of which another has a view.

    Args:
        connection: which sees nothing of the kind yet.
        there: names of the tables of the store.
        version: its schema; None if there are no tables.
    """
    if version == _WITHOUT_CURVES:
        lacking = ", ".join(f"cast(null as integer) as {name}" for name in _SINCE_CURVES)
        trials = _place(connection, _schema.trials.name)
        connection.exec_driver_sql(f"create temporary view trials as select *, {lacking} from {trials}")  # noqa: S608
    else:
        _find_renamed(connection, there)
    for table in _schema.metadata.sorted_tables:
        query = ""
        if version != _WITHOUT_CURVES and table.name in there & _AS_NOW.keys():
            query = _as_now(table.name, _place(connection, table.name))
        if query and table is _schema.records and connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"create temporary view {table.name} as {query}")
        elif query or table.name not in there:
            text = str(CreateTable(table).compile(dialect=connection.dialect))
            connection.exec_driver_sql(text.replace("CREATE TABLE", "CREATE TEMPORARY TABLE", 1))
            if query:
                _insert(connection, table, query, place=_TEMPORARY[connection.dialect.name])


def _insert(connection: sa.Connection, table: sa.Table, query: str, place: str = "") -> None:
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    text = f"insert into {place}{table.name} ({columns}) select {columns} from ({query}) as found"  # noqa: S608 (names)
    connection.exec_driver_sql(text)


def _as_now(name: str, old: str) -> str:
    """The rows of a table in the present schema, made from those of the table `old`."""
    return _AS_NOW[name].format(old=old, unknown=UNKNOWN)


def forget(connection: sa.Connection) -> set[str]:
    """Names of the tables of the store, after what `show_as_now` has made is gone."""
    inspector, place = sa.inspect(connection), _TEMPORARY[connection.dialect.name]
    for name in inspector.get_temp_view_names():
        connection.exec_driver_sql(f"drop view {place}{name}")
    for name in inspector.get_temp_table_names():
        connection.exec_driver_sql(f"drop table {place}{name}")
    return set(sa.inspect(connection).get_table_names())


def _schema_of(connection: sa.Connection) -> str:
    return "main" if connection.dialect.name == "sqlite" else str(sa.inspect(connection).default_schema_name)


def _place(connection: sa.Connection, table: str) -> str:
    return f"{connection.dialect.identifier_preparer.quote(_schema_of(connection))}.{table}"


def complete(connection: sa.Connection, version: int | None) -> None:
    """Give the store the tables of the present schema; those that there are of an earlier one are rewritten.

    Args:
        connection: in a transaction.
        version: the schema of the store; None if there are no tables.
    """
    there = forget(connection)
    earlier = [] if version == _WITHOUT_CURVES else [name for name in _AS_NOW if name in there]
    if version == _WITHOUT_CURVES:
        for name in _SINCE_CURVES:
            connection.exec_driver_sql(f"alter table {_schema.trials.name} add column {name} integer")
    if earlier:
        _find_renamed(connection, there)
        for index in _schema.trials.indexes:
            connection.exec_driver_sql(f"drop index if exists {index.name}")
    for name in earlier:
        connection.exec_driver_sql(f"alter table {name} rename to {name}_2")
    for table in _schema.metadata.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
        if table.name in earlier:
            _insert(connection, table, _as_now(table.name, f"{table.name}_2"))
        for index in table.indexes:
            connection.execute(CreateIndex(index, if_not_exists=True))
    for name in earlier:
        connection.exec_driver_sql(f"drop table {name}_2")
    if earlier:
        _renamed.drop(connection)


def _find_renamed(connection: sa.Connection, there: set[str]) -> None:
    """Write down, for this connection only, what is called otherwise now."""
    connection.execute(CreateTable(_renamed))
    rows = list(_rows(connection, there))
    if rows:
        connection.execute(sa.insert(_renamed), rows)


def _rows(connection: sa.Connection, there: set[str]) -> Iterator[dict[str, Any]]:
    read = _reader(connection, there)
    setups: dict[str, str] = {}
    known: set[str] = set()
    for row in read("settings", "hash", "json"):
        if (found := _setup(row.hash, row.json)) is not None:
            setups[row.hash] = found["now"]
        elif (found := _recipe(row.hash, row.json)) is not None and found["now"] in known:
            found["json"] = None  # two sizes of one recipe
        if found is not None:
            known.add(found["now"])
            yield {"hash": row.hash, **found}
    trials: dict[str, str] = {}
    for row in read("trials", "hash", "setup", "architecture", "seed"):
        setup = setups.get(row.setup)
        if setup is not None and QueuedTrial.of(row.setup, row.architecture, row.seed).hash == row.hash:
            trials[row.hash] = QueuedTrial.of(setup, row.architecture, row.seed).hash
    members: dict[str, list[str]] = {}
    for row in read("members", "plan", "trial"):
        members.setdefault(row.plan, []).append(trials.get(row.trial, row.trial))
    for row in read("plans", "hash", "setup", "json"):
        if row.setup in setups:
            now = content_hash({"trials": sorted(members.get(row.hash, []))})
            yield {"kind": "plan", "hash": row.hash, "now": now, "space": None, "json": _plan(row.json)}
    for hash_, now in trials.items():
        yield {"kind": "trial", "hash": hash_, "now": now, "space": None, "json": None}


def _reader(connection: sa.Connection, there: set[str]) -> Callable[..., Any]:
    def read(table: str, *columns: str) -> Any:
        if table not in there:
            return []
        query: Any = sa.select(*map(sa.column, columns)).select_from(sa.table(table, schema=_schema_of(connection)))
        return connection.execute(query).all()

    return read


def _recipe(hash_: str, text: str) -> dict[str, Any] | None:
    """What the settings of a hash are now, if they are those of a recipe."""
    found = _decoded(text)
    if found is None or recipe_hash(found) != hash_ or (parts := _split(found)) is None:
        return None
    recipe, space = parts
    return {"kind": "recipe", "now": recipe_hash(recipe), "space": space.key, "json": _encoded(recipe)}


def _setup(hash_: str, text: str) -> dict[str, Any] | None:
    """The same, if they are what the trials of a plan share."""
    found = _decoded(text)
    if found is None or not found.keys() >= {*_IDENTITY, "recipe"}:
        return None
    if content_hash({name: found[name] for name in _IDENTITY}) != hash_ or (parts := _split(found["recipe"])) is None:
        return None
    recipe, space = parts
    identity = {name: found[name] for name in _IDENTITY} | {"recipe_hash": recipe_hash(recipe)} | space_facts(space)
    described = _encoded({**found, **identity, "recipe": recipe})
    return {"kind": "setup", "now": content_hash(identity), "space": space.key, "json": described}


def _plan(text: str) -> str:
    """The facts of a plan; what is damaged stays as it is, and reading it says so."""
    found = _decoded(text)
    if found is None or (parts := _split(found.get("recipe"))) is None or not isinstance(found.get("space"), dict):
        return text
    recipe, space = parts
    return _encoded({**found, "recipe": recipe, "space": {**space.to_dict(), **found["space"]}})


def _split(recipe: Any) -> tuple[dict[str, Any], Space] | None:
    if not isinstance(recipe, Mapping) or "channels" not in recipe:
        return None
    try:
        return split_recipe(recipe)
    except InputError:
        return None


def _decoded(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _encoded(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)
