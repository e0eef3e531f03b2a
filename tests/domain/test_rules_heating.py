"""Heating: no heat, no water, locked out."""

import pytest

from agent.domain.rules import Verdict
from agent.domain.rules_heating import BoilerLockout, HeatLimits, LowWaterPressure, NoHeat, PressureLimits
from agent.domain.signals import (
    BOILER_FAULT,
    FLOW_TEMPERATURE,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    ROOM_TEMPERATURE,
    WATER_PRESSURE,
    Reading,
)

SIGNALS = {
    "flow": FLOW_TEMPERATURE,
    "pump": PUMP_ON,
    "outdoor": OUTDOOR_TEMPERATURE,
    "room": ROOM_TEMPERATURE,
    "bar": WATER_PRESSURE,
    "word": BOILER_FAULT,
}


def reading(**values: float) -> Reading:
    return Reading(0, {SIGNALS[name]: value for name, value in values.items()})


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
    assert NoHeat(HeatLimits()).judge(reading(**values)) is verdict


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
