"""Heat that ignores the weather, and rooms that stay cold although it is asked for."""

import math
from zoneinfo import ZoneInfo

import pytest

from agent.domain.local_time import LocalTime
from agent.domain.rules import Verdict
from agent.domain.rules_comfort import ComfortLimits, CurveLimits, FlatHeatingCurve, RoomTooCold
from agent.domain.signals import FLOW_TEMPERATURE, OUTDOOR_TEMPERATURE, PUMP_ON, ROOM_TEMPERATURE, Reading

MINUTE_MS = 60_000
UTC = LocalTime(ZoneInfo("UTC"))


def weather(minute: int) -> float:
    return 3 + 4 * math.cos((minute % 1440 - 900) / 1440 * 2 * math.pi) + minute % 3 / 10


def heated(minute: int, flow: float, room: float = 20.0, pump: float = 1.0) -> Reading:
    values = {FLOW_TEMPERATURE: flow + minute % 2 / 10, OUTDOOR_TEMPERATURE: weather(minute), PUMP_ON: pump}
    return Reading(minute * MINUTE_MS, values | {ROOM_TEMPERATURE: room + minute % 2 / 10})


def curve(slope: float, *, days: int = 3, steps: bool = False) -> list[Verdict]:
    rule = FlatHeatingCurve(CurveLimits(), UTC)
    return [
        rule.judge(heated(minute, 45 - slope * weather(minute) + (12 * (minute // 1440 % 2) if steps else 0)))
        for minute in range(days * 1440)
    ]


@pytest.mark.parametrize(("slope", "verdict"), [(0.0, True), (1.1, False), (0.3, None), (-0.5, True)])
def test_the_slope_decides(slope: float, verdict: Verdict) -> None:
    told = set(curve(slope)) - {None}
    assert told == ({verdict} if verdict is not None else set())


def held_at(minutes: range, flow: float, rule: FlatHeatingCurve) -> list[Verdict]:
    return [rule.judge(heated(minute, flow)) for minute in minutes]


def test_a_flow_that_is_held_is_known_within_half_a_day_and_counts_since_it_is() -> None:
    rule = FlatHeatingCurve(CurveLimits(), UTC)
    for minute in range(3 * 1440 + 480):
        assert rule.judge(heated(minute, 55 - 1.1 * weather(minute))) is not True
    verdicts = held_at(range(3 * 1440 + 480, 3 * 1440 + 1260), 50.0, rule)
    known = verdicts.index(True)
    assert known < 4 * 60
    assert False not in verdicts[known - 60 :], "the slope is still that of the time before"
    assert rule.since_ms is not None
    assert abs(rule.since_ms - (3 * 1440 + 480) * MINUTE_MS) <= 30 * MINUTE_MS


def test_a_flow_that_follows_the_weather_is_the_same_at_one_temperature_only() -> None:
    rule = FlatHeatingCurve(CurveLimits(), UTC)
    for minute in range(4 * 1440):
        rule.judge(heated(minute, 55 - 1.1 * weather(minute)))
        assert rule.since_ms is None


def test_what_it_saw_before_days_of_silence_is_forgotten() -> None:
    rule, old = FlatHeatingCurve(CurveLimits(), UTC), FlatHeatingCurve(CurveLimits(), UTC)
    # A room that is cold for another reason pulls the flow up while the air gets warmer.
    for minute in range(540, 1200):
        rule.judge(heated(minute, 45 + 0.5 * weather(minute)))
    old.restore(rule.state()[:9])
    for each in (rule, old):
        later = [heated(4 * 1440 + minute, 55 - 1.1 * weather(minute)) for minute in range(540, 900)]
        assert True not in {each.judge(reading) for reading in later}


def test_a_flow_at_its_least_in_mild_air_is_not_held() -> None:
    rule = FlatHeatingCurve(CurveLimits(), UTC)
    for minute in range(2 * 1440):
        mild = heated(minute, 44.0)
        assert rule.judge(Reading(mild.at_ms, {**mild.values, OUTDOOR_TEMPERATURE: weather(minute) + 14.0})) is None


def test_a_control_that_minds_the_mean_of_hours_stands_still_for_some() -> None:
    rule = FlatHeatingCurve(CurveLimits(), UTC)
    for minute in range(1440 + 540):
        rule.judge(heated(minute, 55 - 1.1 * weather(minute)))
    # For four hours, in which the air gets warmer by 2.8 K.
    standing = {rule.judge(heated(minute, 50.0)) for minute in range(1440 + 540, 1440 + 780)}
    assert True not in standing


def test_it_goes_on_holding_where_it_stood() -> None:
    rule, later = FlatHeatingCurve(CurveLimits(), UTC), FlatHeatingCurve(CurveLimits(), UTC)
    held_at(range(700), 50.0, rule)
    later.restore(rule.state())
    assert held_at(range(700, 1100), 50.0, later) == held_at(range(700, 1100), 50.0, rule)
    assert later.state() == rule.state()
    old = FlatHeatingCurve(CurveLimits(), UTC)
    old.restore(rule.state()[:8])
    assert old.since_ms is None


def test_a_level_that_somebody_turns_is_no_slope() -> None:
    assert False not in curve(0.0, days=4, steps=True)
    assert True not in curve(1.1, days=4, steps=True)


@pytest.mark.parametrize("step", [20.0, 11.5, 7.0])
def test_somebody_who_comes_home_turns_no_slope_round(step: float) -> None:
    rule = FlatHeatingCurve(CurveLimits(), UTC)
    # At ten the house is turned up, on a morning that gets warmer.
    flows = [50 - 1.1 * weather(minute) - (step if minute < 1440 + 600 else 0) for minute in range(2 * 1440)]
    assert True not in {rule.judge(heated(minute, flow)) for minute, flow in enumerate(flows)}


def test_a_rule_that_was_not_asked_for_a_day_begins_anew() -> None:
    rule = FlatHeatingCurve(CurveLimits(), UTC)
    for minute in range(1440 + 800):
        rule.judge(heated(minute, 60 - 1.1 * weather(minute)))
    later = range(3 * 1440 + 560, 3 * 1440 + 1200)
    assert True not in {rule.judge(heated(minute, 40 - 1.1 * weather(minute))) for minute in later}


def test_short_bursts_of_heat_prove_nothing() -> None:
    rule = FlatHeatingCurve(CurveLimits(), UTC)
    verdicts = {rule.judge(heated(minute, 45.0, pump=float(minute % 60 < 40))) for minute in range(3 * 1440)}
    assert verdicts == {None}


def cold(rule: RoomTooCold, minutes: range, room: float, flow_off: float = 0.0, pump: float = 1.0) -> list[Verdict]:
    return [rule.judge(heated(minute, 50 - weather(minute) + flow_off, room, pump)) for minute in minutes]


def test_a_room_that_stays_cold_while_heat_is_asked_for() -> None:
    rule = RoomTooCold(ComfortLimits(), UTC)
    week = 7 * 1440
    assert True not in cold(rule, range(week), 20.5)
    assert cold(rule, range(week + 480, week + 780), 17.5)[-1] is True
    assert rule.seen()["usual"] == pytest.approx(20.5, abs=0.2)
    assert cold(rule, range(week + 780, week + 880), 20.3)[-1] is False


def test_somebody_who_turned_it_down_is_not_cold() -> None:
    rule = RoomTooCold(ComfortLimits(), UTC)
    week = 7 * 1440
    cold(rule, range(week), 20.5)
    assert True not in cold(rule, range(week, week + 3000), 16.0, flow_off=-10.0)
    assert True not in cold(rule, range(week + 3000, week + 4000), 16.0, pump=0.0)


def test_what_was_asked_for_in_the_configuration_counts() -> None:
    rule = RoomTooCold(ComfortLimits(asked=22.0), UTC)
    cold(rule, range(2 * 1440), 22.0)
    assert cold(rule, range(2 * 1440 + 600, 2 * 1440 + 660), 19.5)[-1] is True


def test_a_winter_of_cold_does_not_become_usual() -> None:
    rule = RoomTooCold(ComfortLimits(), UTC)
    week = 7 * 1440
    cold(rule, range(week), 20.5)
    assert cold(rule, range(week, 4 * week - 600, 7), 17.0)[-1] is True


def test_a_house_that_was_turned_down_gets_warm_first() -> None:
    rule = RoomTooCold(ComfortLimits(), UTC)
    week = 7 * 1440
    cold(rule, range(week), 20.5)
    assert set(cold(rule, range(week, week + 1440 + 540), 17.0, flow_off=-10.0)) == {None}
    home = range(week + 1440 + 540, week + 1440 + 700)
    assert True not in cold(rule, home, 18.0), "they have just come home"
    assert True in cold(rule, range(week + 1440 + 700, week + 1440 + 1000), 18.0), "it should be warm by now"


def test_a_night_says_nothing_about_the_room_unless_it_is_heated_as_by_day() -> None:
    week = 7 * 1440
    for flow_off, verdicts in ((-5.0, {None}), (0.0, {True})):
        rule = RoomTooCold(ComfortLimits(), UTC)
        cold(rule, range(week), 20.5)
        assert set(cold(rule, range(week, week + 400), 17.0, flow_off=flow_off)) == verdicts


def morning(minute: int) -> float:
    """A room that gets warmer by 1 K an hour from 5 to 10 and cools from 22 on."""
    hour = minute % 1440 / 60
    return 20.0 - 5.0 * min(1.0, max(0.0, 10 - hour) / 5 if hour < 22 else (hour - 22) / 2)


def test_what_is_usual_goes_with_the_clock_not_from_hour_to_hour() -> None:
    rule = RoomTooCold(ComfortLimits(), UTC)
    week = 7 * 1440

    def judged(minutes: range, off: float) -> list[Verdict]:
        return [rule.judge(heated(minute, 50 - weather(minute), morning(minute) + off)) for minute in minutes]

    assert True not in judged(range(week), 0.0)
    assert set(judged(range(week + 420, week + 600), -2.0)) == {True}
    assert set(judged(range(week + 1440 + 360, week + 1440 + 600), -1.0)) == {False}


def test_a_room_that_hovers_at_the_limit_does_not_flicker() -> None:
    rule = RoomTooCold(ComfortLimits(), UTC)
    week = 7 * 1440
    cold(rule, range(week), 20.5)
    assert cold(rule, range(week + 600, week + 601), 18.8) == [None]
    assert cold(rule, range(week + 601, week + 602), 18.6) == [True]
    assert cold(rule, range(week + 602, week + 603), 18.8) == [True]
    assert cold(rule, range(week + 603, week + 604), 19.1) == [None]
    assert cold(rule, range(week + 604, week + 605), 18.8) == [None]


def test_a_summer_does_not_become_what_a_heating_owes() -> None:
    rule = RoomTooCold(ComfortLimits(), UTC)
    week = 7 * 1440
    for minute in range(2 * week):
        warm = heated(minute, 25.0, 24.0, pump=0.0)
        rule.judge(Reading(warm.at_ms, {**warm.values, OUTDOOR_TEMPERATURE: 25.0}) if minute > week else warm)
    assert rule.seen()["usual"] == pytest.approx(24.0, abs=0.2), "as it was in spring"
    rule = RoomTooCold(ComfortLimits(), UTC)
    cold(rule, range(week), 21.0)
    for minute in range(week, 4 * week):
        warm = heated(minute, 25.0, 24.0, pump=0.0)
        rule.judge(Reading(warm.at_ms, {**warm.values, OUTDOOR_TEMPERATURE: 25.0}))
    assert set(cold(rule, range(4 * week + 480, 4 * week + 780), 21.0)) == {False}


def test_the_minutes_in_which_the_water_gets_warm_count() -> None:
    rule = RoomTooCold(ComfortLimits(), UTC)
    week = 7 * 1440
    cold(rule, range(week), 20.5)
    assert set(cold(rule, range(week + 600, week + 630), 17.0, flow_off=-3.0)) == {None}
    assert cold(rule, range(week + 630, week + 631), 17.0) == [None], "less was asked for just now"
    rule = RoomTooCold(ComfortLimits(), UTC)
    cold(rule, range(week + 300), 20.5)
    cold(rule, range(week + 300, week + 330), 17.0, flow_off=-5.0)
    assert cold(rule, range(week + 330, week + 331), 17.0) == [True]
    assert rule.since_ms == (week + 325) * MINUTE_MS


def test_air_colder_than_ever_asks_for_no_less() -> None:
    week = 7 * 1440
    for flow, verdict in ((70.0, True), (50.0, None)):
        rule = RoomTooCold(ComfortLimits(), UTC)
        cold(rule, range(week), 20.5)
        readings = [heated(week + minute, flow, 17.0) for minute in range(700, 710)]
        colder = [Reading(each.at_ms, {**each.values, OUTDOOR_TEMPERATURE: -4.0}) for each in readings]
        assert rule.judge(colder[-1]) is verdict


def test_it_goes_on_where_it_stood() -> None:
    rule, later = RoomTooCold(ComfortLimits(), UTC), RoomTooCold(ComfortLimits(), UTC)
    cold(rule, range(3 * 1440 + 700), 20.5)
    cold(rule, range(3 * 1440 + 700, 3 * 1440 + 800), 17.0, flow_off=-10.0)
    later.restore(rule.state())
    assert later.state() == rule.state()
