"""Recordings of real homes and heating plants, in the vocabulary's signals, units and signs.

One ships with the simulator; the others are read from a folder given by the user, each from its own subfolder, and are
left out where that is not there.
"""

import csv
import gzip
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from operator import sub
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pandas as pd

from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    BATTERY_TEMPERATURE,
    GRID_POWER,
    INVERTER_TEMPERATURE,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PV_POWER,
    SIGNALS,
    SignalName,
    signal_name,
)
from firmware_sim.labelled.story import DAY_MS
from firmware_sim.replay import RECORDINGS

MINUTE_MS: Final = 60_000
_CENTRAL_EUROPE: Final = 60  # minutes before UTC, of loggers that know no summer time
_FRANCE: Final = {"latitude": 45.7, "longitude": 6.0, "timezone": "Europe/Paris"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A site as somebody recorded it: rows of good values, one after the other.

    `group` is what the page calls the recording, `name` the site within it.
    """

    group: str
    name: str
    site: Mapping[str, object]
    times: Sequence[int]
    rows: Sequence[dict[SignalName, float]]

    @property
    def step_ms(self) -> int:
        """Usual distance between rows."""
        return round(statistics.median(map(sub, self.times[1:], self.times)))

    @property
    def days(self) -> float:
        return (self.times[-1] - self.times[0]) / DAY_MS

    @property
    def signals(self) -> frozenset[SignalName]:
        return frozenset().union(*self.rows)


def recorded(
    group: str, name: str, site: Mapping[str, object], at_ms: Any, columns: Mapping[SignalName, Any]
) -> Recorded:
    """From columns of the same length; empty cells are no values, rows without any or whose time stands are none."""
    decimals = {signal: max(SIGNALS[signal].decimals, 1) for signal in columns}
    kept = {signal: [float(cell) for cell in column] for signal, column in columns.items()}
    times: list[int] = []
    rows: list[dict[SignalName, float]] = []
    for at, *cells in zip(map(int, at_ms), *kept.values(), strict=True):
        values = {name: round(cell, decimals[name]) for name, cell in zip(kept, cells, strict=True) if cell == cell}
        if values and not (times and at <= times[-1]):
            times.append(at)
            rows.append(values)
    return Recorded(group, name, site, times, rows)


def epoch_ms(times: Any) -> Any:
    """Milliseconds since 1970 of a pandas column; times without a zone are taken as UTC."""
    return pd.to_datetime(times, utc=True).astype("datetime64[ms, UTC]").astype("int64")


def seattle() -> Recorded:
    """Two months of a home with panels and batteries, five minutes a row, tenths of a kW."""
    name = "seattle_powerwall"
    packed = files("firmware_sim").joinpath("recordings", name, RECORDINGS[name]).read_bytes()
    rows, times = [], []
    for row in csv.DictReader(gzip.decompress(packed).decode().splitlines()):
        times.append(round(datetime.fromisoformat(row.pop("time")).timestamp() * 1000))
        rows.append({signal_name(key): float(cell) for key, cell in row.items() if cell})
    site = {"latitude": 47.61, "longitude": -122.33, "timezone": "America/Los_Angeles"}
    return Recorded("Seattle: panels and two batteries, 5 min", name, site, times, rows)


def sydney(data: Path) -> Iterator[Recorded]:
    """A year of a home with panels in Sydney, half hours by the clock on the wall."""
    zone = ZoneInfo("Australia/Sydney")
    rows, times = [], []
    packed = (data / "pvload_ausgrid_customer12_30min" / "customer12_2011-2012.csv.gz").read_bytes()
    for row in csv.DictReader(gzip.decompress(packed).decode().splitlines()):
        at = datetime.fromisoformat(row[""]).replace(tzinfo=zone)
        # The mean of the half hour that begins then.
        times.append(round(at.timestamp() * 1000) + 15 * MINUTE_MS)
        rows.append({PV_POWER: round(float(row["GG"]) * 1000, 1), LOAD_POWER: round(float(row["GC"]) * 1000, 1)})
    site = {"latitude": -33.87, "longitude": 151.2, "timezone": "Australia/Sydney"}
    yield Recorded("Sydney: panels, 30 min", "customer 12", site, times, rows)


def france(data: Path) -> Iterator[Recorded]:
    """A year of a home with panels; its place is where its own sunrises and sunsets are. Panels are silent by night."""
    table = pd.read_parquet(data / "pvload_emhass_home_30min" / "home.parquet")
    columns = {PV_POWER: table["p_pv_w"], LOAD_POWER: table["p_load_w"]}
    at_ms = epoch_ms(table["ts_utc"]) + 15 * MINUTE_MS
    yield recorded("France: panels, 30 min, with gaps", "home", _FRANCE, at_ms, columns)


def california(data: Path) -> Iterator[Recorded]:
    """Nine homes with panels for a year, hours by the clock on the wall, the mean of the hour that begins then."""
    folder = data / "pvload_citylearn_homes_hourly"
    table = pd.read_parquet(folder / "homes.parquet")
    peaks = pd.read_csv(folder / "homes_meta.csv").set_index("home")["pv_kwp"]
    zone = ZoneInfo("America/Los_Angeles")
    site = {"latitude": 34.1, "longitude": -117.4, "timezone": zone.key}
    for home, rows in table.groupby("home"):
        first = datetime(2016, 8, 1, 0, 30)  # noqa: DTZ001 - by the clock on the wall
        walls = [first + timedelta(hours=int(row)) for row in rows["row"]]
        at_ms = [round(wall.replace(tzinfo=zone).timestamp() * 1000) for wall in walls]
        columns = {PV_POWER: rows["pv_w_per_kwp"] * peaks[home], LOAD_POWER: rows["load_kwh"] * 1000}
        yield recorded("California: nine homes with panels, 1 h", str(home), site, at_ms, columns)


def sceaux(data: Path) -> Iterator[Recorded]:
    """Half a year of one home's load; missing minutes were filled by whoever packed it."""
    table = pd.read_parquet(data / "load_uci_home_1min" / "home_1min.parquet")
    at_ms = epoch_ms(table["ts"]) - _CENTRAL_EUROPE * MINUTE_MS
    site = {"latitude": 48.78, "longitude": 2.29, "timezone": "Europe/Paris"}
    yield recorded("Sceaux: load, 1 min", "home", site, at_ms, {LOAD_POWER: table["p_load_kw"].astype(float) * 1000})


def switzerland(data: Path) -> Iterator[Recorded]:
    """Homes with a heat pump: load of the quarter of an hour that ends then, outdoor air in whole degrees."""
    table = pd.read_parquet(data / "heat_homes_hp_power_15min" / "homes.parquet")
    site = {"latitude": 47.4, "longitude": 8.5, "timezone": "Europe/Zurich"}
    for home, rows in table.groupby("home"):
        columns = {
            LOAD_POWER: rows["kWh_aggregated"].astype(float) * 4000,
            OUTDOOR_TEMPERATURE: rows["hourly_avgtemp"].astype(float),
        }
        at_ms = epoch_ms(rows["timestamp"]) - 7 * MINUTE_MS - MINUTE_MS // 2
        yield recorded("Switzerland: six homes with heat pumps, load and air, 15 min", str(home), site, at_ms, columns)


def hybrids(data: Path) -> Iterator[Recorded]:
    """Captures of a hybrid inverter with two batteries, an evening and a noon, about 30 s a row."""
    folder = data / "pvbatt_givenergy_modbus_captures"
    site = {"latitude": 52.0, "longitude": -1.5, "timezone": "Europe/London"}
    for path in sorted(folder.glob("hybrid_2_*__signals.csv")):
        table = pd.read_csv(path)
        table = table[table["unit"] == table["unit"].mode().min()]
        columns = {
            PV_POWER: table["p_pv1_w"] + table["p_pv2_w"],
            LOAD_POWER: table["p_load_w"],
            GRID_POWER: -table["p_grid_w"],
            BATTERY_POWER: -table["p_batt_w"],
            BATTERY_SOC: table["soc_pct"],
            INVERTER_TEMPERATURE: table["t_heatsink"],
            BATTERY_TEMPERATURE: table["t_batt"],
        }
        yield recorded("A hybrid inverter's answers, two captures", path.name, site, epoch_ms(table["ts_utc"]), columns)


def portals(data: Path) -> Iterator[Recorded]:
    """A day of a home with panels and battery as a portal exports it, five minutes a row, and an hour of two more."""
    folder = data / "pvbatt_small_exports"
    site = {"latitude": 51.0, "longitude": 10.0, "timezone": "Europe/Berlin"}
    group, zone = "Germany: portal exports of three homes with battery, 5 min", site["timezone"]
    table = pd.read_csv(folder / "sungrow_day_2023-06-21_5min.csv", na_values="--")
    columns = {
        PV_POWER: table["PV-Ertrag(W)"],
        GRID_POWER: table["Netz(W)"],
        BATTERY_POWER: -table["Batterie(W)"],
        LOAD_POWER: table["Gesamtverbrauch(W)"],
    }
    at_ms = epoch_ms(pd.to_datetime(table["Zeit"]).dt.tz_localize(zone))
    yield recorded(group, "2023-06-21", site, at_ms, columns)
    for path in sorted(folder.glob("senec_week-*.csv")):
        table = pd.read_csv(path, sep=";", decimal=",")
        powers = [name for name in table.columns if name.endswith(" [kW]")]
        watts = {name.removesuffix(" [kW]").replace("-", "").lower(): table[name] * 1000 for name in powers}
        columns = {
            PV_POWER: watts["stromerzeugung"],
            GRID_POWER: watts["netzbezug"] - watts["netzeinspeisung"],
            BATTERY_POWER: watts["akkubeladung"] - watts["akkuentnahme"],
            LOAD_POWER: watts["stromverbrauch"],
        }
        at_ms = epoch_ms(pd.to_datetime(table["Uhrzeit"], format="%d.%m.%Y %H:%M:%S").dt.tz_localize(zone))
        yield recorded(group, path.stem, site, at_ms, columns)


# Subfolder of the user's folder -> what reads it.
Reader = Callable[[Path], Iterator[Recorded]]
POWER: Final[Mapping[str, Reader]] = {
    "pvload_ausgrid_customer12_30min": sydney,
    "pvload_emhass_home_30min": france,
    "pvload_citylearn_homes_hourly": california,
    "load_uci_home_1min": sceaux,
    "heat_homes_hp_power_15min": switzerland,
    "pvbatt_givenergy_modbus_captures": hybrids,
    "pvbatt_small_exports": portals,
}
