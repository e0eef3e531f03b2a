"""No power although the sun is up: where a zero proves something, and where it does not yet."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from agent.domain.blocks import Block, Verdict
from agent.domain.local_time import LocalTime
from agent.domain.rules_dark import NoSolarProduction, SolarLimits
from agent.domain.signals import INVERTER_ALARM, INVERTER_STATE, PV_POWER, InverterState, Reading

SIGNALS = {"pv": PV_POWER, "alarm": INVERTER_ALARM, "state": INVERTER_STATE}
MINUTE_MS = 60_000
DAY_MS = 86_400_000


def reading(at: str | int = 0, /, **values: float) -> Reading:
    at_ms = at if isinstance(at, int) else round(datetime.fromisoformat(at).timestamp() * 1000)
    return Reading(at_ms, {SIGNALS[name]: value for name, value in values.items()})


SEATTLE = (47.61, -122.33)


def solar(place: tuple[float, float] | None) -> NoSolarProduction:
    return NoSolarProduction(SolarLimits(), LocalTime(ZoneInfo("America/Los_Angeles")), place)


@pytest.mark.parametrize(
    ("at", "pv", "verdict"),
    [
        ("2022-06-21T13:00:00-07:00", 0, True),
        ("2022-06-21T13:00:00-07:00", 5, True),
        ("2022-06-21T13:00:00-07:00", 6, False),
        ("2022-06-21T08:00:00-07:00", 0, True),  # the sun is at 24°
        ("2022-06-21T06:00:00-07:00", 0, None),  # at 6°
        ("2022-12-21T09:30:00-08:00", 0, None),
        ("2022-06-21T01:00:00-07:00", 0, None),
    ],
)
def test_scenario_2_for_engineers(at: str, pv: float, verdict: Verdict) -> None:
    assert solar(SEATTLE).judge(reading(at, pv=pv)) is verdict


@pytest.mark.parametrize(
    ("at", "verdict"),
    [
        ("2022-06-21T10:59:59-07:00", None),
        ("2022-06-21T11:00:00-07:00", True),
        ("2022-06-21T12:59:59-07:00", True),
        ("2022-06-21T13:00:00-07:00", None),
    ],
)
def test_without_coordinates_only_midday_is_judged(at: str, verdict: Verdict) -> None:
    assert solar(None).judge(reading(at, pv=0)) is verdict


@pytest.mark.parametrize("why", [{"alarm": 3}, {"alarm": 0, "state": InverterState.FAULT}])
def test_what_the_inverter_says_itself_is_not_told_twice(why: dict[str, float]) -> None:
    noon = "2022-06-21T13:00:00-07:00"
    assert solar(SEATTLE).judge(reading(noon, pv=0, **why)) is None
    assert solar(SEATTLE).judge(reading(noon, pv=900, **why)) is False
    assert solar(SEATTLE).judge(reading(noon, pv=0, alarm=0, state=InverterState.RUNNING)) is True


def test_without_a_power_nothing_is_said() -> None:
    assert solar(SEATTLE).judge(reading("2022-06-21T13:00:00-07:00")) is None


WINTER = reading("2022-12-15T12:00:00+01:00").at_ms
STOCKHOLM = (59.3, 18.1)  # where the sun stands at 7° at noon then


def noons(rule: NoSolarProduction, days: int, watts: float) -> int:
    """Half an hour of power around noon on each of the days; returns the noon after them."""
    for day in range(days):
        for minute in range(0, 30, 5):
            rule.judge(reading(WINTER + day * DAY_MS + minute * MINUTE_MS, pv=watts + minute % 3))
    return WINTER + days * DAY_MS


def test_a_low_sun_proves_something_where_the_panels_gave_power_under_it() -> None:
    rule = solar(STOCKHOLM)
    assert rule.judge(reading(noons(rule, 3, 900.0), pv=0)) is None
    rule = solar(STOCKHOLM)
    noon = noons(rule, 4, 900.0)
    assert rule.judge(reading(noon, pv=0)) is True
    assert rule.judge(reading(noon, pv=20)) is False
    assert rule.judge(reading(noon + 3_600_000, pv=0)) is None  # where it has not shown anything
    assert rule.judge(reading(noon + 6 * 3_600_000, pv=0)) is None  # by night


def test_what_the_panels_gave_under_a_low_sun_long_ago_proves_nothing() -> None:
    rule = solar(STOCKHOLM)
    noon = noons(rule, 4, 900.0) + 320 * DAY_MS
    assert rule.judge(reading(noon, pv=7)) is False  # it has decayed to next to nothing, and 7 W are all that is known
    assert rule.judge(reading(noon + MINUTE_MS, pv=0)) is None


def half_hours(rule: NoSolarProduction, day: str, watts: list[float]) -> list[Verdict]:
    """Verdicts on half hours from 9:15 on."""
    first = reading(f"{day}T09:15:00-07:00").at_ms
    return [rule.judge(reading(first + number * 30 * MINUTE_MS, pv=each)) for number, each in enumerate(watts)]


def test_a_zero_of_a_coarse_meter_has_to_last_for_hours() -> None:
    rule = solar(SEATTLE)
    for day in ("2022-06-18", "2022-06-19", "2022-06-20"):
        assert None not in half_hours(rule, day, [12.5 * step for step in (20, 24, 30, 36, 40, 42, 44, 46, 47)])
    dark = half_hours(rule, "2022-06-21", [0.0] * 9)
    assert dark == [None] * 6 + [True] * 3
    assert half_hours(rule, "2022-06-22", [0.0, 0.0, 12.5, 0.0, 0.0]) == [True, True, False, None, None]


def test_a_zero_of_a_fine_meter_is_enough() -> None:
    rule = solar(SEATTLE)
    for day in ("2022-06-18", "2022-06-19", "2022-06-20"):
        half_hours(rule, day, [2500.0, 3000.0, 3750.0, 4500.0, 5001.0, 5250.0, 5500.0, 5750.0, 5751.0])
    assert half_hours(rule, "2022-06-21", [0.0] * 9) == [True] * 9


def test_a_block_is_judged_as_its_readings_are_and_a_restart_changes_nothing() -> None:
    suns = [max(0, 3000 - 10 * abs(minute % 1440 - 660)) for minute in range(0, 6 * 1440, 7)]
    powers = [0 if number > 900 else watts and watts + number % 3 for number, watts in enumerate(suns)]
    midnight = WINTER - WINTER % DAY_MS
    readings = [reading(midnight + number * 7 * MINUTE_MS, pv=watts) for number, watts in enumerate(powers)]
    single, whole = solar(STOCKHOLM), solar(STOCKHOLM)
    one_by_one = []
    for each in readings:
        again = solar(STOCKHOLM)
        again.restore(single.state())
        single = again
        one_by_one.append(single.judge(each))
    at_once: list[Verdict] = []
    while len(at_once) < len(readings):
        at_once += whole.judge_all(Block(readings[len(at_once) :], STOCKHOLM))
    assert at_once == one_by_one
    assert whole.state() == single.state()
    assert {True, False, None} <= set(one_by_one)


def test_what_an_earlier_version_kept_can_be_read() -> None:
    rule = solar(SEATTLE)
    rule.restore([5000.0])
    assert rule.state()[0] == 5000.0
    assert rule.judge(reading("2022-06-21T13:00:00-07:00", pv=0)) is True


def test_where_the_day_grew_dark_before_it_takes_hours_to_prove_something() -> None:
    noon = reading("2022-06-21T13:00:00-07:00").at_ms

    def dark(before: float) -> list[Verdict]:
        rule = solar(SEATTLE)
        rule.judge(reading(noon - DAY_MS, pv=5000))
        rule.judge(reading(noon - 10 * MINUTE_MS, pv=before))
        return [rule.judge(reading(noon + minute * MINUTE_MS, pv=0)) for minute in range(0, 200, 10)]

    assert dark(5000.0)[0] is True
    assert dark(60.0)[:18] == [None] * 18
    assert dark(60.0)[18:] == [True] * 2


def test_the_dim_light_of_the_evening_says_nothing_of_the_next_morning() -> None:
    rule, evening = solar(SEATTLE), reading("2022-06-20T18:00:00-07:00").at_ms
    rule.judge(reading(evening - DAY_MS // 4, pv=5000))
    rule.judge(reading(evening, pv=20))
    assert rule.judge(reading("2022-06-21T10:00:00-07:00", pv=0)) is True
