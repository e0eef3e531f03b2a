"""Panels against what this roof has shown."""

from collections.abc import Callable
from math import exp

import pytest

from agent.domain.blocks import Block
from agent.domain.expectation_pv import PvExpectation
from agent.domain.rules import Verdict
from agent.domain.rules_solar import PvUnderperformance, UnderperformanceLimits
from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, GRID_POWER, PV_POWER, Reading
from agent.domain.sun import Height

PLACE = (48.1, 11.6)
MINUTE_MS, DAY_MS = 60_000, 86_400_000
JUNE = 1_717_200_000_000
SUN = Height(*PLACE)
Ratio = Callable[[int], float]
OTHERS = {"soc": BATTERY_SOC, "grid": GRID_POWER, "battery": BATTERY_POWER}


def clear(at_ms: int) -> float:
    sine = SUN.sine(at_ms)
    return 1098.0 * sine * exp(-0.057 / sine) if sine > 0.01 else 0.0


def judged(rule: PvUnderperformance, days: range, ratio: Ratio, **others: float) -> list[Verdict]:
    """Days of a roof that gives `ratio(minute of the day)` of the clear sky."""
    values = {OTHERS[name]: value for name, value in others.items()}
    told = []
    for minute in range(days.start * 1440, days.stop * 1440):
        at_ms = JUNE + minute * MINUTE_MS
        told.append(rule.judge(Reading(at_ms, {PV_POWER: clear(at_ms) * ratio(minute % 1440)} | values)))
    return told


@pytest.fixture
def rule() -> PvUnderperformance:
    rule = PvUnderperformance(UnderperformanceLimits(), PLACE)
    assert True not in judged(rule, range(6), lambda _: 4.0)
    return rule


def test_clearly_less_than_ever_under_a_steady_sky(rule: PvUnderperformance) -> None:
    verdicts = judged(rule, range(6, 8), lambda _: 2.4)
    assert verdicts.count(True) > 600
    assert False not in verdicts
    assert judged(rule, range(8, 9), lambda _: 3.9).count(False) > 300


def test_a_closed_sky_and_a_full_battery_prove_nothing(rule: PvUnderperformance) -> None:
    assert set(judged(rule, range(6, 7), lambda _: 1.0)) == {None}
    assert set(judged(rule, range(7, 8), lambda _: 2.4, soc=100.0, grid=10.0)) == {None}
    assert True in judged(rule, range(8, 9), lambda _: 2.4, soc=100.0, grid=-900.0)


@pytest.mark.parametrize("drawn", [{"grid": 300.0}, {"grid": 0.0, "battery": -400.0}])
def test_nobody_holds_panels_back_while_the_house_draws_power(
    rule: PvUnderperformance, drawn: dict[str, float]
) -> None:
    assert True in judged(rule, range(6, 7), lambda _: 2.4, soc=100.0, **drawn)


def leaning(minute: int) -> float:
    """What a roof to the west gives of the clear sky's irradiance on level ground: more and more, as the sun goes."""
    return 0.6 + 4.4 * min(1.0, max(0.0, (minute - 300) / 660))


def test_a_roof_that_leans_to_the_west_is_known_in_the_morning_too() -> None:
    rule = PvUnderperformance(UnderperformanceLimits(), PLACE)
    assert True not in judged(rule, range(12), leaning)
    assert judged(rule, range(12, 13), leaning).count(False) > 600
    less = judged(rule, range(13, 14), lambda minute: 0.6 * leaning(minute))
    assert less[8 * 60 : 11 * 60].count(True) > 120
    assert less.count(True) > 450
    assert False not in less


def test_a_closed_sky_over_a_roof_that_the_sun_has_left_proves_nothing() -> None:
    def turned_away(minute: int) -> float:
        return 5.0 - leaning(minute) + 0.6

    rule = PvUnderperformance(UnderperformanceLimits(), PLACE)
    assert True not in judged(rule, range(12), turned_away)
    evening = judged(rule, range(12, 13), lambda minute: turned_away(minute) if minute < 14 * 60 else 0.55)
    assert True not in evening, "more than half of what it gives then, but a closed sky all over"


def test_what_is_seen_between_clouds_is_forgotten_where_it_is_much_brighter(rule: PvUnderperformance) -> None:
    assert True in judged(rule, range(6, 7), lambda minute: 2.0 if minute < 9 * 60 else 0.8)
    flickering = judged(rule, range(7, 8), lambda minute: (0.8, 2.0, 3.4, 3.4)[minute % 4])
    assert flickering.count(True) < 5


def broken(low: float, high: float) -> Ratio:
    """Ten minutes of sun, five of cloud, all day."""
    return lambda minute: high if minute % 15 < 10 else low


def test_gaps_between_clouds_count_once_a_steady_sky_showed_how_much_less_it_is(rule: PvUnderperformance) -> None:
    assert True not in judged(rule, range(6, 7), broken(0.8, 2.4))
    assert True in judged(rule, range(7, 8), lambda minute: 2.4 if minute < 9 * 60 else 0.8)
    verdicts = judged(rule, range(8, 9), broken(0.8, 2.4))
    assert verdicts.count(True) > 350
    assert False not in verdicts


def test_gaps_as_dark_as_a_closed_sky_prove_nothing_once_it_was_clearer(rule: PvUnderperformance) -> None:
    assert True in judged(rule, range(6, 7), lambda minute: 2.0 if minute < 9 * 60 else 0.8)
    assert judged(rule, range(7, 8), broken(0.8, 2.0)).count(True) > 350
    clearer = judged(rule, range(8, 9), lambda minute: 3.0 if minute % 60 < 12 else broken(0.8, 2.0)(minute))
    assert clearer[10 * 60 :].count(True) == 0


def test_means_of_half_an_hour_have_to_agree_for_longer(rule: PvUnderperformance) -> None:
    for day in range(6, 10):
        for half in range(48):
            at_ms = JUNE + day * DAY_MS + half * 30 * MINUTE_MS
            rule.judge(Reading(at_ms, {PV_POWER: clear(at_ms) * 4.0}))
    told = []
    for half, share in enumerate([0.3, 0.6, 0.6, 0.6, 0.3, 0.6, 0.6, 0.6, 0.6, 0.3, 0.6, 0.3]):
        at_ms = JUNE + 10 * DAY_MS + 6 * 3_600_000 + half * 30 * MINUTE_MS
        told.append(rule.judge(Reading(at_ms, {PV_POWER: clear(at_ms) * 4.0 * share})))
    assert told == [None] * 8 + [True] + [None] * 3


def test_a_power_that_stands_still_proves_nothing(rule: PvUnderperformance) -> None:
    stuck = [rule.judge(Reading(JUNE + (6 * 1440 + minute) * MINUTE_MS, {PV_POWER: 1900.0})) for minute in range(1440)]
    assert True not in stuck
    assert True in judged(rule, range(7, 8), lambda _: 2.4)


def gaps(day: int) -> Ratio:
    """A closed sky that opens for a quarter of an hour here and there, each day at other times."""
    return lambda minute: 4.0 if (minute + 31 * day) % 90 < 14 else 0.8


def test_where_the_sky_never_cleared_for_long_ten_minutes_of_sun_say_how_much_there_can_be() -> None:
    rule = PvUnderperformance(UnderperformanceLimits(), PLACE)
    for day in range(10):
        assert True not in judged(rule, range(day, day + 1), gaps(day))
    assert judged(rule, range(10, 11), lambda _: 2.2).count(True) > 500


def test_a_block_is_judged_as_its_readings_are_and_a_restart_changes_nothing() -> None:
    def ratio(minute: int) -> float:
        return 4.0 if minute < 9 * 1440 else 2.4 if minute % 240 < 150 else 0.9

    readings = []
    for minute in range(0, 12 * 1440, 3):
        at_ms = JUNE + minute * MINUTE_MS
        values = {PV_POWER: clear(at_ms) * ratio(minute), BATTERY_SOC: 99.0, GRID_POWER: -50.0 - minute % 700}
        readings.append(Reading(at_ms, values))
    single, whole = (PvUnderperformance(UnderperformanceLimits(), PLACE) for _ in range(2))
    one_by_one = []
    for number, each in enumerate(readings):
        if not number % 7:
            again = PvUnderperformance(UnderperformanceLimits(), PLACE)
            again.restore(single.state())
            single = again
        one_by_one.append(single.judge(each))
    at_once: list[Verdict] = []
    while len(at_once) < len(readings):
        at_once += whole.judge_all(Block(readings[len(at_once) : len(at_once) + 400], PLACE))
    assert at_once == one_by_one
    assert whole.state() == single.state()
    assert {True, False, None} <= set(one_by_one)


def test_what_an_earlier_version_kept_can_be_read(rule: PvUnderperformance) -> None:
    later = PvUnderperformance(UnderperformanceLimits(), PLACE)
    slots = [[number, 4.0, 6, 19_880, JUNE + 5 * DAY_MS, 4.0] for number in range(10, 38)]
    later.restore([0.0, [JUNE, 4.0, JUNE, 5, 4000.0, slots]])
    assert True in judged(later, range(6, 7), lambda _: 2.4)


def test_hours_of_which_only_closed_skies_are_known_prove_nothing() -> None:
    rule = PvUnderperformance(UnderperformanceLimits(), PLACE)
    judged(rule, range(6), lambda minute: 1.0 if minute < 9 * 60 else 4.0)
    cloudier = judged(rule, range(6, 7), lambda minute: 0.6)
    assert True not in cloudier


def test_a_roof_goes_on_where_it_stood() -> None:
    roof, later = PvExpectation(PLACE), PvExpectation(PLACE)
    noons = [JUNE + day * DAY_MS + 11 * 3_600_000 + minute * MINUTE_MS for day in range(4) for minute in range(40)]
    for at_ms in noons:
        roof.update(at_ms, 4000.0)
        later.update(at_ms, 1000.0)
    later.restore(roof.state())
    assert later.state() == roof.state()
    assert later.update(noons[-1] + MINUTE_MS, 3900.0) == roof.update(
        noons[-1] + MINUTE_MS, 3900.0, SUN.sine(noons[-1] + MINUTE_MS)
    )
