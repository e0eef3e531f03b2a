"""The tables of version 1. Times are integer milliseconds since 1970-01-01T00:00:00Z, values in the signal's unit.

Every table's primary key is what makes a record the same record, so that applying one twice changes nothing.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata: Final = MetaData()

_MS = BigInteger
_ROW_ID = BigInteger().with_variant(Integer, "sqlite")


def _key(name: str, kind: type[String] | type[BigInteger] | type[Integer]) -> "Column[object]":
    return Column(name, kind, primary_key=True, autoincrement=False)


schema_version: Final = Table("schema_version", metadata, _key("version", Integer), Column("applied_ms", _MS))

devices: Final = Table(
    "devices",
    metadata,
    _key("device", String),
    Column("first_seen_ms", _MS, nullable=False),
    Column("last_contact_ms", _MS, nullable=False),
    Column("online", Boolean),
    Column("status_since_ms", _MS),
)

# What is committed of each journal: `through` is written in the transaction that writes the rows.
positions: Final = Table(
    "positions",
    metadata,
    _key("device", String),
    _key("epoch", String),
    Column("through", _MS, nullable=False),
    Column("updated_ms", _MS, nullable=False),
)

summaries: Final = Table(
    "summaries",
    metadata,
    _key("device", String),
    _key("signal", String),
    _key("start_ms", BigInteger),
    _key("window_s", Integer),
    Column("mean", Float),
    Column("low", Float),
    Column("high", Float),
    Column("last", Float),
    Column("n", Integer, nullable=False),
    Column("stale", Integer, nullable=False),
    Column("missing", Integer, nullable=False),
    Column("invalid", Integer, nullable=False),
    Column("estimated", Integer, nullable=False),
    Column("merged", Integer, nullable=False),
    Column("clock", Integer, nullable=False),
    sqlite_with_rowid=False,
)

energy: Final = Table(
    "energy",
    metadata,
    _key("device", String),
    _key("at_ms", BigInteger),
    Column("counters", Text, nullable=False),
    Column("measured", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

# `step` orders a fault's life: 0 start, 1 update, 2 end.
faults: Final = Table(
    "faults",
    metadata,
    _key("device", String),
    _key("id", String),
    Column("code", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("component", String, nullable=False),
    Column("start_ms", _MS, nullable=False),
    Column("end_ms", _MS),
    Column("failing_s", Float, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("lost_wh", Float),
    Column("step", Integer, nullable=False),
    Column("at_ms", _MS, nullable=False),
    Index("faults_by_start", "start_ms"),
    Index("faults_by_end", "end_ms"),
)

reliability: Final = Table(
    "reliability",
    metadata,
    _key("device", String),
    _key("code", String),
    Column("at_ms", _MS, nullable=False),
    Column("epoch", String, nullable=False),
    Column("seq", _MS, nullable=False),
    Column("state", Text, nullable=False),
)

events: Final = Table(
    "events",
    metadata,
    _key("device", String),
    _key("at_ms", BigInteger),
    _key("seq", BigInteger),
    _key("name", String),
    Column("detail", Text, nullable=False),
)

# Records of kinds that this version does not know, as they came.
others: Final = Table(
    "others",
    metadata,
    _key("device", String),
    _key("at_ms", BigInteger),
    _key("seq", BigInteger),
    _key("kind", String),
    Column("raw", LargeBinary, nullable=False),
)

quarantine: Final = Table(
    "quarantine",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("device", String),
    Column("topic", String, nullable=False),
    Column("received_ms", _MS, nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Index("quarantine_by_device", "device", "id"),
)

# `side` is "reported" or "desired".
twins: Final = Table(
    "twins",
    metadata,
    _key("device", String),
    _key("side", String),
    Column("version", _MS, nullable=False),
    Column("doc", Text, nullable=False),
    Column("updated_ms", _MS, nullable=False),
)

REPORTED: Final = "reported"
DESIRED: Final = "desired"
