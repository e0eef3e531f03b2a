"""Powers that do not balance."""

import pytest

from agent.domain.blocks import Block, Verdict
from agent.domain.rules_balance import Balance, BalanceLimits
from agent.domain.signals import (
    BATTERY_POWER,
    GRID_EXPORT_TOTAL,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    LOAD_POWER,
    PV_POWER,
    Reading,
)

MINUTE_MS = 60_000


def powers(minute: int, pv: float, load: float, grid: float, battery: float | None) -> Reading:
    values = {PV_POWER: pv, LOAD_POWER: load, GRID_POWER: grid, BATTERY_POWER: battery}
    return Reading(minute * MINUTE_MS, {name: value for name, value in values.items() if value is not None})


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


def test_a_meter_that_stands_at_zero_proves_something_only_beside_a_battery_that_holds_it_there() -> None:
    def judged(battery: float) -> list[bool | None]:
        rule = Balance(BalanceLimits())
        return [rule.judge(powers(step, 2500.0 + step, 247.0 + step % 5, 0, battery)) for step in range(120)]

    assert True not in judged(0.0)[40:]
    assert set(judged(-2230.0)[40:]) == {True}, "its sign is wrong"


def test_who_is_blamed_stays_so_where_others_would_explain_it_as_well() -> None:
    rule = Balance(BalanceLimits())
    told = [rule.judge(powers(minute, 2000.0 + minute, 370.0, -0.0, 16_300.0 + 10 * minute)) for minute in range(8)]
    told.append(rule.judge(powers(8, 2450.0, 300.0, -0.0, None)))
    told += [rule.judge(powers(minute, 2432.0 + minute, 300.0, -0.0, 21_250.0 + 10 * minute)) for minute in (9, 10)]
    assert told[1:] == [True] * 7 + [None] + [True] * 2
    assert rule.seen()[f"factor_of_{BATTERY_POWER}"] == 0.1


def test_a_battery_at_rest_clears_nobody_who_blamed_its_sign() -> None:
    rule = Balance(BalanceLimits())
    for minute in range(20):
        rule.judge(powers(minute, 2500.0 + minute, 150.0, 0, -2300.0 - minute))
    assert rule.judge(powers(20, 2270.0, 151.0, -2056.0, -1.0)) is None
    assert rule.judge(powers(21, 2270.0, 151.0, -1000.0, 1050.0)) is False
    assert rule.judge(powers(90, 2270.0, 151.0, -2056.0, -1.0)) is False, "nobody knows any more"
    again = Balance(BalanceLimits())
    again.restore(rule.state())
    assert again.state() == rule.state()


def computed(minute: int, shown: float) -> Reading:
    """By night, with a load that the device works out from the power of a meter whose counters are right."""
    used = 600.0 + 9 * (minute % 11)
    values = powers(minute, 0.0, used * shown, used * shown, 0.0).values
    return Reading(minute * MINUTE_MS, dict(values) | {GRID_IMPORT_TOTAL: minute * 10.7 // 1, GRID_EXPORT_TOTAL: 80.0})


def test_a_load_worked_out_from_a_wrong_power_is_told_by_the_counters() -> None:
    rule, right = Balance(BalanceLimits()), Balance(BalanceLimits())
    verdicts = [rule.judge(computed(minute, 10.0)) for minute in range(120)]
    assert verdicts[:30].count(True) == 0
    assert verdicts[-50:] == [True] * 50
    assert rule.seen()[f"factor_of_{GRID_POWER}"] == 0.1
    assert True not in [right.judge(computed(minute, 1.0)) for minute in range(120)]


def test_a_block_with_counters_is_judged_as_its_readings_are() -> None:
    readings = [computed(minute, 10.0 if 100 < minute < 300 else 1.0) for minute in range(600)]
    single, whole, at_once = Balance(BalanceLimits()), Balance(BalanceLimits()), list[Verdict]()
    one_by_one = [single.judge(each) for each in readings]
    while len(at_once) < len(readings):
        at_once += whole.judge_all(Block(readings[len(at_once) :]))
    assert at_once == one_by_one
    assert whole.state() == single.state()
    assert {True, False} <= set(one_by_one)


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
