"""Inserts that change nothing the second time: the only place where SQL differs between databases."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Insert, Table, and_, case, insert, or_
from sqlalchemy.dialects import postgresql, sqlite

from cloud.store import schema
from cloud.store.rows import Row

_EMPTY: Final = "{}"


def put(connection: Connection, name: str, rows: Sequence[Row]) -> None:
    """Insert `rows` into table `name`, or leave what is there as the table's rule says."""
    if rows:
        connection.execute(upsert(connection.dialect.name, name), rows)


@cache
def upsert(dialect: str, name: str) -> Insert:
    """The insert for rows of table `name`."""
    table = schema.metadata.tables[name]
    rule = _RULES.get(name)
    if rule is None:
        return insert(table)
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    changes, where = rule(table, statement.excluded)
    if not changes:
        return statement.on_conflict_do_nothing()
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes, where=where)


_Changes = tuple[dict[str, Any], ColumnElement[bool] | None]


def _never(_table: Table, _new: Any) -> _Changes:
    return {}, None


def _replace(table: Table, new: Any) -> _Changes:
    return _values(table, new), None


def _values(table: Table, new: Any) -> dict[str, Any]:
    return {column.name: new[column.name] for column in table.columns if not column.primary_key}


def _devices(table: Table, new: Any) -> _Changes:
    later = new.last_contact_ms > table.c.last_contact_ms
    return {"last_contact_ms": case((later, new.last_contact_ms), else_=table.c.last_contact_ms)}, None


def _summaries(table: Table, new: Any) -> _Changes:
    """One window reported twice (another epoch of the same device): the one that saw more."""
    return _values(table, new), new.n > table.c.n


def _faults(table: Table, new: Any) -> _Changes:
    """A fault's life only goes forward; a last step without evidence keeps what was known."""
    changes = _values(table, new)
    changes["evidence"] = case((new.evidence == _EMPTY, table.c.evidence), else_=new.evidence)
    same = and_(new.step == table.c.step, new.at_ms >= table.c.at_ms)
    return changes, or_(new.step > table.c.step, same)


def _reliability(table: Table, new: Any) -> _Changes:
    """The newest state: by number within a journal, by time between two."""
    inside = and_(new.epoch == table.c.epoch, new.seq > table.c.seq)
    between = and_(new.epoch != table.c.epoch, new.at_ms > table.c.at_ms)
    return _values(table, new), or_(inside, between)


_RULES: Final = {
    schema.devices.name: _devices,
    schema.positions.name: _replace,
    schema.twins.name: _replace,
    schema.summaries.name: _summaries,
    schema.faults.name: _faults,
    schema.reliability.name: _reliability,
    schema.energy.name: _never,
    schema.events.name: _never,
    schema.others.name: _never,
}
