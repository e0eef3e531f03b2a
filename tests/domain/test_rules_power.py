"""The battery's charge against its energy, and surplus that passes it by."""

import pytest

from agent.domain.rules import Verdict
from agent.domain.rules_power import ExportLimits, ExportPastBattery, SocJump, SocJumpLimits
from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    BATTERY_TEMPERATURE,
    GRID_POWER,
    Reading,
)

MINUTE_MS = 60_000


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


def test_a_full_battery_counts_nothing_of_what_still_goes_in() -> None:
    rule = SocJump(SocJumpLimits())
    assert True not in charging(rule, 150)
    rule.judge(soc_reading(150, 100.0, 3000.0))
    told = [rule.judge(soc_reading(minute, 100.0, 1500.0)) for minute in range(151, 300)]
    told += [rule.judge(soc_reading(300 + minute, 99.7 - 0.3 * minute, -2000.0)) for minute in range(5)]
    assert True not in told


def test_a_full_charge_that_stood_may_have_followed_all_that_flowed() -> None:
    rule = SocJump(SocJumpLimits())
    assert True not in charging(rule, 150)
    told = [rule.judge(soc_reading(150, 100.0, 3000.0))]
    told += [rule.judge(soc_reading(minute, 100.0, -3000.0)) for minute in range(151, 270)]
    told += [rule.judge(soc_reading(minute, 100.0, 3000.0)) for minute in range(270, 390)]
    told += [rule.judge(soc_reading(390, 98.0, -3000.0)), rule.judge(soc_reading(391, 97.5, -3000.0))]
    assert True not in told[1:]


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
    assert rule.judge(export(41, 3050, -900)) is True  # a quarter less than it took, beside a surplus
    assert rule.judge(export(41, 3300, -900)) is None
    for spared in (export(42, 500, -3000, soc=92), export(43, 500, -3000, warmth=2), export(44, 20, -3000)):
        assert rule.judge(spared) is None


def test_energy_that_nobody_watched_may_have_been_that_of_the_last_sample() -> None:
    rule = SocJump(SocJumpLimits())
    charging(rule, 100)
    assert rule.judge(soc_reading(101, 60.0, -2500.0)) is not None
    assert rule.judge(soc_reading(102, 59.6, -2500.0)) is False
    # Not asked for twenty minutes, and the battery gave on all the while.
    assert rule.judge(soc_reading(122, 51.0, -300.0)) is False
    assert rule.judge(soc_reading(123, 42.0, -300.0)) is True


def test_what_it_remembers_of_a_battery_is_all_there_is() -> None:
    one, other = SocJump(SocJumpLimits()), SocJump(SocJumpLimits())
    charging(one, 100)
    other.restore(one.state())
    assert other.state() == one.state()
    earlier = SocJump(SocJumpLimits())
    earlier.restore(one.state()[:7])
    assert earlier.judge(soc_reading(101, 60.3, 3000.0)) is False, "a state of an earlier version goes on"
