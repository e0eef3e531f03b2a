"""Recordings in CSV as a stream of readings.

One column `time` (ISO 8601, or seconds since 1970) and one per signal. An empty cell is missing, "nan" and a value that
is physically impossible are invalid. Rows are worked on in batches, column by column.
"""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, repeat
from math import isnan
from operator import lt
from pathlib import Path
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.domain.errors import BadInput, BadSetup
from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    LOAD_POWER,
    PV_POWER,
    Quality,
    Reading,
    SignalName,
    signal_name,
    spec_of,
)
from agent.sources.csv_file import Rows, decimal_point, open_text, rows_of

TIME: Final = "time"
_ROWS: Final = 512
_KILO: Final = 1000.0
_BEFORE_ALL: Final = -(1 << 62)
# Year 5138: milliseconds given for seconds are far behind it.
_LATEST_S: Final = 1e11
_NONE: Final[Mapping[SignalName, Quality]] = MappingProxyType({})

Cell = float | Quality


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Which column is which signal, and by what its numbers are multiplied to be in the signal's unit.

    `columns` is by column name; empty means that columns bear the signals' own names. `zone` is the time zone of times
    that have none of their own; without it they are refused.
    """

    columns: Mapping[str, tuple[SignalName, float]] = field(default_factory=dict)
    time: str = TIME
    zone: str = ""


OWN_NAMES: Final = ColumnMapping()
"""Columns that bear the vocabulary's names, in its units."""

PUBLISHED: Final = ColumnMapping(
    MappingProxyType(
        {
            "pcons": (LOAD_POWER, _KILO),
            "pbatt": (BATTERY_POWER, _KILO),
            "pdc": (PV_POWER, _KILO),
            "soc": (BATTERY_SOC, 1.0),
        }
    )
)
"""The published example's columns, in kW and %."""

MAPPINGS: Final[Mapping[str, ColumnMapping]] = MappingProxyType({"own": OWN_NAMES, "published": PUBLISHED})


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """What a recording holds: its signals, and the columns that mean nothing to us.

    `zoneless` says that its first time has neither Z nor an offset.
    """

    signals: tuple[SignalName, ...]
    ignored: tuple[str, ...]
    zoneless: bool = False


@dataclass(frozen=True, slots=True)
class _Column:
    """One wanted column."""

    index: int
    name: str
    signal: SignalName
    factor: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Plan:
    """A header understood."""

    path: Path
    time: int
    width: int
    columns: tuple[_Column, ...]
    ignored: tuple[str, ...]
    comma: bool

    def error(self, line: int, column: str, problem: str) -> BadInput:
        return BadInput(f"{self.path}:{line}: column {column}: {problem}")


def mapping_of(columns: Mapping[str, tuple[str, float]], *, time: str = TIME, zone: str = "") -> ColumnMapping:
    """A mapping from a site file's words. Raises `BadSetup` for an unknown signal, zone or a factor of 0."""
    checked: dict[str, tuple[SignalName, float]] = {}
    for column, (signal, factor) in columns.items():
        try:
            checked[column] = (signal_name(signal), factor)
        except ValueError as error:
            raise BadSetup(f"column {column!r}", str(error)) from None
        if not math.isfinite(factor) or factor == 0:
            raise BadSetup(f"column {column!r}", f"got factor {factor:g}, expected a number other than 0")
    if zone:
        _zone(zone)
    return ColumnMapping(MappingProxyType(checked), time, zone)


def inspect_recording(
    path: Path, mapping: ColumnMapping = OWN_NAMES, wanted: Sequence[SignalName] = ()
) -> RecordingInfo:
    """What the recording's header and first row promise. Raises `BadSetup` for a column that is not there."""
    with open_text(path) as text:
        rows, separator = rows_of(text)
        plan = _plan(path, rows, separator, mapping, wanted)
        first = next(filter(None, rows), [])
    zoneless = len(first) == plan.width and _is_zoneless(first[plan.time])
    return RecordingInfo(tuple(column.signal for column in plan.columns), plan.ignored, zoneless)


def read_recording(
    path: Path, mapping: ColumnMapping = OWN_NAMES, wanted: Sequence[SignalName] = ()
) -> Iterator[Reading]:
    """The recording's rows in their order; a repeated instant is given once.

    `wanted` are signals that must be there. Raises `BadSetup` for a missing column or an unreadable file, and
    `BadInput` for a number or time that is none, a row of another width, and a time before its predecessor.
    """
    with open_text(path) as text:
        rows, separator = rows_of(text)
        plan = _plan(path, rows, separator, mapping, wanted)
        names = [column.signal for column in plan.columns]
        times = _Times(plan, mapping)
        last_ms = _BEFORE_ALL
        for lines, batch in _batches(plan, rows):
            texts = list(zip(*batch, strict=True))
            stamps = times.stamps(texts[plan.time], lines)
            fresh = _fresh(plan, stamps, lines, last_ms)
            last_ms = stamps[-1]
            cells = [_cells(plan, column, texts[column.index], lines) for column in plan.columns]
            good = all(clean for _, clean in cells)
            readings = zip(stamps, fresh, zip(*(numbers for numbers, _ in cells), strict=True), strict=True)
            for at_ms, is_fresh, row in readings:
                if is_fresh:
                    yield Reading(at_ms, dict(zip(names, row)), _NONE) if good else _mixed(at_ms, names, row)  # noqa: B905


def _plan(path: Path, rows: Rows, separator: str, mapping: ColumnMapping, wanted: Sequence[SignalName]) -> _Plan:
    header = [name.strip() for name in next(rows, [])]
    present = ", ".join(header) or "none"
    if mapping.time not in header:
        raise BadSetup(str(path), f"no column {mapping.time!r}; the columns are: {present}")
    for name in mapping.columns:
        if name not in header:
            raise BadSetup(str(path), f"no column {name!r}; the columns are: {present}")
    columns, ignored = _columns(path, header, mapping)
    given = {column.signal for column in columns}
    for signal in wanted:
        if signal not in given:
            raise BadSetup(str(path), f"no column for {signal}; the columns are: {present}")
    if not columns:
        raise BadSetup(str(path), f"no column is a known signal; the columns are: {present}")
    return _Plan(path, header.index(mapping.time), len(header), columns, ignored, separator != ",")


def _columns(path: Path, header: Sequence[str], mapping: ColumnMapping) -> tuple[tuple[_Column, ...], tuple[str, ...]]:
    mapped = {signal for signal, _ in mapping.columns.values()}
    columns: list[_Column] = []
    ignored: list[str] = []
    for index, name in enumerate(header):
        if name == mapping.time:
            continue
        signal, factor = mapping.columns.get(name, (SignalName(name), 1.0))
        spec = spec_of(signal)
        if spec is None or (name not in mapping.columns and signal in mapped):
            ignored.append(name)
        elif any(column.signal == signal for column in columns):
            raise BadSetup(str(path), f"column {name!r}: {signal} is there twice, expected one column per signal")
        else:
            columns.append(_Column(index, name, signal, factor, spec.low, spec.high))
    return tuple(columns), tuple(ignored)


def _batches(plan: _Plan, rows: Rows) -> Iterator[tuple[Sequence[int], list[list[str]]]]:
    """Rows of the header's width with their line numbers; blank lines are left out."""
    while True:
        first = rows.line_num + 1
        try:
            batch = list(islice(rows, _ROWS))
        except csv.Error as error:
            raise BadInput(f"{plan.path}:{rows.line_num}: not CSV: {error}") from error
        if not batch:
            return
        lines: Sequence[int] = range(first, first + len(batch))
        if set(map(len, batch)) != {plan.width}:
            kept = [(line, row) for line, row in zip(lines, batch, strict=True) if row]
            for line, row in kept:
                if len(row) != plan.width:
                    raise BadInput(f"{plan.path}:{line}: got {len(row)} cells, expected {plan.width} as in the header")
            lines, batch = [line for line, _ in kept], [row for _, row in kept]
        if batch:
            yield lines, batch


def _cells(plan: _Plan, column: _Column, texts: Sequence[str], lines: Sequence[int]) -> tuple[Sequence[Cell], bool]:
    """A column's numbers in the signal's unit, and whether all of them are good."""
    try:
        numbers = list(map(float, map(decimal_point, texts) if plan.comma else texts))
    except ValueError:
        return [_cell(plan, column, text, line) for text, line in zip(texts, lines, strict=True)], False
    if column.factor != 1.0:
        factor = column.factor
        numbers = [number * factor for number in numbers]
    # A sum shows a NaN anywhere; `min` and `max` may pass it over.
    if not isnan(sum(numbers)) and column.low <= min(numbers) and max(numbers) <= column.high:
        return numbers, True
    low, high = column.low, column.high
    return [number if low <= number <= high else Quality.INVALID for number in numbers], False


def _cell(plan: _Plan, column: _Column, text: str, line: int) -> Cell:
    if not text.strip():
        return Quality.MISSING
    try:
        number = float(decimal_point(text) if plan.comma else text) * column.factor
    except ValueError:
        raise plan.error(line, column.name, f"got {text!r}, expected a number") from None
    return number if column.low <= number <= column.high else Quality.INVALID


def _mixed(at_ms: int, names: Sequence[SignalName], row: Sequence[Cell]) -> Reading:
    values: dict[SignalName, float] = {}
    bad: dict[SignalName, Quality] = {}
    for name, cell in zip(names, row, strict=True):
        if isinstance(cell, Quality):
            bad[name] = cell
        else:
            values[name] = cell
    return Reading(at_ms, values, bad)


def _fresh(plan: _Plan, stamps: Sequence[int], lines: Sequence[int], last_ms: int) -> Iterable[bool]:
    """For each row whether its instant is new. Raises `BadInput` where time goes back."""
    if stamps[0] > last_ms and all(map(lt, stamps, islice(stamps, 1, None))):
        return repeat(True, len(stamps))
    fresh = []
    for at_ms, line in zip(stamps, lines, strict=True):
        if at_ms < last_ms:
            back_s = (last_ms - at_ms) / 1000
            raise BadInput(f"{plan.path}:{line}: time goes back by {back_s:g} s, expected rows in the order of time")
        fresh.append(at_ms > last_ms)
        last_ms = at_ms
    return fresh


class _Times:
    """The column of times, all of one kind: the first cell says which."""

    def __init__(self, plan: _Plan, mapping: ColumnMapping) -> None:
        self._plan = plan
        self._name = mapping.time
        self._zone = _zone(mapping.zone) if mapping.zone else None
        self._epoch: bool | None = None
        self._last_ms = _BEFORE_ALL

    def stamps(self, texts: Sequence[str], lines: Sequence[int]) -> list[int]:
        """Milliseconds UTC of a batch. Raises `BadInput`."""
        if self._epoch is None:
            self._epoch = _is_number(texts[0])
        try:
            if self._epoch:
                seconds = list(map(float, texts))
                if min(seconds) >= 0 and max(seconds) < _LATEST_S and not isnan(sum(seconds)):
                    return [round(second * 1000) for second in seconds]
            else:
                instants = list(map(datetime.fromisoformat, texts))
                if None not in [instant.tzinfo for instant in instants]:
                    return [round(second * 1000) for second in map(datetime.timestamp, instants)]
        except ValueError:
            pass  # the slow way finds the row and says what is wrong with it
        return [self._stamp(text, line) for text, line in zip(texts, lines, strict=True)]

    def _stamp(self, text: str, line: int) -> int:
        try:
            if self._epoch:
                return self._seconds(float(text), text, line)
            instant = datetime.fromisoformat(text.strip())
        except ValueError:
            expected = "seconds since 1970 as in the first row" if self._epoch else "ISO 8601, 2026-01-31T12:00:00Z"
            raise self._plan.error(line, self._name, f"got {text!r}, expected {expected}") from None
        if instant.tzinfo is None:
            if self._zone is None:
                problem = f"got {text!r}, expected a time with Z or an offset, or a time zone in the mapping"
                raise self._plan.error(line, self._name, problem)
            instant = self._local(instant.replace(tzinfo=self._zone))
        self._last_ms = round(instant.timestamp() * 1000)
        return self._last_ms

    def _seconds(self, seconds: float, text: str, line: int) -> int:
        if not 0 <= seconds < _LATEST_S:
            raise self._plan.error(line, self._name, f"got {text!r}, expected seconds since 1970")
        return round(seconds * 1000)

    def _local(self, instant: datetime) -> datetime:
        """In the hour that autumn has twice, the second one where the first would go back."""
        again = instant.replace(fold=1)
        return again if round(instant.timestamp() * 1000) < self._last_ms else instant


def _is_zoneless(text: str) -> bool:
    if _is_number(text):
        return False
    try:
        return datetime.fromisoformat(text.strip()).tzinfo is None
    except ValueError:
        return False


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise BadSetup("zone", f"got {name!r}, expected a time zone such as Europe/Rome") from None
