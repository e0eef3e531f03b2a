"""Messages that were put aside are taken again, with the same effect however often."""

from collections.abc import Iterator

import msgspec
import pytest
from sqlalchemy import select

from agent.domain import signals as sg
from agent.domain.errors import BadInput
from agent.domain.twin import Twin, TwinMessage, encode_twin
from agent.domain.wire import UP, Batch, Event, Record, Status, decode_batch, encode_batch, encode_status, topic
from cloud.ports import Arrival
from cloud.store import schema
from cloud.store.database import Database
from cloud.store.quarantine import APPLIED, IN_PART, OUTDATED, REFUSED, Outcome, SqlQuarantine
from cloud.store.reader import SqlFleetReader
from cloud.store.writer import SqlFleetWriter
from tests.helpers.batches import DEVICE, EPOCH, arrival, batch, record
from tests.helpers.uplinks import START_MS, SetClock, summary

HOUR_MS = 3_600_000


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with Database(database_url, SetClock()) as opened:
        yield opened


def put_aside(database: Database, payload: bytes, leaf: str = UP, device: str | None = DEVICE) -> int:
    name = topic(device or DEVICE, leaf)
    SqlFleetWriter(database).quarantine(device, name, payload, "an older program could not read this", START_MS)
    return SqlQuarantine(database).list(1)[0].id


def windows(database: Database) -> int:
    reader = SqlFleetReader(database, SetClock())
    return len(reader.series(DEVICE, sg.PV_POWER, START_MS, START_MS + 24 * HOUR_MS, 900))


def test_a_batch_behind_which_the_position_has_moved_on_is_applied_once(database: Database) -> None:
    writer, quarantine = SqlFleetWriter(database), SqlQuarantine(database)
    lost = batch(3, [summary(3), summary(4)])
    writer.apply([arrival(batch(1, [summary(1), summary(2)]))])
    number = put_aside(database, lost)
    # What the position of that time did: it went past the message that could not be read.
    writer.apply([arrival(batch(3, [Event(START_MS, "restart"), Event(START_MS, "restart")]))])
    writer.apply([arrival(batch(5, [summary(5)]))])
    before = writer.standings()
    assert quarantine.replay([number]) == [Outcome(number, DEVICE, APPLIED, 4, "")]
    assert windows(database) == 5
    assert writer.standings() == before
    assert quarantine.list(10) == []
    again = put_aside(database, lost)
    assert quarantine.replay([again])[0].outcome == APPLIED
    assert windows(database) == 5


def test_a_single_record_is_put_aside_with_all_that_belongs_to_it(database: Database) -> None:
    bad = Record(2, "summary", START_MS, msgspec.Raw(b"\xc0"))
    good = record(3, summary(3))
    SqlFleetWriter(database).apply(
        [arrival(encode_batch(Batch(DEVICE, EPOCH, 1, 3, [record(1, summary(1)), bad, good])))]
    )
    quarantine = SqlQuarantine(database)
    (row,) = quarantine.list(10)
    kept = decode_batch(quarantine.show(row.id)[1])
    assert (kept.device, kept.epoch, kept.records) == (DEVICE, EPOCH, [bad])
    (outcome,) = quarantine.replay([row.id])
    assert (outcome.outcome, outcome.rows) == (REFUSED, 0)
    assert [each.id for each in quarantine.list(10)] == [row.id]


def test_of_a_batch_what_can_be_read_is_applied_and_the_rest_stays(database: Database) -> None:
    bad = Record(2, "summary", START_MS, msgspec.Raw(b"\xc0"))
    number = put_aside(database, encode_batch(Batch(DEVICE, EPOCH, 1, 2, [record(1, summary(1)), bad])))
    quarantine = SqlQuarantine(database)
    (outcome,) = quarantine.replay([number])
    assert (outcome.outcome, outcome.rows) == (IN_PART, 2)
    assert outcome.detail.startswith("1 records stay: record 2 of")
    (left,) = quarantine.list(10)
    assert left.id != number
    assert windows(database) == 1


def test_rubbish_stays_with_its_reason(database: Database) -> None:
    numbers = [
        put_aside(database, b"rubbish"),
        put_aside(database, batch(1, [summary(1)], device="site-02")),
        put_aside(database, b"{}", "elsewhere"),
        put_aside(database, b"x", UP, None),
    ]
    outcomes = SqlQuarantine(database).replay(numbers)
    assert [outcome.outcome for outcome in outcomes] == [REFUSED] * 4
    assert "do not start with a batch header" in outcomes[0].detail
    assert "batch of device 'site-02'" in outcomes[1].detail
    assert "'elsewhere'" in outcomes[2].detail
    assert len(SqlQuarantine(database).list(10)) == 4
    assert windows(database) == 0


def test_a_twin_only_goes_forward_and_a_status_is_of_its_moment(database: Database) -> None:
    def twin(version: int, **more: object) -> bytes:
        return encode_twin(TwinMessage(version, **more))  # type: ignore[arg-type]

    SqlFleetWriter(database).reports([Arrival(DEVICE, twin(5, doc={"a": 1}), START_MS)])
    leaf = "twin/reported"
    numbers = [
        put_aside(database, twin(4, doc={"a": 0}), leaf),
        put_aside(database, twin(8, base=7, patch={"a": 3}), leaf),
        put_aside(database, twin(6, base=5, patch={"b": 2}), leaf),
        put_aside(database, encode_status(Status("online", START_MS)), "status"),
        put_aside(database, b"{}", leaf),
    ]
    outcomes = SqlQuarantine(database).replay(numbers)
    assert [outcome.outcome for outcome in outcomes] == [OUTDATED, OUTDATED, APPLIED, OUTDATED, REFUSED]
    assert SqlFleetReader(database, SetClock()).twin(DEVICE) == (Twin(), Twin(6, {"a": 1, "b": 2}))
    assert [row.id for row in SqlQuarantine(database).list(10)] == [numbers[4]]


def test_numbers_of_one_device_and_numbers_that_are_not_there(database: Database) -> None:
    quarantine = SqlQuarantine(database)
    first, other, second = (
        put_aside(database, b"a"),
        put_aside(database, b"b", UP, "site-02"),
        put_aside(database, b"c"),
    )
    assert quarantine.numbers(DEVICE) == [first, second]
    assert quarantine.numbers() == [first, other, second]
    assert [row.id for row in quarantine.list(10, "site-02")] == [other]
    with pytest.raises(BadInput, match="there is no 77"):
        quarantine.replay([first, 77])
    with database.read() as connection:
        assert len(connection.execute(select(schema.quarantine.c.id)).all()) == 3
