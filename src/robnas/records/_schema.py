"""The tables of a store."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

SCHEMA_VERSION = 4
"""1: meta, settings, records. 2 adds plans, members, trials and drivers. 3 knows more than one space: records
and setups name it, and the size of a network is a setting of the space, no longer of the recipe. 4 adds curves,
searches and trials that are paused; see `_earlier`."""

metadata = sa.MetaData()

meta = sa.Table("meta", metadata, sa.Column("key", sa.String, primary_key=True), sa.Column("value", sa.String))

settings = sa.Table(
    "settings",
    metadata,
    sa.Column("hash", sa.String(16), primary_key=True),
    sa.Column("json", sa.Text, nullable=False),
)


def _measured() -> list[sa.Column[Any]]:
    """What is measured, its parts as of `key_of`, and the name of the data."""
    return [
        sa.Column("architecture", sa.String, primary_key=True),
        sa.Column("space", sa.String, primary_key=True),  # name and settings
        sa.Column("dataset_hash", sa.String(16), primary_key=True),
        sa.Column("split", sa.String(10), primary_key=True),
        sa.Column("recipe_hash", sa.String(16), primary_key=True),
        sa.Column("seed", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("metric", sa.String(64), primary_key=True),
        sa.Column("attack_hash", sa.String(16), primary_key=True),
        sa.Column("attack_seed", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("images", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("dataset", sa.String, nullable=False),
    ]


records = sa.Table(
    "records",
    metadata,
    *_measured(),
    sa.Column("attack", sa.String, nullable=False),
    sa.Column("norm", sa.String(8)),
    sa.Column("epsilon", sa.Float),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("torch_version", sa.String, nullable=False),
    sa.Column("device", sa.String, nullable=False),
    sa.Column("created", sa.DateTime, server_default=sa.func.now()),
)

curves = sa.Table(  # what is measured after each epoch of a training
    "curves",
    metadata,
    *_measured(),
    sa.Column("epochs", sa.Text, nullable=False),  # lists in JSON
    sa.Column("values", sa.Text, nullable=False),
)

plans = sa.Table(
    "plans",
    metadata,
    sa.Column("hash", sa.String(16), primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("setup", sa.String(16), nullable=False),  # in settings: what all its trials share
    sa.Column("earlier", sa.String(16)),  # hash by which schema 2 knew it
    sa.Column("json", sa.Text, nullable=False),
    sa.Column("created", sa.Float, nullable=False),  # seconds since 1970, as all moments below
)

trials = sa.Table(
    "trials",
    metadata,
    sa.Column("hash", sa.String(16), primary_key=True),
    sa.Column("setup", sa.String(16), nullable=False),
    sa.Column("architecture", sa.String, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(8), nullable=False),  # waiting, running, done, failed or paused
    sa.Column("owner", sa.String(32)),  # the driver that runs it
    sa.Column("deaths", sa.Integer, nullable=False, server_default="0"),  # of workers, while they ran it
    sa.Column("claimed", sa.Float),
    sa.Column("finished", sa.Float),
    sa.Column("seconds", sa.Float),  # of the worker
    sa.Column("failure", sa.String(16)),  # kind of failure
    sa.Column("message", sa.Text),  # of the failure, or what the evaluation doubts
    sa.Column("target", sa.Integer),  # epochs that are wanted now; null is all
    sa.Column("reached", sa.Integer),  # epochs that are trained, of a training that was paused
    sa.Index("trials_by_state", "state", "owner"),
    sa.Index("trials_by_time", "finished"),
    sa.Index("trials_by_setup", "setup", "architecture", "seed"),
)

members = sa.Table(  # which trials a plan consists of; plans may share trials
    "members",
    metadata,
    sa.Column("plan", sa.String(16), primary_key=True),
    sa.Column("trial", sa.String(16), primary_key=True),
)

drivers = sa.Table(  # processes that run trials; one whose heartbeat is old is dead, and its trials are free again
    "drivers",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("machine", sa.String(64), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started", sa.Float, nullable=False),  # of the process, so that a later one of the same pid is another
    sa.Column("heartbeat", sa.Float, nullable=False),
)

searches = sa.Table(  # by training on demand
    "searches",
    metadata,
    sa.Column("hash", sa.String(16), primary_key=True),
    sa.Column("json", sa.Text, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
)

search_events = sa.Table(  # what a search has asked and been told, in order
    "search_events",
    metadata,
    sa.Column("search", sa.String(16), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(4), nullable=False),  # ask or tell
    sa.Column("architecture", sa.String, nullable=False),
    sa.Column("epochs", sa.Integer, nullable=False),  # 0 is the whole training
    sa.Column("json", sa.Text),
)
