"""`cloud.ports.FleetWriter` over SQL: each call one transaction, back only after the commit."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, select, update

from agent.domain.errors import BadMessage
from agent.domain.twin import StaleVersion, Twin, TwinMessage
from agent.domain.wire import Ack, Status
from cloud.ports import Arrival
from cloud.store import schema
from cloud.store.database import Database
from cloud.store.intake import Intake
from cloud.store.rows import LATEST_MS, Row
from cloud.store.twins import decode_document, read_twin, write_twin
from cloud.store.upserts import put

_MAX_VERSION: Final = 2**53
_STATES: Final = {"online": True, "offline": False}


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

    def report(self, device: str, message: TwinMessage, received_ms: int) -> bool:
        """See `cloud.ports.FleetWriter`. Raises `BadMessage` for a version that is no version."""
        if not 0 <= message.version <= _MAX_VERSION:
            raise BadMessage(f"twin: version {message.version}, expected 0..{_MAX_VERSION}")
        with self._database.write() as connection:
            _touch(connection, device, received_ms)
            try:
                twin = read_twin(connection, device, schema.REPORTED).apply(message)
            except StaleVersion:
                return False
            write_twin(connection, device, schema.REPORTED, twin, received_ms)
        return True

    def status(self, device: str, status: Status, received_ms: int) -> None:
        """See `cloud.ports.FleetWriter`. The last will is the broker's word, not a contact with the device."""
        online = _STATES.get(status.state)
        if online is None:
            raise BadMessage(f"status {status.state[:40]!r}, expected one of {', '.join(_STATES)}")
        since = status.since_ms
        if since is not None and not 0 <= since <= LATEST_MS:
            raise BadMessage(f"status since_ms {since}, expected a time between 1970 and 2100")
        table = schema.devices
        with self._database.write() as connection:
            if since is not None:
                _touch(connection, device, received_ms)
            changes = {"online": online, "status_since_ms": received_ms if since is None else since}
            connection.execute(update(table).where(table.c.device == device).values(changes))

    def quarantine(self, device: str | None, topic: str, payload: bytes, reason: str, received_ms: int) -> None:
        """See `cloud.ports.FleetWriter`."""
        row = {"device": device, "topic": topic[:500], "received_ms": received_ms, "reason": reason, "payload": payload}
        with self._database.write() as connection:
            self._put_aside(connection, [row])

    def standings(self) -> list[tuple[str, Ack]]:
        """See `cloud.ports.FleetWriter`."""
        table = schema.positions
        query = select(table.c.device, table.c.epoch, table.c.through).order_by(table.c.updated_ms)
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
        for device, received_ms in intake.seen_ms.items():
            _touch(connection, device, received_ms)
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


def _touch(connection: Connection, device: str, received_ms: int) -> None:
    row = {"device": device, "first_seen_ms": received_ms, "last_contact_ms": received_ms}
    put(connection, schema.devices.name, [row])
