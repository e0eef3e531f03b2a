"""Recordings of real homes, as they are and with faults put into them."""

import csv
import gzip
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.diagnosis.engine import Diagnosis
from agent.diagnosis.settings import DiagnosisSettings, settings_from
from agent.domain.signals import BATTERY_POWER, GRID_POWER, LOAD_POWER, PV_POWER, SignalName, signal_name
from agent.domain.wire import Fault
from bench.diagnosis_fleet import HOUR_MS, Label
from firmware_sim.labelled.distort import distortion_of
from firmware_sim.labelled.moments import SOURCE, Moment
from firmware_sim.labelled.story import DAY_MS
from firmware_sim.replay import RECORDINGS

_MINUTE_MS = 60_000
_LEARN_DAYS = 10


@dataclass(frozen=True, slots=True)
class RealOutcome:
    """What was found in one recording."""

    name: str
    days: float
    put_in: int
    found: int
    false_as_is: int
    false: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """A home as somebody recorded it: rows of values at a fixed step."""

    name: str
    site: dict[str, object]
    times: Sequence[int]
    rows: Sequence[dict[SignalName, float]]

    @property
    def step_ms(self) -> int:
        return self.times[1] - self.times[0]

    @property
    def days(self) -> float:
        return (self.times[-1] - self.times[0]) / DAY_MS


def seattle() -> Recorded:
    """Two months of a home with panels and batteries, five minutes a row, tenths of a kW."""
    name = "seattle_powerwall"
    packed = files("firmware_sim").joinpath("recordings", name, RECORDINGS[name]).read_bytes()
    rows, times = [], []
    for row in csv.DictReader(gzip.decompress(packed).decode().splitlines()):
        times.append(round(datetime.fromisoformat(row.pop("time")).timestamp() * 1000))
        rows.append({signal_name(key): float(cell) for key, cell in row.items() if cell})
    site = {"latitude": 47.61, "longitude": -122.33, "timezone": "America/Los_Angeles"}
    return Recorded("Seattle, panels and two batteries, 5 min", site, times, rows)


def sydney(data: Path) -> Recorded | None:
    """A year of a home with panels in Sydney, half hours by the clock on the wall."""
    path = data / "pvload_ausgrid_customer12_30min" / "customer12_2011-2012.csv.gz"
    if not path.is_file():
        return None
    zone = ZoneInfo("Australia/Sydney")
    rows, times = [], []
    for row in csv.DictReader(gzip.decompress(path.read_bytes()).decode().splitlines()):
        at = datetime.fromisoformat(row[""]).replace(tzinfo=zone)
        # The mean of the half hour that begins then.
        times.append(round(at.timestamp() * 1000) + 15 * _MINUTE_MS)
        rows.append({PV_POWER: round(float(row["GG"]) * 1000, 1), LOAD_POWER: round(float(row["GC"]) * 1000, 1)})
    site = {"latitude": -33.87, "longitude": 151.2, "timezone": "Australia/Sydney"}
    return Recorded("Sydney, panels, 30 min", site, times, rows)


def story_of(recorded: Recorded) -> list[Label]:
    """Faults that can be put into it, one after the other."""
    dice = random.Random(recorded.name)
    has_battery = BATTERY_POWER in recorded.rows[0]
    cycle = ["no_solar_production", "out_of_range", "gap", "pv_underperformance"]
    if has_battery:
        cycle += ["battery_not_charging", "battery_imbalance_soc_jump", "sign_or_scale_error"]
    hours = {"pv_underperformance": 240.0, "out_of_range": 8.0, "gap": 12.0, "sign_or_scale_error": 48.0}
    labels, at_ms = [], recorded.times[0] + _LEARN_DAYS * DAY_MS
    end_ms = recorded.times[-1]
    while True:
        code = cycle[len(labels) % len(cycle)]
        length_ms = round(hours.get(code, 30.0) * HOUR_MS)
        if at_ms + length_ms > end_ms - DAY_MS:
            return labels
        labels.append(Label(code, at_ms, at_ms + length_ms, *_look(dice, code)))
        at_ms += length_ms + 2 * DAY_MS


def _look(dice: random.Random, code: str) -> tuple[str, dict[str, float]]:
    match code:
        case "gap":
            return LOAD_POWER, {}
        case "out_of_range":
            return PV_POWER, {"invalid": 0.0}
        case "battery_imbalance_soc_jump":
            return "", {"jump": dice.uniform(10, 25), "every_min": 120.0}
        case "sign_or_scale_error":
            return GRID_POWER, {"factor": -1.0, "computed": 0.0}
        case "pv_underperformance":
            return "", {"size": 0.45}
    return "", {}


def _break_plant(moment: Moment, label: Label) -> None:
    """What the fault makes of the powers; the grid takes what is missing."""
    values = moment.values
    before = values[PV_POWER] - values.get(BATTERY_POWER, 0.0)
    if label.code == "no_solar_production":
        values[PV_POWER] = 0.0
    elif label.code == "pv_underperformance":
        values[PV_POWER] = round(values[PV_POWER] * (1.0 - label.detail["size"]), 1)
    elif label.code == "battery_not_charging" and values[PV_POWER] > values[LOAD_POWER]:
        values[BATTERY_POWER] = 0.0
    if GRID_POWER in values:
        values[GRID_POWER] = round(values[GRID_POWER] + before - values[PV_POWER] + values.get(BATTERY_POWER, 0.0), 1)


def play(recorded: Recorded, labels: Sequence[Label]) -> dict[str, Fault]:
    """Every fault that the diagnosis tells of it, as last told."""
    diagnosis = Diagnosis(_settings(recorded))
    distortions = {id(label): distortion_of(label) for label in labels}
    told: dict[str, Fault] = {}
    for at_ms, row in zip(recorded.times, recorded.rows, strict=True):
        moment = Moment(at_ms, dict(row))
        for label in labels:
            if label.start_ms <= moment.at_ms < label.end_ms:
                distortion = distortions[id(label)]
                if distortion is None:
                    _break_plant(moment, label)
                else:
                    distortion.apply(moment)
        for _, body in diagnosis.update(moment.reading(), {SOURCE: True}):
            if isinstance(body, Fault):
                told[body.id] = body
    return told


def _settings(recorded: Recorded) -> DiagnosisSettings:
    settings = settings_from({"site": recorded.site})
    rhythm_s = 1.5 * recorded.step_ms / 1000
    return settings.with_max_gap(rhythm_s) if rhythm_s > settings.max_gap_s else settings


def _fits(fault: Fault, label: Label) -> bool:
    end_ms = label.end_ms if fault.end_ms is None else fault.end_ms
    return fault.code == label.code and fault.start_ms < label.end_ms and end_ms > label.start_ms - HOUR_MS


def real_homes(data: Path | None) -> Iterator[RealOutcome]:
    """Each recording that is there."""
    recordings = [seattle(), None if data is None else sydney(data)]
    for recorded in recordings:
        if recorded is None:
            continue
        labels = story_of(recorded)
        calm, told = play(recorded, ()), play(recorded, labels)
        found = sum(any(_fits(fault, label) for fault in told.values()) for label in labels)
        false = sum(not any(_fits(fault, label) for label in labels) for fault in told.values())
        yield RealOutcome(recorded.name, recorded.days, len(labels), found, len(calm), false)
