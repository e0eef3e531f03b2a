"""From values through findings to incidents: weather, grid, clocks and snow are no incident or one, never hundreds."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from cloud.fleet import cube, findings, heating, power
from cloud.fleet.daily import HEATING
from cloud.fleet.findings import Finding
from cloud.fleet.power_daily import BATTERY, LOAD, POWER, PV
from cloud.incidents.grouping import Cluster, group
from cloud.incidents.places import places
from cloud.incidents.symptoms import of_finding
from cloud.incidents_command import read_findings
from cloud.ports import Site
from tests.helpers import heating_fleet, heating_fleet_third, power_fleet
from tests.helpers.incidents import home

TOWNS = 6
HOUR_MS = 3_600_000
Values = NDArray[np.float64]


def heated(fleet: heating_fleet.Fleet, values: Values, cities: list[str]) -> list[Finding]:
    shape = len(fleet.names), 3, -1, 1440 // fleet.step_min
    block = cube.Cube(fleet.names, HEATING, fleet.start_ms, fleet.step_min, values.reshape(shape).astype(np.float32))
    return heating.judge(block, cities, heating.Settings()).findings


def powered(fleet: power_fleet.Fleet, values: Values, cities: list[str]) -> list[Finding]:
    shape = len(fleet.names), 4, -1, 1440 // fleet.step_min
    block = cube.Cube(
        fleet.names, POWER, power_fleet.START_MS, fleet.step_min, values.reshape(shape).astype(np.float32)
    )
    return power.judge(block, cities, heating.Settings()).findings


def incidents(found: list[Finding], names: list[str], folder: Path, start_ms: int, days: int) -> list[Cluster]:
    """What the file of findings comes down to, homes of a town standing together."""
    path = folder / "findings.csv"
    findings.write(found, path)
    rows = read_findings(path)
    sites = [
        site(number, name, 48 + (number % TOWNS) + 0.01 * (number // TOWNS % 5)) for number, name in enumerate(names)
    ]
    end_ms = start_ms + days * 24 * HOUR_MS
    return group([of_finding(row, end_ms) for row in rows], places(sites, []), (), end_ms)


def site(number: int, name: str, latitude: float) -> Site:
    """A home under its own name, at its town."""
    return msgspec.structs.replace(home(number, latitude, 8.0), device=name)


@pytest.fixture(scope="module")
def boilers() -> heating_fleet.Fleet:
    """120 healthy buildings."""
    fleet = heating_fleet_third.make(124, 4, mix="boilers", days=14, step_min=60, share=0.001)
    keep = [i for i, name in enumerate(fleet.names) if name not in fleet.faults][:120]
    return replace(fleet, names=[fleet.names[i] for i in keep], values=fleet.values[keep], faults={})


@pytest.fixture(scope="module")
def homes() -> power_fleet.Fleet:
    """90 healthy homes with panels and battery."""
    fleet = power_fleet.make(100, 9, days=12, step_min=60)
    keep = [i for i, name in enumerate(fleet.names) if name not in fleet.faults][:90]
    return replace(fleet, names=[fleet.names[i] for i in keep], values=fleet.values[keep], faults={})


def towns(count: int) -> list[str]:
    return [f"town{i % TOWNS}" for i in range(count)]


def front(values: Values) -> None:
    """Twelve hours in which it gets 9 K colder, and the water warmer for it; then slowly back."""
    course = np.concatenate([np.linspace(0, -9, 12), np.full(48, -9), np.linspace(-9, 0, 48)])
    values[:, 0, 120:228] += course
    values[:, 2, 120:228] -= 1.1 * course


def cut(values: Values) -> None:
    """No power in one town for a day and a half."""
    values[2::TOWNS, :, 150:188] = np.nan


def clocks(values: Values) -> None:
    """Everybody's schedule an hour later from the second Sunday on; for an hour nobody sends."""
    values[:, 1:, 241:] = values[:, 1:, 240:-1].copy()
    values[:, :, 242] = np.nan


def snow(values: Values) -> None:
    """A day at -8 °C under snow that lies on the outdoor sensors: they hardly move."""
    values[:, 0, 168:192] = -2 + 0.2 * (values[:, 0, 168:192] - values[:, 0, 168:192].mean(axis=1, keepdims=True))
    values[:, 2, 168:192] += 6


@pytest.mark.parametrize("event", [front, cut, clocks, snow])
def test_heating(event: Callable[[Values], None], boilers: heating_fleet.Fleet, tmp_path: Path) -> None:
    values, cities = boilers.values.copy(), towns(120)
    before = {each.installation for each in heated(boilers, values, cities)}
    event(values)
    found = [each for each in heated(boilers, values, cities) if each.installation not in before]
    assert len(incidents(found, boilers.names, tmp_path, boilers.start_ms, 14)) <= 1


def clouds(values: Values) -> None:
    """A front goes over the towns one after the other: five hours with a tenth of the sun."""
    for town in range(TOWNS):
        dimmed(values, slice(town, None, TOWNS), slice(128 + town // 2, 133 + town // 2), 0.1)


def dimmed(values: Values, rows: slice, hours: slice, share: float) -> None:
    lost = values[rows, PV, hours] * (1 - share)
    values[rows, PV, hours] -= lost
    values[rows, BATTERY, hours] -= np.minimum(lost, np.maximum(values[rows, BATTERY, hours], 0))


def snowed_in(values: Values) -> None:
    """A day of snow on every roof, and the next one on most."""
    dimmed(values, slice(None), slice(144, 168), 0.01)
    dimmed(values, slice(0, None, 2), slice(168, 192), 0.03)


def summer_time(values: Values) -> None:
    """Everybody's load an hour earlier, and an hour that nobody sends."""
    values[:, LOAD, 144:-1] = values[:, LOAD, 145:].copy()
    values[:, :, 146] = np.nan


@pytest.mark.parametrize("event", [clouds, cut, snowed_in, summer_time])
def test_power(event: Callable[[Values], None], homes: power_fleet.Fleet, tmp_path: Path) -> None:
    values, cities = homes.values.copy(), towns(90)
    before = {each.installation for each in powered(homes, values, cities)}
    event(values)
    found = [each for each in powered(homes, values, cities) if each.installation not in before]
    assert len(incidents(found, homes.names, tmp_path, power_fleet.START_MS, 12)) <= 1


def test_one_dark_roof_among_the_clouds_is_seen(homes: power_fleet.Fleet, tmp_path: Path) -> None:
    values = homes.values.copy()
    clouds(values)
    values[7, PV, 96:] *= 0.02
    found = powered(homes, values, towns(90))
    assert homes.names[7] in {each.installation for each in found}
    assert incidents(found, homes.names, tmp_path, power_fleet.START_MS, 12)
