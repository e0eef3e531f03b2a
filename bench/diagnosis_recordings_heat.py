"""Recordings of heating plants and substations, in the vocabulary's signals."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from agent.domain.signals import (
    FLOW_TEMPERATURE,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    SignalName,
)
from bench.diagnosis_recordings import MINUTE_MS, Reader, Recorded, epoch_ms, recorded

NIS: Final = {"latitude": 43.32, "longitude": 21.9, "timezone": "Europe/Belgrade"}
PLANTS: Final = "USA: five hot water plants, 1 h"
SUBSTATIONS: Final = "heat_dh_substations_xai4heat"
_BELGRADE: Final = 60  # minutes before UTC
_CLIMATES: Final[Mapping[str, tuple[float, float, str]]] = {
    "2B": (33.4, -112.0, "America/Phoenix"),
    "3B": (34.0, -118.2, "America/Los_Angeles"),
    "3C": (37.8, -122.3, "America/Los_Angeles"),
    "4C": (47.6, -122.3, "America/Los_Angeles"),
}


def substations(data: Path) -> Iterator[Recorded]:
    """Two blocks of flats on district heating, a winter by quarters of an hour; the pump runs while heat flows."""
    for path in sorted((data / SUBSTATIONS).glob("*_15min_2024_25.parquet")):
        table = pd.read_parquet(path)
        columns = _circuit(table) | {PUMP_ON: (table["qizm"] > 0).astype(float).where(table["qizm"].notna())}
        rooms = [name for name in table.columns if name.startswith("temperature_")]
        if rooms:
            columns[ROOM_TEMPERATURE] = table[sorted(rooms)[0]]
        at_ms = epoch_ms(table["datetime"]) - _BELGRADE * MINUTE_MS
        yield recorded("Niš: substations of two blocks of flats, 15 min", path.name.split("_")[0], NIS, at_ms, columns)


def logged(path: Path) -> Recorded:
    """A substation's log of years as its control wrote it, with all that went wrong in it."""
    table = pd.read_parquet(path)
    columns = _circuit(table)
    if "pe" in table:
        columns[PUMP_ON] = (table["pe"] > 0).astype(float).where(table["pe"].notna())
    at_ms = epoch_ms(table["datetime"]) - _BELGRADE * MINUTE_MS
    return recorded("Niš: logs", path.name.split("_")[0], NIS, at_ms, columns)


def _circuit(table: pd.DataFrame) -> dict[SignalName, Any]:
    names = {OUTDOOR_TEMPERATURE: "t_amb", FLOW_TEMPERATURE: "t_sup_sec", RETURN_TEMPERATURE: "t_ret_sec"}
    return {signal: table[name].astype(float) for signal, name in names.items()}


def plants(data: Path) -> Iterator[Recorded]:
    """Hot water plants of commercial buildings, means of an hour; the pump runs while a twentieth of the most flows."""
    folder = data / "heat_hhw_plants_hourly"
    table = pd.read_parquet(folder / "plants.parquet")
    climates = pd.read_csv(folder / "plants_meta.csv").set_index("tag")["climate"]
    for plant, rows in table.groupby("plant"):
        latitude, longitude, zone = _CLIMATES[climates[plant]]
        site = {"latitude": latitude, "longitude": longitude, "timezone": zone}
        columns = {
            FLOW_TEMPERATURE: rows["sup"].astype(float),
            RETURN_TEMPERATURE: rows["ret"].astype(float),
            OUTDOOR_TEMPERATURE: rows["t_out"].astype(float),
            PUMP_ON: (rows["flow"] > rows["flow"].quantile(0.95) / 20).astype(float).where(rows["flow"].notna()),
        }
        at_ms = epoch_ms(rows["ts_utc"]) + 30 * MINUTE_MS
        yield recorded(PLANTS, f"plant {plant}", site, at_ms, columns)


HEAT: Final[Mapping[str, Reader]] = {SUBSTATIONS: substations, "heat_hhw_plants_hourly": plants}
