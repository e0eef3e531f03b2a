"""Homes with labelled faults, and weather that must not look like one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from agent.domain.errors import BadSetup
from agent.domain.signals import BATTERY_SOC, PV_POWER
from cloud.fleet import cube, home_file, power
from cloud.fleet.export_file import Reading
from cloud.fleet.findings import BEHAVIOUR, DATA
from cloud.fleet.heating import Settings
from cloud.fleet.power_daily import POWER, PV
from tests.helpers.power_fleet import START_MS, Fleet, make


def judged(fleet: Fleet) -> power.Judged:
    shape = len(fleet.names), 4, -1, 1440 // fleet.step_min
    block = cube.Cube(fleet.names, POWER, START_MS, fleet.step_min, fleet.values.reshape(shape).astype(np.float32))
    return power.judge(block, [""] * len(fleet.names), Settings())


def behaviour(result: power.Judged) -> dict[str, str]:
    return {each.installation: each.fault for each in result.findings if each.kind == BEHAVIOUR}


@pytest.mark.parametrize("step_min", [15, 60])
def test_labelled_faults_are_found_and_named_and_the_healthy_left_alone(step_min: int) -> None:
    fleet = make(120, 4, days=12, step_min=step_min, share=0.12)
    found = behaviour(judged(fleet))
    hit = [name for name in fleet.faults if name in found]
    assert len(hit) >= 0.9 * len(fleet.faults)
    assert sum(found[name] == fleet.faults[name] for name in hit) >= 0.85 * len(hit)
    assert len(found.keys() - fleet.faults.keys()) <= 1


@pytest.fixture(scope="module")
def healthy() -> Fleet:
    fleet = make(80, 9, days=12, step_min=60)
    faulty = [fleet.names.index(name) for name in fleet.faults]
    good = next(i for i in range(80) if i not in faulty)
    for i in faulty:
        fleet.values[i] = fleet.values[good]
    return replace(fleet, faults={})


def test_a_cloud_over_everybody_is_weather_and_one_dark_roof_is_not(healthy: Fleet) -> None:
    values = healthy.values.copy()
    values[:, PV, 100:172] *= 0.1
    values[:, 2] = np.where(values[:, 2] > 0, values[:, 2] * 0.1, values[:, 2])
    values[:, 2, :100], values[:, 2, 172:] = healthy.values[:, 2, :100], healthy.values[:, 2, 172:]
    assert not [f for f in behaviour(judged(replace(healthy, values=values))).values() if f.startswith(("pv", "no_"))]
    values = healthy.values.copy()
    values[3, PV, 100:220] *= 0.1
    assert behaviour(judged(replace(healthy, values=values)))[healthy.names[3]] == "pv_underperformance"


def test_watts_and_kilowatts(healthy: Fleet) -> None:
    values = healthy.values.copy()
    values[5, :3] /= 1000
    values[6, PV] *= -1
    found = behaviour(judged(replace(healthy, values=values)))
    assert found[healthy.names[6]] == "sign_or_scale_error"


def test_gaps_and_a_charge_that_stands_still_are_data(healthy: Fleet) -> None:
    values = healthy.values.copy()
    values[2, :, 96:168] = np.nan
    values[4, 3, 96:192] = 55.0
    values[9, 2:] = np.nan
    data = {
        (each.installation, each.fault)
        for each in judged(replace(healthy, values=values)).findings
        if each.kind == DATA
    }
    assert data == {(healthy.names[2], "gap"), (healthy.names[4], "stuck_value")}


def test_a_wide_csv_with_bad_lines(tmp_path: Path) -> None:
    path = tmp_path / "homes.csv"
    lines = ["installation;time;pv_power;battery_soc", "a;2024-05-01 00:00:00;1,5;", "a;yesterday;1;2"]
    lines += ["a;2024-05-01T01:00:00Z;x;2", "a;2024-05-01 02:00:00;1", "a;2024-05-01 03:00:00;7;8"]
    path.write_text("\n".join(lines) + "\n")
    assert home_file.is_wide(path)
    source = home_file.read(path, Reading())
    assert source.bad["line"].to_list() == [3, 4, 5]
    rows = source.samples.sort("time", "signal").collect()
    assert rows["signal"].to_list() == [PV_POWER, BATTERY_SOC, PV_POWER]
    assert rows["value"].to_list() == [1.5, 8, 7]
    assert rows["time"].dtype == pl.Datetime("ms", "UTC")


def test_a_header_without_signals_is_told(tmp_path: Path) -> None:
    path = tmp_path / "homes.csv"
    path.write_text("installation,time,pv\n")
    with pytest.raises(BadSetup, match=r"homes\.csv, line 1"):
        home_file.read(path, Reading())
