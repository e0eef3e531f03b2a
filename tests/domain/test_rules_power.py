"""The battery's charge against its energy, surplus that passes it by, and powers that do not balance."""

import pytest

from agent.domain.rules import Verdict
from agent.domain.rules_power import Balance, BalanceLimits, ExportLimits, ExportPastBattery, SocJump, SocJumpLimits
from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    BATTERY_TEMPERATURE,
    GRID_POWER,
    LOAD_POWER,
    PV_POWER,
    Reading,
)

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


def soc_reading(minute: int, soc: float | None, power: float) -> Reading:
    values = {BATTERY_POWER: power} | ({} if soc is None else {BATTERY_SOC: soc})
    return Reading(minute * MINUTE_MS, values)


def charging(rule: SocJump, minutes: int, start: float = 10.0) -> list[Verdict]:
    """A battery of 10 kWh at 3 kW."""
    return [rule.judge(soc_reading(minute, start + minute * 0.5, 3000.0)) for minute in range(minutes)]


def test_a_jump_that_no_energy_explains() -> None:
    rule = SocJump(SocJumpLimits())
    assert True not in charging(rule, 100)
    assert rule.capacity_wh() == pytest.approx(10_000, rel=0.05)
    assert rule.judge(soc_reading(100, 85.0, 3000.0)) is True
    assert rule.seen()["jump"] == 25.5
    assert rule.judge(soc_reading(101, 85.5, 3000.0)) is False


def test_a_charge_that_is_told_rarely_or_late_does_not_jump() -> None:
    rule = SocJump(SocJumpLimits())
    charging(rule, 100)
    verdicts = [rule.judge(soc_reading(100 + minute, 60.0, 3000.0)) for minute in range(20)]
    verdicts.append(rule.judge(soc_reading(120, 70.0, 3000.0)))
    assert True not in verdicts


def test_one_lost_telegram_is_no_jump_but_a_zero_that_stays_is() -> None:
    rule = SocJump(SocJumpLimits())
    charging(rule, 100)
    assert rule.judge(soc_reading(100, 0.0, 3000.0)) is None
    assert rule.judge(soc_reading(101, 60.5, 3000.0)) is False
    verdicts = [rule.judge(soc_reading(minute, 0.0, 0.0)) for minute in range(102, 106)]
    assert True in verdicts


def export(minute: int, battery: float, grid: float, soc: float = 50.0, warmth: float = 20.0) -> Reading:
    values = {BATTERY_POWER: battery, GRID_POWER: grid, BATTERY_SOC: soc, BATTERY_TEMPERATURE: warmth}
    return Reading(minute * MINUTE_MS, values)


def test_surplus_passes_a_battery_that_could_take_it() -> None:
    rule = ExportPastBattery(ExportLimits())
    assert rule.judge(export(0, 400, -2000)) is None  # it never showed what it can
    for minute in range(1, 40):
        rule.judge(export(minute, 4000, 0))
    failing = export(40, 500, -3000)
    assert rule.judge(failing) is True
    assert rule.loss_w(failing.values) == pytest.approx(3000)
    assert rule.judge(export(41, 3900, -3000)) is False
    for spared in (export(42, 500, -3000, soc=92), export(43, 500, -3000, warmth=2), export(44, 20, -3000)):
        assert rule.judge(spared) is None
