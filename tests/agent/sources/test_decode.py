"""Words to values, against an encoder of its own."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.signals import (
    BATTERY_SOC,
    BATTERY_TEMPERATURE,
    INVERTER_ALARM,
    INVERTER_STATE,
    PUMP_ON,
    PV_POWER,
    InverterAlarm,
    InverterState,
    Quality,
)
from agent.sources.decode import FieldDecoder, factor_of, text_of
from agent.sources.profile import Profile, Register

PROFILE = Profile(name="p", maker="m", model="x", sources=("none",), register=())
INVALID = Quality.INVALID

FORMATS = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "u64": ">Q", "i64": ">q", "f32": ">f"}


def words_of(kind: str, value: float, order: str) -> list[int]:
    data = struct.pack(FORMATS[kind], value)
    words = list(struct.unpack(f">{len(data) // 2}H", data))
    return words if order == "hi" else words[::-1]


def number(words: list[int], factor: int | None = None, name: str = "_x", start: int = 0, **fields: object) -> object:
    register = Register(signal=name, address=0, **fields)  # type: ignore[arg-type]
    return FieldDecoder(PROFILE, name, register).number(words, start, factor)


@pytest.mark.parametrize("kind", ["u16", "i16", "u32", "i32", "u64", "i64"])
@given(data=st.data())
def test_whole_numbers_round_trip(kind: str, data: st.DataObject) -> None:
    size = struct.calcsize(FORMATS[kind]) * 8
    low, high = (-(1 << size - 1), (1 << size - 1) - 1) if kind[0] == "i" else (0, (1 << size) - 1)
    value = data.draw(st.integers(low, high))
    order = data.draw(st.sampled_from(["hi", "lo"]))
    before = data.draw(st.lists(st.integers(0, 65535), max_size=3))
    words = [*before, *words_of(kind, value, order), 4711]
    assert number(words, start=len(before), type=kind, order=order) == float(value)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from(["hi", "lo"]))
def test_floats_round_trip(value: float, order: str) -> None:
    assert number(words_of("f32", value, order), type="f32", order=order) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_float_that_is_no_number_is_invalid(value: float) -> None:
    assert number(words_of("f32", value, "hi"), type="f32") is INVALID


@given(
    st.integers(-32768, 32767),
    st.sampled_from([1, -1]),
    st.sampled_from([0.01, 0.1, 1.0, 10.0]),
    st.integers(-10, 10),
    st.integers(-100, 100),
)
def test_scale_factor_sign_and_offset(raw: int, sign: int, scale: float, power: int, offset: int) -> None:
    words = words_of("i16", raw, "hi")
    got = number(words, power & 0xFFFF, type="i16", scale=scale, sign=sign, offset=float(offset))
    assert got == pytest.approx(raw * scale * 10.0**power * sign + offset, abs=1e-10)


@pytest.mark.parametrize("word", [0x8000, 11, 0xFFF5, 0x7FFF])
def test_a_scale_factor_that_is_none_leaves_no_value(word: int) -> None:
    assert factor_of(word) is None
    assert number([123], word, type="u16") is INVALID


@pytest.mark.parametrize(
    ("kind", "pattern", "words"),
    [("i16", 0x8000, [0x8000]), ("u32", 0xFFFFFFFF, [0xFFFF, 0xFFFF]), ("f32", 0x7FC00000, [0x7FC0, 0])],
)
def test_sentinels_are_raw_patterns(kind: str, pattern: int, words: list[int]) -> None:
    assert number(words, type=kind, sentinel=(pattern,)) is INVALID


def test_the_profiles_sentinels_hold_unless_the_register_has_its_own() -> None:
    profile = Profile(name="p", maker="", model="", sources=(), register=(), sentinel={"i16": (0x7FFF,)})
    common, own = Register(type="i16", signal="_x"), Register(type="i16", signal="_x", sentinel=())
    assert FieldDecoder(profile, "_x", common).number([0x7FFF], 0, None) is INVALID
    assert FieldDecoder(profile, "_x", own).number([0x7FFF], 0, None) == 32767


def test_minus_one_is_a_value_where_it_is_no_sentinel() -> None:
    assert number([0xFFFF], type="i16", scale=0.1, sentinel=(0x7FFF,)) == pytest.approx(-0.1)


@pytest.mark.parametrize(("raw", "expected"), [(0, 0.0), (1000, 100.0), (1001, INVALID), (65535, INVALID)])
def test_outside_the_physical_range_is_invalid(raw: int, expected: object) -> None:
    assert number([raw], name=BATTERY_SOC, type="u16", scale=0.1) == expected


def test_a_registers_own_range_is_narrower() -> None:
    assert number([15_001], type="u16", low=0.0, high=15_000.0) is INVALID
    assert number([15_000], type="u16", low=0.0, high=15_000.0) == 15_000


@pytest.mark.parametrize(("watts", "expected"), [(-5, 0.0), (-20, 0.0), (-21, INVALID), (3, 3.0)])
def test_a_little_below_the_range_counts_as_its_bound(watts: int, expected: object) -> None:
    assert number([watts & 0xFFFF], name=PV_POWER, type="i16", floor=20.0) == expected


def test_states_become_words_of_the_common_set() -> None:
    table: dict[str, str | float] = {"4": "running", "0x10": "fault"}
    assert number([4], name=INVERTER_STATE, type="enum16", map=table) == InverterState.RUNNING
    assert number([16], name=INVERTER_STATE, type="enum16", map=table) == InverterState.FAULT
    assert number([5], name=INVERTER_STATE, type="enum16", map=table) is INVALID


@pytest.mark.parametrize(
    ("raw", "alarm"),
    [
        (0, InverterAlarm.NONE),
        (1 << 7, InverterAlarm.TEMPERATURE),
        (1 << 7 | 1 << 15, InverterAlarm.HARDWARE),
        (1 << 30, InverterAlarm.OTHER),
    ],
)
def test_the_gravest_alarm_bit_counts(raw: int, alarm: InverterAlarm) -> None:
    bits: dict[str, str | float] = {"15": "hardware", "7": "temperature", "other": "other"}
    assert number([raw >> 16, raw & 0xFFFF], name=INVERTER_ALARM, type="bits32", bits=bits) == alarm


def test_bits_thresholds_and_coils_are_flags() -> None:
    assert number([0b100], name=PUMP_ON, type="bits16", bit=2) == 1
    assert number([0b011], name=PUMP_ON, type="bits16", bit=2) == 0
    assert number([1], name=PUMP_ON, type="u16", above=0.0) == 1
    assert number([0], name=PUMP_ON, type="u16", above=0.0) == 0
    assert number([1], name=PUMP_ON, type="coil", function=1) == 1


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=16))
def test_texts(value: str) -> None:
    data = value.encode().ljust(32, b"\0")
    words = list(struct.unpack(">16H", data))
    assert text_of(words) == value.strip()


def test_a_text_ends_at_the_first_nul_and_has_no_control_characters() -> None:
    assert text_of([0x4142, 0x0743, 0x0041, 0x4141]) == "ABC"


@given(st.integers(0, 0xFFFF))
def test_halves_of_a_word(word: int) -> None:
    assert number([word], type="u8") == word & 0xFF
    assert number([word], type="u8_high") == word >> 8


def test_a_halfs_sentinel_is_eight_bits_wide() -> None:
    assert number([0x12FF], type="u8", sentinel=(0xFF,)) is INVALID
    assert number([0xFF12], type="u8", sentinel=(0xFF,)) == 0x12


@given(st.integers(-0x7FFF, 0x7FFF))
def test_sign_and_size(value: int) -> None:
    assert number([abs(value) | (0x8000 if value < 0 else 0)], type="sm16", scale=0.5) == value / 2
    assert number([0x8000 if value < 0 else 0, abs(value)], type="sm32") == value


def test_a_temperature_above_minus_a_hundred() -> None:
    assert number([1235], name=BATTERY_TEMPERATURE, type="u16", scale=0.1, offset=-100.0) == pytest.approx(23.5)
    assert number([0], name=BATTERY_TEMPERATURE, type="u16", scale=0.1, offset=-100.0, sentinel=(0,)) is INVALID


@pytest.mark.parametrize(
    ("raw", "state"), [(2, "standby"), (3, "off"), (4, "standby"), (0x300, "fault"), (0x305, "fault"), (0x306, None)]
)
def test_a_map_of_ranges_in_which_the_single_number_counts_first(raw: int, state: str | None) -> None:
    table: dict[str, str | float] = {"0..4": "standby", "3": "off", "0x300..0x305": "fault"}
    expected = INVALID if state is None else InverterState[state.upper()]
    assert number([raw], name=INVERTER_STATE, type="enum16", map=table) == expected


def test_ranges_of_bits() -> None:
    bits: dict[str, str | float] = {"0..15": "hardware", "48..63": "grid", "other": "other"}
    fields = {"name": INVERTER_ALARM, "type": "bits64", "bits": bits}
    assert number([4, 0, 0, 0], **fields) == InverterAlarm.GRID  # type: ignore[arg-type]
    assert number([4, 0, 0, 1], **fields) == InverterAlarm.HARDWARE  # type: ignore[arg-type]
    assert number([0, 1, 0, 0], **fields) == InverterAlarm.OTHER  # type: ignore[arg-type]


def test_the_device_itself_says_that_there_is_no_value() -> None:
    decoder = FieldDecoder(PROFILE, "_x", Register(type="i16", signal="_x", sentinel=(0x8000,), low=0.0))
    assert decoder.says_none([0x8000], 0, None)
    assert decoder.says_none([5], 0, 0x8000)
    assert not decoder.says_none([0xFFFF], 0, 0)
