"""Burners that start too often, and flows that swing by themselves."""

import math

import pytest

from agent.domain.rules import Verdict
from agent.domain.rules_cycles import CycleLimits, Hunting, HuntingLimits, ShortCycling
from agent.domain.signals import BURNER_ON, FLOW_TEMPERATURE, PUMP_ON, Reading

MINUTE_MS = 60_000


def burner(rule: ShortCycling, period: int, minutes: int = 120, step: int = 1) -> list[Verdict]:
    return [
        rule.judge(Reading(minute * MINUTE_MS, {BURNER_ON: float(minute % period < max(1, period // 3))}))
        for minute in range(0, minutes, step)
    ]


@pytest.mark.parametrize(("period", "verdict"), [(3, True), (5, True), (12, False), (30, False)])
def test_the_pace_of_the_last_starts_decides(period: int, verdict: bool) -> None:
    rule = ShortCycling(CycleLimits())
    assert burner(rule, period)[-1] is verdict
    assert rule.pace() == pytest.approx(60 / period)


def test_it_is_well_again_once_no_start_comes() -> None:
    rule = ShortCycling(CycleLimits())
    assert burner(rule, 4)[-1] is True
    later = [rule.judge(Reading((120 + minute) * MINUTE_MS, {BURNER_ON: 1.0})) for minute in range(15)]
    assert later[-1] is False


def test_samples_that_miss_starts_prove_nothing() -> None:
    assert True not in burner(ShortCycling(CycleLimits()), 4, minutes=600, step=5)


def swinging(rule: Hunting, amplitude: float, period: int, *, by_burner: bool = False) -> list[Verdict]:
    verdicts = []
    for minute in range(180):
        phase = 2 * math.pi * minute / period
        on = math.cos(phase) > 0 if by_burner else minute % 37 < 12
        values = {FLOW_TEMPERATURE: 45 + amplitude * math.sin(phase), PUMP_ON: 1.0, BURNER_ON: float(on)}
        verdicts.append(rule.judge(Reading(minute * MINUTE_MS, values)))
    return verdicts


def test_a_swing_of_its_own_is_hunting() -> None:
    rule = Hunting(HuntingLimits())
    assert swinging(rule, 5.0, 11)[-1] is True
    assert rule.seen()["swing_minutes"] == pytest.approx(11, abs=0.5)


@pytest.mark.parametrize(("amplitude", "period", "by_burner"), [(1.0, 11, False), (5.0, 60, False), (5.0, 15, True)])
def test_small_slow_and_explained_swings_are_not(amplitude: float, period: int, by_burner: bool) -> None:
    assert True not in swinging(Hunting(HuntingLimits()), amplitude, period, by_burner=by_burner)


def test_while_the_pump_stands_nothing_is_judged() -> None:
    rule = Hunting(HuntingLimits())
    swinging(rule, 5.0, 11)
    assert rule.judge(Reading(180 * MINUTE_MS, {FLOW_TEMPERATURE: 40.0, PUMP_ON: 0.0})) is None
