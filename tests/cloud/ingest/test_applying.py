"""One group into the store: each kind its way, answers after the commit."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.domain import wire
from agent.domain.errors import BadMessage
from cloud.ingest.applying import Answer, Applier, SlowDown, acknowledgement
from cloud.ingest.grouping import Incoming
from cloud.store.database import Database
from cloud.store.reader import SqlFleetReader
from cloud.store.writer import SqlFleetWriter
from tests.helpers.batches import DEVICE, EPOCH, batch
from tests.helpers.uplinks import START_MS, SetClock, summary

HEX = EPOCH.hex()
ONLINE = wire.encode_status(wire.Status("online", START_MS))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(f"sqlite:///{tmp_path / 'fleet.db'}", SetClock()) as opened:
        yield opened


def message(leaf: str, payload: bytes, device: str = DEVICE, *, retained: bool = False) -> Incoming:
    return Incoming(wire.topic(device, leaf), device, leaf, payload, retained)


async def test_who_comes_online_is_told_where_it_stands_and_a_retained_status_is_not_coming(database: Database) -> None:
    applier = Applier(SqlFleetWriter(database), SetClock())
    assert await applier.apply([message(wire.STATUS, ONLINE)], 0) == []
    up = message(wire.UP, batch(1, [summary(1)]))
    assert await applier.apply([up], 0) == [acknowledgement(DEVICE, wire.Ack(HEX, 1, want_twin=True))]
    assert await applier.apply([message(wire.STATUS, ONLINE)], 0) == [acknowledgement(DEVICE, wire.Ack(HEX, 1))]
    assert await applier.apply([message(wire.STATUS, ONLINE, retained=True)], 0) == []
    offline = wire.encode_status(wire.Status("offline"))
    assert await applier.apply([message(wire.STATUS, offline)], 0) == []


async def test_devices_are_slowed_down_while_many_messages_wait(database: Database) -> None:
    applier = Applier(SqlFleetWriter(database), SetClock(), SlowDown(busy_messages=10, slow_s=7.0))
    for number, (waiting, slow_s) in enumerate([(10, 0.0), (11, 7.0), (0, 0.0)], start=1):
        (answer,) = await applier.apply([message(wire.UP, batch(number, [summary(number)]))], waiting)
        assert wire.decode_ack(answer.payload) == wire.Ack(HEX, number, slow_s=slow_s, want_twin=True)


async def test_what_is_not_the_stores_goes_to_whoever_listens_or_is_put_aside(database: Database) -> None:
    heard: list[tuple[str, str, bytes]] = []

    def listen(device: str, leaf: str, payload: bytes) -> None:
        if payload == b"bad":
            raise BadMessage("reply: rubbish")
        heard.append((device, leaf, payload))

    applier = Applier(SqlFleetWriter(database), SetClock())
    applier.listen("cmd/+/reply", listen)
    assert applier.leaves == [wire.UP, wire.STATUS, wire.TWIN_REPORTED, "cmd/+/reply"]
    group = [
        message("cmd/3f2a9c1e/reply", b"good"),
        message("cmd/3f2a9c1e/reply", b"bad"),
        message("elsewhere", b"x"),
        Incoming("some/topic", "", "", b"y", False),
    ]
    assert await applier.apply(group, 0) == list[Answer]()
    assert heard == [(DEVICE, "cmd/3f2a9c1e/reply", b"good")]
    rows = SqlFleetReader(database, SetClock()).quarantined()
    assert [(row.device, row.topic) for row in reversed(rows)] == [
        (DEVICE, "ew/1/site-01/cmd/3f2a9c1e/reply"),
        (DEVICE, "ew/1/site-01/elsewhere"),
        (None, "some/topic"),
    ]
    assert rows[-1].reason == "reply: rubbish"
    assert applier.quarantined == 3
