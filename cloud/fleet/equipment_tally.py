"""What a job found, home by home: rows of its result table as plain values."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from cloud.fleet.equipment import Home
from cloud.fleet.equipment_change import Split
from cloud.fleet.equipment_runs import DAY_MS
from cloud.fleet.equipment_trend import Watch

_HOUR_MS = 3_600_000
# A failure that is there from the first sample on has no time before it; the power law needs one.
_LEAST_CLOCK_MS = 60_000

Equipment = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Tally:
    """One home and one fault code. Lists are empty where the source keeps sums only. Milliseconds."""

    device: str
    failures: int
    repairs: int
    up_ms: int
    down_ms: int
    observed_ms: int
    begin: Sequence[int] = ()
    clock_ms: Sequence[int] = ()
    day: Sequence[int] = ()
    day_up_ms: Sequence[int] = ()

    def home(self, equipment: Equipment) -> Home:
        """The same as the statistics take it."""
        return Home(
            self.device,
            self.failures,
            self.up_ms / _HOUR_MS,
            self.down_ms / _HOUR_MS,
            self.observed_ms / _HOUR_MS,
            equipment.get(self.device, {}),
        )

    def watch(self) -> Watch | None:
        """Failures on the clock of the home's own exposure, in hours; None where the source kept no times."""
        if len(self.clock_ms) != self.failures or self.up_ms <= _LEAST_CLOCK_MS:
            return None
        return Watch([max(t, _LEAST_CLOCK_MS) / _HOUR_MS for t in self.clock_ms], self.up_ms / _HOUR_MS)

    def split(self, at_ms: int) -> Split:
        """Before and after a UTC day's beginning."""
        place = bisect_left(self.day, at_ms // DAY_MS)
        early = sum(1 for begin in self.begin if begin < at_ms)
        hours = [sum(part) / _HOUR_MS for part in (self.day_up_ms[:place], self.day_up_ms[place:])]
        return Split(early, hours[0], len(self.begin) - early, hours[1])


@dataclass(frozen=True, slots=True)
class PublishedTally:
    """The published figure of one home and scenario; `at` are its failing minutes since 1970."""

    device: str
    failures: int
    minutes: int
    at: Sequence[int] = ()

    @property
    def mtbf_minutes(self) -> float:
        """Without a failure the published program divides by 1, which gives 0."""
        return self.minutes / (self.failures or 1)


def tallies(result: pa.Table, code: str) -> list[Tally]:
    """Rows of an `EpisodeJob`, or of another job with at least its sums, for one fault code."""
    return [_tally(row, code) for row in _rows(result, code)]


def published(result: pa.Table, code: str) -> list[PublishedTally]:
    """Rows of a `PublishedJob` for one scenario."""
    names = (f"{code}__failures", f"{code}__minutes", f"{code}__at")
    return [PublishedTally(row["device"], *(row[name] for name in names)) for row in _rows(result, code)]


def _rows(result: pa.Table, code: str) -> list[dict[str, Any]]:
    own = [name for name in result.column_names if name.startswith(f"{code}__") or "__" not in name]
    rows: list[dict[str, Any]] = result.select(own).to_pylist()
    return rows


def _tally(row: Mapping[str, Any], code: str) -> Tally:
    sums = {name: row[f"{code}__{name}"] for name in ("failures", "repairs", "up_ms", "down_ms")}
    series = {"begin": "at", "clock_ms": "clock_ms", "day": "day", "day_up_ms": "day_up_ms"}
    lists = {ours: row.get(f"{code}__{theirs}", ()) for ours, theirs in series.items()}
    return Tally(device=row["device"], observed_ms=row.get("observed_ms", 0), **sums, **lists)
