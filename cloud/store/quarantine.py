"""What was put aside: looked at, and taken again once the program can read it.

A replay goes the way of every message, with the same rows and the same rules, so that it changes nothing the second
time. It asks nothing of positions: what stands behind a message that was put aside has long been committed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, RowMapping, delete, select

from agent.domain import wire
from agent.domain.errors import BadInput, BadMessage
from agent.domain.twin import decode_twin
from cloud.ports import Arrival, QuarantineRow
from cloud.store import schema
from cloud.store.contacts import take_reports, touch
from cloud.store.database import Database
from cloud.store.intake import Intake
from cloud.store.rows import Row
from cloud.store.twins import read_twin
from cloud.store.upserts import put

APPLIED: Final = "applied"
IN_PART: Final = "applied in part"
REFUSED: Final = "refused"
OUTDATED: Final = "outdated"
_TOGETHER: Final = 50


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message. Applied and outdated ones are not in the quarantine any more.

    `rows` counts those written or found to be there already; `detail` says why not, or what is left.
    """

    id: int
    device: str | None
    outcome: str
    rows: int
    detail: str


class SqlQuarantine:
    """Raises `Transient` when the database refuses; then nothing of that step was changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, limit: int, device: str | None = None) -> list[QuarantineRow]:
        """Newest first, without the bytes."""
        table = schema.quarantine
        query = select(table).order_by(table.c.id.desc()).limit(limit)
        if device is not None:
            query = query.where(table.c.device == device)
        with self._database.read() as connection:
            return [_described(row._mapping) for row in connection.execute(query)]

    def show(self, number: int) -> tuple[QuarantineRow, bytes]:
        """One with its bytes. Raises `BadInput` for a number that is not there."""
        table = schema.quarantine
        with self._database.read() as connection:
            row = connection.execute(select(table).where(table.c.id == number)).first()
        if row is None:
            raise BadInput(f"quarantine: there is no {number}", hint="emberwatt-cloud quarantine list")
        return _described(row._mapping), bytes(row.payload)

    def numbers(self, device: str | None = None) -> Sequence[int]:
        """Of all, or of one device's, in the order in which they came."""
        table = schema.quarantine
        query = select(table.c.id).order_by(table.c.id)
        if device is not None:
            query = query.where(table.c.device == device)
        with self._database.read() as connection:
            return connection.execute(query).scalars().all()

    def replay(self, numbers: Sequence[int]) -> Sequence[Outcome]:
        """Take these again, in this order. Raises `BadInput` for a number that is not there."""
        outcomes: list[Outcome] = []
        for at in range(0, len(numbers), _TOGETHER):
            for number in numbers[at : at + _TOGETHER]:
                self.show(number)
            with self._database.write() as connection:
                outcomes += [_replay(connection, number) for number in numbers[at : at + _TOGETHER]]
        return outcomes


def _replay(connection: Connection, number: int) -> Outcome:
    table = schema.quarantine
    row = connection.execute(select(table).where(table.c.id == number)).first()
    if row is None:
        return Outcome(number, None, OUTDATED, 0, "somebody else took it meanwhile")
    arrival = Arrival(str(row.device), bytes(row.payload), int(row.received_ms))
    try:
        outcome = _take(connection, number, _leaf(row.device, row.topic), arrival)
    except BadMessage as error:
        return Outcome(number, row.device, REFUSED, 0, error.reason)
    connection.execute(delete(table).where(table.c.id == number))
    return outcome


def _leaf(device: str | None, topic: str) -> str:
    known, leaf = wire.parse_topic(topic)
    if known != device:
        raise BadMessage(f"topic {topic!r} is not one of {device!r}")
    return leaf


def _take(connection: Connection, number: int, leaf: str, arrival: Arrival) -> Outcome:
    if leaf == wire.UP:
        return _records(connection, number, arrival)
    if leaf == wire.TWIN_REPORTED:
        return _report(connection, number, arrival)
    if leaf == wire.STATUS:
        wire.decode_status(arrival.payload)
        return Outcome(number, arrival.device, OUTDATED, 0, "a status tells of its moment only")
    raise BadMessage(f"topic level {leaf!r} is not one that can be taken again")


def _records(connection: Connection, number: int, arrival: Arrival) -> Outcome:
    intake = Intake({}, {})
    intake.take_again(arrival)
    left = intake.rows.pop(schema.quarantine.name, [])
    rows = sum(len(rows) for rows in intake.rows.values())
    reasons = "; ".join(sorted({str(row["reason"]) for row in left}))
    if left and not rows:
        raise BadMessage(reasons)
    touch(connection, [(arrival.device, arrival.received_ms)])
    _put_all(connection, {**intake.rows, schema.quarantine.name: left})
    if left:
        return Outcome(number, arrival.device, IN_PART, rows, f"{len(left)} records stay: {reasons}")
    return Outcome(number, arrival.device, APPLIED, rows, "")


def _put_all(connection: Connection, rows: dict[str, list[Row]]) -> None:
    for name, each in rows.items():
        put(connection, name, each)


def _report(connection: Connection, number: int, arrival: Arrival) -> Outcome:
    """A twin only goes forward: what was reported since is newer."""
    message = decode_twin(arrival.payload)
    present = read_twin(connection, arrival.device, schema.REPORTED).version
    if message.version <= present or (message.doc is None and message.base != present):
        return Outcome(number, arrival.device, OUTDATED, 0, f"version {message.version}, the twin is at {present}")
    _, aside = take_reports(connection, [arrival])
    if aside:
        raise BadMessage(str(aside[0]["reason"]))
    return Outcome(number, arrival.device, APPLIED, 1, "")


def _described(row: RowMapping) -> QuarantineRow:
    return QuarantineRow(row["id"], row["device"], row["topic"], row["received_ms"], row["reason"], len(row["payload"]))
