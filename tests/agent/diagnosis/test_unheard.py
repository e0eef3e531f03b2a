"""Time in which nobody listened, told from a clock that was set."""

from itertools import pairwise

import pytest

from agent.diagnosis.sleep import Sleep
from agent.diagnosis.unheard import Unheard, WhileAway
from agent.domain.blocks import Block
from agent.domain.faults import FaultCode
from agent.domain.signals import (
    BATTERY_POWER,
    GRID_EXPORT_TOTAL,
    GRID_IMPORT_TOTAL,
    LOAD_POWER,
    PV_ENERGY_TOTAL,
    PV_POWER,
    Reading,
)
from agent.domain.timeline import Move
from agent.domain.wire import Fault

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
PLACE = (48.1, 11.6)
NOON = 1_719_054_000_000
GAP = 15 * MINUTE


def reading(at_ms: int, imported: float | None = None, total: float | None = None, pv: float | None = 5.0) -> Reading:
    values = {LOAD_POWER: 300.0, PV_POWER: pv, PV_ENERGY_TOTAL: total}
    if imported is not None:
        values |= {GRID_IMPORT_TOTAL: imported, GRID_EXPORT_TOTAL: 100.0}
    return Reading(at_ms, {name: value for name, value in values.items() if value is not None})


def codes(faults: list[Fault]) -> list[str]:
    return [fault.code for fault in faults if fault.phase == "start"]


@pytest.fixture
def unheard() -> Unheard:
    return Unheard(GAP)


def test_time_between_neighbours_was_watched(unheard: Unheard) -> None:
    assert unheard.update(reading(0), reading(GAP), Sleep(PLACE)) == []
    assert (unheard.told[0].reliability.up_ms, unheard.silent_ms) == (GAP, 0)


def test_a_silence_is_told_with_what_the_counter_says(unheard: Unheard) -> None:
    unheard.counted(reading(NOON, total=1000.0))
    faults = unheard.update(reading(NOON), reading(NOON + HOUR, total=1700.0), Sleep(PLACE))
    assert codes(faults) == [FaultCode.GAP]
    assert faults[0].evidence == {"missing_minutes": 60.0, "produced_wh": 700.0}
    assert (faults[0].start_ms, faults[1].end_ms, unheard.silent_ms) == (NOON, NOON + HOUR, HOUR)


def test_the_night_of_an_inverter_that_sleeps_is_no_gap(unheard: Unheard) -> None:
    sleep = Sleep(PLACE)
    sleep.asleep(reading(NOON))
    dusk = NOON + 10 * HOUR
    assert unheard.update(reading(dusk), reading(dusk + 3 * HOUR), sleep) == []
    assert unheard.silent_ms == 3 * HOUR, "and yet nothing was heard"


def test_a_silence_in_which_no_counter_moved_is_a_clock_set_forward(unheard: Unheard) -> None:
    sleep = Sleep(PLACE)
    faults = unheard.update(reading(NOON, 500.0), reading(NOON + 6 * HOUR, 500.0), sleep)
    assert codes(faults) == [FaultCode.CLOCK_ERROR]
    assert (faults[0].evidence, unheard.causes) == ({"by_s": 21_600.0}, (FaultCode.CLOCK_ERROR,))
    assert unheard.until_ms > NOON + 6 * HOUR
    assert unheard.update(reading(NOON + 6 * HOUR), reading(NOON + 5 * MINUTE), sleep) == [], "back to where it was"
    assert unheard.causes == ()


def test_a_clock_that_is_put_right_is_no_silence_however_much_a_house_used_in_that_minute(unheard: Unheard) -> None:
    day = Sleep(PLACE)
    assert codes(unheard.update(reading(NOON, 50.0), reading(NOON - 6 * HOUR, 51.0), day)) == [FaultCode.CLOCK_ERROR]
    assert unheard.update(reading(NOON - 5 * HOUR, 80.0), reading(NOON + HOUR + MINUTE, 270.0), day) == []
    assert (unheard.causes, unheard.silent_ms) == ((), 0)


def test_a_jump_is_believed_for_days_only(unheard: Unheard) -> None:
    sleep = Sleep(PLACE)
    assert codes(unheard.update(reading(NOON), reading(NOON - HOUR), sleep)) == [FaultCode.CLOCK_ERROR]
    for day in range(1, 6):
        at_ms = NOON - HOUR + day * DAY
        unheard.update(reading(at_ms - MINUTE), reading(at_ms), sleep)
    assert unheard.causes == ()


def test_what_was_produced_while_nobody_listened(unheard: Unheard) -> None:
    assert unheard.counted(reading(NOON, total=1000.0)) is None
    assert unheard.counted(reading(NOON + 5 * MINUTE, total=1010.0)) is None, "nobody was away"
    assert unheard.counted(reading(NOON + HOUR, total=None, pv=None)) is None
    away = unheard.counted(reading(NOON + 2 * HOUR, total=1025.0))
    assert away == WhileAway(NOON + 5 * MINUTE, NOON + 2 * HOUR, 15.0)
    assert away.dead
    zeros = list(away.readings(GAP))
    assert {each.values[PV_POWER] for each in zeros} == {0.0}
    assert away.from_ms < zeros[0].at_ms <= zeros[-1].at_ms < away.to_ms
    assert not WhileAway(0, HOUR, 400.0).dead


def test_a_clock_that_was_set_is_told_from_a_minute_on(unheard: Unheard) -> None:
    assert unheard.set(Move(59_000, 0, NOON), NOON) == []
    (start, end) = unheard.set(Move(-60_000, 0, NOON), NOON)
    assert (start.code, start.evidence, end.end_ms) == (FaultCode.CLOCK_ERROR, {"by_s": -60.0}, NOON)


def test_a_block_at_one_go_is_as_good_as_its_readings(unheard: Unheard) -> None:
    readings = [reading(NOON + minute * MINUTE, 500.0 + minute, 900.0 + minute) for minute in range(9)]
    other, sleep = Unheard(GAP), Sleep(PLACE)
    for each in (unheard, other):
        each.counted(readings[0])
    for before, each in pairwise(readings):
        assert unheard.update(before, each, sleep) == []
        assert unheard.counted(each) is None
    other.pass_all(readings[0], Block(readings[1:]))
    assert other.state() == unheard.state()


def test_it_goes_on_where_it_stood(unheard: Unheard) -> None:
    unheard.counted(reading(NOON, total=1000.0))
    unheard.update(
        reading(NOON, 500.0), Reading(NOON + 6 * HOUR, {**reading(0, 500.0).values, BATTERY_POWER: 1.0}), Sleep(None)
    )
    later = Unheard(GAP)
    later.restore(unheard.state())
    assert (later.state(), later.causes) == (unheard.state(), unheard.causes)
