"""What the lake holds: one table per kind, its columns, what makes a row unique, and which instant dates it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import pyarrow as pa

from agent.domain.errors import BadInput

_BATCH_ROWS = 50_000
_INSTANT = pa.timestamp("ms", tz="UTC")


@dataclass(frozen=True, slots=True)
class Kind:
    """`key` identifies a row and orders the file; `dated` is the column whose UTC day a row is filed under."""

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    dated: str


def _kind(name: str, columns: list[tuple[str, pa.DataType]], key: tuple[str, ...], dated: str) -> Kind:
    schema = pa.schema([pa.field(column, kind, nullable=column not in (*key, dated)) for column, kind in columns])
    return Kind(name, schema, key, dated)


_text, _number, _whole = pa.string(), pa.float64(), pa.int64()

# One signal over one window: `cloud.ports.SeriesPoint` and whose it is.
SUMMARIES: Final = _kind(
    "summaries",
    [
        *(("device", _text), ("signal", _text), ("time", _INSTANT), ("window_s", _whole)),
        *(("mean", _number), ("low", _number), ("high", _number), ("last", _number)),
        *(("n", _whole), ("bad", _whole)),
    ],
    ("device", "signal", "time"),
    "time",
)

# As `cloud.ports.FaultRow`, filed under the day on which it began.
FAULTS: Final = _kind(
    "faults",
    [
        *(("device", _text), ("id", _text), ("code", _text), ("severity", _text), ("component", _text)),
        *(("time", _INSTANT), ("end", _INSTANT), ("failing_s", _number), ("lost_wh", _number)),
        ("evidence", pa.map_(_text, _number)),
    ],
    ("device", "id"),
    "time",
)

# A device's own sums as they stood at `time`: `agent.domain.reliability.EpisodeReliability`.
RELIABILITY: Final = _kind(
    "reliability",
    [
        *(("device", _text), ("code", _text), ("time", _INSTANT)),
        *((name, _whole) for name in ("failures", "repairs", "up_ms", "down_ms")),
    ],
    ("device", "code", "time"),
    "time",
)

# What a device was made of on that day, as attribute and value.
EQUIPMENT: Final = _kind(
    "equipment",
    [("device", _text), ("name", _text), ("time", _INSTANT), ("value", _text)],
    ("device", "name", "time"),
    "time",
)

KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in (SUMMARIES, FAULTS, RELIABILITY, EQUIPMENT)}


def batches_of(kind: Kind, rows: Iterable[Mapping[str, Any]]) -> Iterator[pa.RecordBatch]:
    """Rows by column name as batches; times are ms since 1970. Raises `BadInput` for a row that does not fit."""
    source = iter(rows)
    while part := list(islice(source, _BATCH_ROWS)):
        try:
            yield pa.RecordBatch.from_pylist(part, schema=kind.schema)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise BadInput(f"{kind.name}: a row does not fit the lake: {error}") from error
