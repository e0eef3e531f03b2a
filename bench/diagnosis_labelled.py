"""Recordings whose faults somebody labelled: the rules where one has a name for them, the general detector elsewhere.

Each is read from its own subfolder of a folder given by the user and left out where that is not there. Row by row:
which faulty rows lie in a finding or an alarm, and how many good ones do.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agent.domain.anomaly import RowDetector
from agent.domain.faults import FaultCode
from agent.domain.signals import PV_POWER
from bench.diagnosis_real import play, settings_of
from bench.diagnosis_recordings import MINUTE_MS, Recorded, epoch_ms, recorded
from bench.diagnosis_recordings_heat import SUBSTATIONS, logged
from bench.score import DETECTORS
from bench.score_rigs import TRAIN

Rows = NDArray[np.bool_]
Table = NDArray[np.float64]
RULES: Final = "rules"
_PV: Final = "labelled_pv_pvanalytics"
_AIR: Final = "labelled_ahu_lbnl_1min"
_WATER: Final = "labelled_hydraulic_uci"
_NORMAL: Final = {"cooler": 100, "valve": 100, "pump": 0, "accumulator": 130}
_CYCLE_S: Final = 60
# The series is a share of some largest power; as that of a home, so that a rule's watts mean what they do.
_HOME_W: Final = 8000.0
_PLAIN_SERIES: Final = "EWMA z"
_DAY_ROWS: Final = 96
_SENSORS: Final = (FaultCode.OUT_OF_RANGE, FaultCode.OUTDOOR_SENSOR_IMPLAUSIBLE, FaultCode.STUCK_VALUE)


@dataclass(frozen=True, slots=True)
class Judged:
    """One judge over one labelled recording, in rows."""

    recording: str
    faults: str
    judge: str
    faulty: int
    found: int
    good: int
    false: int

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the share of faulty rows found and that of alarms that are right."""
        if not self.faulty:
            return None
        return 2 * self.found / (2 * self.found + self.false + (self.faulty - self.found))


def judged(name: str, faults: str, judge: str, label: Rows, alarm: Rows) -> Judged:
    """Count rows."""
    good = int((~label).sum())
    return Judged(name, faults, judge, int(label.sum()), int((label & alarm).sum()), good, int((~label & alarm).sum()))


def inverter(data: Path) -> Iterator[Judged]:
    """Quarter-hour power of an inverter with frozen runs put in by its publishers, and with straight lines put in."""
    for kind, mask, words in (
        ("stale", "stale_data_mask", "values that stand"),
        ("interpolated", "interpolated_data_mask", "straight lines for missing values"),
    ):
        table = pd.read_csv(data / _PV / f"ac_power_inv_2173_{kind}_data.csv.gz").dropna(subset=["value_normalized"])
        name, label = "inverter, 15 min", table[mask].to_numpy(dtype=bool)
        watts = table["value_normalized"].clip(lower=0.0) * _HOME_W
        site = {"timezone": "UTC"}
        series = recorded(name, kind, site, epoch_ms(table["timestamp"]), {PV_POWER: watts})
        if kind == "stale":
            yield judged(name, words, RULES, label, _told_rows(series, FaultCode.STUCK_VALUE))
        times, values = series.times, watts.to_numpy(dtype=float)
        for judge, alarm in (("score", _score_series(times, values)), (_PLAIN_SERIES, _plain_series(values))):
            yield judged(name, words, judge, label, alarm)


def _told_rows(series: Recorded, *codes: FaultCode) -> Rows:
    """Rows inside findings of these names."""
    told = play(series, settings_of(series), (), ()).values()
    times = np.array(series.times)
    inside = np.zeros(len(times), dtype=bool)
    for fault in told:
        if fault.code in codes:
            inside |= (times >= fault.start_ms) & (times < (inf if fault.end_ms is None else fault.end_ms))
    return inside


def _score_series(times: Sequence[int], values: Table) -> Rows:
    """Rows in which the general detector speaks of its only column."""
    detector = RowDetector(1, TRAIN)
    verdicts = [detector.update(at_ms, [value]) for at_ms, value in zip(times, values.tolist(), strict=True)]
    return np.array([verdict.alarm or bool(verdict.top) for verdict in verdicts])


def _plain_series(values: Table) -> Rows:
    """Three deviations off the mean and spread of the last days (EWMA over a day)."""
    mean, square = values[0], 1.0
    alarms = []
    for value in values.tolist():
        alarms.append((value - mean) ** 2 > 9.0 * square)
        square += ((value - mean) ** 2 - square) / _DAY_ROWS
        mean += (value - mean) / _DAY_ROWS
    return np.array([False] * _DAY_ROWS + alarms[_DAY_ROWS:])


def snow(data: Path) -> Iterator[Judged]:
    """Six days of an inverter's power, the days with snow on the ground labelled by the publishers."""
    table = pd.read_csv(data / _PV / "snow_data.csv.gz")
    days = pd.read_csv(data / _PV / "snow_snowfall.csv.gz")
    at = pd.to_datetime(table["Timestamp"], format="%m/%d/%Y %H:%M").dt.tz_localize("Etc/GMT+7")
    white = {str(day)[:10] for day, depth in zip(days.iloc[:, 0], days["SNOW"], strict=True) if depth > 0}
    power = table["INV1 AC Power [kW]"].astype(float) * 1000
    keep = power.notna().to_numpy()
    site = {"latitude": 39.74, "longitude": -105.17, "timezone": "America/Denver"}
    series = recorded("inverter under snow, 15 min", "snow", site, epoch_ms(at[keep]), {PV_POWER: power[keep]})
    label = at[keep].dt.strftime("%Y-%m-%d").isin(white).to_numpy()
    told = _told_rows(series, FaultCode.PV_UNDERPERFORMANCE, FaultCode.NO_SOLAR_PRODUCTION)
    yield judged(series.group, "days with snow", RULES, label, told)


def air_handlers(data: Path) -> Iterator[Judged]:
    """Air handlers with stuck dampers and valves and wrong sensors put in for whole days, in their hours of work.

    Days do not follow one another; a healthy one comes first and its first rows are what the detectors learn from.
    """
    for path in sorted((data / _AIR).glob("*.parquet")):
        table = pd.read_parquet(path)
        table = table[table["Occupancy Mode Indicator"] > 0]
        truth = table["Fault Detection Ground Truth"].to_numpy(dtype=int)
        day = table["Datetime"].dt.normalize()
        healthy = day[truth == 0].min()
        order = np.argsort((day != healthy).to_numpy(), kind="stable")
        values = table.drop(columns=["Datetime", "Fault Detection Ground Truth", "Occupancy Mode Indicator"])
        rows = values.ffill().bfill().to_numpy(dtype=float)[order]
        name = f"air handler {path.stem}, 1 min"
        yield from _by_detectors(name, "stuck dampers, valves and wrong sensors", rows, truth[order] > 0)


def hydraulics(data: Path) -> Iterator[Judged]:
    """A rig whose cooler, valve, pump and accumulator are worn by steps, cycle after cycle of a minute, 1 Hz.

    Its few healthy cycles come first; the rest follows as recorded.
    """
    folder = data / _WATER
    profile = pd.read_csv(folder / "profile.txt.gz", sep="\t", header=None, names=[*_NORMAL, "stable"])
    faulty = (profile[list(_NORMAL)] != pd.Series(_NORMAL)).any(axis=1).to_numpy()
    names = sorted(path for path in folder.glob("*.txt.gz") if not path.name.startswith("profile"))
    columns = [pd.read_csv(path, sep="\t", header=None).to_numpy(dtype=float).ravel() for path in names]
    label = np.repeat(faulty, _CYCLE_S)
    order = np.argsort(label, kind="stable")
    rows, label = np.stack(columns, axis=1)[order], label[order]
    yield from _by_detectors("hydraulic rig, 1 s", "worn cooler, valve, pump, accumulator", rows, label)


def _by_detectors(name: str, faults: str, rows: Table, label: Rows) -> Iterator[Judged]:
    """What did not move while they learned is kept from the plain ones: the least motion would be an alarm for good."""
    moves = rows[:TRAIN].std(axis=0) > 1e-6
    for judge, detect in DETECTORS.items():
        alarm = detect(rows if judge == "score" else rows[:, moves])
        yield judged(name, faults, judge, label[TRAIN:], alarm[TRAIN:])


def substations(data: Path) -> Iterator[Judged]:
    """Years of three substations' logs; what is impossible in them was marked, what else is wrong is not known."""
    marks = pd.read_csv(data / SUBSTATIONS / "natural_sensor_faults.csv", parse_dates=["start", "end"])
    labels, alarms = list[Rows](), list[Rows]()
    for path in sorted((data / SUBSTATIONS).glob("*_scada_2019_2024.parquet")):
        series = logged(path)
        labels.append(_marked(series, marks[marks["installation"] == series.name]))
        alarms.append(_told_rows(series, *_SENSORS))
    name, words = "three substations, years of logs", "impossible values: −40 °C, over 95 °C, all zero"
    yield judged(name, words, RULES, np.concatenate(labels), np.concatenate(alarms))


def _marked(series: Recorded, marks: pd.DataFrame) -> Rows:
    times = np.array(series.times)
    label = np.zeros(len(times), dtype=bool)
    for start, end in zip(epoch_ms(marks["start"]), epoch_ms(marks["end"]), strict=True):
        label |= (times >= start - 60 * MINUTE_MS) & (times <= end - 60 * MINUTE_MS)
    return label


# Subfolder of the user's folder -> what judges it.
LABELLED: Final[Sequence[tuple[str, Callable[[Path], Iterator[Judged]]]]] = (
    (_PV, inverter),
    (_PV, snow),
    (SUBSTATIONS, substations),
    (_AIR, air_handlers),
    (_WATER, hydraulics),
)


def labelled(data: Path | None) -> list[Judged]:
    """Everything that is there."""
    if data is None:
        return []
    return [each for folder, judge in LABELLED if (data / folder).is_dir() for each in judge(data)]


def labelled_table(outcomes: Sequence[Judged]) -> str:
    """Markdown: a judge over a recording a line."""
    if not outcomes:
        return "None was given: `--data` names the folder."
    lines = ["| recording | faults | judge | faulty rows | found | good rows | false alarms | F1 |"]
    lines.append("|---|---|---|---:|---:|---:|---:|---:|")
    for each in outcomes:
        found = f"{100 * each.found / each.faulty:.0f} %" if each.faulty else "–"
        false = f"{100 * each.false / each.good:.0f} %" if each.good else "–"
        cells = [each.recording, each.faults, each.judge, f"{each.faulty:,}", found]
        cells += [f"{each.good:,}", false, "–" if each.f1 is None else f"{each.f1:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
