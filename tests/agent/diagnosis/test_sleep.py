"""An inverter without a battery sleeps by night."""

import pytest

from agent.diagnosis.sleep import Sleep
from agent.domain.signals import (
    BATTERY_POWER,
    LOAD_POWER,
    PV_POWER,
    ROOM_TEMPERATURE,
    Quality,
    Reading,
    SignalName,
)

PLACE = (48.1, 11.6)
NOON = 1_719_054_000_000  # 2024-06-22T11:00Z
NIGHT = NOON + 12 * 3_600_000
HOUR = 3_600_000


def lost(at_ms: int, *names: SignalName) -> Reading:
    return Reading(at_ms, {}, dict.fromkeys(names, Quality.MISSING))


@pytest.fixture
def sleep() -> Sleep:
    """A site with panels and no battery."""
    sleep = Sleep(PLACE)
    sleep.judge("inverter", True, Reading(NOON, {PV_POWER: 900.0}))
    sleep.asleep(Reading(NOON, {PV_POWER: 900.0}))
    return sleep


def test_by_night_its_silence_says_nothing_by_day_it_is_a_fault(sleep: Sleep) -> None:
    assert sleep.judge("inverter", False, lost(NIGHT, PV_POWER)) is None
    assert sleep.judge("inverter", False, lost(NOON, PV_POWER)) is True
    assert sleep.judge("inverter", True, lost(NIGHT, PV_POWER)) is False


def test_a_source_that_was_away_while_the_panels_were_known_is_no_inverter(sleep: Sleep) -> None:
    assert sleep.judge("meter", False, Reading(NOON, {PV_POWER: 900.0})) is True
    assert sleep.judge("meter", False, lost(NIGHT, PV_POWER)) is True


def test_with_a_battery_it_stays_awake(sleep: Sleep) -> None:
    sleep.asleep(Reading(NOON, {PV_POWER: 900.0, BATTERY_POWER: 100.0}))
    assert sleep.judge("inverter", False, lost(NIGHT, PV_POWER)) is True
    assert sleep.asleep(lost(NIGHT, PV_POWER, LOAD_POWER)) == frozenset()
    assert not sleep.night(NIGHT, NIGHT + HOUR)


def test_what_it_alone_can_give_is_not_expected_of_the_heating(sleep: Sleep) -> None:
    assert sleep.asleep(lost(NIGHT, PV_POWER, LOAD_POWER, ROOM_TEMPERATURE)) == {PV_POWER, LOAD_POWER}
    assert sleep.asleep(lost(NOON, PV_POWER)) == frozenset()
    assert sleep.asleep(Reading(NIGHT, {PV_POWER: 0.0}, {LOAD_POWER: Quality.MISSING})) == frozenset()


def test_a_night_is_dark_from_end_to_end_and_not_longer_than_one(sleep: Sleep) -> None:
    assert sleep.night(NIGHT - 2 * HOUR, NIGHT + 2 * HOUR)
    assert not sleep.night(NIGHT, NIGHT + 12 * HOUR)
    assert not sleep.night(NIGHT, NIGHT + 24 * HOUR)
    assert not Sleep(PLACE).night(NIGHT, NIGHT + HOUR), "nobody has seen any panels"


def test_without_a_place_there_is_no_night() -> None:
    sleep = Sleep(None)
    sleep.asleep(Reading(NOON, {PV_POWER: 900.0}))
    assert not sleep.dark(NIGHT)
    assert sleep.judge("inverter", False, lost(NIGHT, PV_POWER)) is True


def test_it_goes_on_where_it_stood(sleep: Sleep) -> None:
    sleep.judge("meter", False, Reading(NOON, {PV_POWER: 900.0}))
    later = Sleep(PLACE)
    later.restore(sleep.state())
    assert later.state() == sleep.state()
    assert later.judge("meter", False, lost(NIGHT, PV_POWER)) is True
