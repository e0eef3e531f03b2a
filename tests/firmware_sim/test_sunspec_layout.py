import json
from pathlib import Path

import pytest
import sunspec2
from hypothesis import example, given
from hypothesis import strategies as st

from firmware_sim.sunspec_layout import (
    COMMON,
    INVERTER_THREE_PHASE,
    METER_THREE_PHASE,
    MPPT_HEAD,
    MPPT_MODULE,
    NAMEPLATE,
    STORAGE,
    Point,
    encoded,
    fitting_scale,
    layout,
    words_in,
)

TYPES = {
    "i16": "int16", "u16": "uint16", "u32": "uint32", "e16": "enum16", "b16": "bitfield16", "b32": "bitfield32",
    "a32": "acc32", "sf": "sunssf", "pad": "pad",
}  # fmt: skip


def published(number: int, module: bool = False) -> list[tuple[str, str, int, str]]:
    """Name, type, length and scale factor of a model's points as the SunSpec Alliance publishes them."""
    path = Path(sunspec2.__file__).parent / "models" / "json" / f"model_{number}.json"
    group = json.loads(path.read_text(encoding="utf-8"))["group"]
    points = group["groups"][0]["points"] if module else group["points"][2:]
    return [(p["name"], p["type"].replace("count", "uint16"), p["size"], str(p.get("sf", ""))) for p in points]


@pytest.mark.parametrize(
    ("points", "number", "module", "length"),
    [
        (COMMON, 1, False, 66),
        (INVERTER_THREE_PHASE, 103, False, 50),
        (NAMEPLATE, 120, False, 26),
        (STORAGE, 124, False, 24),
        (MPPT_HEAD, 160, False, 8),
        (MPPT_MODULE, 160, True, 20),
        (METER_THREE_PHASE, 203, False, 105),
    ],
)
def test_layouts_are_the_published_ones(points: tuple[Point, ...], number: int, module: bool, length: int) -> None:
    mine = [(point.name, TYPES.get(point.type, "string"), point.length, point.scale) for point in points]
    assert mine == published(number, module)
    assert words_in(points) == length


def test_what_has_no_value_says_so_in_its_own_type() -> None:
    points = layout("A:i16 B:u16 C:u32 D:e16 E:b16 F:b32 G:a32 H:sf I:s2 J:pad")
    assert encoded(points, {}) == [
        0x8000, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0, 0, 0x8000, 0, 0, 0x8000,
    ]  # fmt: skip


@given(st.floats(-32_000, 32_000), st.integers(-2, 2))
@example(3277.0, -1)
def test_a_value_is_divided_by_its_scale(value: float, scale: int) -> None:
    points = layout("W:i16:W_SF W_SF:sf")
    if abs(round(value / 10.0**scale)) > 32_767:
        with pytest.raises(OverflowError, match=r"W: .* does not fit i16"):
            encoded(points, {"W": value, "W_SF": scale})
        return
    raw, exponent = encoded(points, {"W": value, "W_SF": scale})
    signed = raw - 0x10000 if raw & 0x8000 else raw
    exponent = exponent - 0x10000 if exponent & 0x8000 else exponent
    assert exponent == scale
    assert signed * 10.0**scale == pytest.approx(value, abs=0.5001 * 10.0**scale)


def test_a_value_without_its_scale_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="W has a value but its scale factor W_SF has none"):
        encoded(layout("W:i16:W_SF W_SF:sf"), {"W": 5.0})


@given(st.integers(1, 2**40))
def test_an_accumulator_rolls_over_and_is_never_zero(total: int) -> None:
    high, low = encoded(layout("E:a32"), {"E": float(total)})
    assert 1 <= (high << 16 | low) <= 0xFFFF_FFFF
    assert (high << 16 | low) % 0xFFFF_FFFF == total % 0xFFFF_FFFF


@given(st.floats(0, 1e6), st.sampled_from([32_767, 65_534]))
def test_the_scale_is_the_finest_that_fits(highest: float, limit: int) -> None:
    scale = fitting_scale(highest, limit)
    assert highest / 10.0**scale <= limit
    assert scale == -1 or highest / 10.0 ** (scale - 1) > limit
