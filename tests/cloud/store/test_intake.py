"""The rule of positions."""

import random

from hypothesis import given
from hypothesis import strategies as st

from agent.domain.wire import Ack, Event, Rejected, Summary
from cloud.store.intake import Intake
from tests.helpers.batches import DEVICE, EPOCH, arrival, batch
from tests.helpers.uplinks import START_MS

HEX = EPOCH.hex()


def event(number: int) -> Event:
    return Event(START_MS + number, "restart")


def at(through: int) -> Intake:
    return Intake({(DEVICE, HEX): through}, {DEVICE: HEX})


def answer(intake: Intake) -> Ack:
    ((device, ack),) = intake.acks(frozenset())
    assert device == DEVICE
    return ack


def test_the_next_batch_is_taken() -> None:
    intake = at(3)
    intake.take(arrival(batch(4, [event(4), event(5)])))
    assert answer(intake) == Ack(HEX, 5)
    assert [row["seq"] for row in intake.rows["events"]] == [4, 5]
    assert intake.advanced == {(DEVICE, HEX): 5}


def test_what_is_known_of_a_batch_is_skipped() -> None:
    intake = at(4)
    intake.take(arrival(batch(3, [event(n) for n in (3, 4, 5)])))
    assert [row["seq"] for row in intake.rows["events"]] == [5]
    intake.take(arrival(batch(3, [event(n) for n in (3, 4, 5)])))
    assert len(intake.rows["events"]) == 1


def test_behind_a_gap_nothing_is_taken_and_the_answer_says_from_where() -> None:
    intake = at(3)
    intake.take(arrival(batch(5, [event(5)])))
    assert answer(intake) == Ack(HEX, 3)
    assert not intake.rows
    assert not intake.advanced


def test_an_unknown_epoch_starts_at_nothing() -> None:
    intake = at(3)
    intake.take(arrival(batch(8, [event(8)], epoch=b"newepoch")))
    assert answer(intake) == Ack(b"newepoch".hex(), 0)
    intake.take(arrival(batch(1, [event(1)], epoch=b"newepoch")))
    assert answer(intake).through == 1


def test_a_damaged_message_is_put_aside_and_asked_for_again() -> None:
    payload = bytearray(batch(4, [event(4)]))
    payload[-1] ^= 1
    intake = at(3)
    intake.take(arrival(bytes(payload)))
    assert answer(intake) == Ack(HEX, 3)
    assert [row["reason"] for row in intake.rows["quarantine"]] == ["checksum does not match"]
    fresh = Intake({}, {})
    fresh.take(arrival(bytes(payload)))
    assert fresh.acks(frozenset()) == []


def test_a_batch_on_a_neighbours_topic_is_rejected_whole() -> None:
    intake = at(3)
    intake.take(arrival(batch(4, [event(4), event(5)], device="site-02")))
    assert answer(intake).rejected == [Rejected(4, 5, "batch of device 'site-02' on the topic of 'site-01'")]
    assert answer(intake).through == 5
    assert "events" not in intake.rows
    assert len(intake.rows["quarantine"]) == 1


def test_a_poison_record_is_named_and_the_others_are_taken() -> None:
    poison = Summary(START_MS, 0, [])
    intake = at(0)
    intake.take(arrival(batch(1, [event(1), poison, poison, event(4), poison])))
    reason = "window_s 0, expected 1..34560000"
    assert answer(intake) == Ack(HEX, 5, [Rejected(2, 3, reason), Rejected(5, 5, reason)])
    assert [row["seq"] for row in intake.rows["events"]] == [1, 4]
    assert len(intake.rows["quarantine"]) == 3


def test_the_whole_twin_is_asked_for_where_there_is_none() -> None:
    intake = at(0)
    intake.take(arrival(batch(1, [event(1)])))
    ((_, ack),) = intake.acks(frozenset({DEVICE}))
    assert ack.want_twin


@given(st.integers(1, 12), st.integers(0, 2**32), st.integers(0, 30))
def test_any_order_with_doubles_ends_like_the_straight_one(size: int, seed: int, extra: int) -> None:
    """As a device does it: what is not acknowledged comes again, with anything old in between."""
    rng = random.Random(seed)
    payloads = [batch(first, [event(n) for n in range(first, first + size)]) for first in range(1, 60, size)]
    intake = Intake({}, {})
    for _ in range(extra):
        intake.take(arrival(rng.choice(payloads)))
    for payload in payloads:
        intake.take(arrival(rng.choice(payloads)))
        intake.take(arrival(payload))
        intake.take(arrival(payload))
    assert [row["seq"] for row in intake.rows["events"]] == list(range(1, len(payloads) * size + 1))
