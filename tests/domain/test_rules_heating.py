"""Heating: no heat, no water, locked out."""

from math import exp

import pytest

from agent.domain.rules import Verdict
from agent.domain.rules_heating import BoilerLockout, HeatLimits, LowWaterPressure, NoHeat, PressureLimits
from agent.domain.signals import (
    BOILER_FAULT,
    FLOW_TEMPERATURE,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    WATER_PRESSURE,
    Reading,
)

SIGNALS = {
    "flow": FLOW_TEMPERATURE,
    "back": RETURN_TEMPERATURE,
    "pump": PUMP_ON,
    "outdoor": OUTDOOR_TEMPERATURE,
    "room": ROOM_TEMPERATURE,
    "bar": WATER_PRESSURE,
    "word": BOILER_FAULT,
}


MINUTE_MS = 60_000


def reading(minute: int = 0, **values: float) -> Reading:
    return Reading(minute * MINUTE_MS, {SIGNALS[name]: value for name, value in values.items()})


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({"flow": 24.9, "pump": 1, "outdoor": 3}, True),
        ({"flow": 25, "pump": 1, "outdoor": 3}, False),
        ({"flow": 25, "pump": 1, "outdoor": 3, "room": 22.5}, True),
        ({"flow": 25.5, "pump": 1, "outdoor": 3, "room": 22.5}, False),
        ({"flow": 17, "pump": 1, "outdoor": 3, "room": 10}, True),
        ({"flow": 24, "pump": 1, "outdoor": 3, "room": 10}, False),
        # Turned down on a mild day: little is needed, and little is there.
        ({"flow": 22.6, "pump": 1, "outdoor": 13.6, "room": 19.0}, False),
        ({"flow": 19.2, "pump": 1, "outdoor": 12.1, "room": 17.1}, False),
        ({"flow": 19.1, "pump": 1, "outdoor": 12.1, "room": 19.0}, True),
        ({"flow": 17.1, "pump": 1, "outdoor": 14.2, "room": 16.9}, None),
        ({"flow": 21.5, "pump": 1, "outdoor": 9.0}, False),
        ({"flow": 20, "pump": 0, "outdoor": 3}, None),
        ({"flow": 20, "pump": 1, "outdoor": 15}, None),
        ({"flow": 20, "pump": 1}, None),
        ({"flow": 20, "outdoor": 3}, None),
        ({"pump": 1, "outdoor": 3}, None),
    ],
)
def test_no_heat(values: dict[str, float], verdict: Verdict) -> None:
    rule = NoHeat(HeatLimits())
    first, later = rule.judge(reading(**values)), rule.judge(reading(10, **values))
    assert first is (None if verdict else verdict), "a pump that has only begun moves cold water"
    assert later is verdict


def cooling(minute: int) -> dict[str, float]:
    """From 45 °C down to the room's 20 °C, no warmer than the return from the third minute on."""
    flow = 20 + 25 * exp(-minute / 15)
    return {"flow": flow, "back": flow - (3 if minute < 3 else 0.1), "pump": 1, "outdoor": 3, "room": 20}


def test_that_no_heat_comes_shows_before_the_radiators_are_cold() -> None:
    rule = NoHeat(HeatLimits())
    verdicts = [rule.judge(reading(100 + minute, **cooling(minute))) for minute in range(60)]
    cold = verdicts.index(True)
    assert cold > 40
    assert verdicts[:cold] == [False] * 3 + [None] * (cold - 3), "a heating that pauses looks alike"
    assert rule.since_ms == 103 * MINUTE_MS


def test_a_flow_that_falls_to_the_return_carries_no_more_heat() -> None:
    rule = NoHeat(HeatLimits())
    gaps = [5.0, 5.0, 4.9, 2.8, 1.6, 0.9, *[0.1] * 60]
    cooling_down = [40 * exp(-minute / 30) for minute in range(66)]
    verdicts = [
        rule.judge(reading(minute, flow=back + gap, back=back, pump=1, outdoor=3, room=20))
        for minute, (gap, back) in enumerate(zip(gaps, cooling_down, strict=True))
    ]
    assert verdicts[:4] == [False, False, False, None]
    assert rule.since_ms == 3 * MINUTE_MS
    steady = [rule.judge(reading(70 + n, flow=40 + n % 2, back=36, pump=1, outdoor=3, room=20)) for n in range(20)]
    assert True not in steady
    assert steady[-1] is False


def test_hours_of_little_heat_are_no_radiators_that_cool() -> None:
    rule = NoHeat(HeatLimits())
    for minute in range(300):
        rule.judge(reading(minute, flow=26, back=25.4, pump=1, outdoor=9, room=20))
    verdicts = [rule.judge(reading(300 + minute, flow=20, back=20, pump=1, outdoor=3, room=20)) for minute in range(11)]
    assert verdicts[-1] is True
    assert rule.since_ms == (300 - 45) * MINUTE_MS


def test_what_nobody_saw_is_no_sign_that_no_heat_came() -> None:
    rule = NoHeat(HeatLimits())
    for minute in (*range(40), *range(100, 112)):
        rule.judge(reading(minute, **cooling(60)))
    assert rule.since_ms == 100 * MINUTE_MS
    rule.judge(reading(112, pump=0, flow=20, outdoor=3))
    assert rule.judge(reading(113, **cooling(60))) is True
    assert rule.since_ms == 113 * MINUTE_MS


def test_low_pressure_takes_more_to_be_well_again() -> None:
    rule = LowWaterPressure(PressureLimits(lowest=0.8, hysteresis=0.1))
    assert [rule.judge(reading(bar=bar)) for bar in (0.85, 0.8, 0.79, 0.85, 0.9, 0.85)] == [
        *(False, False, True),
        *(True, False, False),
    ]
    assert rule.judge(reading()) is None


def test_low_pressure_is_remembered_over_a_restart() -> None:
    before, after = LowWaterPressure(PressureLimits()), LowWaterPressure(PressureLimits())
    before.judge(reading(bar=0.5))
    after.restore(before.state())
    assert after.judge(reading(bar=0.85)) is True
    assert after.loss_w(reading(bar=0.5).values) is None


@pytest.mark.parametrize(("values", "verdict"), [({}, None), ({"word": 0}, False), ({"word": 133}, True)])
def test_a_boiler_that_has_locked_out(values: dict[str, float], verdict: Verdict) -> None:
    assert BoilerLockout().judge(reading(**values)) is verdict
