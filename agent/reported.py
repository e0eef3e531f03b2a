"""What the agent says of itself in the reported twin. Nothing in it is null: RFC 7396 cannot carry that."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from agent.config import AgentSettings
from agent.outbox.sqlite import SqliteOutbox
from agent.parts import Parts
from agent.pipeline import Pipeline
from agent.sources.carrier_tables import AnyTable, ModbusTable
from agent.supervision import Restarts

MEASURE_AGAIN_MS: Final = 300_000


def site_section(settings: AgentSettings) -> dict[str, str | float]:
    """`site`: name, zone and, where they are known, coordinates."""
    site = settings.diagnosis.site
    place: dict[str, str | float] = {"name": settings.site_name, "timezone": site.timezone}
    if site.latitude is not None and site.longitude is not None:
        place |= {"latitude": site.latitude, "longitude": site.longitude}
    return place


def sources_section(parts: Parts) -> dict[str, Any]:
    """`sources`: how each is reached, what it is, whether it answers."""
    return {table.name: _source(table, parts) for table in parts.settings.sources}


def _source(table: AnyTable, parts: Parts) -> dict[str, Any]:
    entry: dict[str, Any] = {"carrier": str(table.__struct_config__.tag)}
    if isinstance(table, ModbusTable):
        entry["profile"] = table.profile
    known = parts.equipment.get(table.name)
    if known is not None:
        parts_of = {"maker": known.maker, "model": known.model, "serial": known.serial, "firmware": known.firmware}
        entry["equipment"] = parts_of
    if parts.poller is not None and parts.poller.states()[table.name].reachable is not None:
        entry["reachable"] = parts.poller.states()[table.name].reachable
    return entry


def restarts_section(restarts: Mapping[str, Restarts]) -> dict[str, Any]:
    """`health.restarts`: parts that had to begin again, and why the last time. Empty where none had to."""
    told = {name: {"count": each.count, "last_reason": each.last_reason} for name, each in restarts.items()}
    return {"restarts": told} if told else {}


class Health:
    """Measured every few minutes, no finer than a person needs it: each change costs bytes."""

    def __init__(self, state: Path, outbox: SqliteOutbox, pipeline: Pipeline) -> None:
        self._state = state
        self._outbox = outbox
        self._pipeline = pipeline
        self._measured_ms: int | None = None
        self.section: dict[str, Any] = {}

    async def measure(self, monotonic_ms: int, more: Callable[[], Mapping[str, Any]]) -> None:
        """Measure again where it is time, and ask others by `more` for what they know."""
        if self._measured_ms is not None and monotonic_ms - self._measured_ms < MEASURE_AGAIN_MS:
            return
        self._measured_ms = monotonic_ms
        stats = await self._outbox.stats()
        health: dict[str, Any] = {
            "backlog": stats.backlog,
            "journal": self._pipeline.refused or stats.refused or "ok",
            "journal_bytes": _rounded(stats.bytes),
            "disk_free_bytes": _rounded(_free_bytes(self._state)),
            "rss_bytes": _rounded(_resident_bytes()),
        }
        health |= more()
        if self._pipeline.held:
            health["held"] = self._pipeline.held
        if stats.days_left is not None:
            health["days_left"] = _rounded(int(stats.days_left))
        self.section = health


def _rounded(number: int) -> int:
    """Two digits of it.

    >>> _rounded(34_567_890), _rounded(7)
    (35000000, 7)
    """
    return int(float(f"{number:.2g}"))


def _free_bytes(folder: Path) -> int:
    """0 where the disk does not say: it may be gone while the agent goes on."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
