"""The tables of version 2: incidents, what people did with them, and runs of jobs. Times and keys as in `schema`."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text

from cloud.store.schema import metadata


def _text(name: str) -> "Column[str]":
    return Column(name, Text, nullable=False)


def _ms(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False)


def _number(name: str) -> "Column[float]":
    return Column(name, Float, nullable=False)


def _count(name: str) -> "Column[int]":
    return Column(name, Integer, nullable=False)


# `codes` is a JSON list. The columns are those of `cloud.ports.Incident`, in its order.
incidents: Final = Table(
    "incidents",
    metadata,
    Column("id", String, primary_key=True),
    _text("kind"),
    _text("key"),
    _text("cause"),
    _text("code"),
    _text("codes"),
    _text("subject"),
    _text("maker"),
    _text("model"),
    _text("firmware"),
    _text("severity"),
    _text("action"),
    _ms("first_ms"),
    _ms("last_ms"),
    Column("active", Boolean, nullable=False),
    _count("sites"),
    _count("active_sites"),
    _number("cost_per_day"),
    _number("certainty"),
    _number("score"),
    _text("why"),
    _text("note"),
    _text("state"),
    _text("owner"),
    _text("comment"),
    _count("version"),
    _ms("state_ms"),
    _ms("opened_ms"),
    _count("reopened"),
    Column("quiet_until_ms", BigInteger),
    _text("merged_into"),
)

incident_sites: Final = Table(
    "incident_sites",
    metadata,
    Column("incident", String, primary_key=True),
    Column("device", String, primary_key=True),
    Column("code", String, primary_key=True),
    _ms("first_ms"),
    _ms("last_ms"),
    Column("active", Boolean, nullable=False),
    _count("episodes"),
    _number("cost_per_day"),
    _number("certainty"),
    _text("why"),
    Index("incident_sites_by_device", "device"),
)

incident_history: Final = Table(
    "incident_history",
    metadata,
    Column("incident", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _ms("at_ms"),
    _text("who"),
    _text("what"),
    _text("detail"),
)

# One per incident: a later dismissal takes the place of an earlier one.
lessons: Final = Table(
    "lessons",
    metadata,
    Column("incident", String, primary_key=True),
    _text("scope"),
    _text("subject"),
    _text("cause"),
    _ms("until_ms"),
    _text("who"),
    _text("reason"),
)

equipment_spans: Final = Table(
    "equipment_spans",
    metadata,
    Column("device", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("since_ms", BigInteger, primary_key=True, autoincrement=False),
    _text("maker"),
    _text("model"),
    _text("firmware"),
)

job_runs: Final = Table(
    "job_runs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _text("job"),
    _text("state"),
    _text("reason"),
    _text("who"),
    _count("attempt"),
    _ms("started_ms"),
    Column("ended_ms", BigInteger),
    Column("exit", Integer),
    _text("message"),
    Index("job_runs_by_job", "job", "id"),
)

# Every table there is, those of version 1 included.
TABLES: Final = metadata
