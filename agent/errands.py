"""What the commands of `agent.domain.commands` do in this agent."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from agent import __version__
from agent.domain.commands import CommandName
from agent.domain.errors import BadInput, SourceUnavailable
from agent.domain.signals import Equipment, Reading
from agent.domain.twin import Document
from agent.domain.wire import Body, Energy, Summary, Unknown, decode_body
from agent.log_tail import LogTail
from agent.ports import Clock, Outbox, Source
from agent.steering.orders import Done, Work

RAW: Final = "raw"
_PAGE: Final = 1_000
_MOST_AGAIN: Final = 20_000
_FOR_S: Final = 600.0
_LINES: Final = 200


class Home(Protocol):
    """What the errands need of the agent."""

    @property
    def outbox(self) -> Outbox: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def tail(self) -> LogTail: ...

    def sources(self) -> Sequence[Source]: ...

    @property
    def budget_s(self) -> float:
        """Real seconds that one device may take."""
        ...

    def document(self) -> Document: ...

    async def write(self, bodies: Sequence[tuple[int, Body]]) -> None:
        """Append to the journal, and have it sent soon."""
        ...

    async def hasten(self, interval_s: float, for_s: float) -> None:
        """Read at another interval for a while."""
        ...

    def restart(self, why: str) -> None: ...


def errands(home: Home) -> dict[CommandName, Work]:
    """Every command that this agent supports. `update` is not among them."""
    done: dict[CommandName, Callable[[Home, Mapping[str, Any]], Awaitable[Done]]] = {
        CommandName.READ_NOW: _read_now,
        CommandName.RESEND: _resend,
        CommandName.INTERVAL: _interval,
        CommandName.LOGS: _logs,
        CommandName.RESTART: _restart,
        CommandName.IDENTIFY: _identify,
    }
    return {name: _bound(work, home) for name, work in done.items()}


def _bound(work: Callable[[Home, Mapping[str, Any]], Awaitable[Done]], home: Home) -> Work:
    return lambda args: work(home, args)


async def _read_now(home: Home, args: Mapping[str, Any]) -> Done:
    """One reading of every device, or of the one that is named, beside the usual ones."""
    chosen = _chosen(home, args.get("source"))
    answers = await asyncio.gather(*(_asked(home, source.read) for source in chosen))
    return Done({source.name: _told(answer) for source, answer in zip(chosen, answers, strict=True)})


async def _identify(home: Home, args: Mapping[str, Any]) -> Done:
    """Who this is, and what the devices say they are."""
    chosen = _chosen(home, args.get("source"))
    answers = await asyncio.gather(*(_asked(home, source.identify) for source in chosen))
    named = {source.name: _told(answer) for source, answer in zip(chosen, answers, strict=True)}
    kernel = os.uname()
    us = {"version": __version__, "host": kernel.nodename, "machine": kernel.machine, "system": kernel.release}
    return Done({"agent": us, "sources": named})


def _chosen(home: Home, name: str | None) -> list[Source]:
    chosen = [source for source in home.sources() if name in (None, source.name)]
    if not chosen:
        known = ", ".join(source.name for source in home.sources()) or "none"
        raise BadInput(f"source {name!r}, expected one of {known}" if name else "this site has no devices")
    return chosen


async def _asked(home: Home, ask: Callable[[], Awaitable[Reading | Equipment]]) -> Reading | Equipment | str:
    try:
        async with asyncio.timeout(home.budget_s):
            return await ask()
    except SourceUnavailable as unavailable:
        return unavailable.reason
    except TimeoutError:
        return f"no answer within {home.budget_s:g} s"


def _told(answer: Reading | Equipment | str) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"error": answer}
    if isinstance(answer, Equipment):
        return {
            "maker": answer.maker,
            "model": answer.model,
            "serial": answer.serial,
            "firmware": answer.firmware,
        }
    bad = {name: quality.name.lower() for name, quality in answer.bad.items()}
    return {"at_ms": answer.at_ms, "values": dict(answer.values), "bad": bad}


async def _resend(home: Home, args: Mapping[str, Any]) -> Done:
    """What the journal still holds of a period, appended anew: it travels again with all the usual promises.

    Windows, counters and raw samples only: applied twice they change nothing. A fault or a state of long ago must not
    follow a newer one.
    """
    found: list[tuple[int, Body]] = []
    seq = 0
    last = (await home.outbox.position()).last
    while records := await home.outbox.after(seq, limit=_PAGE):
        seq = records[-1].seq
        for record in records:
            if not args["from_ms"] <= record.at_ms < args["to_ms"] or record.seq > last:
                continue
            body = decode_body(record.kind, record.body)
            if isinstance(body, Summary | Energy) or (isinstance(body, Unknown) and body.kind == RAW):
                found.append((record.at_ms, body))
        if len(found) > _MOST_AGAIN:
            raise BadInput(f"more than {_MOST_AGAIN} records lie in that period; ask for a shorter one")
    for start in range(0, len(found), _PAGE):
        await home.write(found[start : start + _PAGE])
    raw = sum(isinstance(body, Unknown) for _, body in found)
    return Done({"records": len(found), "raw": raw})


async def _interval(home: Home, args: Mapping[str, Any]) -> Done:
    """Another interval for a while; what is meant to stay is wished in the twin."""
    interval_s, for_s = float(args["interval_s"]), float(args.get("for_s", _FOR_S))
    await home.hasten(interval_s, for_s)
    return Done({"interval_s": interval_s, "until_ms": home.clock.now_ms() + round(for_s * 1000)})


async def _logs(home: Home, args: Mapping[str, Any]) -> Done:
    """The newest lines of the log, and the whole twin as it is now."""
    return Done({"log": home.tail.lines(int(args.get("lines", _LINES))), "document": home.document()})


async def _restart(home: Home, _args: Mapping[str, Any]) -> Done:
    """Stop in order and begin again, once the reply is out."""
    return Done({}, lambda: home.restart("a command"))
