"""Panels against what this roof has shown."""

from collections.abc import Callable
from math import exp

import pytest

from agent.domain.expectation_pv import PvExpectation
from agent.domain.rules import Verdict
from agent.domain.rules_solar import PvUnderperformance, UnderperformanceLimits
from agent.domain.signals import BATTERY_SOC, GRID_POWER, PV_POWER, Reading
from agent.domain.sun import Height

PLACE = (48.1, 11.6)
MINUTE_MS, DAY_MS = 60_000, 86_400_000
JUNE = 1_717_200_000_000
SUN = Height(*PLACE)
Ratio = Callable[[int], float]


def clear(at_ms: int) -> float:
    sine = SUN.sine(at_ms)
    return 1098.0 * sine * exp(-0.057 / sine) if sine > 0.01 else 0.0


def judged(rule: PvUnderperformance, days: range, ratio: Ratio, **others: float) -> list[Verdict]:
    """Days of a roof that gives `ratio(minute of the day)` of the clear sky."""
    values = {{"soc": BATTERY_SOC, "grid": GRID_POWER}[name]: value for name, value in others.items()}
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
