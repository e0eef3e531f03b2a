"""`cloud.ports.FleetWriter` over SQL: each call one transaction, back only after the commit."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from agent.domain.twin import Twin
from agent.domain.wire import Ack
from cloud.ports import Arrival, Reported, Told
from cloud.store import schema
from cloud.store.contacts import take_reports, take_statuses, touch
from cloud.store.database import Database
from cloud.store.intake import Intake
from cloud.store.rows import Row
from cloud.store.twins import decode_document
from cloud.store.upserts import put


@dataclass(frozen=True, slots=True)
class WriterSettings:
    """How much of what cannot be read is kept for each device: the newest messages, and how much of each."""

    quarantine_per_device: int = 200
    quarantine_payload_bytes: int = 256 * 1024


class SqlFleetWriter:
    """See `cloud.ports.FleetWriter`. Raises `Transient` when the database refuses; then nothing was changed."""

    def __init__(self, database: Database, settings: WriterSettings = WriterSettings()) -> None:
        self._database = database
        self._settings = settings

    def apply(self, arrivals: Sequence[Arrival]) -> list[tuple[str, Ack]]:
        """See `cloud.ports.FleetWriter`."""
        devices = sorted({arrival.device for arrival in arrivals})
        with self._database.write() as connection:
            intake = _intake(connection, devices)
            for arrival in arrivals:
                intake.take(arrival)
            self._store(connection, intake)
            without_twin = frozenset(devices) - _with_twin(connection, devices)
        return intake.acks(without_twin)

    def reports(self, arrivals: Sequence[Arrival]) -> Reported:
        """See `cloud.ports.FleetWriter`."""
        with self._database.write() as connection:
            reported, aside = take_reports(connection, arrivals)
            self._put_aside(connection, aside)
        return reported

    def statuses(self, arrivals: Sequence[Arrival]) -> Told:
        """See `cloud.ports.FleetWriter`."""
        with self._database.write() as connection:
            told, aside = take_statuses(connection, arrivals)
            self._put_aside(connection, aside)
        return told

    def quarantine(self, device: str | None, topic: str, payload: bytes, reason: str, received_ms: int) -> None:
        """See `cloud.ports.FleetWriter`."""
        row = {"device": device, "topic": topic[:500], "received_ms": received_ms, "reason": reason, "payload": payload}
        with self._database.write() as connection:
            self._put_aside(connection, [row])

    def standings(self, devices: Collection[str] | None = None) -> list[tuple[str, Ack]]:
        """See `cloud.ports.FleetWriter`."""
        table = schema.positions
        query = select(table.c.device, table.c.epoch, table.c.through).order_by(table.c.updated_ms)
        if devices is not None:
            query = query.where(table.c.device.in_(devices))
        with self._database.read() as connection:
            latest = {str(device): Ack(epoch, through) for device, epoch, through in connection.execute(query)}
        return sorted(latest.items())

    def desired(self) -> list[tuple[str, Twin]]:
        """See `cloud.ports.FleetWriter`."""
        table = schema.twins
        query = select(table.c.device, table.c.version, table.c.doc).where(table.c.side == schema.DESIRED)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [(device, Twin(version, decode_document(doc))) for device, version, doc in rows]

    def _store(self, connection: Connection, intake: Intake) -> None:
        touch(connection, list(intake.seen_ms.items()))
        self._put_aside(connection, intake.rows.pop(schema.quarantine.name, []))
        for name, rows in intake.rows.items():
            put(connection, name, rows)
        positions = [
            {"device": device, "epoch": epoch, "through": through, "updated_ms": intake.seen_ms[device]}
            for (device, epoch), through in intake.advanced.items()
        ]
        put(connection, schema.positions.name, positions)

    def _put_aside(self, connection: Connection, rows: list[Row]) -> None:
        """Keep the newest of each device: one that sends nothing but rubbish must not fill the disk."""
        for row in rows:
            row["payload"] = row["payload"][: self._settings.quarantine_payload_bytes]
        put(connection, schema.quarantine.name, rows)
        table = schema.quarantine
        for device in {row["device"] for row in rows}:
            same = table.c.device.is_(None) if device is None else table.c.device == device
            newest = select(table.c.id).where(same).order_by(table.c.id.desc())
            bound = newest.offset(self._settings.quarantine_per_device).limit(1).scalar_subquery()
            connection.execute(delete(table).where(same, table.c.id <= bound))


def _intake(connection: Connection, devices: Collection[str]) -> Intake:
    table = schema.positions
    query = select(table.c.device, table.c.epoch, table.c.through)
    rows = connection.execute(query.where(table.c.device.in_(devices)).order_by(table.c.updated_ms)).all()
    through = {(str(device), str(epoch)): int(number) for device, epoch, number in rows}
    return Intake(through, dict(through.keys()))


def _with_twin(connection: Connection, devices: Collection[str]) -> frozenset[str]:
    table = schema.twins
    query = select(table.c.device).where(table.c.side == schema.REPORTED, table.c.device.in_(devices))
    return frozenset(connection.execute(query).scalars())
