"""Commands that look once: the devices' values now, and what the journal holds."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agent.config import AgentSettings
from agent.domain.errors import BadSetup, SourceUnavailable
from agent.domain.signals import Reading
from agent.outbox.peek import peek
from agent.parts import make_sources
from agent.pipeline import restore
from agent.ports import Source
from agent.raw_words import raw_words, shown, unit_of
from agent.running import JOURNAL
from agent.site_file import in_force
from agent.sources.carrier_tables import AnyTable, ModbusTable
from agent.sources.corrections import corrected
from agent.sources.in_turn import ModbusInTurn
from agent.sources.modbus import ModbusSource
from agent.sources.profile_file import ProfileShelf


@dataclass(frozen=True, slots=True)
class Answer:
    """What one device says now, and the words that it was made of; `trouble` where it says nothing."""

    reading: Reading | None = None
    raw: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    trouble: str = ""


async def read(settings: AgentSettings, *, as_json: bool) -> int:
    """Read every source once. Status 1 when one of them did not answer."""
    if not settings.sources:
        raise BadSetup(str(settings.path), "has no [[source]], expected at least one device to read")
    now = in_force(settings)
    sources = zip(now.sources, make_sources(now), strict=True)
    shelf = ProfileShelf.beside(settings.path)
    told = await asyncio.gather(*(_one(table, source, shelf) for table, source in sources))
    answers = {table.name: answer for table, answer in zip(now.sources, told, strict=True)}
    if as_json:
        print(json.dumps({name: _plain(answer) for name, answer in answers.items()}, indent=2, ensure_ascii=False))
    else:
        for name, answer in answers.items():
            print("\n".join([name, *_lines(answer)]))
    return 1 if any(answer.trouble for answer in told) else 0


async def _one(table: AnyTable, source: Source, shelf: ProfileShelf) -> Answer:
    async with source:
        try:
            reading = await source.read()
            raw: Mapping[str, tuple[str, ...]] = {}
            if isinstance(table, ModbusTable) and isinstance(source, ModbusSource | ModbusInTurn):
                profile = corrected(shelf.load(table.profile, table.variants), table.correct)
                raw = await raw_words(source, profile, table.unit, table.more_units)
            return Answer(reading, raw)
        except SourceUnavailable as unavailable:
            return Answer(trouble=unavailable.reason)


def _plain(answer: Answer) -> dict[str, Any]:
    if answer.reading is None:
        return {"error": answer.trouble}
    bad = {name: quality.name.lower() for name, quality in answer.reading.bad.items()}
    raw = {name: list(words) for name, words in answer.raw.items()}
    return {"at_ms": answer.reading.at_ms, "values": dict(answer.reading.values), "bad": bad, "raw": raw}


def _lines(answer: Answer) -> list[str]:
    if answer.reading is None:
        return [f"  no answer: {answer.trouble}"]
    reading, rows = answer.reading, []
    for name in sorted({*reading.values, *reading.bad}):
        raw = ", ".join(answer.raw.get(name, ()))
        if name in reading.values:
            text, unit = shown(name, reading.values[name])
            rows.append(f"  {name:24} {text:>14} {unit:4} {raw}".rstrip())
        else:
            rows.append(f"  {name:24} {'–':>14} {unit_of(name):4} {reading.bad[name].name.lower()}  {raw}".rstrip())
    return rows


def _last(last: Mapping[str, Any], at_risk_s: float) -> str:
    """The newest reading that is on the disk; a running agent may be ahead of it."""
    if not last:
        return "no reading yet: see emberwatt-agent doctor, or wait for the first interval to pass"
    at = datetime.fromtimestamp(last["at_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    good, bad = len(last["values"]), len(last["bad"])
    told = f"last reading on the disk, of {at}: {good} of {good + bad} signals have a value"
    return f"{told}; it is written at least every {at_risk_s / 60:g} min"


def status(settings: AgentSettings, *, as_json: bool) -> int:
    """What the journal holds and what the diagnosis knew at its last commit; the agent may be running."""
    seen = peek(settings.state / JOURNAL)
    told = {
        "device": settings.device,
        "epoch": seen.epoch.hex(),
        "acknowledged": seen.acknowledged,
        "last_record": seen.last,
        "backlog": seen.backlog,
        "journal_bytes": seen.size,
        **restore(in_force(settings).diagnosis, seen.checkpoint)[0].snapshot(),
    }
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return 0
    waiting = f"{seen.backlog} of {seen.last} records wait to be acknowledged"
    print(f"{settings.device}: {waiting}; journal of {seen.size / 2**20:.1f} MiB")
    print(f"  {_last(told['last'], settings.journal.at_risk_s)}")
    for fault in told["faults"].values():
        print(f"  active: {fault['code']} ({fault['severity']}) {fault['component']}".rstrip())
    for code, figures in told["reliability"].items():
        mtbf = f"{figures['mtbf_hours']:.0f} h" if "mtbf_hours" in figures else "no failure yet"
        print(f"  {code:24} {figures['exposure_hours']:8.0f} h observed  MTBF {mtbf}")
    return 0
