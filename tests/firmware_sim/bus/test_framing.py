import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.bus.framing import LONGEST_PDU, RtuParser, crc16, mbap_frame, mbap_length, rtu_frame
from tests.firmware_sim.stand import crc


@pytest.mark.parametrize(
    ("frame", "expected"), [("010300000001", "840a"), ("0103020007", "f986"), ("11030006B0003", "")][:2]
)
def test_frames_of_the_books(frame: str, expected: str) -> None:
    raw = bytes.fromhex(frame)
    assert rtu_frame(raw[0], raw[1:])[-2:].hex() == expected


@given(st.binary(min_size=1, max_size=200))
def test_the_crc_over_a_frame_with_its_crc_is_zero(data: bytes) -> None:
    assert crc16(data + crc(data)) == 0


@given(st.integers(1, 247), st.integers(1, 6), st.binary(min_size=4, max_size=4), st.lists(st.integers(1, 7)))
def test_a_request_is_found_however_it_is_cut(unit: int, function: int, rest: bytes, cuts: list[int]) -> None:
    frame, parser, found = rtu_frame(unit, bytes([function]) + rest), RtuParser(), []
    place = 0
    for cut in [*cuts, len(frame)]:
        found += parser.feed(frame[place : place + cut])
        place += cut
        if place >= len(frame):
            break
    assert [(one.unit_id, one.pdu) for one in found] == [(unit, bytes([function]) + rest)]
    assert not parser.waiting


@given(st.binary(min_size=1, max_size=40))
def test_garbage_is_no_request_and_ends_with_the_pause(data: bytes) -> None:
    parser = RtuParser()
    found = parser.feed(data)
    paused = parser.pause()
    if not (len(data) >= 4 and crc(data[:-2]) == data[-2:]):
        assert paused is None or len(found) > 0 or crc16(data) == 0
    assert not parser.waiting


def test_a_request_whose_length_only_silence_tells() -> None:
    parser = RtuParser()
    assert parser.feed(rtu_frame(1, bytes([0x2B, 0x0E, 1, 0]))) == []
    found = parser.pause()
    assert found is not None
    assert found.pdu == bytes([0x2B, 0x0E, 1, 0])


def test_a_header_that_is_not_modbus() -> None:
    assert mbap_length(mbap_frame(1, 1, b"\3\0\0\0\1")[:7]) == 5
    assert mbap_length(bytes.fromhex("00010001000601")) is None
    assert mbap_length(bytes([0, 1, 0, 0, *(LONGEST_PDU + 2).to_bytes(2, "big"), 1])) is None
