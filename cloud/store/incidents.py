"""`cloud.ports.IncidentBook` over SQL."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, bindparam, delete, func, insert, select

from agent.domain.twin import StaleVersion
from cloud.ports import EquipmentSpan, Incident, IncidentEntry, IncidentSite, Lesson, Regrouping
from cloud.store import schema_work as schema
from cloud.store.database import Database

# Databases bound how many values one statement may name.
_AT_ONCE: Final = 500
_codes: Final = msgspec.json.Decoder(list[str])


class SqlIncidents:
    """See `cloud.ports.IncidentBook`. Raises `Transient` when the database cannot be reached."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def incidents(self) -> list[Incident]:
        """See `cloud.ports.IncidentBook`."""
        table = schema.incidents
        query = select(table).order_by(table.c.score.desc(), table.c.last_ms.desc(), table.c.id)
        with self._database.read() as connection:
            return [_incident(row) for row in connection.execute(query)]

    def incident(self, name: str) -> Incident | None:
        """See `cloud.ports.IncidentBook`."""
        table = schema.incidents
        with self._database.read() as connection:
            row = connection.execute(select(table).where(table.c.id == name)).first()
        return None if row is None else _incident(row)

    def incident_sites(self, name: str | None = None) -> list[IncidentSite]:
        """See `cloud.ports.IncidentBook`."""
        table = schema.incident_sites
        query = select(table).order_by(table.c.incident, table.c.device, table.c.code)
        if name is not None:
            query = query.where(table.c.incident == name)
        with self._database.read() as connection:
            return [IncidentSite(*row) for row in connection.execute(query)]

    def incident_history(self, name: str) -> list[IncidentEntry]:
        """See `cloud.ports.IncidentBook`."""
        table = schema.incident_history
        query = select(table).where(table.c.incident == name).order_by(table.c.number)
        with self._database.read() as connection:
            return [IncidentEntry(*row) for row in connection.execute(query)]

    def lessons(self, now_ms: int) -> list[Lesson]:
        """See `cloud.ports.IncidentBook`."""
        table = schema.lessons
        query = select(table).where(table.c.until_ms > now_ms).order_by(table.c.incident)
        with self._database.read() as connection:
            return [Lesson(*row) for row in connection.execute(query)]

    def equipment_spans(self) -> list[EquipmentSpan]:
        """See `cloud.ports.IncidentBook`."""
        table = schema.equipment_spans
        query = select(table).order_by(table.c.device, table.c.source, table.c.since_ms)
        with self._database.read() as connection:
            return [EquipmentSpan(*row) for row in connection.execute(query)]

    def write_incident(
        self, incident: Incident, expected: int, entries: Sequence[IncidentEntry], lesson: Lesson | None, forget: bool
    ) -> None:
        """See `cloud.ports.IncidentBook`."""
        with self._database.write() as connection:
            _check(connection, {incident.id: expected})
            _replace(connection, schema.incidents, [_row(incident)], ("id",))
            _remember(connection, entries)
            if forget or lesson is not None:
                connection.execute(delete(schema.lessons).where(schema.lessons.c.incident == incident.id))
            if lesson is not None:
                connection.execute(insert(schema.lessons).values(msgspec.structs.asdict(lesson)))

    def regroup(self, changes: Regrouping) -> None:
        """See `cloud.ports.IncidentBook`."""
        with self._database.write() as connection:
            _check(connection, changes.expected)
            _replace(connection, schema.incidents, [_row(one) for one in changes.incidents], ("id",))
            sites = [msgspec.structs.asdict(one) for one in changes.sites]
            _replace(connection, schema.incident_sites, sites, ("incident", "device", "code"))
            spans = [msgspec.structs.asdict(one) for one in changes.spans]
            _replace(connection, schema.equipment_spans, spans, ("device", "source", "since_ms"))
            _remember(connection, changes.entries)


def _incident(row: Any) -> Incident:
    return Incident(**{**row._mapping, "codes": _codes.decode(row.codes)})


def _row(incident: Incident) -> dict[str, Any]:
    return {**msgspec.structs.asdict(incident), "codes": msgspec.json.encode(incident.codes).decode()}


def _check(connection: Connection, expected: dict[str, int]) -> None:
    """Every incident must stand where it was when the change was made."""
    table = schema.incidents
    for name, version in expected.items():
        present = connection.execute(select(table.c.version).where(table.c.id == name)).scalar()
        if present != version:
            raise StaleVersion(version, present or 0)


def _replace(connection: Connection, table: Table, rows: list[dict[str, Any]], key: tuple[str, ...]) -> None:
    """Rows in place of those of the same key."""
    if rows:
        same = [table.c[name] == bindparam(f"the_{name}") for name in key]
        connection.execute(delete(table).where(*same), [{f"the_{name}": row[name] for name in key} for row in rows])
        connection.execute(insert(table), rows)


def _remember(connection: Connection, entries: Sequence[IncidentEntry]) -> None:
    """Each behind what its incident's history holds."""
    table = schema.incident_history
    names = sorted({entry.incident for entry in entries})
    numbers: dict[str, int] = {}
    for start in range(0, len(names), _AT_ONCE):
        query = select(table.c.incident, func.max(table.c.number)).group_by(table.c.incident)
        some = connection.execute(query.where(table.c.incident.in_(names[start : start + _AT_ONCE])))
        numbers |= {str(name): int(number) for name, number in some}
    rows = []
    for entry in entries:
        numbers[entry.incident] = numbers.get(entry.incident, 0) + 1
        rows.append({**msgspec.structs.asdict(entry), "number": numbers[entry.incident]})
    if rows:
        connection.execute(insert(table), rows)
