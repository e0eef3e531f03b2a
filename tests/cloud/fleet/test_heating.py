"""The default method on labelled fleets of several kinds, and on nights in which nothing is broken."""

from dataclasses import replace

import numpy as np
import pytest

from cloud.fleet import cube, heating
from cloud.fleet.daily import HEATING
from cloud.fleet.findings import BEHAVIOUR, DATA, Finding
from tests.helpers import heating_fleet_fourth, heating_fleet_other, heating_fleet_third
from tests.helpers.heating_fleet import FAULTS, Fleet, make

KINDS = {
    "hourly": {"seed": 31, "step_min": 60, "style": "physical", "averaged": False},
    "quarter of an hour": {"seed": 32, "step_min": 15, "style": "plain", "averaged": False},
    "cold": {"seed": 33, "step_min": 60, "style": "plain", "averaged": False, "mean_outdoor": -2.0},
}
HANDS = [*KINDS, "other hands", "third hands", "fourth hands", "on change"]


def judged(fleet: Fleet, rate: float = 0.01, cities: list[str] | None = None) -> heating.Judged:
    found = cube.from_frame(fleet.frame().lazy(), HEATING)
    return heating.judge(found, cities or fleet.cities, heating.Settings(false_alarm_rate=rate))


def behaviour(found: list[Finding]) -> dict[str, str]:
    return {each.installation: each.fault for each in found if each.kind == BEHAVIOUR}


@pytest.fixture(scope="module")
def fleets() -> dict[str, tuple[Fleet, heating.Judged]]:
    made = {name: make(220, share=0.08, days=14, **kind) for name, kind in KINDS.items()}  # type: ignore[arg-type]
    made["other hands"] = heating_fleet_other.make(220, 6, share=0.08, days=14, step_min=60)
    made["third hands"] = heating_fleet_third.make(300, 8, share=0.08, days=21, step_min=15, mix="boilers")
    made["fourth hands"] = heating_fleet_fourth.make(250, 5, share=0.08, days=14)
    made["on change"] = heating_fleet_fourth.make(150, 6, share=0.08, days=14, reporting="on change")
    return {name: (fleet, judged(fleet)) for name, fleet in made.items()}


@pytest.mark.parametrize("kind", HANDS)
def test_labelled_faults_are_found_and_named(kind: str, fleets: dict[str, tuple[Fleet, heating.Judged]]) -> None:
    fleet, result = fleets[kind]
    found = behaviour(result.findings)
    hit = [name for name in fleet.faults if name in found]
    right = [name for name in hit if found[name] == fleet.faults[name]]
    assert len(hit) >= 0.9 * len(fleet.faults)
    assert len(right) >= 0.85 * len(hit)


@pytest.mark.parametrize("kind", HANDS)
def test_hardly_a_healthy_one_is_flagged(kind: str, fleets: dict[str, tuple[Fleet, heating.Judged]]) -> None:
    fleet, result = fleets[kind]
    healthy = [name for name in fleet.names if name not in fleet.faults]
    found = behaviour(result.findings)
    assert sum(name in found for name in healthy) <= 0.01 * len(healthy)
    data = {each.installation for each in result.findings if each.kind == DATA}
    holes = set(fleet.holes if isinstance(fleet, heating_fleet_fourth.Events) else [])
    assert holes <= data
    assert sum(name in data for name in healthy if name not in holes) <= 0.02 * len(healthy)


def test_a_lower_rate_flags_no_more(fleets: dict[str, tuple[Fleet, heating.Judged]]) -> None:
    fleet, result = fleets["hourly"]
    strict = behaviour(judged(fleet, rate=1e-6).findings)
    assert strict.items() <= behaviour(result.findings).items()


def test_days_of_a_fault_that_began_midway(fleets: dict[str, tuple[Fleet, heating.Judged]]) -> None:
    for fleet, result in fleets.values():
        end = fleet.start_ms + result.cube.days * cube.DAY_MS
        for each in result.findings:
            assert fleet.start_ms <= each.start_ms < each.end_ms <= end
            assert each.why
            assert "nan" not in each.why


@pytest.fixture(scope="module")
def healthy() -> Fleet:
    fleet = make(120, 51, days=14, step_min=60, averaged=False, share=0.0001)
    faulty = fleet.names.index(next(iter(fleet.faults)))
    fleet.values[faulty] = fleet.values[faulty - 1]
    return replace(fleet, faults={})


def test_a_healthy_fleet_is_left_alone(healthy: Fleet) -> None:
    assert len(behaviour(judged(healthy).findings)) <= 1


@pytest.mark.parametrize(("swing_k", "found"), [(2.70, None), (5.0, "short_cycling")])
def test_a_boilers_starts_must_be_as_bad_as_cycling_though_they_make_a_line(swing_k: float, found: str | None) -> None:
    fleet = make(60, 52, days=10, step_min=15, averaged=False, share=0.0001)
    values, minutes = fleet.values.copy(), 15 * np.arange(fleet.values.shape[2])
    values[:, 2] = 24 + 1.1 * (20 - values[:, 0]) + np.random.default_rng(1).normal(0, 0.2, values[:, 2].shape)
    values[7, 2] += swing_k * np.sin(2 * np.pi * minutes / 37.3)
    assert behaviour(judged(replace(fleet, values=values)).findings).get(fleet.names[7]) == found


@pytest.mark.parametrize("kind", ["far too warm", "up and down"])
def test_what_has_no_name_is_unusual(kind: str, healthy: Fleet) -> None:
    values = healthy.values.copy()
    hours = np.arange(values.shape[2])
    values[7, 1] += 6.0 if kind == "far too warm" else 5.0 * np.sin(2 * np.pi * hours / 24)
    found = behaviour(judged(replace(healthy, values=values)).findings)
    assert found[healthy.names[7]] == "unusual_behaviour"


def test_the_collectors_gap_is_nobodys(healthy: Fleet) -> None:
    values = healthy.values.copy()
    values[:, :, 100:140] = np.nan
    found = judged(replace(healthy, values=values)).findings
    assert not [each for each in found if each.fault == "gap"]


def test_a_power_cut_in_one_town_is_one_line(healthy: Fleet) -> None:
    values, cities = healthy.values.copy(), [f"town{i % 6}" for i in range(120)]
    values[np.array(cities) == "town2", :, 100:140] = np.nan
    found = judged(replace(healthy, values=values), cities=cities).findings
    assert [each.installation for each in found if each.kind == DATA] == ["town2"]


def test_a_front_and_a_day_of_snow_are_no_fault(healthy: Fleet) -> None:
    values = healthy.values.copy()
    front = np.concatenate([np.linspace(0, -9, 30), np.full(60, -9), np.linspace(-9, 0, 30)])
    values[:, 0, 100:220] += front
    values[:, 2, 100:220] -= 1.2 * front
    assert len(behaviour(judged(replace(healthy, values=values)).findings)) <= 1


def test_the_clock_change_is_no_fault(healthy: Fleet) -> None:
    # Schedules (not the weather) move by an hour for everybody in mid-period.
    values = healthy.values.copy()
    values[:, 1:, 169:] = values[:, 1:, 168:-1]
    assert len(behaviour(judged(replace(healthy, values=values)).findings)) <= 1


def test_a_wrong_clock_is_data(healthy: Fleet) -> None:
    values = healthy.values.copy()
    values[7] = np.roll(values[7], 5, axis=1)
    found = [each for each in judged(replace(healthy, values=values)).findings if each.installation == healthy.names[7]]
    assert [(each.kind, each.fault) for each in found if each.fault == "clock_error"] == [(DATA, "clock_error")]
    assert "5 h later" in found[-1].why


@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_tiny_fleet_is_judged_without_a_crash(count: int) -> None:
    fleet = make(count, 5, days=3)
    judged(fleet)


def test_signals_that_nobody_sends_are_no_fault(healthy: Fleet) -> None:
    values = healthy.values.copy()
    values[:, 1] = np.nan
    assert len(behaviour(judged(replace(healthy, values=values)).findings)) <= 1


def test_every_fault_of_the_generator_is_known() -> None:
    assert set(FAULTS) <= set(heating.Settings().costs.shares)
