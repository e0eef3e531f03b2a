"""Heating sensors that stand still, are swapped, or out of this world."""

import pytest

from agent.domain.rules_sensors import (
    OutdoorImplausible,
    OutdoorLimits,
    Pulse,
    RoomSensorStuck,
    RoomStuckLimits,
    SensorsSwapped,
    SwapLimits,
)
from agent.domain.signals import (
    BURNER_ON,
    FLOW_TEMPERATURE,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    Reading,
)

MINUTE_MS = 60_000
HOUR = 60


def room(rule: RoomSensorStuck, minute: int, value: float) -> bool | None:
    return rule.judge(Reading(minute * MINUTE_MS, {ROOM_TEMPERATURE: value}))


def test_a_room_that_does_not_move_at_all() -> None:
    rule = RoomSensorStuck(RoomStuckLimits())
    for minute in range(120):
        assert room(rule, minute, 20 + minute % 3 / 10) is False
    verdicts = [room(rule, 120 + minute, 20.1) for minute in range(26 * HOUR)]
    assert (verdicts[10], verdicts[60], verdicts[-1]) == (None, True, True)
    assert rule.seen()["unchanged_hours"] > 25
    assert room(rule, 120 + 26 * HOUR, 20.4) is False
    assert rule.seen()["longest_before_hours"] < 1  # a fault does not teach


def test_a_sensor_that_often_stands_is_given_more_time() -> None:
    rule = RoomSensorStuck(RoomStuckLimits())
    for minute in range(20 * HOUR):
        room(rule, minute, 20.0 if minute < 10 * HOUR else 20.5)
    verdicts = [room(rule, (20 + 1) * HOUR + minute, 21.0) for minute in range(31 * HOUR)]
    assert verdicts[25 * HOUR] is None
    assert verdicts[-1] is True


def test_a_sensor_that_hardly_ever_stands_is_stuck_since_it_stood() -> None:
    rule = RoomSensorStuck(RoomStuckLimits())
    for minute in range(120):
        room(rule, minute, 20 + minute // 20 % 3 / 10)
    for minute in range(120, 220):
        room(rule, minute, 20.7)
    assert rule.since_ms == 120 * MINUTE_MS
    restored = RoomSensorStuck(RoomStuckLimits())
    restored.restore(rule.state())
    for each in (rule, restored):
        assert room(each, 320, 20.7) is True
        assert each.since_ms == 320 * MINUTE_MS, "nobody saw it in between"


def test_a_sensor_that_stands_for_hours_is_not_suspected_for_them() -> None:
    rule = RoomSensorStuck(RoomStuckLimits())
    for minute in range(20 * HOUR):
        room(rule, minute, 20.0 if minute < 10 * HOUR else 20.5)
    assert rule.since_ms is None


def both(minute: int, flow: float, back: float, *, air: float = 3.0, on: float = 1.0) -> Reading:
    wobble = minute % 2 / 10
    values = {FLOW_TEMPERATURE: flow + wobble, RETURN_TEMPERATURE: back + wobble, PUMP_ON: 1.0}
    return Reading(minute * MINUTE_MS, values | {OUTDOOR_TEMPERATURE: air, BURNER_ON: on})


def test_a_return_warmer_than_the_flow() -> None:
    rule = SensorsSwapped(SwapLimits())
    assert rule.judge(both(0, 38, 45)) is True
    assert rule.judge(both(1, 45, 38)) is False
    assert rule.judge(both(2, 40.0, 40.2)) is None
    assert rule.judge(both(3, 18, 24, air=30.0, on=0.0)) is None  # a heat pump that cools


def test_a_sensor_that_stands_still_is_not_swapped() -> None:
    rule = SensorsSwapped(SwapLimits())
    verdicts = []
    for minute in range(60):
        reading = both(minute, 38 + minute / 100, 45)
        verdicts.append(rule.judge(Reading(reading.at_ms, {**reading.values, RETURN_TEMPERATURE: 45.0})))
    assert verdicts[5] is True
    assert verdicts[-1] is None


def air(rule: OutdoorImplausible, minute: int, value: float) -> bool | None:
    return rule.judge(Reading(minute * MINUTE_MS, {OUTDOOR_TEMPERATURE: value}))


def test_air_does_not_jump_and_what_jumped_stays_wrong_until_it_jumps_back() -> None:
    rule = OutdoorImplausible(OutdoorLimits())
    for minute in range(60):
        assert air(rule, minute, 5 + minute / 100) in (None, False)
    assert [air(rule, 60 + minute, 17 + minute / 100) for minute in range(3)] == [True] * 3
    assert rule.seen()["step"] > 11
    assert air(rule, 63, 5.6) is False


def test_a_silence_does_not_undo_an_error_of_a_few_kelvin() -> None:
    rule = OutdoorImplausible(OutdoorLimits())
    for minute in range(3000):
        air(rule, minute, 12.0 + minute % 4 / 10)
    assert air(rule, 3000, 20.0) is True
    assert air(rule, 3300, 13.0) is True, "a cold night, as the wrong sensor tells it"


@pytest.mark.parametrize(("stands", "gap"), [(300, 1), (1, 300)])
def test_an_error_of_hours_is_over_when_the_air_is_back(stands: int, gap: int) -> None:
    rule = OutdoorImplausible(OutdoorLimits())
    for minute in range(3000):
        air(rule, minute, 12.0 + minute % 4 / 10)
    assert [air(rule, 3000 + minute, -20.0) for minute in range(stands)] == [True] * stands
    assert air(rule, 3000 + stands + gap - 1, 12.1) is False
    assert air(rule, 3001 + stands + gap, -20.0) is True
    assert air(rule, 3002 + stands + gap + 300, -19.0) is True, "what goes on after a silence is not over"


def test_a_cold_front_is_weather_and_a_week_in_the_sun_is_not() -> None:
    rule = OutdoorImplausible(OutdoorLimits())
    assert True not in [air(rule, minute, 20 - 6 * min(1.0, minute / 60)) for minute in range(0, 300, 5)]
    for minute in range(300, 4 * 24 * HOUR, 10):
        air(rule, minute, 10 + minute % 7 / 10)
    start = 4 * 24 * HOUR
    verdicts = [air(rule, start + step * 10, 10 + step * 0.6) for step in range(60)]
    assert verdicts[-1] is True


def test_a_step_after_long_standing_makes_up_for_what_was_missed() -> None:
    rule = OutdoorImplausible(OutdoorLimits())
    for minute in range(0, 10 * HOUR, 5):
        air(rule, minute, 5.0)
    assert air(rule, 10 * HOUR, 14.0) is not True


def test_a_pulse() -> None:
    pulse = Pulse()
    assert pulse.beats(0, 1.0)
    assert pulse.beats(29 * MINUTE_MS, 1.0)
    assert not pulse.beats(31 * MINUTE_MS, 1.0)
    assert pulse.beats(32 * MINUTE_MS, 1.1)
