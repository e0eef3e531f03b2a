"""`cloud.ports.FleetReader` over SQL. A fleet table is a fixed number of queries, whatever the number of devices."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from agent.domain.errors import BadInput
from agent.domain.twin import Twin, TwinMessage, decode_twin, encode_twin
from cloud.ports import (
    ActiveFault,
    Clock,
    EnergyRow,
    EventRow,
    FaultRow,
    QuarantineRow,
    ReliabilityRow,
    SeriesPoint,
    Site,
)
from cloud.store import schema
from cloud.store.database import Database
from cloud.store.rows import LATEST_MS
from cloud.store.series import Window, join
from cloud.store.sites import DeviceRow, site
from cloud.store.twins import decode_document, read_twin, write_twin

State = dict[str, float | int | None]
_numbers: Final = msgspec.json.Decoder(dict[str, float])
_states: Final = msgspec.json.Decoder(State)
_details: Final = msgspec.json.Decoder(dict[str, Any])


class SqlFleetReader:
    """See `cloud.ports.FleetReader`. Raises `Transient` when the database cannot be reached."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def sites(self) -> list[Site]:
        """See `cloud.ports.FleetReader`."""
        with self._database.read() as connection:
            return _sites(connection, None)

    def site(self, device: str) -> Site | None:
        """See `cloud.ports.FleetReader`."""
        with self._database.read() as connection:
            return next(iter(_sites(connection, device)), None)

    def twin(self, device: str) -> tuple[Twin, Twin] | None:
        """See `cloud.ports.FleetReader`."""
        with self._database.read() as connection:
            if not _known(connection, device):
                return None
            return read_twin(connection, device, schema.DESIRED), read_twin(connection, device, schema.REPORTED)

    def desire(self, device: str, patch: Mapping[str, Any], expected: int) -> Twin:
        """See `cloud.ports.FleetReader`. Also raises `BadInput` for a document too large or nested too deep."""
        with self._database.write() as connection:
            if not _known(connection, device):
                raise BadInput(f"device {device[:40]!r} is not known")
            twin = read_twin(connection, device, schema.DESIRED).write(patch, expected=expected)
            decode_twin(encode_twin(TwinMessage(twin.version, doc=twin.doc)))
            write_twin(connection, device, schema.DESIRED, twin, self._clock.now_ms())
        return twin

    def signals(self, device: str) -> list[str]:
        """See `cloud.ports.FleetReader`. From name to name along the key: the rows in between are not read."""
        table, names = schema.summaries, list[str]()
        with self._database.read() as connection:
            while True:
                behind = names[-1] if names else ""
                query = select(func.min(table.c.signal)).where(table.c.device == device, table.c.signal > behind)
                name = connection.execute(query).scalar()
                if name is None:
                    return names
                names.append(str(name))

    def series(self, device: str, signal: str, start_ms: int, end_ms: int, step_s: int) -> list[SeriesPoint]:
        """See `cloud.ports.FleetReader`. Raises `BadInput` for a step below one second."""
        if step_s < 1:
            raise BadInput(f"step_s {step_s}, expected at least 1")
        table = schema.summaries
        bad = table.c.stale + table.c.missing + table.c.invalid
        columns = (table.c.start_ms, table.c.window_s, table.c.mean, table.c.low, table.c.high, table.c.last, table.c.n)
        query = select(*columns, bad).where(table.c.device == device, table.c.signal == signal)
        with self._database.read() as connection:
            rows = connection.execute(query.where(*_within(table.c.start_ms, start_ms, end_ms))).all()
        return join([Window(*row) for row in rows], step_s)

    def faults(
        self,
        *,
        device: str | None = None,
        code: str | None = None,
        active: bool | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[FaultRow]:
        """See `cloud.ports.FleetReader`."""
        table, rules = schema.faults, list[ColumnElement[bool]]()
        if device is not None:
            rules.append(table.c.device == device)
        if code is not None:
            rules.append(table.c.code == code)
        if active is not None:
            rules.append(table.c.end_ms.is_(None) if active else table.c.end_ms.is_not(None))
        if start_ms is not None:
            rules.append(or_(table.c.end_ms.is_(None), table.c.end_ms > _bounded(start_ms)))
        if end_ms is not None:
            rules.append(table.c.start_ms < _bounded(end_ms))
        query = select(table).where(*rules).order_by(table.c.start_ms.desc(), table.c.device, table.c.id)
        with self._database.read() as connection:
            return [_fault(row) for row in connection.execute(query.limit(limit))]

    def reliability(self, *, device: str | None = None, code: str | None = None) -> list[ReliabilityRow]:
        """See `cloud.ports.FleetReader`."""
        table = schema.reliability
        query = select(table.c.device, table.c.code, table.c.at_ms, table.c.state)
        query = query.order_by(table.c.device, table.c.code)
        if device is not None:
            query = query.where(table.c.device == device)
        if code is not None:
            query = query.where(table.c.code == code)
        with self._database.read() as connection:
            return [ReliabilityRow(*row[:3], _states.decode(row.state)) for row in connection.execute(query)]

    def energy(self, device: str, start_ms: int, end_ms: int) -> list[EnergyRow]:
        """See `cloud.ports.FleetReader`."""
        table = schema.energy
        query = select(table).where(table.c.device == device, *_within(table.c.at_ms, start_ms, end_ms))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(table.c.at_ms)).all()
        return [EnergyRow(row.at_ms, _numbers.decode(row.counters), row.measured) for row in rows]

    def events(self, device: str, limit: int = 100) -> list[EventRow]:
        """See `cloud.ports.FleetReader`. Newest first."""
        table = schema.events
        query = select(table).where(table.c.device == device)
        query = query.order_by(table.c.at_ms.desc(), table.c.seq.desc()).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [EventRow(row.device, row.at_ms, row.name, _details.decode(row.detail)) for row in rows]

    def others(self, device: str, kind: str, limit: int = 100) -> list[tuple[int, bytes]]:
        """See `cloud.ports.FleetReader`. Newest first."""
        table = schema.others.c
        query = select(table.at_ms, table.raw).where(table.device == device, table.kind == kind)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(table.at_ms.desc(), table.seq.desc()).limit(limit)).all()
        return [(at_ms, bytes(raw)) for at_ms, raw in rows]

    def quarantined(self, limit: int = 100) -> list[QuarantineRow]:
        """See `cloud.ports.FleetReader`. Newest first."""
        table = schema.quarantine
        size = func.length(table.c.payload)
        query = select(table.c.id, table.c.device, table.c.topic, table.c.received_ms, table.c.reason, size)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(table.c.id.desc()).limit(limit)).all()
        return [QuarantineRow(*row) for row in rows]


def _sites(connection: Connection, device: str | None) -> list[Site]:
    table, twins = schema.devices, schema.twins
    reported = and_(twins.c.device == table.c.device, twins.c.side == schema.REPORTED)
    columns = (table.c.device, table.c.first_seen_ms, table.c.last_contact_ms, table.c.online, twins.c.doc)
    query = select(*columns).select_from(table.outerjoin(twins, reported)).order_by(table.c.device)
    active, states = _active(connection, device), _reliability(connection, device)
    devices = [
        DeviceRow(owner, first_ms, last_ms, online, decode_document(doc or "{}"))
        for owner, first_ms, last_ms, online, doc in connection.execute(_only(query, table.c.device, device))
    ]
    return [site(row, active[row.device], states[row.device]) for row in devices]


def _active(connection: Connection, device: str | None) -> Mapping[str, list[ActiveFault]]:
    table, found = schema.faults, defaultdict[str, list[ActiveFault]](list)
    columns = (table.c.device, table.c.id, table.c.code, table.c.severity, table.c.component, table.c.start_ms)
    query = select(*columns).where(table.c.end_ms.is_(None)).order_by(table.c.start_ms)
    for owner, *facts in connection.execute(_only(query, table.c.device, device)):
        found[owner].append(ActiveFault(*facts))
    return found


def _reliability(connection: Connection, device: str | None) -> Mapping[str, list[State]]:
    table, found = schema.reliability, defaultdict[str, list[State]](list)
    query = select(table.c.device, table.c.state).order_by(table.c.device, table.c.code)
    for owner, state in connection.execute(_only(query, table.c.device, device)):
        found[owner].append(_states.decode(state))
    return found


def _only(query: Select[Any], column: ColumnElement[Any], device: str | None) -> Select[Any]:
    return query if device is None else query.where(column == device)


def _known(connection: Connection, device: str) -> bool:
    table = schema.devices
    return connection.execute(select(table.c.device).where(table.c.device == device)).first() is not None


def _within(column: ColumnElement[Any], start_ms: int, end_ms: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return column >= _bounded(start_ms), column < _bounded(end_ms)


def _bounded(at_ms: int) -> int:
    """A bound that every database can compare with; nothing is stored outside it."""
    return min(max(at_ms, -1), LATEST_MS + 1)


def _fault(row: Any) -> FaultRow:
    return FaultRow(
        id=row.id,
        device=row.device,
        code=row.code,
        severity=row.severity,
        component=row.component,
        start_ms=row.start_ms,
        end_ms=row.end_ms,
        failing_s=row.failing_s,
        evidence=_numbers.decode(row.evidence),
        lost_wh=row.lost_wh,
    )
