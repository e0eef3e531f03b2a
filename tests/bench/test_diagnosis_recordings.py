"""Recordings read from files as their publishers write them, into signals, watts and UTC."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from agent.domain.errors import BadInput
from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    FLOW_TEMPERATURE,
    GRID_POWER,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
)
from bench.diagnosis_real import recordings
from bench.diagnosis_recordings import (
    california,
    france,
    hybrids,
    portals,
    recorded,
    sceaux,
    seattle,
    switzerland,
    sydney,
)
from bench.diagnosis_recordings_heat import SUBSTATIONS, logged, plants, substations


def utc(*when: int) -> int:
    return round(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type,misc]


def folder(data: Path, name: str) -> Path:
    path = data / name
    path.mkdir()
    return path


def test_the_one_that_ships_is_two_months_of_five_minutes() -> None:
    home = seattle()
    assert (home.step_ms, round(home.days)) == (300_000, 61)
    assert {PV_POWER, LOAD_POWER, BATTERY_POWER, BATTERY_SOC} <= home.signals


def test_empty_cells_rows_and_times_that_stand() -> None:
    nan = float("nan")
    columns = {PV_POWER: [1.04, 2.0, nan, nan, 5.0], LOAD_POWER: [10.0, 20.0, 30.0, nan, 50.0]}
    made = recorded("some", "home", {}, [0, 60, 120, 180, 120], columns)
    assert made.times == [0, 60, 120]
    assert made.rows == [{PV_POWER: 1.0, LOAD_POWER: 10.0}, {PV_POWER: 2.0, LOAD_POWER: 20.0}, {LOAD_POWER: 30.0}]


def test_half_hours_by_the_clock_on_the_wall(tmp_path: Path) -> None:
    text = ",GC,GG\n2011-07-01 00:00:00,0.5,0\n2011-07-01 12:30:00,0.25,0.75\n"
    path = folder(tmp_path, "pvload_ausgrid_customer12_30min") / "customer12_2011-2012.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    (home,) = sydney(tmp_path)
    assert home.times == [utc(2011, 6, 30, 14, 15), utc(2011, 7, 1, 2, 45)]
    assert home.rows[1] == {PV_POWER: 750.0, LOAD_POWER: 250.0}


def test_homes_with_panels(tmp_path: Path) -> None:
    times = pd.to_datetime(["2024-03-01T10:00Z", "2024-03-01T10:30Z"])
    frame = pd.DataFrame({"ts_utc": times, "p_load_w": [200.0, 300.0], "p_pv_w": [float("nan"), 900.0]})
    frame.to_parquet(folder(tmp_path, "pvload_emhass_home_30min") / "home.parquet")
    (home,) = france(tmp_path)
    assert home.times[0] == utc(2024, 3, 1, 10, 15)
    assert home.rows == [{LOAD_POWER: 200.0}, {LOAD_POWER: 300.0, PV_POWER: 900.0}]

    homes = folder(tmp_path, "pvload_citylearn_homes_hourly")
    row = {"home": ["Building_1"] * 2, "row": [0, 12], "load_kwh": [0.5, 1.5], "pv_w_per_kwp": [0.0, 500.0]}
    pd.DataFrame(row).to_parquet(homes / "homes.parquet")
    (homes / "homes_meta.csv").write_text("home,battery_kwh,pv_kwp\nBuilding_1,6.4,4.0\n")
    (home,) = california(tmp_path)
    assert home.times == [utc(2016, 8, 1, 7, 30), utc(2016, 8, 1, 19, 30)], "summer time, the middle of the hour"
    assert home.rows[1] == {PV_POWER: 2000.0, LOAD_POWER: 1500.0}


def test_loads_with_and_without_the_air(tmp_path: Path) -> None:
    frame = pd.DataFrame({"ts": pd.to_datetime(["2007-01-01 00:00", "2007-01-01 00:01"]), "p_load_kw": [2.58, 0.3]})
    frame.to_parquet(folder(tmp_path, "load_uci_home_1min") / "home_1min.parquet")
    (home,) = sceaux(tmp_path)
    assert (home.times[0], home.rows[0]) == (utc(2006, 12, 31, 23), {LOAD_POWER: 2580.0})

    quarters = {
        "home": ["7", "7"],
        "timestamp": pd.to_datetime(["2019-03-01T00:15Z", "2019-03-01T00:30Z"]),
        "kWh_aggregated": [0.5, 0.25],
        "hourly_avgtemp": [7.0, float("nan")],
    }
    pd.DataFrame(quarters).to_parquet(folder(tmp_path, "heat_homes_hp_power_15min") / "homes.parquet")
    (home,) = switzerland(tmp_path)
    assert home.rows == [{LOAD_POWER: 2000.0, OUTDOOR_TEMPERATURE: 7.0}, {LOAD_POWER: 1000.0}]
    assert home.times[0] == utc(2019, 3, 1, 0, 7, 30)


def test_signs_of_inverters_and_portals(tmp_path: Path) -> None:
    head = "ts_utc,unit,p_pv1_w,p_pv2_w,p_grid_w,p_load_w,p_batt_w,t_heatsink,t_batt,soc_pct\n"
    lines = "2026-06-05T11:00:00+00:00,0x11,1000,900,300,600,-1000,48,23,81\n"
    lines += (
        "2026-06-05T11:00:30+00:00,0x31,1,1,1,1,1,48,23,81\n2026-06-05T11:01:00+00:00,0x11,0,0,-200,700,500,48,23,80\n"
    )
    (folder(tmp_path, "pvbatt_givenergy_modbus_captures") / "hybrid_2_x__signals.csv").write_text(head + lines)
    (home,) = hybrids(tmp_path)
    assert [home.rows[0][name] for name in (PV_POWER, GRID_POWER, BATTERY_POWER)] == [1900.0, -300.0, 1000.0]
    assert [home.rows[1][name] for name in (GRID_POWER, BATTERY_POWER)] == [200.0, -500.0]

    exports = folder(tmp_path, "pvbatt_small_exports")
    head = "Zeit,PV-Ertrag(W),Netz(W),Batterie(W),Gesamtverbrauch(W)\n"
    lines = "2023-06-21 12:00:00,4000,10,-3500,510\n2023-06-21 12:05:00,--,--,--,--\n"
    (exports / "sungrow_day_2023-06-21_5min.csv").write_text(head + lines)
    head = "Uhrzeit;Netzbezug [kW];Netzeinspeisung [kW];Stromverbrauch [kW];Akku-Beladung [kW];Akku-Entnahme [kW];"
    lines = "Stromerzeugung [kW];Akku Spannung [V]\n21.03.2022 00:05:50;0;0,21;0,25;0,5;0;0,96;50\n"
    (exports / "senec_week-12-2022.csv").write_text(head + lines)
    day, week = portals(tmp_path)
    assert (day.times, day.rows[0][BATTERY_POWER]) == ([utc(2023, 6, 21, 10)], 3500.0)
    assert week.rows == [{PV_POWER: 960.0, GRID_POWER: -210.0, BATTERY_POWER: 500.0, LOAD_POWER: 250.0}]


def circuit(**more: list[float]) -> pd.DataFrame:
    times = pd.to_datetime(["2024-12-01 06:00", "2024-12-01 06:15"])
    return pd.DataFrame(
        {"datetime": times, "t_amb": [1.0, 2.0], "t_sup_sec": [45.0, 46.0], "t_ret_sec": [38.0, 39.0], **more}
    )


def test_substations_and_plants(tmp_path: Path) -> None:
    path = folder(tmp_path, SUBSTATIONS)
    circuit(qizm=[40.0, 0.0], temperature_1_2=[21.0, 21.5]).to_parquet(path / "L4_15min_2024_25.parquet")
    circuit(pe=[0.0, 90.0]).to_parquet(path / "L4_scada_2019_2024.parquet")
    (block,) = substations(tmp_path)
    assert block.times[0] == utc(2024, 12, 1, 5)
    assert [row[PUMP_ON] for row in block.rows] == [1.0, 0.0]
    assert block.rows[0][ROOM_TEMPERATURE] == 21.0
    log = logged(path / "L4_scada_2019_2024.parquet")
    assert ([row[PUMP_ON] for row in log.rows], log.name) == ([0.0, 1.0], "L4")

    path = folder(tmp_path, "heat_hhw_plants_hourly")
    times = pd.to_datetime([f"2019-01-01T{hour:02}:00Z" for hour in range(4)])
    columns = {"sup": [60.0] * 4, "ret": [50.0] * 4, "t_out": [5.0] * 4, "flow": [10.0, 9.0, 0.2, float("nan")]}
    pd.DataFrame({"plant": [124] * 4, "ts_utc": times, **columns}).to_parquet(path / "plants.parquet")
    (path / "plants_meta.csv").write_text("tag,climate\n124,4C\n")
    (plant,) = plants(tmp_path)
    assert [row.get(PUMP_ON) for row in plant.rows] == [1.0, 1.0, 0.0, None]
    assert plant.rows[0][FLOW_TEMPERATURE] - plant.rows[0][RETURN_TEMPERATURE] == 10.0


def test_a_folder_without_recordings_is_told(tmp_path: Path) -> None:
    assert [each.name for each in recordings(None)] == ["seattle_powerwall"]
    with pytest.raises(BadInput, match="no recordings in it, expected a folder as pvload_ausgrid"):
        list(recordings(tmp_path))
