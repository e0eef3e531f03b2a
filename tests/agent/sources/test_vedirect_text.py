"""VE.Direct blocks, built here, and recorded from two devices where the recordings are at hand."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sources.vedirect_text import BlockSplitter
from tests.helpers.serial_meters import MONITOR, MONITOR_HISTORY, SOLAR_CHARGER, vedirect_block

RECORDINGS = Path(__file__).parents[4] / "shared" / "data" / "protocol_vedirect"
LABELS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#", min_size=1, max_size=8)
VALUES = st.text("ABCxyz0123456789-+. ", max_size=20)
FIELDS = st.dictionaries(LABELS, VALUES, min_size=1, max_size=20)


def recording(name: str) -> bytes:
    path = RECORDINGS / name
    if not path.is_file():
        pytest.skip(f"the recording {name} is not at hand")
    return gzip.decompress(path.read_bytes())


@given(FIELDS, FIELDS)
def test_what_was_put_in_comes_out(first: dict[str, str], second: dict[str, str]) -> None:
    splitter = BlockSplitter()
    assert splitter.feed(vedirect_block(first) + vedirect_block(second)) == [first, second]
    assert splitter.damaged == 0


@pytest.mark.parametrize("byte", range(256))
def test_the_checksum_may_be_any_byte(byte: int) -> None:
    """A line feed, a tab or a colon too."""
    spare = (-byte - sum(vedirect_block({"V": "1", "X": ""})[:-1])) % 256
    # Characters of the value that bring the sum where it is wanted.
    value = next(
        text
        for length in range(1, 12)
        for text in [chr(33 + (spare - 33 * length) % 256) + "!" * (length - 1)]
        if text.isascii() and text.isprintable() and ":" not in text
    )
    block = vedirect_block({"V": "1", "X": value})
    assert block[-1] == byte
    follow = vedirect_block(MONITOR)
    assert BlockSplitter().feed(block + follow) == [{"V": "1", "X": value}, MONITOR]


@given(st.data())
def test_a_hex_message_anywhere_costs_nothing(data: st.DataObject) -> None:
    block = vedirect_block(SOLAR_CHARGER)
    # Not before the checksum itself, which is one raw byte whatever it is.
    at = data.draw(st.integers(0, len(block) - 2).filter(lambda at: not block[:at].endswith(b"Checksum\t")))
    message = b":A" + data.draw(st.text("0123456789ABCDEF", max_size=30)).encode() + b"\n"
    splitter = BlockSplitter()
    assert splitter.feed(block[:at] + message + block[at:]) == [SOLAR_CHARGER]


@given(st.integers(1, 200), FIELDS)
def test_a_cut_beginning_is_dropped(cut: int, fields: dict[str, str]) -> None:
    block = vedirect_block(SOLAR_CHARGER)
    rest = block[min(cut, len(block) - 1) :]
    splitter = BlockSplitter()
    found = splitter.feed(rest + vedirect_block(fields) + vedirect_block(fields))
    assert found[-1] == fields
    assert len(found) <= 3


@given(st.data())
def test_a_damaged_byte_costs_at_most_two_blocks(data: st.DataObject) -> None:
    block = vedirect_block(MONITOR)
    stream = bytearray(block * 4)
    at = data.draw(st.integers(0, len(block) - 1))
    stream[at] ^= data.draw(st.integers(1, 255))
    found = BlockSplitter().feed(bytes(stream))
    assert found.count(MONITOR) >= 2
    assert all(entry == MONITOR for entry in found)


@given(st.binary(max_size=500))
def test_noise_stops_nothing(noise: bytes) -> None:
    splitter = BlockSplitter()
    splitter.feed(noise)
    found = splitter.feed(b"\n" + vedirect_block(MONITOR_HISTORY) * 3)
    assert found[-1] == MONITOR_HISTORY


def test_endless_text_is_given_up() -> None:
    splitter = BlockSplitter()
    splitter.feed(b"x" * 100_000 + b"\r\na\tb" * 1000)
    assert splitter.damaged > 10
    assert len(splitter._line) + len(splitter._lines) < 200


def test_a_label_twice_is_a_damaged_block() -> None:
    body = b"\r\nV\t1\r\nV\t2\r\nChecksum\t"
    assert BlockSplitter().feed(body + bytes([-sum(body) % 256])) == []


@pytest.mark.parametrize(
    ("name", "blocks", "damaged"),
    # Counted with a script of its own: what is left once the HEX messages are taken out is the cut beginning.
    [("bluesolar_mppt_75_15-001.log.gz", 1056, 1), ("bmv_712_smart_battery_monitor-001.log.gz", 2966, 1)],
)
def test_a_recording_is_read_whole(name: str, blocks: int, damaged: int) -> None:
    splitter = BlockSplitter()
    found = splitter.feed(recording(name))
    assert (len(found), splitter.damaged) == (blocks, damaged)
    assert {block["PID"] for block in found if "PID" in block} in ({"0xA042"}, {"0xA381"})


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_recording_in_pieces_is_the_same(size: int) -> None:
    raw = recording("bluesolar_mppt_75_15-001.log.gz")[:20_000]
    splitter = BlockSplitter()
    found = [block for at in range(0, len(raw), size) for block in splitter.feed(raw[at : at + size])]
    assert found == BlockSplitter().feed(raw)
