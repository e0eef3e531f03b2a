"""Every source on a fixed cadence, and one reading of the site per tick.

A tick is a multiple of the interval on the Clock, which may run faster than life. How long a device may take is counted
in real seconds: it does not hurry because the clock does.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from functools import partial
from random import Random
from types import MappingProxyType
from typing import Final

import msgspec

from agent.domain.errors import BadSetup, SourceUnavailable
from agent.domain.signals import Quality, Reading, SignalName
from agent.ports import Clock, Source

BACKOFF_CAP_S: Final = 300.0
_JOIN_SHARE: Final = 0.8
_log: Final = logging.getLogger("emberwatt.poller")


class SourceState(msgspec.Struct, frozen=True):
    """Whether a source answers, since when (clock ms), and if not, why. `reachable` is None before the first answer."""

    reachable: bool | None
    since_ms: int
    reason: str = ""


class _Slot:
    """What the poller keeps of one source."""

    __slots__ = ("due_ms", "failures", "fresh", "source", "state")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.state = SourceState(None, 0)
        self.failures = 0
        self.fresh: Reading | None = None
        # The tick it is waiting for or busy with; None while it is left alone.
        self.due_ms: int | None = None


def next_tick(now_ms: int, interval_ms: int, after_ms: int) -> int:
    """The first multiple of the interval behind `now_ms` and `after_ms`, never more than one interval away.

    `after_ms` is the tick that was served last; it is ignored when the clock was set back before it.

    >>> next_tick(60_001, 60_000, 60_000), next_tick(119_999, 60_000, 120_000), next_tick(5_000, 60_000, 600_000)
    (120000, 180000, 60000)
    """
    tick = (now_ms // interval_ms + 1) * interval_ms
    # A sleep may end a moment early: the same tick must not be served twice.
    return tick + interval_ms if tick == after_ms else tick


def backoff_s(failures: int, interval_s: float, jitter: float) -> float:
    """Clock seconds to leave a dead source alone: none after the first failure, then doubling up to the cap.

    `jitter` in 0…1 takes up to a half off, so that sources that died together do not return together.
    """
    if failures <= 1:
        return 0.0
    cap = max(BACKOFF_CAP_S, interval_s)
    return float(min(cap, interval_s * 2.0 ** min(failures - 1, 32)) * (1.0 - jitter / 2.0))


class Poller:
    """Polls the sources and joins what they say.

    interval_s: seconds of the clock between ticks. budget_s: real seconds that one read may take; a source that needs
    longer than an interval misses ticks, the others do not. Raises `BadSetup` when two sources give one signal.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        interval_s: float,
        clock: Clock,
        budget_s: float | None = None,
        random: Random | None = None,
    ) -> None:
        if interval_s <= 0:
            raise BadSetup("interval_s", f"got {interval_s:g}, expected more than 0 s")
        _check_sources(sources)
        self._slots = [_Slot(source) for source in sources]
        self._interval_s = interval_s
        self._interval_ms = max(1, round(interval_s * 1000))
        self._budget_s = interval_s * _JOIN_SHARE if budget_s is None else budget_s
        self._clock = clock
        self._random = random or Random()
        self._answered = asyncio.Event()
        self._reading = 0
        self._joining = False
        self._tick_ms = 0

    @property
    def idle(self) -> bool:
        """Whether it waits for the next tick with nothing on the way: stopped now, no sample is lost."""
        waiting = not self._joining and self._clock.now_ms() < self._tick_ms
        return waiting and not self._reading and all(slot.fresh is None for slot in self._slots)

    def states(self) -> Mapping[str, SourceState]:
        """Each source's reachability, by its name."""
        return MappingProxyType({slot.source.name: slot.state for slot in self._slots})

    def inherit(self, states: Mapping[str, SourceState]) -> None:
        """Begin with what an earlier poller knew of sources of the same name."""
        for slot in self._slots:
            slot.state = states.get(slot.source.name, slot.state)

    def tasks(self) -> list[tuple[str, Coroutine[object, object, None]]]:
        """One endless coroutine per source, with a name for its task."""
        return [(name, work()) for name, work in self.works()]

    def works(self) -> list[tuple[str, Callable[[], Coroutine[object, object, None]]]]:
        """What `tasks` runs, to be begun again where it broke."""
        return [(f"poll {slot.source.name}", partial(self._poll, slot)) for slot in self._slots]

    async def readings(self) -> AsyncIterator[tuple[Reading, Mapping[str, bool]]]:
        """One reading of the site per tick, and which sources answer; a source not heard of yet is not in it.

        What a source read longer than an interval before the tick is not used: its signals are missing.
        """
        tick = 0
        while True:
            self._joining = False
            tick = await self._sleep_to_tick(tick)
            self._joining = True
            await self._wait_for_answers(tick)
            yield self._join(tick), self._reachable()

    async def _poll(self, slot: _Slot) -> None:
        served_ms = 0
        async with slot.source as source:
            while True:
                served_ms = await self._sleep_to_tick(served_ms, slot)
                await self._read(slot, source)
                slot.due_ms = None
                self._answered.set()
                if pause_s := backoff_s(slot.failures, self._interval_s, self._random.random()):
                    await self._clock.sleep(pause_s)

    async def _read(self, slot: _Slot, source: Source) -> None:
        reason = ""
        self._reading += 1
        try:
            async with asyncio.timeout(self._budget_s):
                slot.fresh = await source.read()
        except SourceUnavailable as unavailable:
            reason = unavailable.reason
        except TimeoutError:
            reason = f"no reading within {self._budget_s:g} s"
        finally:
            self._reading -= 1
        reachable = not reason
        slot.failures = 0 if reachable else slot.failures + 1
        if reachable != slot.state.reachable:
            slot.state = SourceState(reachable, self._clock.now_ms(), reason)
            _tell(slot, reason)

    async def _sleep_to_tick(self, served_ms: int, slot: _Slot | None = None) -> int:
        """Wait on the clock until the next tick and return it."""
        now_ms = self._clock.now_ms()
        tick = self._tick_ms = next_tick(now_ms, self._interval_ms, served_ms)
        if slot is not None:
            slot.due_ms = tick
        await self._clock.sleep((tick - now_ms) / 1000)
        return tick

    async def _wait_for_answers(self, tick: int) -> None:
        """Until every source that polls at this tick has answered, but never into the next tick."""
        late = asyncio.ensure_future(self._clock.sleep(self._interval_s * _JOIN_SHARE))
        late.add_done_callback(lambda _: self._answered.set())
        try:
            while any(slot.due_ms == tick for slot in self._slots) and not late.done():
                self._answered.clear()
                await self._answered.wait()
        finally:
            late.cancel()

    def _join(self, tick: int) -> Reading:
        oldest = tick - self._interval_ms
        at_ms = tick
        values: dict[SignalName, float] = {}
        bad: dict[SignalName, Quality] = {}
        for slot in self._slots:
            bad.update(dict.fromkeys(slot.source.signals, Quality.MISSING))
            reading, slot.fresh = slot.fresh, None
            if reading is None or reading.at_ms <= oldest:
                continue
            at_ms = max(at_ms, reading.at_ms)
            bad.update(reading.bad)
            values.update(reading.values)
        for name in values:
            bad.pop(name, None)
        return Reading(at_ms, values, bad)

    def _reachable(self) -> Mapping[str, bool]:
        known = ((slot.source.name, slot.state.reachable) for slot in self._slots)
        return {name: reachable for name, reachable in known if reachable is not None}


def _tell(slot: _Slot, reason: str) -> None:
    """Once per change, for whoever watches the agent at work."""
    if reason or slot.fresh is None:
        _log.warning("%s does not answer: %s", slot.source.name, reason)
        return
    good, bad = len(slot.fresh.values), len(slot.fresh.bad)
    _log.info("%s answers: %d of %d signals have a value", slot.source.name, good, good + bad)


def _check_sources(sources: Sequence[Source]) -> None:
    if not sources:
        raise BadSetup("sources", "got none, expected at least one")
    names: set[str] = set()
    givers: dict[SignalName, str] = {}
    for source in sources:
        if source.name in names:
            raise BadSetup(f"source {source.name}", "the name is used twice, expected one name per source")
        names.add(source.name)
        for signal in sorted(source.signals):
            if signal in givers:
                problem = f"gives {signal}, which source {givers[signal]} gives too; expected one source per signal"
                raise BadSetup(
                    f"source {source.name}", problem, hint="Limit one of the two to the signals it measures."
                )
            givers[signal] = source.name
