"""Closed days from the fleet's store into the lake: nightly, again for late data, harmless when nothing is new."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cloud.lake import late
from cloud.lake.store import Lake, Sealed
from cloud.lake.tables import EQUIPMENT, FAULTS, RELIABILITY, SUMMARIES, Kind, batches_of
from cloud.ports import FaultRow, FleetReader, Site

Row = Mapping[str, Any]
_DAY_MS = 86_400_000
_MOST_FAULTS = 1_000_000


@dataclass(frozen=True, slots=True)
class SealingSettings:
    """A day is closed `grace_h` hours after its end (UTC). `again_days` closed days are looked at each time, older ones
    where a device still owed something of them.

    `window_s` is the length of the lake's summaries in seconds.
    """

    grace_h: float = 3.0
    again_days: int = 10
    window_s: int = 900


def closed_days(now_ms: int, settings: SealingSettings) -> list[date]:
    """The days to look at, in order."""
    last = datetime.fromtimestamp(now_ms / 1000, UTC) - timedelta(hours=settings.grace_h, days=1)
    return [last.date() - timedelta(days=i) for i in reversed(range(settings.again_days))]


def seal_closed_days(
    reader: FleetReader, lake: Lake, now_ms: int, settings: SealingSettings = SealingSettings()
) -> list[tuple[str, Sealed]]:
    """Seal what the store has of the closed days; kind and outcome of each day that has rows.

    Raises `Transient` where store or lake cannot be reached: what was sealed by then stays, and a new call goes on.
    """
    sites, before, done = reader.sites(), late.reached(lake), set[tuple[str, int]]()
    kinds: dict[Kind, Callable[[int, int], Iterable[Row]]] = {
        SUMMARIES: lambda start, end: late.device_days(_summaries(reader, sites, start, end, settings.window_s), done),
        FAULTS: lambda start, end: _faults(reader, start, end),
    }
    days = closed_days(now_ms, settings)
    outcomes = _seal_late(reader, lake, sites, day_start_ms(days[0]), day_start_ms(days[-1]) + _DAY_MS, settings, done)
    for day in days:
        start_ms = day_start_ms(day)
        for kind, rows_of in kinds.items():
            sealed = lake.seal(kind, day, batches_of(kind, rows_of(start_ms, start_ms + _DAY_MS)))
            if sealed.rows:
                outcomes.append((kind.name, sealed))
    outcomes += _seal_states(reader, lake) + _seal_equipment(sites, lake, now_ms)
    late.remember(lake, before, done)
    return outcomes


def _seal_late(
    reader: FleetReader, lake: Lake, sites: Iterable[Site], start_ms: int, end_ms: int, settings: SealingSettings,
    done: set[tuple[str, int]],
) -> list[tuple[str, Sealed]]:  # fmt: skip
    """Days before `start_ms` of which something came since they were sealed, however old; only such ones."""
    before = late.reached(lake)
    owed: dict[int, list[Site]] = {}
    for day_ms, site in late.days_owed(reader, sites, before, start_ms):
        owed.setdefault(day_ms, []).append(site)
    found: list[tuple[Kind, int, Iterable[Row]]] = [
        (SUMMARIES, day, late.device_days(_summaries(reader, who, day, day + _DAY_MS, settings.window_s), done))
        for day, who in sorted(owed.items())
    ]
    devices = {site.device: before.get(site.device, 0) for who in owed.values() for site in who}
    faults = late.faults_owed(reader, devices, start_ms, end_ms)
    found += [(FAULTS, day, map(_fault, rows)) for day, rows in faults.items()]
    outcomes = [(kind.name, lake.seal(kind, _day_of(day), batches_of(kind, rows))) for kind, day, rows in found]
    return [(name, sealed) for name, sealed in outcomes if sealed.changed]


def _seal_states(reader: FleetReader, lake: Lake) -> list[tuple[str, Sealed]]:
    """The sums of every device as they stand: each is final for its instant, so its day need not be closed."""
    by_day: dict[date, list[Row]] = {}
    for row in reader.reliability():
        sums = {name: int(row.state.get(name) or 0) for name in ("failures", "repairs", "up_ms", "down_ms")}
        state = {"device": row.device, "code": row.code, "time": row.at_ms, **sums}
        by_day.setdefault(_day_of(row.at_ms), []).append(state)
    return [
        (RELIABILITY.name, lake.seal(RELIABILITY, day, batches_of(RELIABILITY, rows)))
        for day, rows in sorted(by_day.items())
    ]


def _seal_equipment(sites: Iterable[Site], lake: Lake, now_ms: int) -> list[tuple[str, Sealed]]:
    today = _day_of(now_ms)
    rows = [
        {"device": site.device, "name": name, "time": day_start_ms(today), "value": value}
        for site in sites
        for name, value in equipment_of(site).items()
    ]
    return [(EQUIPMENT.name, lake.seal(EQUIPMENT, today, batches_of(EQUIPMENT, rows)))] if rows else []


def _day_of(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()


def day_start_ms(day: date) -> int:
    """Its first instant, UTC."""
    return round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def _summaries(reader: FleetReader, sites: Iterable[Site], start_ms: int, end_ms: int, window_s: int) -> Iterator[Row]:
    for site in sites:
        for signal in reader.signals(site.device):
            for point in reader.series(site.device, signal, start_ms, end_ms, window_s):
                yield {
                    "device": site.device,
                    "signal": signal,
                    "time": point.start_ms,
                    "window_s": window_s,
                    "mean": point.mean,
                    "low": point.low,
                    "high": point.high,
                    "last": point.last,
                    "n": point.n,
                    "bad": point.bad,
                }


def _faults(reader: FleetReader, start_ms: int, end_ms: int) -> Iterator[Row]:
    """Faults that began in the period. The port gives those that overlap it."""
    for row in reader.faults(start_ms=start_ms, end_ms=end_ms, limit=_MOST_FAULTS):
        if start_ms <= row.start_ms < end_ms:
            yield _fault(row)


def _fault(row: FaultRow) -> Row:
    return {
        "device": row.device,
        "id": row.id,
        "code": row.code,
        "severity": row.severity,
        "component": row.component,
        "time": row.start_ms,
        "end": row.end_ms,
        "failing_s": row.failing_s,
        "lost_wh": row.lost_wh,
        "evidence": list(row.evidence.items()),
    }


def equipment_of(site: Site) -> dict[str, str]:
    """Attributes of a site: `{source}_{part}` for each source, and the parts of its first source that says them."""
    found: dict[str, str] = {"timezone": site.timezone}
    for source, parts in site.equipment.items():
        for part, value in parts.items():
            if value:
                found[f"{source}_{part}"] = value
                found.setdefault(part, value)
    return found
