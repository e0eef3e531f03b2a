"""Which records travel together."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.wire import MAX_BATCH_BYTES, Record, encode_batch
from agent.ports import Position
from agent.uplink.packing import pack

POSITION = Position(b"01234567", 0, 50)


def record(seq: int, size: int) -> Record:
    return Record(seq, "raw", 0, msgspec.Raw(msgspec.msgpack.encode(bytes(size))))


def test_an_empty_batch_covers_what_the_journal_no_longer_holds() -> None:
    batch = pack("site-01", POSITION, 11, [], 1000)
    assert (batch.first, batch.last, batch.records) == (11, 50, [])


def test_one_record_goes_even_when_it_is_larger_than_wished() -> None:
    batch = pack("site-01", POSITION, 3, [record(5, 5000), record(6, 1)], 1000)
    assert (batch.first, batch.last, len(batch.records)) == (3, 5, 1)


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=40))
def test_the_range_ends_with_the_last_record_and_fits(sizes: list[int]) -> None:
    records = [record(number, size) for number, size in enumerate(sizes, 7)]
    batch = pack("site-01", POSITION, 7, records, 8000)
    assert batch.records == records[: len(batch.records)]
    assert batch.last == batch.records[-1].seq
    assert len(batch.records) == 1 or sum(len(bytes(item.body)) for item in batch.records) <= 8000
    assert len(encode_batch(batch)) <= MAX_BATCH_BYTES
