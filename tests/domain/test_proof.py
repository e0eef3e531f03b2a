"""The proof names what is wrong in random homes, and calls nothing wrong that is right."""

import dataclasses

import pytest

from agent.domain.proof import prove
from agent.domain.proof_model import Channel, LoadStep, Mistake, Proof, Trial
from agent.domain.signals import (
    BATTERY_POWER,
    FLOW_TEMPERATURE,
    GRID_POWER,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PV_ENERGY_TOTAL,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    Reading,
)
from tests.helpers.proof_table import HEAT_MISTAKES, POWER_MISTAKES, count_heat, count_power
from tests.helpers.trial_homes import START_MS, Fault, build_trial, power_trial, random_home

HOMES = range(20)


def test_no_right_installation_is_called_wrong() -> None:
    assert count_power(None, range(60)) == 60
    assert count_heat(None, range(60)) == 60


@pytest.mark.parametrize("mistake", POWER_MISTAKES)
def test_a_mistake_of_the_powers_is_named(mistake: Mistake) -> None:
    assert count_power(mistake, HOMES) >= 19


@pytest.mark.parametrize("mistake", HEAT_MISTAKES)
def test_a_mistake_of_the_heating_is_named(mistake: Mistake) -> None:
    assert count_heat(mistake, HOMES) >= 19


def healthy(seed: int = 3) -> Trial:
    return power_trial(seed, None)[0]


def test_what_is_right_is_proven() -> None:
    proof = prove(healthy())
    assert proof.right
    assert {PV_POWER, LOAD_POWER, BATTERY_POWER, GRID_POWER} <= {*proof.proven, *proof.open}
    assert GRID_POWER in proof.proven


def test_a_finding_says_what_to_change() -> None:
    finding = prove(power_trial(3, Mistake.BATTERY_REVERSED)[0]).findings[0]
    assert finding.change.flip == (BATTERY_POWER,)
    assert finding.confidence > 0.9
    assert "battery" in finding.says


def test_without_a_load_step_nothing_is_claimed() -> None:
    proof = prove(dataclasses.replace(healthy(), steps=()))
    assert not proof.right
    assert proof.findings == ()
    assert "switch a load" in proof.open[GRID_POWER]


def test_a_load_that_no_meter_sees_is_not_a_mistake_of_the_meters() -> None:
    home = random_home(4)
    announced = build_trial(home, Fault(None)).steps
    quiet = random_home(4)
    quiet.schedule = []
    proof = prove(dataclasses.replace(build_trial(quiet, Fault(None)), steps=announced))
    assert proof.findings == ()
    assert "no meter noticed" in proof.open[GRID_POWER]


def test_two_mistakes_at_once_are_not_called_right() -> None:
    trial, _ = power_trial(3, Mistake.BATTERY_REVERSED)
    twice = [
        Reading(r.at_ms, {n: 10 * v if n == PV_POWER else v for n, v in r.values.items()}, r.bad)
        for r in trial.readings
    ]
    proof = prove(dataclasses.replace(trial, readings=twice))
    assert not proof.right
    assert proof.findings


def test_a_home_with_a_meter_only_proves_the_meter() -> None:
    trial = healthy()
    house = [
        Reading(r.at_ms, {GRID_POWER: r.values.get(LOAD_POWER, 0.0)}) for r in trial.readings if LOAD_POWER in r.values
    ]
    turned = [Reading(r.at_ms, {GRID_POWER: -r.values[GRID_POWER]}) for r in house]
    assert prove(dataclasses.replace(trial, readings=house, load_follows_grid=False)).proven == (GRID_POWER,)
    found = prove(dataclasses.replace(trial, readings=turned, load_follows_grid=False)).findings
    assert [finding.mistake for finding in found] == [Mistake.GRID_REVERSED]


def test_a_counter_in_the_wrong_unit_is_told_from_its_power() -> None:
    trial = healthy()
    wh = 5000.0
    readings, last_ms = [], trial.readings[0].at_ms
    for reading in trial.readings:
        wh += reading.values.get(PV_POWER, 0.0) * (reading.at_ms - last_ms) / 3_600_000
        last_ms = reading.at_ms
        readings.append(Reading(reading.at_ms, {**reading.values, PV_ENERGY_TOTAL: wh * 1000}, reading.bad))
    channels = {**trial.channels, PV_ENERGY_TOTAL: Channel(1.0)}
    found = prove(dataclasses.replace(trial, readings=readings, channels=channels)).findings
    assert [finding.mistake for finding in found] == [Mistake.COUNTER_SCALE]
    assert found[0].change.times == {PV_ENERGY_TOTAL: 0.001}


def test_a_device_that_computes_its_load_with_a_turned_clamp_needs_the_clamp_turned() -> None:
    home = random_home(1)
    home.load_follows_grid = True
    trial = build_trial(home, Fault(Mistake.GRID_REVERSED))
    finding = prove(dataclasses.replace(trial, load_follows_grid=False)).findings[0]
    assert finding.mistake is Mistake.GRID_REVERSED
    assert finding.signals == (GRID_POWER, LOAD_POWER)
    assert not finding.change
    assert "clamp" in finding.advice


def test_a_battery_at_its_limit_and_a_grid_at_rest_are_not_called_stuck() -> None:
    trial = healthy()
    rows = []
    for reading in trial.readings:
        if {LOAD_POWER, BATTERY_POWER, GRID_POWER} <= reading.values.keys():
            load = reading.values[LOAD_POWER]
            rows.append(
                Reading(reading.at_ms, {PV_POWER: 0.0, LOAD_POWER: load, BATTERY_POWER: -load, GRID_POWER: 0.0})
            )
    proof = prove(dataclasses.replace(trial, readings=rows, load_follows_grid=False))
    assert proof.findings == ()
    assert GRID_POWER in proof.open


def test_a_proof_is_json() -> None:
    plain = prove(power_trial(3, Mistake.PHASE_MISSING)[0]).plain()
    assert plain["right"] is False
    assert plain["findings"][0]["phase"] in (1, 2, 3)


@pytest.mark.parametrize(
    "readings", [(), (Reading(START_MS, {GRID_POWER: 1.0}),), (Reading(START_MS, {PV_POWER: 1.0}),)]
)
def test_too_little_proves_nothing(readings: tuple[Reading, ...]) -> None:
    proof: Proof = prove(Trial(readings, (LoadStep(START_MS, 2000),)))
    assert proof.findings == ()
    assert not proof.proven


def test_what_a_profile_promises_and_never_comes_is_not_passed_over() -> None:
    trial = dataclasses.replace(healthy(), promised=frozenset({GRID_POWER, PV_POWER, BATTERY_POWER}))
    without = [
        Reading(r.at_ms, {n: v for n, v in r.values.items() if n not in (PV_POWER, BATTERY_POWER)})
        for r in trial.readings
    ]
    proof = prove(dataclasses.replace(trial, readings=without))
    assert [(finding.mistake, finding.signals) for finding in proof.findings] == [(Mistake.DISCONNECTED, (PV_POWER,))]
    assert "check its wires" in proof.open[BATTERY_POWER]


def test_a_load_that_ends_at_nothing_does_not_hide_a_scale() -> None:
    home = random_home(1)
    home.load_follows_grid = True
    trial = build_trial(home, Fault(Mistake.SCALE, GRID_POWER, 10.0))
    clipped = [
        Reading(r.at_ms, {n: max(0.0, v) if n == LOAD_POWER else v for n, v in r.values.items()}, r.bad)
        for r in trial.readings
    ]
    finding = prove(dataclasses.replace(trial, readings=clipped, load_follows_grid=False)).findings[0]
    assert (finding.mistake, finding.signals) == (Mistake.SCALE, (GRID_POWER, LOAD_POWER))
    assert not finding.change
    assert "own menu" in finding.advice


def test_a_flow_sensor_that_stays_while_the_return_gets_warmer_is_stuck() -> None:
    readings = [
        Reading(START_MS + 5000 * i, {FLOW_TEMPERATURE: 48.5, RETURN_TEMPERATURE: 42.3 + max(0, i - 20) * 0.1})
        for i in range(40)
    ]
    findings = prove(Trial(readings, heat_on_ms=START_MS + 20_000)).findings
    assert [(finding.mistake, finding.signals) for finding in findings] == [(Mistake.STUCK, (FLOW_TEMPERATURE,))]


def test_an_outdoor_sensor_far_from_what_was_said_is_open() -> None:
    readings = [Reading(START_MS + 5000 * i, {OUTDOOR_TEMPERATURE: -1.0, ROOM_TEMPERATURE: 21.0}) for i in range(40)]
    proof = prove(Trial(readings, outdoor_about=9.0))
    assert proof.open[OUTDOOR_TEMPERATURE] == "it shows -1 °C, and you said 9 °C: look where its sensor is"
