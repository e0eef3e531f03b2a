"""Statuses and reported twins as rows: many devices in one transaction, because a fleet comes back at once."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from agent.domain.errors import BadMessage
from agent.domain.twin import StaleVersion, Twin, TwinMessage, decode_twin
from agent.domain.wire import STATUS, TWIN_REPORTED, Status, decode_status, topic
from cloud.ports import Arrival, Reported, Told
from cloud.store import schema
from cloud.store.rows import LATEST_MS, Row
from cloud.store.twins import decode_document, twin_row
from cloud.store.upserts import put

_MAX_VERSION: Final = 2**53
_STATES: Final = {"online": True, "offline": False}


class _Contact(NamedTuple):
    device: str
    online: bool
    since_ms: int | None
    received_ms: int


def take_statuses(connection: Connection, arrivals: Sequence[Arrival]) -> tuple[Told, list[Row]]:
    """Apply statuses in their order; also returns quarantine rows of those that cannot be."""
    contacts, aside, online = [], [], dict[str, None]()
    for arrival in arrivals:
        try:
            contacts.append(_contact(arrival, decode_status(arrival.payload)))
            if contacts[-1].online and not arrival.retained:
                online[arrival.device] = None
        except BadMessage as error:
            aside.append(quarantine_row(arrival, STATUS, error.reason))
    # The last will is the broker's word, not a contact with the device.
    touch(connection, [(each.device, each.received_ms) for each in contacts if each.since_ms is not None])
    table = schema.devices
    changes = update(table).where(table.c.device == bindparam("who"))
    values = changes.values(online=bindparam("is_online"), status_since_ms=bindparam("since"))
    rows = [
        {
            "who": each.device,
            "is_online": each.online,
            "since": each.received_ms if each.since_ms is None else each.since_ms,
        }
        for each in contacts
    ]
    if rows:
        connection.execute(values, rows)
    return Told(list(online), len(aside)), aside


def _contact(arrival: Arrival, status: Status) -> _Contact:
    online, since = _STATES.get(status.state), status.since_ms
    if online is None:
        raise BadMessage(f"status {status.state[:40]!r}, expected one of {', '.join(_STATES)}")
    if since is not None and not 0 <= since <= LATEST_MS:
        raise BadMessage(f"status since_ms {since}, expected a time between 1970 and 2100")
    # A retained status tells when the device connected, not that it is in contact now.
    late = arrival.retained and since is not None
    return _Contact(
        arrival.device, online, since, min(arrival.received_ms, since or 0) if late else arrival.received_ms
    )


def take_reports(connection: Connection, arrivals: Sequence[Arrival]) -> tuple[Reported, list[Row]]:
    """Apply reported twins in their order; also returns quarantine rows of those that cannot be."""
    messages, aside = [], []
    for arrival in arrivals:
        try:
            messages.append((arrival, _versioned(decode_twin(arrival.payload))))
        except BadMessage as error:
            aside.append(quarantine_row(arrival, TWIN_REPORTED, error.reason))
    touch(connection, [(arrival.device, arrival.received_ms) for arrival, _ in messages])
    twins = _stored(connection, {arrival.device for arrival, message in messages if message.doc is None})
    rows: dict[str, Row] = {}
    whole: dict[str, None] = {}
    for arrival, message in messages:
        try:
            twin = twins.get(arrival.device, Twin()).apply(message)
            rows[arrival.device] = twin_row(arrival.device, schema.REPORTED, twin, arrival.received_ms)
        except StaleVersion:
            whole[arrival.device] = None
        except BadMessage as error:
            aside.append(quarantine_row(arrival, TWIN_REPORTED, error.reason))
        else:
            twins[arrival.device] = twin
            whole.pop(arrival.device, None)
    put(connection, schema.twins.name, list(rows.values()))
    return Reported(list(whole), len(aside)), aside


def _versioned(message: TwinMessage) -> TwinMessage:
    if not 0 <= message.version <= _MAX_VERSION:
        raise BadMessage(f"twin: version {message.version}, expected 0..{_MAX_VERSION}")
    return message


def _stored(connection: Connection, devices: set[str]) -> dict[str, Twin]:
    """Only patches need what was there before."""
    table = schema.twins
    query = select(table.c.device, table.c.version, table.c.doc)
    query = query.where(table.c.side == schema.REPORTED, table.c.device.in_(devices))
    rows = connection.execute(query).all() if devices else []
    return {str(device): Twin(int(version), decode_document(doc)) for device, version, doc in rows}


def touch(connection: Connection, contacts: Sequence[tuple[str, int]]) -> None:
    """These devices were in contact, each at that time."""
    rows = [{"device": device, "first_seen_ms": at_ms, "last_contact_ms": at_ms} for device, at_ms in contacts]
    put(connection, schema.devices.name, rows)


def quarantine_row(arrival: Arrival, leaf: str, reason: str) -> Row:
    """A message that is put aside."""
    return {
        "device": arrival.device,
        "topic": topic(arrival.device, leaf),
        "received_ms": arrival.received_ms,
        "reason": reason,
        "payload": arrival.payload,
    }
