"""The only place that knows all parts of the agent: it wires them, changes them, and says how they are."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

from agent import __version__, watchdog
from agent.clock import SimulatedClock, SystemClock
from agent.config import AgentSettings
from agent.domain.errors import BadSetup
from agent.domain.twin import Document
from agent.domain.wire import Body, Event
from agent.identity.keeper import keeper_for
from agent.last_words import LastWords
from agent.log_tail import LogTail
from agent.on_call import OnCall
from agent.onsite.kept_proof import proof_section
from agent.outbox.sqlite import SqliteOutbox
from agent.parts import Parts
from agent.pipeline import Pipeline
from agent.ports import Clock, Source
from agent.reported import Health, restarts_section, site_section, sources_section
from agent.site_file import SiteFile
from agent.steering.steward import Steward
from agent.supervision import Supervisor
from agent.timekeeping import Timekeeper
from agent.uplink.drain import Uplink
from agent.watchdog import Deadlines, Notifier, Work
from agent.way_out import Place, clock_trust, make_uplink

log = logging.getLogger("emberwatt.agent")

HISTORY_HOLD = 200
REFUSED_AGAIN_S = 300.0
SETTLE_S = 30.0
_READS = 3


class Agent:
    """One site: its devices, its pipeline, its journal and its way out. `doc` are the fleet's wishes in force."""

    def __init__(
        self, site: SiteFile, doc: Document, steward: Steward, outbox: SqliteOutbox, pipeline: Pipeline
    ) -> None:
        self.file = site
        self.doc = doc
        self.settings = site.with_wishes(doc)
        self.clock = self.settings.clock
        self.outbox = outbox
        self.pipeline = pipeline
        self.steward = steward
        self.parts = site.parts(self.settings)
        self.tail = LogTail()
        self.supervisor = Supervisor(self._restarted)
        self.identity = keeper_for(self.settings.path, self.settings.state, self.clock)
        self.started_ms = self.clock.now_ms()
        self.time = _timekeeper(self.clock, pipeline, outbox)
        self.orders = OnCall(self, self.settings.device, self.settings.state, self.tell, self._knows_time)
        self.uplink = self._make_uplink(self.settings)
        self.ended = asyncio.Event()
        self.begin_again = ""
        self._words = LastWords(self.settings.state)
        self._after = ""
        self._interval_s: float | None = None
        self._changing = asyncio.Lock()
        self._broke = False
        self._health = Health(self.settings.state, outbox, pipeline)
        self._told: tuple[int, dict[str, bool]] = (0, {})
        self._proof = proof_section(self.settings.state)

    async def start(self) -> None:
        """Write down that the agent has started, and after what."""
        self._after = await asyncio.to_thread(self._words.take)
        if self.time is not None:
            await self.time.start()
        self.pipeline.starts += 1
        detail: dict[str, str | int] = {"version": __version__, "starts": self.pipeline.starts}
        if self._after:
            detail["after"] = self._after
        if self.pipeline.reset:
            detail["diagnosis_reset"] = self.pipeline.reset
        await self._note("start", detail)

    async def close(self, why: str) -> None:
        """Keep what is in memory, and why it ends."""
        await self.pipeline.commit(always=True)
        await asyncio.to_thread(self.orders.close)
        await asyncio.to_thread(self._words.say, why)

    def begin(self, notifier: Notifier, *, polling: bool) -> None:
        """Start the parts; without `polling` only the way out."""
        if self.uplink is not None:
            self._begin_uplink(self.uplink)
            self.supervisor.start("identity", self.identity.run)
        if polling:
            self._begin_parts()
            self.supervisor.start("steering", lambda: self.steward.run(self))
            self.supervisor.start("commands", self.orders.run)
        self.supervisor.start("watchdog", lambda: self._watch(notifier))

    def _begin_uplink(self, uplink: Uplink) -> None:
        self.supervisor.start("uplink", lambda: self.send(uplink), fatal=(BadSetup,))

    def _begin_parts(self) -> None:
        for name, work in self.parts.works():
            self.supervisor.start(name, work)

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
            await self.pipeline.take(reading, self.parts.answered(reading))
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

    async def judge(self) -> None:
        """Readings of the site, one per tick, for ever. Where it broke, it goes on from the last checkpoint."""
        if self.parts.poller is None:
            return
        if self._broke:
            await self.pipeline.restart(self.settings.diagnosis)
        self._broke = False
        try:
            await self._judge(self.parts)
        except Exception:
            self._broke = True
            raise

    async def _judge(self, parts: Parts) -> None:
        assert parts.poller is not None
        async for reading, reachable in parts.poller.readings():
            if self.time is not None:
                reading = await self.time.look(reading)
            parts.listen(reading)
            urgent = await self.pipeline.take(reading, reachable)
            await self._health.measure(self.clock.monotonic_ms(), self._also)
            told = self.pipeline.written, dict(reachable)
            if urgent or told != self._told:
                self._told = told
                self._wake(urgent=urgent)

    def _also(self) -> dict[str, Any]:
        """What others than the disk and the journal know of the agent's health."""
        return self.identity.health() | ({} if self.time is None else {"clock": self.time.quality})

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

    def document(self) -> Document:
        """The reported twin as it is now."""
        agent = {"version": __version__, "started_ms": self.started_ms, "starts": self.pipeline.starts}
        config, tariff = self.steward.report(self), self.doc.get("tariff")
        return {
            "agent": agent | ({"after": self._after} if self._after else {}),
            "site": site_section(self.settings),
            "sources": sources_section(self.parts),
            "health": self._health.section | restarts_section(self.supervisor.restarts),
            **({"config": config} if config else {}),
            **({"tariff": tariff} if tariff else {}),
            **self._proof,
            **self.pipeline.diagnosis.snapshot(),
        }

    # What the steward steers: `agent.steering.steward.Plant`.

    def site(self) -> Mapping[str, Any]:
        return self.file.alone.table

    def check(self, doc: Document) -> None:
        self.file.check(doc)

    async def apply(self, doc: Document) -> None:
        """Raises `BadSetup`, and then everything goes on as before."""
        await self._go_on(doc, self._interval_s)
        self.parts.heard.clear()

    def answering(self) -> frozenset[str]:
        return self.parts.answering()

    def heard(self) -> frozenset[str]:
        return frozenset(self.parts.heard)

    def round_s(self) -> float:
        return _READS * self.settings.interval_s

    async def tell(self, event: str, detail: Mapping[str, str | int]) -> None:
        await self._note(event, detail)
        self._wake(urgent=True)

    async def last(self) -> int:
        return (await self.outbox.position()).last

    async def acknowledged(self) -> int:
        return (await self.outbox.position()).acknowledged

    # What commands ask for: `agent.errands.Home`.

    def sources(self) -> Sequence[Source]:
        return self.parts.sources

    @property
    def budget_s(self) -> float:
        return self.settings.budget_s

    async def write(self, bodies: Sequence[tuple[int, Body]]) -> None:
        await self.pipeline.note(bodies)
        self._wake(urgent=True)

    async def hasten(self, interval_s: float, for_s: float) -> None:
        await self.supervisor.stop(["interval"])
        await self._go_on(self.doc, interval_s)
        self.supervisor.start("interval", lambda: self._calm_down(for_s))

    async def _calm_down(self, after_s: float) -> None:
        await self.clock.sleep(after_s)
        await self._go_on(self.doc, None)

    def restart(self, why: str) -> None:
        self.begin_again = why
        self.ended.set()

    async def _go_on(self, doc: Document, interval_s: float | None) -> None:
        """Go on with these wishes and this interval: what they change is made anew, everything else is left alone."""
        async with self._changing:
            new, old = self.file.with_wishes(doc, interval_s), self.settings
            parts = self.file.parts(new, self.parts)
            uplink = self.uplink if new.uplink == old.uplink else self._make_uplink(new)
            if doc.get("model") != self.doc.get("model"):
                await self.file.models.use(doc.get("model"))
            self.settings, self.doc, self._interval_s = new, doc, interval_s
            if parts is not self.parts:
                await self._exchange(parts, retune=new.diagnosis != old.diagnosis)
            if uplink is not self.uplink and uplink is not None:
                await self.supervisor.stop(["uplink"])
                self.uplink = uplink
                self._begin_uplink(uplink)

    async def _exchange(self, parts: Parts, *, retune: bool) -> None:
        """Other parts in the place of these, between two readings: no sample is lost."""
        until = asyncio.get_running_loop().time() + SETTLE_S
        while not self.parts.idle and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110 a moment, not an event
            await asyncio.sleep(0.01)
        judging = "diagnose" in self.supervisor.running()
        await self.supervisor.stop([name for name, _ in self.parts.works()] + ["diagnose"])
        try:
            if retune:
                await self.pipeline.retune(self.settings.diagnosis)
            parts.inherit(self.parts)
            self.parts = parts
        finally:
            self._begin_parts()
            if judging:
                self.supervisor.start("diagnose", self.judge)

    def _make_uplink(self, settings: AgentSettings) -> Uplink | None:
        if settings.uplink is None:
            return None
        place, trust = Place(settings.device, settings.path.parent), clock_trust(self.time)
        listening, aside = self.steward.wish, self.orders
        return make_uplink(
            settings.uplink,
            place,
            self.outbox,
            self.clock,
            self.document,
            self._knows_time,
            trust,
            on_desired=listening,
            aside=aside,
        )

    async def _restarted(self, part: str, reason: str, count: int) -> None:
        await self.tell("part_restarted", {"part": part, "reason": reason, "count": count})

    async def _note(self, event: str, detail: Mapping[str, str | int]) -> None:
        now_ms = self.clock.now_ms()
        await self.pipeline.note([(now_ms, Event(now_ms, event, dict(detail)))])

    def _knows_time(self) -> bool:
        return self.time is None or self.time.settled()

    def _wake(self, *, urgent: bool) -> None:
        if self.uplink is not None:
            self.uplink.wake(urgent=urgent)

    async def _watch(self, notifier: Notifier) -> None:
        await watchdog.watch(notifier, self._work, self._deadlines, self._status, self._stuck)

    def _work(self) -> Work:
        return Work(self.pipeline.readings, self.pipeline.commits, self.pipeline.committing)

    def _deadlines(self) -> Deadlines:
        if self.parts.poller is None:
            return Deadlines(None, None)
        rate = self.clock.rate if isinstance(self.clock, SimulatedClock) else 1.0
        interval_s, at_risk_s = self.settings.interval_s / rate, self.settings.journal.at_risk_s / rate
        reading_s = max(90.0, 3 * interval_s + 2 * self.settings.budget_s)
        return Deadlines(reading_s, 2 * at_risk_s + 3 * interval_s + 120.0)

    def _status(self) -> str:
        answering, waiting = len(self.parts.answering()), self._health.section.get("backlog", 0)
        return f"{answering} of {len(self.parts.sources)} devices answer, {waiting} records wait"

    def _stuck(self, late: str) -> None:
        """The disk may be what hangs: nobody waits for these words."""
        words = f"watchdog: {late}" if late else "running"
        Thread(target=self._words.say, args=[words], name="last words", daemon=True).start()


def _timekeeper(clock: Clock, pipeline: Pipeline, outbox: SqliteOutbox) -> Timekeeper | None:
    """None for a simulated clock: it cannot be set, and it runs too fast to be compared."""
    return Timekeeper(clock, pipeline, outbox, clock.disciplined) if isinstance(clock, SystemClock) else None
