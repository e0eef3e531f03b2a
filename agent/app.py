"""The only place that knows all parts of the agent: it opens them, wires them, and stops them in order."""

import asyncio
import logging
import os
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from agent import __version__
from agent.clock import SystemClock
from agent.config import AgentSettings
from agent.domain.errors import BadSetup, SourceUnavailable
from agent.domain.signals import Equipment, Quality, Reading
from agent.domain.wire import Event
from agent.identity.keeper import keeper_for
from agent.onsite.keeping import proof_section
from agent.outbox.sqlite import OutboxSettings, SqliteOutbox
from agent.pipeline import Pipeline
from agent.ports import Clock, Source
from agent.sources.carrier_tables import AnyTable, ModbusTable
from agent.sources.carriers import Carriers
from agent.sources.in_turn import ModbusInTurn
from agent.sources.modbus import ModbusSource
from agent.sources.poller import Poller
from agent.sources.profile import Profile
from agent.sources.profile_file import load_profile
from agent.sources.proxy import Proxy
from agent.timekeeping import Timekeeper
from agent.uplink.drain import Uplink
from agent.way_out import Place, clock_trust, make_uplink

log = logging.getLogger("emberwatt.agent")

JOURNAL = "journal.db"
HISTORY_HOLD = 200
IDENTIFY_AGAIN_S = 3600.0
REFUSED_AGAIN_S = 300.0
MEASURE_AGAIN_MS = 300_000


def make_sources(settings: AgentSettings) -> list[Source]:
    """The devices of all `[[source]]` tables; a profile's own file is looked for beside the site file."""
    folder = settings.path.parent

    def load(name: str, variants: Sequence[str]) -> Profile:
        return load_profile(folder / name if name.endswith(".toml") else name, variants)

    carriers = Carriers(settings.clock, load=load)
    return [carriers.make_from(table) for table in settings.sources]


class Agent:
    """One site: its sources, its pipeline, its journal and its way out."""

    def __init__(self, settings: AgentSettings, outbox: SqliteOutbox, pipeline: Pipeline) -> None:
        self.settings = settings
        self.clock = settings.clock
        self.outbox = outbox
        self.pipeline = pipeline
        self.sources = make_sources(settings)
        self.poller = _poller(self.sources, settings)
        self.equipment: dict[str, Equipment] = {}
        self.started_ms = self.clock.now_ms()
        self.time = _timekeeper(self.clock, pipeline, outbox)
        self.uplink: Uplink | None = None
        if settings.uplink is not None:
            ready = self.time.settled if self.time is not None else lambda: True
            place = Place(settings.device, settings.path.parent)
            trust = clock_trust(self.time)
            self.uplink = make_uplink(settings.uplink, place, outbox, self.clock, self.document, ready, trust)
        self._health: dict[str, Any] = {}
        self._measured_ms: int | None = None
        self._told: tuple[int, dict[str, bool]] = (0, {})
        self._proof = proof_section(settings.state)
        self.identity = keeper_for(settings.path, settings.state, self.clock)

    async def start(self) -> None:
        """Write down that the agent has started."""
        if self.time is not None:
            await self.time.start()
        self.pipeline.starts += 1
        now_ms = self.clock.now_ms()
        detail: dict[str, str | int | float | bool | None] = {"version": __version__, "starts": self.pipeline.starts}
        if self.pipeline.reset:
            detail["diagnosis_reset"] = self.pipeline.reset
        await self.pipeline.note([(now_ms, Event(now_ms, "start", detail))])

    async def feed(self, history: Path) -> int:
        """Judge a recording as if it had been read live, and return how many of its rows were new.

        Rows up to the checkpoint were judged before an earlier stop.
        """
        from agent.sources.recording import ColumnMapping, read_recording

        self.pipeline.hold = HISTORY_HOLD
        rows, judged_ms = 0, self.pipeline.at_ms
        for reading in read_recording(history, ColumnMapping()):
            if reading.at_ms <= judged_ms:
                continue
            await self.pipeline.take(reading, self._answered(reading))
            rows += 1
            if rows % 256 == 0:
                # Reading a file is work without a pause: let the uplink have its turn.
                await asyncio.sleep(0)
                if self.uplink is not None:
                    self.uplink.wake()
        self.pipeline.hold = 1
        await self.pipeline.commit(always=True)
        self._wake(urgent=True)
        return rows

    def _answered(self, reading: Reading) -> dict[str, bool]:
        """Which devices a recorded row heard of: one whose every signal is missing did not answer."""
        told = {}
        for source in self.sources:
            asked = source.signals & (reading.values.keys() | reading.bad.keys())
            if asked:
                told[source.name] = not all(reading.bad.get(name) is Quality.MISSING for name in asked)
        return told

    async def judge(self) -> None:
        """Readings of the site, one per tick, for ever."""
        if self.poller is None:
            return
        async for reading, reachable in self.poller.readings():
            if self.time is not None:
                reading = await self.time.look(reading)
            urgent = await self.pipeline.take(reading, reachable)
            await self._measure()
            told = self.pipeline.written, dict(reachable)
            if urgent or told != self._told:
                self._told = told
                self._wake(urgent=urgent)

    async def know(self, source: Source) -> None:
        """Ask a device who it is, now and again later: it may have been updated or replaced."""
        while True:
            try:
                self.equipment[source.name] = await source.identify()
            except SourceUnavailable as unavailable:
                log.info("%s", unavailable)
                await self.clock.sleep(self.settings.interval_s)
            else:
                await self.clock.sleep(IDENTIFY_AGAIN_S)

    async def send(self, uplink: Uplink) -> None:
        """Drain the journal for ever.

        Raises `BadSetup` for a refused login while somebody is there to put it right: before the aggregator has ever
        acknowledged anything. Later a refusal is an outage, and polling goes on.
        """
        while True:
            try:
                await uplink.run()
            except BadSetup as refused:
                if (await self.outbox.position()).acknowledged == 0:
                    raise
                log.error("uplink: %s", refused)
                await asyncio.sleep(REFUSED_AGAIN_S)

    def document(self) -> dict[str, Any]:
        """The reported twin as it is now."""
        site = self.settings.diagnosis.site
        place: dict[str, str | float] = {"name": self.settings.site_name, "timezone": site.timezone}
        if site.latitude is not None and site.longitude is not None:
            place |= {"latitude": site.latitude, "longitude": site.longitude}
        return {
            "agent": {"version": __version__, "started_ms": self.started_ms, "starts": self.pipeline.starts},
            "site": place,
            "sources": {table.name: self._describe(table) for table in self.settings.sources},
            "health": self._health,
            **self._proof,
            **self.pipeline.diagnosis.snapshot(),
        }

    def _describe(self, table: AnyTable) -> dict[str, Any]:
        entry: dict[str, Any] = {"carrier": str(table.__struct_config__.tag)}
        if isinstance(table, ModbusTable):
            entry["profile"] = table.profile
        known = self.equipment.get(table.name)
        if known is not None:
            parts = {"maker": known.maker, "model": known.model, "serial": known.serial, "firmware": known.firmware}
            entry["equipment"] = parts
        if self.poller is not None and self.poller.states()[table.name].reachable is not None:
            entry["reachable"] = self.poller.states()[table.name].reachable
        return entry

    async def _measure(self) -> None:
        """Health for the twin every few minutes, no finer than a person needs it: each change costs bytes."""
        now_ms = self.clock.monotonic_ms()
        if self._measured_ms is not None and now_ms - self._measured_ms < MEASURE_AGAIN_MS:
            return
        self._measured_ms = now_ms
        stats = await self.outbox.stats()
        health: dict[str, Any] = {
            "backlog": stats.backlog,
            "journal": self.pipeline.refused or stats.refused or "ok",
            "journal_bytes": _rounded(stats.bytes),
            "disk_free_bytes": _rounded(shutil.disk_usage(self.settings.state).free),
            "rss_bytes": _rounded(_resident_bytes()),
        }
        health |= self.identity.health()
        if self.time is not None:
            health["clock"] = self.time.quality
        if self.pipeline.held:
            health["held"] = self.pipeline.held
        if stats.days_left is not None:
            health["days_left"] = _rounded(int(stats.days_left))
        self._health = health

    def _wake(self, *, urgent: bool) -> None:
        if self.uplink is not None:
            self.uplink.wake(urgent=urgent)


def _poller(sources: list[Source], settings: AgentSettings) -> Poller | None:
    if not sources:
        return None
    return Poller(sources, interval_s=settings.interval_s, clock=settings.clock, budget_s=settings.budget_s)


def _timekeeper(clock: Clock, pipeline: Pipeline, outbox: SqliteOutbox) -> Timekeeper | None:
    """None for a simulated clock: it cannot be set, and it runs too fast to be compared."""
    return Timekeeper(clock, pipeline, outbox, clock.disciplined) if isinstance(clock, SystemClock) else None


def _rounded(number: int) -> int:
    """Two digits of it.

    >>> _rounded(34_567_890), _rounded(7)
    (35000000, 7)
    """
    return int(float(f"{number:.2g}"))


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def open_agent(settings: AgentSettings) -> AsyncIterator[Agent]:
    """An agent whose journal is open; left orderly, what it holds in memory is made durable."""
    settings.state.mkdir(parents=True, exist_ok=True)
    journal = OutboxSettings(settings.state / JOURNAL, round(settings.journal.budget_mib * 1024 * 1024))
    async with AsyncExitStack() as stack:
        outbox = await stack.enter_async_context(SqliteOutbox(journal, settings.clock))
        pipeline = await Pipeline.resume(settings.diagnosis, outbox, at_risk_s=settings.journal.at_risk_s)
        agent = Agent(settings, outbox, pipeline)
        try:
            yield agent
        finally:
            await agent.pipeline.commit(always=True)


async def run(settings: AgentSettings, history: Path | None, *, until_drained: bool) -> None:
    """Run until told to stop by SIGTERM or SIGINT, or, with `until_drained`, until everything is acknowledged."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_agent(settings) as agent:
        await agent.start()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work, name=name) for name, work in _work(agent, history, stop, until_drained)]
            await stop.wait()
            for task in tasks:
                task.cancel()


def _work(agent: Agent, history: Path | None, stop: asyncio.Event, until_drained: bool) -> list[tuple[str, Any]]:
    async def diagnose() -> None:
        if history is not None:
            rows = await agent.feed(history)
            log.info("%s: %d rows of history judged", history, rows)
        if until_drained:
            if agent.uplink is not None:
                await agent.uplink.drained()
            stop.set()
        await agent.judge()

    work: list[tuple[str, Any]] = [("diagnose", diagnose())]
    if agent.poller is not None and not until_drained:
        work += agent.poller.tasks()
        work += [(f"identify {source.name}", agent.know(source)) for source in agent.sources]
    if agent.settings.proxy is not None and not until_drained:
        shared = {source.name: source for source in agent.sources if isinstance(source, ModbusSource | ModbusInTurn)}
        work.append(("proxy", Proxy(agent.settings.proxy, shared).run()))
    if agent.uplink is not None:
        work.append(("uplink", agent.send(agent.uplink)))
        work.append(("identity", agent.identity.run()))
    return work
