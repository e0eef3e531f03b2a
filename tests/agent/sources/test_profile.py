"""What a profile's registers and sums mean on a device."""

import pytest

from agent.domain.signals import (
    GRID_POWER,
    INVERTER_ALARM,
    INVERTER_STATE,
    LOAD_POWER,
    PV_POWER,
    InverterAlarm,
    InverterState,
)
from agent.sources.profile import Derived, Profile, Register, bind_absolute, code_of, numbers_of, signals_of

AC = Register(signal="_ac", type="i16", address=1)
GRID = Register(signal=GRID_POWER, type="i16", address=2)


def profile(*derived: Derived) -> Profile:
    return Profile(name="p", maker="m", model="x", sources=("none",), register=(AC, GRID), derived=derived)


def test_signals_are_what_has_a_name_of_the_vocabulary() -> None:
    made = profile(Derived(signal=LOAD_POWER, plus=("_ac", GRID_POWER)))
    assert signals_of(made) == bind_absolute(made, 1).signals == {GRID_POWER, LOAD_POWER}


def test_terms_are_found_by_name() -> None:
    [total] = bind_absolute(profile(Derived(signal=LOAD_POWER, plus=("_ac",), minus=(GRID_POWER,))), 1).sums
    assert (total.signal, total.plus, total.minus) == (LOAD_POWER, (0,), (1,))


def test_of_derived_signals_the_first_possible_counts() -> None:
    unwanted = Derived(signal=LOAD_POWER, plus=("_ac",), unless=(GRID_POWER,))
    impossible = Derived(signal=LOAD_POWER, plus=("_dc",))
    second, third = Derived(signal=LOAD_POWER, minus=("_ac",)), Derived(signal=LOAD_POWER, plus=("_ac",))
    sums = bind_absolute(profile(unwanted, impossible, second, third, Derived(signal=PV_POWER, plus=("_ac",))), 1).sums
    assert [(s.signal, s.plus, s.minus) for s in sums] == [(LOAD_POWER, (), (0,)), (PV_POWER, (0,), ())]


def test_a_measured_signal_is_never_computed() -> None:
    assert bind_absolute(profile(Derived(signal=GRID_POWER, plus=("_ac",))), 1).sums == ()


def test_a_register_knows_its_width_and_place() -> None:
    assert Register(type="u64").width == 4
    assert Register(type="str", words=8).width == 8
    assert (Register(type="u16", address=7).place, Register(type="u16", models=(1,), at=9).place) == (7, 9)


def test_words_of_the_common_sets() -> None:
    assert code_of(INVERTER_STATE, "shutting_down") == InverterState.SHUTTING_DOWN
    assert code_of(INVERTER_ALARM, "grid") == InverterAlarm.GRID
    assert code_of("_x", 3) == 3.0
    with pytest.raises(ValueError, match="expected one of off, sleeping"):
        code_of(INVERTER_STATE, "on")
    with pytest.raises(ValueError, match="expected a number"):
        code_of("_x", "on")


def test_a_sum_has_what_the_device_has_of_its_optional_terms() -> None:
    entry = Derived(signal=PV_POWER, plus=("_ac", "_dc"), optional=("_dc",))
    [total] = bind_absolute(profile(entry), 1).sums
    assert (total.plus, total.optional) == ((0,), frozenset())
    [both] = bind_absolute(profile(Derived(signal=PV_POWER, plus=("_ac", GRID_POWER), optional=("_ac",))), 1).sums
    assert (both.plus, both.optional) == ((0, 1), frozenset({0}))


def test_a_sum_without_any_of_its_terms_is_none() -> None:
    assert bind_absolute(profile(Derived(signal=PV_POWER, plus=("_dc",), optional=("_dc",))), 1).sums == ()


def test_registers_of_a_station_are_there_with_it() -> None:
    there = Register(signal="_far", type="u16", address=5, station="battery")
    made = Profile(name="p", maker="m", model="x", sources=("none",), register=(AC, there))
    assert [found.unit for found in bind_absolute(made, 1, {"battery": 225}).fields] == [1, 225]
    assert [found.name for found in bind_absolute(made, 1).fields] == ["_ac"]


def test_words_that_lie_apart_have_the_lowest_as_their_place() -> None:
    apart = Register(type="u32", address=(80, 78))
    assert (apart.place, apart.scattered, apart.width) == (78, (80, 78), 2)
    assert Register(type="u32", address=78).scattered == ()


@pytest.mark.parametrize(("key", "numbers"), [("7", [7]), ("0x10", [16]), ("3..5", [3, 4, 5]), ("5..3", [])])
def test_keys_of_maps(key: str, numbers: list[int]) -> None:
    assert list(numbers_of(key)) == numbers
