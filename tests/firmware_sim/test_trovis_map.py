from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.signals import OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE, Equipment
from firmware_sim.boiler import Control, HeatNow, HeatStores
from firmware_sim.clock import parse_instant
from firmware_sim.plant import HeatState
from firmware_sim.registers import COILS, HOLDING
from firmware_sim.trovis_map import NO_SENSOR, RANGES, HeatPlate, heat_image

PLATE = HeatPlate(Equipment("Samson", "TROVIS 5576", "20417", "2.40"), 5576, 110, Control(), ZoneInfo("Europe/Zurich"))
AT_MS = parse_instant("2026-05-31T09:05:00Z")


def state(outdoor: float = -3.2, pump: bool = True, word: int = 0, room_set: float = 21.0) -> HeatState:
    stores = HeatStores(62.0, 44.0, 20.8, 53.4, 48.7, 43.9, True, True, False)
    return HeatState(AT_MS, HeatNow(pump, True, True, True, 49.0, room_set, 0.31, 0.31, word), stores, outdoor)


def test_sensors_stand_where_the_list_says() -> None:
    words = heat_image(PLATE, 246, state(), frozenset()).tables[HOLDING]
    assert words[9] == 0x10000 - 32
    assert (words[12], words[16], words[19], words[22]) == (487, 439, 208, 534)
    assert (words[0], words[1], words[2], words[5]) == (5576, 110, 240, 20417)
    assert (words[102], words[105], words[106], words[149]) == (1, 1, 31, 0)
    assert (words[999], words[1002], words[1003], words[1799]) == (490, 210, 180, 550)
    assert (words[99], words[100], words[101]) == (1105, 3105, 2026)


@given(st.floats(-40, 60))
def test_negative_temperatures_are_two_s_complement(outdoor: float) -> None:
    word = heat_image(PLATE, 246, state(outdoor), frozenset()).tables[HOLDING][9]
    assert (word - 0x10000 if word & 0x8000 else word) / 10 == pytest.approx(outdoor, abs=0.051)


def test_sensors_that_are_not_fitted_or_broken_say_so() -> None:
    words = heat_image(PLATE, 246, state(), frozenset({ROOM_TEMPERATURE, OUTDOOR_TEMPERATURE})).tables[HOLDING]
    assert words[9] == words[19] == NO_SENSOR
    assert words[10] == words[13] == words[24] == NO_SENSOR
    assert words[12] == 487


def test_coils_show_pump_and_fault() -> None:
    coils = heat_image(PLATE, 246, state(word=128), frozenset()).tables[COILS]
    assert (coils[0], coils[56], coils[59]) == (1, 1, 1)
    still = heat_image(PLATE, 246, state(pump=False), frozenset()).tables[COILS]
    assert (still[0], still[56]) == (0, 0)


def test_night_is_a_mode_and_a_coil() -> None:
    image = heat_image(PLATE, 246, state(room_set=18.0), frozenset())
    assert image.tables[HOLDING][105] == 2
    assert (image.tables[COILS][1000], image.tables[COILS][1001]) == (0, 1)


def test_between_the_ranges_there_are_holes() -> None:
    image = heat_image(PLATE, 246, state(), frozenset())
    inside = {address for first, last in RANGES for address in range(first, last + 1)}
    assert set(image.tables[HOLDING]) == inside
    assert {7, 8, 41, 97, 155}.isdisjoint(inside)
    assert image.max_words == 124
    assert image.unit_ids == {246}
