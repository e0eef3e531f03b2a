"""Any recording as rows of times and numbers: separators, decimal commas, gaps; judged from its first rows only."""

import csv
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from agent.domain.errors import BadInput, BadSetup
from agent.sources.csv_file import SEPARATORS, decimal_point, open_text

PEEK: Final = 30
_MISSING: Final = frozenset({"", "nan", "na", "n/a", "null", "none", "nil", "-", "--", "?", "#n/a", "missing"})
_TIMES: Final = ("datetime", "timestamp", "time", "date", "date_time", "date time", "ts", "at_ms", "zeit", "datum")
_LABELS: Final = frozenset(
    "anomaly anomalies anomalous is_anomaly changepoint change_point label labels is_label ground_truth groundtruth "
    "y_true target class fault_label".split()
)
_FORMATS: Final = (
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%d.%m.%Y",
    "%m/%d/%y %H:%M",
)


class Line(NamedTuple):
    """One row: its time as written and in ms, and a number per sensor column, None where there is none."""

    text: str
    at_ms: int
    values: list[float | None]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the columns are; `ignored` says why a column is not judged."""

    path: Path
    header: tuple[str, ...]
    time: int | None
    sensors: tuple[int, ...]
    ignored: dict[str, str]
    decimal_comma: bool

    @property
    def names(self) -> list[str]:
        return [self.header[i] for i in self.sensors]


@contextmanager
def open_table(path: Path, time: str | None, ignore: Sequence[str]) -> Iterator[tuple[Layout, Iterator[Line]]]:
    """The layout, and the rows as they are read. Raises `BadSetup` and, while reading, `BadInput`."""
    with open_text(path, errors="replace") as file:
        rows = _cells(path, file)
        _, header = next(rows, (0, []))
        if not header:
            raise BadSetup(str(path), "is empty, expected a header and rows of numbers")
        head = list(islice(rows, PEEK))
        layout = _layout(path, header, [cells for _, cells in head], time, ignore)
        yield layout, _lines(layout, chain(head, rows))


def _cells(path: Path, file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Line numbers with their cells, blank lines left out."""
    first = file.readline()
    while first and not first.strip():
        first = file.readline()
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(chain([first] if first else [], file), delimiter=separator)
    try:
        for cells in reader:
            if any(cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise BadInput(f"{path}: line {reader.line_num}: {error}") from error
    except OSError as error:
        raise BadSetup(str(path), f"cannot be read: {error.strerror or error}") from error


def _layout(
    path: Path, header: list[str], head: Sequence[Sequence[str]], time: str | None, ignore: Sequence[str]
) -> Layout:
    while header and not header[-1]:
        header = header[:-1]
    names = [name or f"column {number}" for number, name in enumerate(header, 1)]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise BadSetup(f"{path}: line 1", f"column {doubled!r} is there twice, expected different names")
    for wanted in [*ignore, *([time] if time is not None else [])]:
        if wanted not in names:
            raise BadSetup(str(path), f"has no column {wanted!r}, expected one of {', '.join(names)}")
    at = names.index(time) if time is not None else _time_column(names, head)
    comma = _decimal_comma(head, at)
    ignored = dict.fromkeys(ignore, "as told")
    sensors = []
    for i, name in enumerate(names):
        if i == at or name in ignored:
            continue
        why = _unfit(name, [row[i] if i < len(row) else "" for row in head], comma=comma)
        if why:
            ignored[name] = why
        else:
            sensors.append(i)
    if not sensors:
        told = "; ".join(f"{name}: {why}" for name, why in ignored.items())
        raise BadSetup(str(path), f"has no column of numbers ({told or 'no column besides the time'})")
    return Layout(path, tuple(names), at, tuple(sensors), ignored, comma)


def _unfit(name: str, cells: Sequence[str], *, comma: bool) -> str:
    """Why a column is not judged; empty when it is."""
    if name.casefold() in _LABELS:
        return "named as a label"
    given = [cell for cell in cells if cell.casefold() not in _MISSING]
    if not given:
        return f"no value in the first {PEEK} rows"
    if all(_number(cell, comma=comma) is None for cell in given):
        return "text"
    return ""


def _time_column(names: Sequence[str], head: Sequence[Sequence[str]]) -> int | None:
    """A column named for it, else the first that reads as dates."""
    folded = [name.casefold() for name in names]
    for name in _TIMES:
        if name in folded:
            return folded.index(name)
    for i in range(len(names)):
        cells = [row[i] for row in head if i < len(row)]
        if cells and all(_number(cell, comma=True) is None and moment_ms(cell) is not None for cell in cells):
            return i
    return None


def _decimal_comma(head: Sequence[Sequence[str]], time: int | None) -> bool:
    """Whether the numbers are written 1,5 (possible only where the comma does not separate)."""
    cells = [cell for row in head for i, cell in enumerate(row) if i != time]
    return any("," in cell and _number(cell, comma=True) is not None for cell in cells)


def _number(cell: str, *, comma: bool) -> float | None:
    text = decimal_point(cell) if comma else cell
    try:
        number = float(text)
    except ValueError:
        return None
    return number if "_" not in text else None


def moment_ms(cell: str) -> int | None:
    """ISO 8601, day-first or month-first dates, or seconds or ms since 1970; without zone UTC."""
    number = _number(cell, comma=False)
    if number is not None:
        if not math.isfinite(number):
            return None
        return round(number if abs(number) > 1e11 else number * 1000)
    moment = _moment(cell)
    if moment is None:
        return None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _moment(cell: str) -> datetime | None:
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        pass
    for form in _FORMATS:
        try:
            return datetime.strptime(cell, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def _lines(layout: Layout, rows: Iterator[tuple[int, list[str]]]) -> Iterator[Line]:
    width = len(layout.header)
    for index, (number, cells) in enumerate(rows):
        if len(cells) < width or any(cells[width:]):
            raise BadInput(f"{layout.path}: line {number}: {len(cells)} cells, expected {width} as in the header")
        text, at_ms = str(index), index * 1000
        if layout.time is not None:
            text = cells[layout.time]
            moment = moment_ms(text)
            if moment is None:
                column = layout.header[layout.time]
                raise BadInput(f"{layout.path}: line {number}, column {column!r}: got {text!r}, expected a time")
            at_ms = moment
        yield Line(text, at_ms, [_value(layout, number, i, cells[i]) for i in layout.sensors])


def _value(layout: Layout, line: int, column: int, cell: str) -> float | None:
    try:
        number: float | None = float(cell)
    except ValueError:
        if cell.casefold() in _MISSING:
            return None
        number = _number(cell, comma=layout.decimal_comma)
    if number is None:
        name = layout.header[column]
        raise BadInput(f"{layout.path}: line {line}, column {name!r}: got {cell!r}, expected a number or an empty cell")
    return number if math.isfinite(number) else None
