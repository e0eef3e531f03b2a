"""MTBF from Parquet files of minutes: which columns they have, which job that takes, on which engine it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs

from agent.domain.episodes import Timing
from agent.domain.errors import BadSetup
from cloud.fleet.equipment_attributes import (
    Attributes,
    AttributesJob,
    Equipment,
    SplitJob,
    attributes_of,
    merged,
    read_equipment,
    split_name,
)
from cloud.fleet.equipment_episodes import EpisodeJob, Rules
from cloud.fleet.equipment_minutes import CODES, SIGNALS, TIME, Period, Zones
from cloud.fleet.equipment_published import PublishedJob
from cloud.fleet.equipment_tally import PublishedTally, Tally, published, tallies
from cloud.lake.jobs import DEVICE, EQUIPMENT, Job, Source, constants, open_source

Run = Callable[[Job, Source], pa.Table]
# Columns that say where a home is and since when, beside the one that is asked for.
_USEFUL = ("latitude", "longitude", "timezone", "commissioned")


@dataclass(frozen=True)
class Wish:
    """What is asked of the minutes."""

    by: str | None = None
    published: bool = False
    period: Period = field(default=Period())
    timezone: str = "UTC"
    watts: float = 1.0
    max_gap_s: float = 900.0
    equipment: Path | None = None


@dataclass(frozen=True)
class Found:
    """Figures per fault code, home by home, and what the homes have.

    `cohort_tallies` and `cohort_equipment` are those to pool: the same, or by home and firmware where homes changed it.
    """

    rows: int
    tallies: Mapping[str, list[Tally]]
    published: Mapping[str, list[PublishedTally]]
    equipment: Equipment
    last_ms: int | None = None
    parts: "Found | None" = None


def analyse(address: str, wish: Wish, run: Run) -> Found:
    """Run the job. Raises `BadSetup` for files that lack what it needs."""
    source = open_source(address, (DEVICE, TIME, *SIGNALS))
    known = _attributes(source, address, wish, run)
    job = _job(wish, known)
    found = _found(run(job, source), wish, known.by_device)
    if wish.by is None or wish.by not in known.changing:
        return found
    parts = run(SplitJob(job, wish.by), source)
    equipment = {
        name: {**known.by_device.get(split_name(name)[0], {}), wish.by: split_name(name)[1]}
        for name in parts.column(DEVICE).to_pylist()
    }
    return replace(found, parts=_found(parts, wish, equipment))


def _attributes(source: Source, address: str, wish: Wish, run: Run) -> Attributes:
    inside = {*source.schema.names, *constants(source.files[0])} - {DEVICE, TIME, *SIGNALS}
    wanted = tuple(name for name in (wish.by, *_USEFUL) if name in inside)
    known = attributes_of(run(AttributesJob(tuple(map(str, wanted))), source)) if wanted else Attributes()
    path = wish.equipment or _beside(source, address)
    table = {} if path is None else read_equipment(path)
    told = {name for values in table.values() for name in values}
    if wish.by is not None and wish.by not in told and not any(wish.by in had for had in known.by_device.values()):
        names = ", ".join(sorted(inside | told)) or "nothing"
        raise BadSetup("--by", f"no home has {wish.by!r}; known: {names}")
    return Attributes(merged(known.by_device, table), known.changing - told)


def _beside(source: Source, address: str) -> Path | None:
    """A table of equipment in the folder of the minutes."""
    if not isinstance(source.filesystem, pafs.LocalFileSystem) or "://" in address:
        return None
    folder = Path(address)
    candidates = [folder / f"{EQUIPMENT}.csv", folder / f"{EQUIPMENT}.parquet"]
    return next((path for path in candidates if path.is_file()), None)


def _job(wish: Wish, known: Attributes) -> Job:
    zones = Zones(wish.timezone, known.zones())
    if wish.published:
        return PublishedJob(zones, wish.period)
    rules = Rules()
    rules = replace(
        rules,
        battery_timing=_with_gap(rules.battery_timing, wish.max_gap_s),
        solar_timing=_with_gap(rules.solar_timing, wish.max_gap_s),
    )
    return EpisodeJob(zones, wish.period, known.places(), rules, wish.watts)


def _with_gap(timing: Timing, max_gap_s: float) -> Timing:
    return replace(timing, max_gap_s=max_gap_s)


def _found(result: pa.Table, wish: Wish, equipment: Equipment) -> Found:
    rows = sum(result.column("rows").to_pylist())
    if wish.published:
        return Found(rows, {}, {code: published(result, code) for code in CODES}, equipment)
    last_ms = max(result.column("last_ms").to_pylist(), default=None)
    return Found(rows, {code: tallies(result, code) for code in CODES}, {}, equipment, last_ms)
