"""Commands that look once: the devices' values now, and what the journal holds."""

import asyncio
import json
from typing import Any

from agent.app import make_source, open_agent
from agent.config import AgentSettings
from agent.domain.errors import BadSetup, SourceUnavailable
from agent.domain.signals import Reading, spec_of
from agent.sources.modbus import ModbusSource


async def read(settings: AgentSettings, *, as_json: bool) -> int:
    """Read every source once. Status 1 when one of them did not answer."""
    if not settings.sources:
        raise BadSetup(str(settings.path), "has no [[source]], expected at least one device to read")
    sources = [make_source(table, settings.clock) for table in settings.sources]
    answers = dict(await asyncio.gather(*(_one(source) for source in sources)))
    if as_json:
        print(json.dumps({name: _plain(answer) for name, answer in answers.items()}, indent=2, ensure_ascii=False))
    else:
        for name, answer in answers.items():
            print("\n".join([name, *_lines(answer)]))
    return 1 if any(isinstance(answer, str) for answer in answers.values()) else 0


async def _one(source: ModbusSource) -> tuple[str, Reading | str]:
    async with source:
        try:
            return source.name, await source.read()
        except SourceUnavailable as unavailable:
            return source.name, unavailable.reason


def _plain(answer: Reading | str) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"error": answer}
    bad = {name: quality.name.lower() for name, quality in answer.bad.items()}
    return {"at_ms": answer.at_ms, "values": dict(answer.values), "bad": bad}


def _lines(answer: Reading | str) -> list[str]:
    if isinstance(answer, str):
        return [f"  no answer: {answer}"]
    rows = []
    for name in sorted({*answer.values, *answer.bad}):
        spec = spec_of(name)
        unit = spec.unit if spec is not None else ""
        if name in answer.values:
            rows.append(f"  {name:24} {answer.values[name]:>12,.2f} {unit}")
        else:
            rows.append(f"  {name:24} {'–':>12} {unit}  {answer.bad[name].name.lower()}")
    return rows


async def status(settings: AgentSettings, *, as_json: bool) -> int:
    """What the journal holds and what the diagnosis last knew."""
    if not (settings.state / "journal.db").exists():
        raise BadSetup(str(settings.state), "holds no journal yet", hint="start the agent once: emberwatt-agent run")
    async with open_agent(settings) as agent:
        stats, position = await agent.outbox.stats(), await agent.outbox.position()
        told = {
            "device": settings.device,
            "epoch": position.epoch.hex(),
            "acknowledged": position.acknowledged,
            "last": position.last,
            "backlog": stats.backlog,
            "journal_bytes": stats.bytes,
            **agent.pipeline.diagnosis.snapshot(),
        }
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return 0
    print(
        f"{settings.device}: {stats.backlog} of {position.last} records not acknowledged, {stats.bytes / 2**20:.1f} MiB"
    )
    for fault in told["faults"].values():
        print(f"  active: {fault['code']} ({fault['severity']}) in {fault['component']}")
    return 0
