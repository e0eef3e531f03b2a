"""Commands that look once: the devices' values now, and what the journal holds."""

import asyncio
import json
from typing import Any

from agent.config import AgentSettings
from agent.domain.errors import BadSetup, SourceUnavailable
from agent.domain.signals import Reading, spec_of
from agent.outbox.peek import peek
from agent.parts import make_sources
from agent.pipeline import restore
from agent.ports import Source
from agent.running import JOURNAL
from agent.site_file import in_force


async def read(settings: AgentSettings, *, as_json: bool) -> int:
    """Read every source once. Status 1 when one of them did not answer."""
    if not settings.sources:
        raise BadSetup(str(settings.path), "has no [[source]], expected at least one device to read")
    answers = dict(await asyncio.gather(*(_one(source) for source in make_sources(in_force(settings)))))
    if as_json:
        print(json.dumps({name: _plain(answer) for name, answer in answers.items()}, indent=2, ensure_ascii=False))
    else:
        for name, answer in answers.items():
            print("\n".join([name, *_lines(answer)]))
    return 1 if any(isinstance(answer, str) for answer in answers.values()) else 0


async def _one(source: Source) -> tuple[str, Reading | str]:
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


def status(settings: AgentSettings, *, as_json: bool) -> int:
    """What the journal holds and what the diagnosis knew at its last commit; the agent may be running."""
    seen = peek(settings.state / JOURNAL)
    told = {
        "device": settings.device,
        "epoch": seen.epoch.hex(),
        "acknowledged": seen.acknowledged,
        "last": seen.last,
        "backlog": seen.backlog,
        "journal_bytes": seen.size,
        **restore(in_force(settings).diagnosis, seen.checkpoint)[0].snapshot(),
    }
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return 0
    waiting = f"{seen.backlog} of {seen.last} records wait to be acknowledged"
    print(f"{settings.device}: {waiting}; journal of {seen.size / 2**20:.1f} MiB")
    for fault in told["faults"].values():
        print(f"  active: {fault['code']} ({fault['severity']}) {fault['component']}".rstrip())
    for code, figures in told["reliability"].items():
        mtbf = f"{figures['mtbf_hours']:.0f} h" if "mtbf_hours" in figures else "no failure yet"
        print(f"  {code:24} {figures['exposure_hours']:8.0f} h observed  MTBF {mtbf}")
    return 0
