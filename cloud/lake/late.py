"""Data that come later than the days that are looked at each night, however late: a device that was away for a year.

A journal is sent in its order, so what a device still owes begins where the lake's rows of it end. The lake remembers
up to when it has each device; who stands behind the days of the night is looked at from there on.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agent.domain.errors import BadSetup
from cloud.lake.store import Lake
from cloud.ports import FaultRow, FleetReader, Site

_NOTE = "reached.json"
_DAY_MS = 86_400_000
_MOST_FAULTS = 1_000_000


def reached(lake: Lake) -> dict[str, int]:
    """Device → start (ms) of the newest day of it that is in the lake."""
    content = lake.note(_NOTE)
    if content is None:
        return {}
    try:
        return {str(device): int(at_ms) for device, at_ms in json.loads(content).items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise BadSetup(
            f"{lake.address}/_{_NOTE}", f"is damaged: {error}", hint="delete it: all is looked at"
        ) from error


def remember(lake: Lake, before: Mapping[str, int], sealed: Iterable[tuple[str, int]]) -> None:
    """Keep what was reached, once it is sealed: device and day of it."""
    after = dict(before)
    for device, day_ms in sealed:
        after[device] = max(day_ms, after.get(device, day_ms))
    if after != dict(before):
        lake.write_note(_NOTE, json.dumps(after, sort_keys=True).encode())


def days_owed(
    reader: FleetReader, sites: Iterable[Site], before: Mapping[str, int], start_ms: int
) -> Iterator[tuple[int, Site]]:
    """Days before `start_ms` that may hold more of a device than the lake has, with the device.

    The newest day that is there may have been sealed when half of it had come.
    """
    for site in sites:
        since = before.get(site.device, 0)
        if since >= start_ms:
            continue
        days = {
            point.start_ms // _DAY_MS * _DAY_MS
            for signal in reader.signals(site.device)
            for point in reader.series(site.device, signal, since, start_ms, _DAY_MS // 1000)
        }
        yield from ((day, site) for day in sorted(days))


def faults_owed(
    reader: FleetReader, devices: Mapping[str, int], start_ms: int, end_ms: int
) -> dict[int, list[FaultRow]]:
    """Day → faults that began before `start_ms` and may stand otherwise in the lake.

    They ended since, or came with the late days of their device (`devices`: since when).
    """
    found: dict[int, dict[tuple[str, str], FaultRow]] = {}
    rows = reader.faults(start_ms=start_ms, end_ms=end_ms, limit=_MOST_FAULTS)
    for device, since in devices.items():
        rows += reader.faults(device=device, start_ms=since, end_ms=start_ms, limit=_MOST_FAULTS)
    for row in rows:
        if row.start_ms < start_ms:
            found.setdefault(row.start_ms // _DAY_MS * _DAY_MS, {})[row.device, row.id] = row
    return {day: list(by_id.values()) for day, by_id in sorted(found.items())}


def device_days(rows: Iterable[Mapping[str, Any]], into: set[tuple[str, int]]) -> Iterator[Mapping[str, Any]]:
    """The rows, while their devices and days are noted down."""
    for row in rows:
        into.add((row["device"], int(row["time"]) // _DAY_MS * _DAY_MS))
        yield row
