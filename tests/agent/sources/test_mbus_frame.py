"""Frames of the M-Bus: those of a master, and an answer among other bytes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.errors import BadInput
from agent.sources.mbus_frame import (
    parse_frame,
    request_frame,
    resembles_answer,
    reset_frame,
    select_frame,
    take_acknowledge,
    take_answer,
)
from tests.helpers.serial_meters import mbus_frame

FRAMES = [
    bytes.fromhex(meter["frame"])
    for meter in json.loads((Path(__file__).parent / "data" / "mbus_frames.json").read_text(encoding="utf-8")).values()
]
ASKED = request_frame(5, count_bit=True)


def test_the_masters_frames() -> None:
    assert reset_frame(1) == bytes.fromhex("1040014116")
    assert request_frame(1, count_bit=True) == bytes.fromhex("107b017c16")
    assert request_frame(1, count_bit=False) == bytes.fromhex("105b015c16")
    # The selection of number 12345678 with wildcards behind it, as the M-Bus documentation shows it.
    assert select_frame("12345678").hex() == "680b0b6853fd5278563412ffffffffb216"


@pytest.mark.parametrize("frame", FRAMES)
def test_a_real_answer_is_found(frame: bytes) -> None:
    address = frame[5]
    for before in (b"", ASKED, b"\x00\x68\xff", b"\xe5"):
        assert take_answer(before + frame, ASKED, address) == frame
    assert take_answer(frame, ASKED, (address + 1) % 250) is None
    assert take_answer(frame, ASKED, 0xFD) == frame
    assert parse_frame(frame).data == frame[7:-2]


@given(st.sampled_from(FRAMES), st.data())
def test_a_damaged_or_cut_one_is_not(frame: bytes, data: st.DataObject) -> None:
    if data.draw(st.booleans()):
        end = data.draw(st.integers(0, len(frame) - 1))
        assert take_answer(frame[:end], ASKED, frame[5]) is None
    else:
        at, change = data.draw(st.integers(0, len(frame) - 1)), data.draw(st.integers(1, 255))
        damaged = frame[:at] + bytes([frame[at] ^ change]) + frame[at + 1 :]
        assert take_answer(damaged, ASKED, frame[5]) is None


@given(st.binary(max_size=240))
def test_whatever_it_holds(data: bytes) -> None:
    frame = mbus_frame(0x08, 5, b"\x72" + data)
    assert take_answer(frame, ASKED, 5) == frame
    assert parse_frame(frame).data == data


def test_only_answers_are_taken() -> None:
    assert take_answer(mbus_frame(0x53, 5, b"\x51"), ASKED, 5) is None
    assert take_acknowledge(b"\xff\xe5", ASKED) == b"\xe5"
    assert take_acknowledge(ASKED, ASKED) is None


def test_what_came_damaged_is_told_from_nothing() -> None:
    frame = mbus_frame(0x08, 5, b"\x72\x01")
    assert resembles_answer(ASKED + frame[:-1], ASKED)
    assert not resembles_answer(ASKED, ASKED)
    assert not resembles_answer(b"\xe5", ASKED)


def test_only_whole_frames_are_parsed() -> None:
    with pytest.raises(BadInput, match="checksum"):
        parse_frame(mbus_frame(0x08, 5, b"\x72")[:-1])
