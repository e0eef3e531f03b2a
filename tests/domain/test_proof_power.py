"""Hypotheses that explain the same powers: what stands still need not be stuck, what vanishes need not be scaled."""

from collections.abc import Callable

import pytest

from agent.domain.proof import prove
from agent.domain.proof_model import LoadStep, Mistake, Proof, Trial
from agent.domain.signals import BATTERY_POWER, GRID_POWER, LOAD_POWER, PV_POWER, Reading

EVERY_MS = 1_500
ROWS = 120
KETTLE_W = 2000.0
# Rows at which the kettle is switched on and off.
ON, OFF = (20, 60), (40, 80)
EFFICIENCY = 0.96

Watts = Callable[[int], float]


def kettle(row: int) -> float:
    return KETTLE_W * any(on <= row < off for on, off in zip(ON, OFF, strict=True))


def quiet_house(row: int) -> float:
    """Three watts more or less from minute to minute."""
    return 220.0 + (0, -3, 3)[row // 40] + kettle(row)


def trial_of(pv: Watts, battery: Watts, house: Watts, *, follows: bool, shown_pv: Watts | None = None) -> Trial:
    """A home whose grid takes every step; `shown_pv` is what a meter shows that is wrong.

    follows: the agent works the house out with what is shown; else a meter of its own measures it.
    """
    shown = shown_pv or pv
    readings = []
    for row in range(ROWS):
        grid = round(house(row) - EFFICIENCY * (pv(row) - battery(row)))
        told = round(EFFICIENCY * (shown(row) - battery(row)) + grid) if follows else house(row)
        values = {PV_POWER: shown(row), BATTERY_POWER: battery(row), GRID_POWER: float(grid), LOAD_POWER: float(told)}
        readings.append(Reading(row * EVERY_MS, values))
    steps = [LoadStep(row * EVERY_MS, KETTLE_W if row in ON else -KETTLE_W) for row in sorted((*ON, *OFF))]
    return Trial(tuple(readings), tuple(steps), load_follows_grid=follows)


def with_load(trial: Trial, of: Callable[[Reading], float]) -> Proof:
    """The same home, the house's meter showing something else."""
    readings = [Reading(r.at_ms, {**r.values, LOAD_POWER: of(r)}) for r in trial.readings]
    return prove(Trial(tuple(readings), trial.steps))


def no_battery_moves(_row: int) -> float:
    return 0.0


def clear_noon(_row: int) -> float:
    return 3186.0


def morning(row: int) -> float:
    """It rises by 24 W a minute."""
    return 3186.0 + 24 * (row // 40)


@pytest.mark.parametrize("follows", [True, False], ids=["house worked out", "house measured"])
def test_sun_that_stands_still_above_a_quiet_house_is_open(follows: bool) -> None:
    proof = prove(trial_of(clear_noon, no_battery_moves, quiet_house, follows=follows))
    assert proof.findings == ()
    assert "did not change by a watt" in proof.open[PV_POWER]
    assert GRID_POWER in proof.proven


@pytest.mark.parametrize("follows", [True, False], ids=["house worked out", "house measured"])
def test_a_solar_meter_that_stands_still_while_the_sun_rises_is_stuck(follows: bool) -> None:
    trial = trial_of(morning, no_battery_moves, quiet_house, follows=follows, shown_pv=clear_noon)
    findings = prove(trial).findings
    assert [(finding.mistake, finding.signals) for finding in findings] == [(Mistake.STUCK, (PV_POWER,))]


def test_the_houses_own_meter_tells_a_stuck_solar_meter_of_less_change() -> None:
    def late_morning(row: int) -> float:
        return 3186.0 + 4 * (row // 40)

    hidden = prove(trial_of(late_morning, no_battery_moves, quiet_house, follows=True, shown_pv=clear_noon))
    assert PV_POWER in hidden.open
    seen = prove(trial_of(late_morning, no_battery_moves, quiet_house, follows=False, shown_pv=clear_noon))
    assert [(finding.mistake, finding.signals) for finding in seen.findings] == [(Mistake.STUCK, (PV_POWER,))]


def large_house(row: int) -> float:
    """A car is charged."""
    return 12_000.0 + quiet_house(row)


def discharges(row: int) -> float:
    return -3885.0 - 24 * (row // 40)


def evening(row: int) -> float:
    return 1280.0 - 24 * (row // 40)


def test_a_large_battery_in_the_houses_load_is_not_a_battery_of_a_thousandth() -> None:
    trial = trial_of(evening, discharges, large_house, follows=False)
    proof = with_load(trial, lambda r: r.values[LOAD_POWER] + r.values[BATTERY_POWER])
    assert [finding.mistake for finding in proof.findings] == [Mistake.LOAD_HAS_BATTERY]
    assert proof.findings[0].change.less == {LOAD_POWER: BATTERY_POWER}


def test_a_battery_of_thousand_times_its_power_is_not_taken_off_a_house_that_then_gave_power() -> None:
    def trickles(row: int) -> float:
        return 4.0 + 0.003 * (row // 40)

    trial = trial_of(evening, trickles, quiet_house, follows=False)
    readings = [Reading(r.at_ms, {**r.values, BATTERY_POWER: 1000 * r.values[BATTERY_POWER]}) for r in trial.readings]
    findings = prove(Trial(tuple(readings), trial.steps)).findings
    assert [(finding.mistake, finding.signals) for finding in findings] == [(Mistake.SCALE, (BATTERY_POWER,))]
    assert findings[0].change.times == {BATTERY_POWER: 0.001}


EVENING_W = 180.0
BATTERY_MOST_W = 1500.0


def limited(house: Watts) -> Watts:
    """A battery that takes the house up to its limit."""
    return lambda row: -min(BATTERY_MOST_W, round((house(row) - EVENING_W * EFFICIENCY) / EFFICIENCY))


def shown(grid: float | None, load: Callable[[float], float], house: Watts = quiet_house, *, follows: bool) -> Proof:
    """An evening; the grid meter shows `grid`, None: what is true; `load` makes of the house's power what is shown."""
    battery, readings = limited(house), []
    for row in range(ROWS):
        told = round(house(row) - EFFICIENCY * (EVENING_W - battery(row))) if grid is None else grid
        # It sinks, as the sun does in the evening.
        values = {PV_POWER: EVENING_W - row // 40, BATTERY_POWER: battery(row), GRID_POWER: float(told)}
        readings.append(Reading(row * EVERY_MS, values | {LOAD_POWER: load(house(row))}))
    steps = [LoadStep(row * EVERY_MS, KETTLE_W if row in ON else -KETTLE_W) for row in sorted((*ON, *OFF))]
    return prove(Trial(tuple(readings), tuple(steps), load_follows_grid=follows))


@pytest.mark.parametrize("load", [0.0, 1217.0])
def test_a_house_that_stands_still_with_its_grid_meter_is_computed_with_it(load: float) -> None:
    (found,) = shown(0.0, lambda _: load, follows=False).findings
    assert (found.mistake, found.signals) == (Mistake.STUCK, (GRID_POWER, LOAD_POWER))


def test_a_house_that_stands_still_alone_is_stuck_alone() -> None:
    (found,) = shown(None, lambda _: 1217.0, follows=False).findings
    assert (found.mistake, found.signals) == (Mistake.STUCK, (LOAD_POWER,))


def test_a_grid_at_rest_while_no_step_is_answered_is_stuck() -> None:
    computed = limited(quiet_house)
    watts = {quiet_house(row): EFFICIENCY * (EVENING_W - computed(row)) for row in range(ROWS)}
    (found,) = shown(0.0, watts.__getitem__, follows=True).findings
    assert (found.mistake, found.signals) == (Mistake.STUCK, (GRID_POWER,))


def test_a_grid_at_rest_while_most_steps_are_answered_is_open() -> None:
    """The battery takes everything; with the first kettle something as large went off by itself."""

    def busy(row: int) -> float:
        return quiet_house(row) + 1500.0 * (row < ON[0])

    def of(row: int) -> tuple[float, float, float]:
        battery = -(busy(row) - EVENING_W * EFFICIENCY) / EFFICIENCY
        return EVENING_W - row // 40, battery, busy(row)

    readings = []
    for row in range(ROWS):
        pv, battery, house = of(row)
        readings.append(
            Reading(row * EVERY_MS, {PV_POWER: pv, BATTERY_POWER: battery, GRID_POWER: 0.0, LOAD_POWER: house})
        )
    steps = [LoadStep(row * EVERY_MS, KETTLE_W if row in ON else -KETTLE_W) for row in sorted((*ON, *OFF))]
    proof = prove(Trial(tuple(readings), tuple(steps), load_follows_grid=True))
    assert proof.findings == ()
    assert GRID_POWER in proof.open


def test_what_one_step_alone_speaks_for_is_open() -> None:
    """The battery takes nearly all; beside one step the house changes so that a turned grid would fit better."""

    def busy(row: int) -> float:
        return 1000.0 + kettle(row) - 700.0 * (row >= OFF[0] + 5)

    def battery(row: int) -> float:
        return -min(2700.0, (busy(row) - 400.0 * EFFICIENCY) / EFFICIENCY)

    trial = trial_of(lambda row: 400.0 - row // 40, battery, busy, follows=True)
    proof = prove(trial)
    assert proof.findings == ()
    assert proof.open == dict.fromkeys(proof.open, "the house changed by itself while it was watched; prove again")
