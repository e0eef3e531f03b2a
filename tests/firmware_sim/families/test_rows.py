import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.families.rows import bridged, empty_words, parse_rows, row_words, split_words, spot_of
from firmware_sim.registers import SpotKind

LISTS = {"state": {"running": 2, "else": 0}, "way": {"charge": 0, "discharge": 1}, "flags": {"pump": 0, "dhw": 5}}


def words(text: str, fact: object, low_first: bool = False, clip: bool = False) -> list[int]:
    (row,) = parse_rows(text, low_first, LISTS)
    return list(row_words(row, fact, clip))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "fact", "expected"),
    [
        ("1 u16 soc", 55.4, [55]),
        ("1 u16 soc k=0.1", 55.4, [554]),
        ("1 i16 p_grid", -2.0, [0xFFFE]),
        ("1 i16 p_grid plus=export", 2.0, [0xFFFE]),
        ("1 i32 p_grid plus=export", 1.0, [0xFFFF, 0xFFFF]),
        ("1 u32 e_pv k=100", 6_553_700.0, [1, 1]),
        ("1 u32 e_pv k=100 order=lo", 13_107_300.0, [1, 2]),
        ("1 u64 e_pv", 2.0**32 + 3, [0, 1, 0, 3]),
        ("1 u16 t_batt k=0.1 add=100", 25.0, [1250]),
        ("1 u16 state codes=state", "running", [2]),
        ("1 u16 state codes=state", "fault", [0]),
        ("1 u16 to_from codes=way", "discharge", [1]),
        ("1 u16 flags bits=flags", frozenset({"pump", "dhw", "summer"}), [0b100001]),
        ("1 u16 0x0E03", None, [0x0E03]),
        ("1 f32 3", None, [0x4040, 0]),
        ("1 f32 p_grid", -1.0, [0xBF80, 0]),
        ("1 f32 p_grid order=lo", -1.0, [0, 0xBF80]),
        ("1 f32 p_grid plus=export", 0.0, [0, 0]),
        ("1 s2 serial", "AB", [0x4142, 0]),
        ("1 i16 t_out nan=0x8000", None, [0x8000]),
        ("1 f32 t_out nan=0xBF800000 order=lo", None, [0, 0xBF80]),
        ("1 u16 p_pv", None, [0]),
        ("1 u16 p_pv wrap=1", -1.0, [0xFFFF]),
    ],
)
def test_a_row_makes_these_words(text: str, fact: object, expected: list[int]) -> None:
    assert words(text, fact) == expected


@given(st.integers(-(2**31), 2**31 - 1))
def test_a_number_comes_out_of_its_words(value: int) -> None:
    for text, form in (("1 i32 p_grid", ">i"), ("1 i32 p_grid order=lo", ">i")):
        pair = words(text, float(value))
        ordered = pair[::-1] if "lo" in text else pair
        assert struct.unpack(form, struct.pack(">2H", *ordered)) == (value,)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_comes_out_of_its_words(value: float) -> None:
    (got,) = struct.unpack(">f", struct.pack(">2H", *words("1 f32 p_grid", value)))
    assert got == value


def test_words_that_do_not_lie_side_by_side() -> None:
    (low,) = parse_rows("78,80 u32 e_import k=100", True, {})
    assert low.addresses == (78, 80)
    assert row_words(low, 6_553_700.0) == (1, 1)
    assert row_words(low, 6_553_600.0 * 3) == (0, 3)
    (high,) = parse_rows("78,80 u32 e_import k=100", False, {})
    assert high.addresses == (80, 78)


def test_a_number_that_does_not_fit_is_refused_or_clipped() -> None:
    with pytest.raises(OverflowError, match="p_grid: 40000 does not fit i16"):
        words("1 i16 p_grid", 40_000.0)
    assert words("1 i16 p_grid", 40_000.0, clip=True) == [0x7FFF]
    assert words("1 u16 p_pv", -5.0, clip=True) == [0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 u16", "expected ADDRESS TYPE WHAT"),
        ("1 u16 soc scale=2", "expected one of k"),
        ("1,2,3 u32 e_pv", "3 words"),
    ],
)
def test_a_row_that_is_none_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_rows(text, False, {})


def test_what_a_value_is_tells_what_can_go_wrong_with_it() -> None:
    rows = parse_rows("1 u16 soc\n2 u32 e_pv\n4 s2 serial\n6 u16 7\n7 i16 p_batt", False, {})
    kinds = [spot_of(3, row).kind for row in rows]
    assert kinds == [SpotKind.CHARGE, SpotKind.COUNTER, SpotKind.TEXT, SpotKind.CODE, SpotKind.GAUGE]


def test_an_empty_device_shows_its_own_pattern_or_the_usual_one() -> None:
    patterns = [empty_words(row) for row in parse_rows("1 i16 a nan=0x7FFF\n2 i16 a\n3 u16 a\n4 f32 a", False, {})]
    assert patterns == [(0x7FFF,), (0x8000,), (0xFFFF,), (0x7FC0, 0)]
    assert math.isnan(struct.unpack(">f", struct.pack(">2H", *patterns[3]))[0])


def test_holes() -> None:
    assert bridged([1, 2, 5], 1) == {1, 2, 5}
    assert bridged([1, 2, 5], 2) == {1, 2, 3, 4, 5}
    assert split_words(-2, 2, False) == (0xFFFF, 0xFFFE)
