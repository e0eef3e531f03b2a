"""Answers of real meters, read as another library reads them, and broken ones."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.errors import BadInput
from agent.sources.mbus_frame import Answer, parse_frame
from agent.sources.mbus_records import Record, parse_data
from agent.sources.mbus_vif import Quantity
from tests.helpers.serial_meters import digits, mbus_head

METERS: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "mbus_frames.json").read_text(encoding="utf-8"))
QUANTITIES = {
    "Energy": Quantity.ENERGY,
    "Power": Quantity.POWER,
    "Volume": Quantity.VOLUME,
    "Volume flow": Quantity.VOLUME_FLOW,
    "Flow temperature": Quantity.FLOW_TEMPERATURE,
    "Return temperature": Quantity.RETURN_TEMPERATURE,
    "Temperature difference": Quantity.TEMPERATURE_DIFFERENCE,
    "External temperature": Quantity.EXTERNAL_TEMPERATURE,
    "Voltage": Quantity.VOLTAGE,
    "Current": Quantity.CURRENT,
}
FUNCTIONS = {"Instantaneous value": 0, "Maximum value": 1, "Minimum value": 2, "Value during error state": 3}


def records_of(data: bytes) -> list[Record]:
    return list(parse_data(Answer(1, 0x72, mbus_head()[1:] + data)).records)


@pytest.mark.parametrize("name", METERS)
def test_a_real_meter_is_read(name: str) -> None:
    meter = METERS[name]
    data = parse_data(parse_frame(bytes.fromhex(meter["frame"])))
    assert data.serial == meter["serial"].zfill(8).lower()
    assert data.maker == meter["maker"]
    if name == "sen_pollusonic_2":
        # The fixed structure: a counter in kWh, and one of another kind.
        assert (data.records[0].quantity, data.records[0].value) == (Quantity.ENERGY, 6_531_000.0)
        assert [record.quantity for record in data.records[1:]] == [Quantity.OTHER]
        return
    assert data.version == int(meter["version"])
    assert data.status == int(meter["status"], 16)
    expected = [record for record in meter["records"] if record["function"] in FUNCTIONS]
    assert len(data.records) == len(expected)
    for ours, theirs in zip(data.records, expected, strict=True):
        place = [int(theirs.get(key, 0)) for key in ("storagenumber", "tariff", "device")]
        assert (ours.function, [ours.storage, ours.tariff, ours.device]) == (FUNCTIONS[theirs["function"]], place)
        assert ours.quantity is QUANTITIES.get(theirs.get("quantity"), Quantity.OTHER)
        if ours.quantity is not Quantity.OTHER:
            assert ours.value == pytest.approx(float(theirs["value"]), rel=1e-6, abs=1e-6)


def test_more_telegrams_are_announced() -> None:
    assert parse_data(parse_frame(bytes.fromhex(METERS["abb_delta"]["frame"]))).more
    assert not parse_data(parse_frame(bytes.fromhex(METERS["kamstrup_382_005"]["frame"]))).more


def test_the_value_of_now_is_told_from_history_tariffs_and_extremes() -> None:
    now = [record for record in records_of(b"\x0a\x5a\x55\x05") if record.is_present]
    assert [(record.quantity, record.value) for record in now] == [(Quantity.FLOW_TEMPERATURE, 55.5)]
    for head in (b"\x4a", b"\x1a", b"\x2a", b"\x3a", b"\x8a\x10", b"\x8a\x40"):
        assert not any(record.is_present for record in records_of(head + b"\x5a\x55\x05"))


@pytest.mark.parametrize(
    ("record", "value"),
    [
        (b"\x0a\x5a\x55\xf5", -55.5),
        (b"\x0b\x5a\x02\x00\xf0", -0.2),
        (b"\x0a\x5a\xaa\x0a", None),
        (b"\x02\x5a\x00\x80", None),
        (b"\x02\x5a\xff\xff", -0.1),
        (b"\x05\x5b" + struct.pack("<f", 21.5), 21.5),
        (b"\x05\x5b\x00\x00\xc0\x7f", None),
        (b"\x0a\xda\x15\x55\x05", None),
        (b"\x00\x5a", None),
    ],
)
def test_numbers_and_what_is_none(record: bytes, value: float | None) -> None:
    (found,) = records_of(record)
    assert found.value == (None if value is None else pytest.approx(value))


@given(st.integers(0, 99_999_999))
def test_decimal_digits(number: int) -> None:
    assert records_of(b"\x0c\x05" + digits(number, 4))[0].value == number * 100.0


@given(st.integers(-(2**31) + 1, 2**31 - 1))
def test_binary_numbers(number: int) -> None:
    assert records_of(b"\x04\x2b" + struct.pack("<i", number))[0].value == number


def test_a_number_that_says_its_own_length() -> None:
    assert records_of(b"\x0d\x2b\xc2\x34\x12")[0].value == 1234.0
    assert records_of(b"\x0d\x2b\xd2\x34\x12")[0].value == -1234.0
    assert records_of(b"\x0d\x2b\xe2\x10\x00")[0].value == 16.0
    assert records_of(b"\x0d\x2b\x03abc")[0].value is None
    with pytest.raises(BadInput, match="length 0xFA"):
        records_of(b"\x0d\x2b\xfa")


def test_filler_between_records_is_passed_over() -> None:
    assert [record.value for record in records_of(b"\x2f\x2f\x02\x2b\x01\x00\x2f")] == [1.0]


def test_a_unit_in_words_is_not_guessed() -> None:
    found = records_of(b"\x01\x7c\x02HR\x2a\x02\x2b\x01\x00")
    assert [(record.quantity, record.value) for record in found] == [(Quantity.OTHER, 42.0), (Quantity.POWER, 1.0)]


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        (0x70, b"\x08", "is busy"),
        (0x70, b"\x02", "application error 2"),
        (0x78, b"", "kind 0x78"),
        (0x72, b"\x01\x02", "shorter than its head"),
        (0x72, mbus_head()[1:-2] + b"\x00\x05", "encrypted"),
        (0x72, mbus_head()[1:] + b"\x02", "too early"),
        (0x72, mbus_head()[1:] + b"\x02\x2b\x01", "too early"),
        (0x72, mbus_head()[1:] + b"\x8f" * 2, "cannot begin"),
        (0x72, mbus_head()[1:] + b"\x82" + b"\x80" * 12, "more extensions"),
        (0x73, b"\x01", "expected 16"),
    ],
)
def test_what_cannot_be_read_is_refused(kind: int, data: bytes, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse_data(Answer(1, kind, data))


@given(st.sampled_from(sorted(METERS)), st.data())
def test_a_cut_answer_is_read_so_far_or_refused(name: str, data: st.DataObject) -> None:
    answer = parse_frame(bytes.fromhex(METERS[name]["frame"]))
    end = data.draw(st.integers(0, len(answer.data)))
    try:
        found = parse_data(Answer(answer.address, answer.kind, answer.data[:end]))
    except BadInput:
        return
    assert list(found.records) == list(parse_data(answer).records)[: len(found.records)]


@given(st.binary(max_size=250))
def test_anything_at_all_is_either_read_or_refused(data: bytes) -> None:
    try:
        found = records_of(data)
    except BadInput:
        return
    assert len(found) <= len(data)
