"""The bytes between a device and the aggregator: frozen, round, and never wrong without being noticed."""

import math
import struct
import zlib
from contextlib import suppress

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.domain.errors import BadMessage
from agent.domain.signals import BATTERY_SOC, PV_ENERGY_TOTAL, PV_POWER
from agent.domain.wire import (
    MAX_BATCH_BYTES,
    MAX_BODY_BYTES,
    MAX_RECORDS,
    MAX_SEQ,
    Ack,
    Batch,
    Body,
    Energy,
    Event,
    Fault,
    Record,
    Rejected,
    Reliability,
    SignalSummary,
    Status,
    Summary,
    Unknown,
    decode_ack,
    decode_batch,
    decode_body,
    decode_header,
    decode_status,
    encode_ack,
    encode_batch,
    encode_body,
    encode_status,
    is_device_id,
    parse_topic,
    topic,
)

EPOCH = bytes.fromhex("0123456789abcdef")
AT_MS = 1_700_000_100_000

SAMPLES: list[Body] = [
    Summary(
        1_700_000_000_000 - 1_700_000_000_000 % 900_000,
        900,
        [SignalSummary(PV_POWER, 0, 3210, 210, 90, -10, 15), SignalSummary(BATTERY_SOC, 1, 505, 5, 5, 5, 14, 0, 1)],
    ),
    Energy(AT_MS, {PV_ENERGY_TOTAL: 1_234_567.0}),
    Fault(
        "battery_not_charging.1700000040000",
        "battery_not_charging",
        "end",
        "warning",
        "",
        1_700_000_040_000,
        1_700_000_100_000,
        60.0,
        {PV_POWER: 3000.0},
        50.5,
    ),
    Reliability(AT_MS, "battery_not_charging", {"failures": 1, "up_ms": 3_600_000, "published_first": None}),
    Event(AT_MS, "restart", {"reason": "power", "count": 3, "clean": False}),
    Unknown("poem", msgspec.msgpack.encode(["roses", 1])),
]


def records(bodies: list[Body], first: int = 7) -> list[Record]:
    encoded = (encode_body(body) for body in bodies)
    return [Record(first + i, kind, AT_MS + i, msgspec.Raw(raw)) for i, (kind, raw) in enumerate(encoded)]


def batch(bodies: list[Body]) -> Batch:
    return Batch("site-01", EPOCH, 7, 7 + len(bodies) - 1, records(bodies))


GOLDEN_HEAD = "455701000123456789abcdef0000000000000007000000000000000c"
GOLDEN = bytes.fromhex(
    "455701000123456789abcdef0000000000000007000000000000000c90031bd39ab6bc38b32455d7c070ca544e48fc83e4bb"
    "cf3f7bb768d64d256c2952cfd0dc000c4c4004d6440b2a116065c002a8792c0e3083179c76f063008346b80b4f3b2c2f000b"
    "9d76f07480484ee542cf2220cd8b27c38dc16a75333cbf3042b2c93906b3770d18499f612a37249dc34c5b82301756643643"
    "8bc7a560172e05d62a7925cc4b93735213f30e314ce55952909f9a0bd3b474d2d2a2fc62a0a50c13a7b343046f1a83439871"
    "12dc93c8d13d898171e2340eb89d0c871927a2a79a23d200818241e4d312ae2d5cc25c7232400e1324689818361c91030cc4"
    "90646664c004ffae9f610100"
)


def plain(message: Batch) -> tuple[object, ...]:
    bodies = [decode_body(record.kind, record.body) for record in message.records]
    heads = [(record.seq, record.kind, record.at_ms, record.clock) for record in message.records]
    return (message.device, message.epoch, message.first, message.last, heads, bodies)


def test_a_batch_of_version_1_is_read_for_ever() -> None:
    assert plain(decode_batch(GOLDEN)) == plain(batch(SAMPLES))


def test_the_content_written_today_is_that_of_version_1() -> None:
    # The compressed form may change with the compressor; header layout and content may not.
    written = encode_batch(batch(SAMPLES))
    assert written[:28].hex() == GOLDEN_HEAD
    assert decode_batch(written) == decode_batch(GOLDEN)
    assert [bytes(record.body).hex() for record in decode_batch(written).records] == BODIES


BODIES = [
    "94cf0000018bcfd93300cd0384929ba870765f706f77657200cd0c8accd25af60f000000009bab626174746572795f736f63"
    "01cd01f90505050e0001000001",
    "93cf0000018bcfe6eea081af70765f656e657267795f746f74616ccb4132d68700000000c3",
    "9ad922626174746572795f6e6f745f6368617267696e672e31373030303030303430303030b4626174746572795f6e6f745f"
    "6368617267696e67a3656e64a77761726e696e67a0cf0000018bcfe60440cf0000018bcfe6eea0cb404e00000000000081a8"
    "70765f706f776572cb40a7700000000000cb4049400000000000",
    "93cf0000018bcfe6eea0b4626174746572795f6e6f745f6368617267696e6783a86661696c7572657301a575705f6d73ce00"
    "36ee80af7075626c69736865645f6669727374c0",
    "93cf0000018bcfe6eea0a77265737461727483a6726561736f6ea5706f776572a5636f756e7403a5636c65616ec2",
    "92a5726f73657301",
]

text = st.text(max_size=12)
int64 = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False)
summaries = st.builds(
    Summary,
    int64,
    int64,
    st.lists(st.builds(SignalSummary, text, *[int64] * 6, *[st.integers(0, 2**31)] * 4), max_size=4),
    int64,
)
bodies = st.one_of(
    summaries,
    st.builds(Energy, int64, st.dictionaries(text, floats, max_size=4), st.booleans()),
    st.builds(
        Fault,
        *[text] * 5,
        int64,
        st.none() | int64,
        floats,
        st.dictionaries(text, floats, max_size=3),
        st.none() | floats,
    ),
    st.builds(Reliability, int64, text, st.dictionaries(text, st.none() | int64 | floats, max_size=4)),
    st.builds(Event, int64, text, st.dictionaries(text, st.none() | st.booleans() | int64 | text, max_size=3)),
)


@given(st.lists(bodies, min_size=1, max_size=6))
@example([Energy(2**63 - 1, {}, True), Energy(-2, {}, True)])
def test_what_is_written_is_read(some: list[Body]) -> None:
    assert plain(decode_batch(encode_batch(batch(some)))) == plain(batch(some))


@pytest.mark.parametrize("body", SAMPLES, ids=lambda body: type(body).__name__)
def test_a_body_comes_back_as_it_was(body: Body) -> None:
    assert decode_body(*encode_body(body)) == body


def test_every_truncation_is_noticed() -> None:
    for length in range(len(GOLDEN)):
        with pytest.raises(BadMessage) as caught:
            decode_batch(GOLDEN[:length])
        assert caught.value.damaged


def test_no_flipped_bit_is_accepted() -> None:
    for position in range(len(GOLDEN) * 8):
        damaged = bytearray(GOLDEN)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(BadMessage) as caught:
            decode_batch(bytes(damaged))
        assert caught.value.damaged


@given(st.binary(max_size=200))
def test_noise_is_no_batch(noise: bytes) -> None:
    with pytest.raises(BadMessage):
        decode_batch(noise)


@given(st.sampled_from(["summary", "energy", "fault", "reliability", "event"]), st.binary(max_size=60))
def test_noise_in_a_body_is_bad_input_or_a_body(kind: str, noise: bytes) -> None:
    with suppress(BadMessage):
        decode_body(kind, noise)


def sealed(body: bytes, *, version: int = 1, first: int = 1, last: int = 1) -> bytes:
    """A batch with a right checksum around `body`."""
    head = struct.pack(">2sBB8sQQ", b"EW", version, 0, EPOCH, first, last)
    return head + struct.pack(">I", zlib.crc32(body, zlib.crc32(head))) + body


def squeezed(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def refused(data: bytes, *, match: str) -> None:
    with pytest.raises(BadMessage, match=match) as caught:
        decode_batch(data)
    assert not caught.value.damaged


def test_a_zip_bomb_is_refused() -> None:
    bomb = sealed(squeezed(bytes(MAX_BODY_BYTES * 8)))
    assert len(bomb) < MAX_BATCH_BYTES
    refused(bomb, match="at most")


def test_a_batch_too_large_is_refused_unread() -> None:
    refused(bytes(MAX_BATCH_BYTES + 1), match="at most")


def test_what_stands_behind_the_stream_is_refused() -> None:
    content = msgspec.msgpack.encode(["site-01", []])
    assert decode_batch(sealed(squeezed(content))).records == []
    refused(sealed(squeezed(content) + b"more"), match="not one stream")
    refused(sealed(squeezed(content)[:-1]), match="not one stream")


@pytest.mark.parametrize("content", [b"", b"\xc1", msgspec.msgpack.encode(["site-01"]), b"\x91" * 5000])
def test_a_body_that_is_no_batch_is_refused(content: bytes) -> None:
    refused(sealed(squeezed(content)), match="batch body")


def test_another_version_is_named() -> None:
    refused(sealed(b"", version=2), match="version 2")


@pytest.mark.parametrize(("first", "last"), [(0, 1), (2, 1), (1, MAX_SEQ + 1)])
def test_a_range_must_be_one(first: int, last: int) -> None:
    refused(sealed(b"", first=first, last=last), match="range")


def content_of(seqs: list[int]) -> bytes:
    return msgspec.msgpack.encode(["site-01", [[seq, "event", 0, [0, "x"], 0] for seq in seqs]])


@pytest.mark.parametrize("seqs", [[1], [6], [3, 3], [4, 3]])
def test_records_stand_in_order_within_their_range(seqs: list[int]) -> None:
    refused(sealed(squeezed(content_of(seqs)), first=2, last=5), match="out of order")


def test_records_may_be_missing_within_the_range() -> None:
    read = decode_batch(sealed(squeezed(content_of([3, 5])), first=2, last=9))
    assert ([record.seq for record in read.records], read.first, read.last) == ([3, 5], 2, 9)


def test_too_many_records_are_refused() -> None:
    count = MAX_RECORDS + 1
    refused(sealed(squeezed(content_of(list(range(1, count + 1)))), last=count), match="records, at most")


def test_the_header_is_read_without_the_body() -> None:
    header = decode_header(sealed(b"anything", first=3, last=9))
    assert (header.version, header.epoch, header.first, header.last) == (1, EPOCH, 3, 9)


def test_a_kind_of_the_future_is_kept() -> None:
    assert decode_body("poem", b"\x93\x01\x02\x03") == Unknown("poem", b"\x93\x01\x02\x03")


def test_fields_of_the_future_are_ignored() -> None:
    raw = msgspec.msgpack.encode([AT_MS, {PV_ENERGY_TOTAL: 1.0}, True, "tariff", 4])
    assert decode_body("energy", raw) == Energy(AT_MS, {PV_ENERGY_TOTAL: 1.0})


@pytest.mark.parametrize("raw", [b"\x90", msgspec.msgpack.encode(["now", "restart"]), b"\x92\x01"])
def test_a_body_of_another_shape_is_bad_input(raw: bytes) -> None:
    with pytest.raises(BadMessage, match="event record"):
        decode_body("event", raw)


def test_a_deeply_nested_body_is_bad_input() -> None:
    with pytest.raises(BadMessage):
        decode_body("event", b"\x92" * 100_000)


def test_an_unknown_body_is_sent_as_it_came() -> None:
    assert encode_body(Unknown("poem", b"\x01")) == ("poem", b"\x01")


@settings(max_examples=50)
@given(
    text,
    st.integers(0, MAX_SEQ),
    st.lists(st.builds(Rejected, st.integers(1, 9), st.integers(1, 9), text), max_size=3),
    st.floats(0, 1e6),
    st.booleans(),
)
def test_an_ack_comes_back(epoch: str, through: int, rejected: list[Rejected], slow_s: float, whole: bool) -> None:
    ack = Ack(epoch, through, rejected, slow_s, whole)
    assert decode_ack(encode_ack(ack)) == ack


def test_a_short_ack_is_short() -> None:
    assert encode_ack(Ack("ab", 4711)) == b'{"epoch":"ab","through":4711}'


@pytest.mark.parametrize("data", [b"", b"null", b"{}", b'{"epoch":1,"through":2}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_ack_is_bad_input(data: bytes) -> None:
    with pytest.raises(BadMessage, match="ack"):
        decode_ack(data)


@pytest.mark.parametrize("status", [Status("online", AT_MS), Status("offline")])
def test_a_status_comes_back(status: Status) -> None:
    assert decode_status(encode_status(status)) == status


def test_what_is_no_status_is_bad_input() -> None:
    with pytest.raises(BadMessage, match="status"):
        decode_status(b'"online"')


@pytest.mark.parametrize("device", ["abc", "site-01", "a" * 40, "0-0"])
def test_a_device_id(device: str) -> None:
    assert is_device_id(device)
    assert parse_topic(topic(device, "twin/reported")) == (device, "twin/reported")


@pytest.mark.parametrize("device", ["", "ab", "a" * 41, "Site", "site_1", "site/1", "site+", "sité-1", "abc\n"])
def test_no_device_id(device: str) -> None:
    assert not is_device_id(device)


@pytest.mark.parametrize(
    "name", ["", "ew/1/site-01", "ew/2/site-01/up", "xx/1/site-01/up", "ew/1/Site/up", "a/b/c/d/e"]
)
def test_a_topic_of_somebody_else(name: str) -> None:
    with pytest.raises(BadMessage, match="topic"):
        parse_topic(name)


def test_infinite_values_do_not_break_a_batch() -> None:
    body = Energy(AT_MS, {PV_ENERGY_TOTAL: math.inf})
    assert decode_body(*encode_body(body)) == body
