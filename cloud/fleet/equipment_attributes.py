"""What homes have, maker, model, firmware and the like: from columns beside the minutes or from a table of its own."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agent.domain.errors import BadSetup

Equipment = dict[str, dict[str, str]]
_BETWEEN = "\x1f"
_SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class AttributesJob:
    """The distinct values of some columns per home, in order, as lists of text."""

    columns: Sequence[str]

    @property
    def partial_schema(self) -> pa.Schema:
        return pa.schema([("device", pa.string()), *((name, pa.string()) for name in self.columns)])

    @property
    def result_schema(self) -> pa.Schema:
        return pa.schema([("device", pa.string()), *((name, pa.list_(pa.string())) for name in self.columns)])

    def partial(self, rows: pa.Table) -> pa.Table:
        """The combinations that occur, each once."""
        names = ["device", *self.columns]
        plain = [_text(rows.column(name)) for name in names]
        return pa.table(plain, names=names).group_by(names).aggregate([]).select(names).cast(self.partial_schema)

    def finish(self, partials: pa.Table) -> pa.Table:
        found: dict[str, list[set[str]]] = {}
        for row in partials.to_pylist():
            sets = found.setdefault(row["device"], [set() for _ in self.columns])
            for values, name in zip(sets, self.columns, strict=True):
                if row[name] not in (None, ""):
                    values.add(row[name])
        rows = [
            {"device": device, **{n: sorted(v) for n, v in zip(self.columns, sets, strict=True)}}
            for device, sets in sorted(found.items())
        ]
        return pa.Table.from_pylist(rows, schema=self.result_schema)


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text without repeating it: a column of few values stays encoded until its rows are grouped."""
    if pa.types.is_dictionary(column.type):
        return column.unify_dictionaries().cast(pa.dictionary(pa.int32(), pa.string()))
    return column.cast(pa.string())


class _Job(Protocol):
    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def partial_schema(self) -> pa.Schema: ...
    @property
    def result_schema(self) -> pa.Schema: ...
    def partial(self, rows: pa.Table) -> pa.Table: ...
    def finish(self, partials: pa.Table) -> pa.Table: ...


@dataclass(frozen=True)
class SplitJob:
    """Another job by home and value of a column: a home that changed its firmware counts for each with its time."""

    job: _Job
    column: str

    @property
    def columns(self) -> Sequence[str]:
        return (*self.job.columns, self.column)

    @property
    def partial_schema(self) -> pa.Schema:
        return self.job.partial_schema

    @property
    def result_schema(self) -> pa.Schema:
        return self.job.result_schema

    def partial(self, rows: pa.Table) -> pa.Table:
        device, value = (rows.column(name).cast(pa.string()) for name in ("device", self.column))
        both = pc.binary_join_element_wise(device, pc.fill_null(value, ""), _BETWEEN).dictionary_encode()
        return self.job.partial(rows.set_column(rows.schema.get_field_index("device"), "device", both))

    def finish(self, partials: pa.Table) -> pa.Table:
        return self.job.finish(partials)


def split_name(name: str) -> tuple[str, str]:
    """`(device, value)` of a name that `SplitJob` made."""
    device, _, value = name.partition(_BETWEEN)
    return device, value


@dataclass(frozen=True)
class Attributes:
    """Device → attribute → value, and the attributes that changed in some home while it was watched."""

    by_device: Equipment = field(default_factory=dict)
    changing: frozenset[str] = frozenset()

    def places(self) -> dict[str, tuple[float, float]]:
        """Coordinates of the homes that have them. Raises `BadSetup` for one that is not a number on Earth."""
        found = {}
        for device, values in self.by_device.items():
            if values.get("latitude") and values.get("longitude"):
                found[device] = (
                    _degrees(device, "latitude", values["latitude"], 90),
                    _degrees(device, "longitude", values["longitude"], 180),
                )
        return found

    def zones(self) -> dict[str, str]:
        """Time zones of the homes that name one."""
        return {device: zone for device, values in self.by_device.items() if (zone := values.get("timezone"))}


def attributes_of(result: pa.Table) -> Attributes:
    """Results of an `AttributesJob`; of several values the last in order stands for the home."""
    equipment: Equipment = {}
    changing = set()
    for row in result.to_pylist():
        device = row.pop("device")
        equipment[device] = {name: values[-1] for name, values in row.items() if values}
        changing |= {name for name, values in row.items() if len(values) > 1}
    return Attributes(equipment, frozenset(changing))


def read_equipment(path: Path) -> Equipment:
    """A CSV (`,` `;` tab or `|`) or Parquet file with a column `device` and one per attribute. Raises `BadSetup`."""
    rows = _read_csv(path) if path.suffix.lower() == ".csv" else _read_parquet(path)
    equipment: Equipment = {}
    for number, row in enumerate(rows, 2):
        device = row.pop("device", "")
        if not device:
            raise BadSetup(f"{path}, row {number}", "field 'device' is empty; expected the id of a home")
        equipment[device] = {name: value for name, value in row.items() if value}
    return equipment


def _read_csv(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            reader = csv.DictReader(chain([first], file), delimiter=max(_SEPARATORS, key=first.count))
            names = list(reader.fieldnames or ())
            rows = [{k: (v or "").strip() for k, v in row.items() if k is not None} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, error) from error
    _expect_device(path, names)
    return rows


def _read_parquet(path: Path) -> list[dict[str, str]]:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    _expect_device(path, table.column_names)
    rows: list[dict[str, object]] = table.to_pylist()
    return [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]


def _unreadable(path: Path, error: Exception) -> BadSetup:
    why = "no such file" if isinstance(error, FileNotFoundError) else getattr(error, "strerror", None) or error
    return BadSetup(str(path), f"cannot be read: {why}")


def _expect_device(path: Path, names: Sequence[str]) -> None:
    if "device" not in names:
        raise BadSetup(str(path), f"column 'device' is missing; found {', '.join(names) or 'none'}")


def _degrees(device: str, name: str, text: str, limit: float) -> float:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = float("nan")
    if not -limit <= value <= limit:
        raise BadSetup(f"equipment of {device}", f"{name} {text!r}, expected degrees from -{limit:g} to {limit:g}")
    return value


def merged(first: Mapping[str, Mapping[str, str]], second: Mapping[str, Mapping[str, str]]) -> Equipment:
    """Both; where they disagree the second is right."""
    return {device: {**first.get(device, {}), **second.get(device, {})} for device in {*first, *second}}
