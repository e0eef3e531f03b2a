"""Burners that start too often, and flows that swing by themselves."""

import math

import pytest

from agent.domain.rules import Verdict
from agent.domain.rules_cycles import CycleLimits, Hunting, HuntingLimits, ShortCycling
from agent.domain.signals import BURNER_ON, FLOW_TEMPERATURE, PUMP_ON, Reading

MINUTE_MS = 60_000
DAY = 1440


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


def test_the_starts_that_made_the_pace_count() -> None:
    rule = ShortCycling(CycleLimits())
    verdicts = [rule.judge(Reading(minute * MINUTE_MS, {BURNER_ON: 0.0})) for minute in range(100)]
    verdicts += [
        rule.judge(Reading(minute * MINUTE_MS, {BURNER_ON: float(minute % 5 == 0)})) for minute in range(100, 130)
    ]
    assert verdicts.index(True) == 120
    assert set(verdicts[100:120]) == {None}
    assert rule.since_ms == 105 * MINUTE_MS, "of the last five starts"


def test_the_slow_starts_of_before_say_nothing_about_the_quick_ones() -> None:
    rule = ShortCycling(CycleLimits())
    for minute in range(200):
        verdict = rule.judge(Reading(minute * MINUTE_MS, {BURNER_ON: float(minute % 20 == 0)}))
        assert verdict is (None if minute % 20 < 8 and minute >= 80 else verdict)
    assert verdict is False
    later = [rule.judge(Reading(minute * MINUTE_MS, {BURNER_ON: float(minute % 4 == 0)})) for minute in range(200, 220)]
    assert later == [None] * 16 + [True] * 4
    assert rule.since_ms == 200 * MINUTE_MS


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


def flow(rule: Hunting, minute: int, value: float, burner: float = 0.0) -> Verdict:
    return rule.judge(Reading((DAY + minute) * MINUTE_MS, {FLOW_TEMPERATURE: value, PUMP_ON: 1.0, BURNER_ON: burner}))


def begins_to_swing(rule: Hunting, calm: int, minutes: int, period: int = 12) -> list[Verdict]:
    """After `calm` minutes in which nothing moved."""
    for minute in range(calm):
        assert flow(rule, minute, 45.0) is False
    return [flow(rule, calm + n, 45 + 6 * math.sin(2 * math.pi * n / period)) for n in range(minutes)]


def test_swings_are_known_after_two_and_count_since_the_first() -> None:
    rule = Hunting(HuntingLimits())
    verdicts = begins_to_swing(rule, 60, 40)
    known = verdicts.index(True)
    assert 20 <= known <= 27
    assert set(verdicts[1:known]) == {None}, "nothing speaks against it meanwhile"
    assert rule.since_ms == (DAY + 60) * MINUTE_MS


def test_a_turn_of_hours_ago_does_not_belong_to_a_swing() -> None:
    rule = Hunting(HuntingLimits())
    for minute in range(30):
        flow(rule, minute, 35.0 + minute / 2)
    for minute in range(30, 40):
        flow(rule, minute, 65.0 - 2 * minute / 3)
    for minute in range(40, 200):
        flow(rule, minute, 38.5)
    verdicts = [flow(rule, 200 + n, 38.5 + 6 * math.sin(2 * math.pi * n / 12)) for n in range(40)]
    assert False not in verdicts[2:]
    assert True in verdicts[:28]
    assert rule.since_ms == (DAY + 200) * MINUTE_MS


def test_a_burner_that_runs_behind_the_swing_does_not_cause_it() -> None:
    rule = Hunting(HuntingLimits())
    verdicts = [flow(rule, n, 45 + 5 * math.sin(2 * math.pi * n / 14), float(n % 14 in range(1, 7))) for n in range(90)]
    assert verdicts[-1] is True, "it rises for minutes before the burner runs"


@pytest.mark.parametrize(("amplitude", "period", "by_burner"), [(1.0, 11, False), (5.0, 60, False), (5.0, 15, True)])
def test_small_slow_and_explained_swings_are_not(amplitude: float, period: int, by_burner: bool) -> None:
    assert True not in swinging(Hunting(HuntingLimits()), amplitude, period, by_burner=by_burner)


def test_while_the_pump_stands_nothing_is_judged() -> None:
    rule = Hunting(HuntingLimits())
    swinging(rule, 5.0, 11)
    assert rule.judge(Reading(180 * MINUTE_MS, {FLOW_TEMPERATURE: 40.0, PUMP_ON: 0.0})) is None
