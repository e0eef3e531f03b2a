"""Powers that do not balance."""

import pytest

from agent.domain.rules_balance import Balance, BalanceLimits
from agent.domain.signals import BATTERY_POWER, GRID_POWER, LOAD_POWER, PV_POWER, Reading

MINUTE_MS = 60_000


def powers(minute: int, pv: float, load: float, grid: float, battery: float) -> Reading:
    values = {PV_POWER: pv, LOAD_POWER: load, GRID_POWER: grid, BATTERY_POWER: battery}
    return Reading(minute * MINUTE_MS, values)


@pytest.mark.parametrize(
    ("scale", "signal", "factor"),
    [
        ((1, 1, -1, 1), GRID_POWER, -1.0),
        ((1, 1, 1, -1), BATTERY_POWER, -1.0),
        ((0.1, 1, 1, 1), PV_POWER, 10.0),
        ((1, 1000, 1, 1), LOAD_POWER, 0.001),
    ],
)
def test_one_wrong_sign_or_factor_is_named(scale: tuple[float, ...], signal: str, factor: float) -> None:
    rule = Balance(BalanceLimits())
    verdicts = []
    for minute in range(20):
        true = (4000.0 + 37 * minute, 700.0 + minute, -2300.0 - 36 * minute, 1000.0)
        verdicts.append(rule.judge(powers(minute, *(part * times for part, times in zip(true, scale, strict=True)))))
    assert verdicts[-10:] == [True] * 10
    assert rule.seen()[f"factor_of_{signal}"] == factor


def test_what_the_inverter_loses_is_well_and_a_quiet_night_says_nothing() -> None:
    rule = Balance(BalanceLimits())
    assert rule.judge(powers(0, 5000, 700, -2100, 2000)) is False
    assert rule.judge(powers(1, 0, 120, 100, -10)) is None


def test_a_flow_that_nobody_measures_is_no_wrong_sign() -> None:
    rule = Balance(BalanceLimits())
    verdicts = {rule.judge(powers(minute, 3000 + 11 * minute, 500, -900, 0)) for minute in range(30)}
    assert True not in verdicts


def test_a_device_that_computes_its_load_from_a_turned_clamp() -> None:
    rule = Balance(BalanceLimits())
    verdicts = [rule.judge(powers(minute, 0, 0, -600.0 - minute, 0)) for minute in range(10)]
    assert verdicts[-1] is True


def test_a_meter_that_stands_is_no_wrong_factor() -> None:
    def judged(pv: float) -> list[bool | None]:
        rule = Balance(BalanceLimits())
        steps = range(120)
        return [rule.judge(powers(step, pv + (step < 60) * step, 360 + step, 0, -360.0 - step)) for step in steps]

    assert True not in judged(2004.0)[90:], "it stood for half an hour: it is that meter"


def test_it_goes_on_where_it_stood_and_knows_earlier_states() -> None:
    rule = Balance(BalanceLimits())
    for minute in range(20):
        rule.judge(powers(minute, 4000.0 + minute, 700.0, 2300.0 + minute, 1000.0))
    kept = rule.state()
    later = Balance(BalanceLimits())
    later.restore(kept)
    assert later.state() == kept
    later.restore([True, 12.0, 3, GRID_POWER, -1.0])
    assert later.seen() == {"difference_w": 12.0, f"factor_of_{GRID_POWER}": -1.0}
    later.restore([True, 12.0, 3])
    assert later.seen() == {"difference_w": 12.0}
