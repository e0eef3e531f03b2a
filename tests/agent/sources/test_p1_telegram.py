"""Telegrams of real meters, and what a bad line makes of them."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.errors import BadInput
from agent.sources.p1_telegram import (
    Telegram,
    TelegramSplitter,
    grid_watts,
    maker_and_model,
    parse_telegram,
    register_wh,
    serial_of,
)
from tests.helpers.serial_meters import GRID_METER, p1_telegram

RECORDINGS = Path(__file__).parent / "data" / "p1"

# name → (has a checksum, grid W, import Wh, export Wh, maker, model, serial)
EXPECTED = {
    "esy5q3da1004_v304": (False, 1688.21, 32549506.1662, None, "ESY", "Q3DA1004 V3.04", "1336001560"),
    "fluvius_v171": (True, 0.0, 15792.0, 11.0, "FLU", "253769484_A", "1SAG3101021605"),
    "iskra_ie": (True, -100.0, 20363.0, 20563.0, "ISk", "MIE5T-200", "09610"),
    "v3": (False, 1190.0, 24691356.0, 24691356.0, "ISk", "2MT382-1000", "K8EG004046395507"),
    "v5": (True, 244.0, 6825.0, 2444.0, "ISk", "2MT382-1000", "K8EG004046395507"),
    "v5_two_mbus": (True, 111.0, 2375582.0, 0.0, "ISK", "2M550T-1012", "E0044007382246019"),
}


def recorded(name: str) -> bytes:
    return (RECORDINGS / f"telegram_{name}.txt").read_bytes()


def only(raw: bytes) -> Telegram:
    (found,) = TelegramSplitter().feed(raw)
    return parse_telegram(found)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_meter_is_read(name: str) -> None:
    checked, watts, drawn, fed, maker, model, serial = EXPECTED[name]
    telegram = only(recorded(name))
    assert telegram.checked is checked
    assert grid_watts(telegram) == pytest.approx(watts)
    assert register_wh(telegram, 1) == pytest.approx(drawn)
    assert register_wh(telegram, 2) == (None if fed is None else pytest.approx(fed))
    assert maker_and_model(telegram) == (maker, model)
    assert serial_of(telegram) == serial


def test_a_checksum_without_leading_zero_holds() -> None:
    telegram = only(recorded("unpadded_crc"))
    assert telegram.checked
    assert telegram.values["0-1:24.2.1"] == ("260215200523W", "240.860*GJ")
    assert grid_watts(telegram) is None
    assert register_wh(telegram, 1) is None


def test_every_recording_is_tried() -> None:
    names = {path.stem.removeprefix("telegram_") for path in RECORDINGS.glob("*.txt")}
    assert names == {*EXPECTED, "unpadded_crc"}


def test_a_gas_meter_on_a_line_of_its_own_is_no_trouble() -> None:
    values = only(recorded("v3")).values["0-1:24.3.0"]
    assert values[-1] == "00001.001"


@pytest.mark.parametrize("name", [name for name, expected in EXPECTED.items() if expected[0]])
@given(data=st.data())
def test_any_damaged_byte_is_found(name: str, data: st.DataObject) -> None:
    raw = bytearray(recorded(name))
    at = data.draw(st.integers(1, len(raw) - 3))
    raw[at] ^= data.draw(st.integers(1, 255))
    for found in TelegramSplitter().feed(bytes(raw)):
        try:
            telegram = parse_telegram(found)
        except BadInput:
            continue
        # A byte turned into the end mark cuts the telegram short; the source refuses it, for want of its checksum.
        if telegram.checked:
            # Only the case of the checksum's own digits may change.
            assert telegram.values == only(recorded(name)).values


def test_a_byte_turned_into_the_end_mark_leaves_a_telegram_without_its_checksum() -> None:
    raw = bytearray(recorded("iskra_ie"))
    raw[raw.index(b")\r\n")] = ord("!")
    assert not any(_checked(found) for found in TelegramSplitter().feed(bytes(raw)))


def _checked(found: bytes) -> bool:
    try:
        return parse_telegram(found).checked
    except BadInput:
        return False


@given(st.data())
def test_any_cut_is_found(data: st.DataObject) -> None:
    """A telegram from whose middle something is missing, between two whole ones."""
    raw = recorded("v5_two_mbus")
    first = data.draw(st.integers(0, len(raw) - 1))
    last = data.draw(st.integers(first + 1, len(raw)))
    stream = raw + raw[:first] + raw[last:] + raw
    good = []
    for found in TelegramSplitter().feed(stream):
        try:
            good.append(parse_telegram(found))
        except BadInput:
            continue
    whole = only(raw)
    assert 2 <= len(good) <= 3
    assert all(telegram == whole for telegram in good)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=30))
def test_it_does_not_matter_in_which_pieces_it_comes(sizes: list[int]) -> None:
    raw = b"0-0:96.1(1)\r\n!FFFF\r\n" + recorded("v5") + recorded("fluvius_v171")
    splitter = TelegramSplitter()
    found = []
    at = 0
    for size in sizes:
        found += splitter.feed(raw[at : at + size])
        at += size
    found += splitter.feed(raw[at:])
    assert [parse_telegram(telegram) for telegram in found] == [only(recorded("v5")), only(recorded("fluvius_v171"))]


@given(st.binary(max_size=200))
def test_anything_at_all_is_either_read_or_refused(data: bytes) -> None:
    for found in TelegramSplitter().feed(b"/" + data + b"!\r\n"):
        with contextlib.suppress(BadInput):
            parse_telegram(found)


def test_a_version_that_has_a_checksum_is_not_believed_without() -> None:
    with pytest.raises(BadInput, match="without the checksum"):
        only(p1_telegram(GRID_METER, checksum=False))


def test_without_checksum_a_line_that_is_none_gives_all_away() -> None:
    old = {code: value for code, value in GRID_METER.items() if code != "1-3:0.2.8"}
    raw = p1_telegram(old, checksum=False)
    assert not only(raw).checked
    with pytest.raises(BadInput, match="cannot read the line"):
        only(raw.replace(b"1-0:1.8.1", b"1-0:1:8.1"))
    with pytest.raises(BadInput, match="or has it twice"):
        only(raw.replace(b"1-0:1.8.2", b"1-0:1.8.1"))


def test_with_checksum_a_line_unknown_to_us_is_passed_over() -> None:
    assert grid_watts(only(p1_telegram({"strange": "1", **GRID_METER}))) == 244.0


def test_a_number_that_is_none_is_named() -> None:
    telegram = only(p1_telegram({"1-0:1.7.0": "00.2x4*kW"}))
    with pytest.raises(BadInput, match=r"1-0:1\.7\.0: got '00\.2x4\*kW'"):
        grid_watts(telegram)


def test_power_with_its_sign_in_one_number() -> None:
    assert grid_watts(only(p1_telegram({"1-0:16.7.0": "-01.250*kW"}))) == -1250.0


def test_a_register_over_all_tariffs_counts_once() -> None:
    lines = {"1-0:1.8.0": "10.5*kWh", "1-0:1.8.1": "10*kWh", "1-0:1.8.2": "0.5*kWh"}
    assert register_wh(only(p1_telegram(lines)), 1) == 10_500.0


def test_what_is_no_end_is_kept_within_bounds() -> None:
    splitter = TelegramSplitter()
    for _ in range(100):
        assert splitter.feed(b"/" + b"x" * 999) == []
    assert len(splitter._buffer) <= 8192
