"""Watches the wall clock beside the monotonic one, and puts right what a wrong clock has dated.

A wall clock that shows a time before 2010 is not set: nothing is sent then, since what was sent cannot be put right.
The newest setting is taken for the right one.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from msgspec.structs import replace

from agent.domain.errors import Transient
from agent.domain.signals import Reading
from agent.domain.timeline import (
    AHEAD_MS,
    DAY_MS,
    EARLIEST_MS,
    STEP_MS,
    Correction,
    Mark,
    Move,
    Span,
    estimate,
    plausible,
)
from agent.domain.wire import Event
from agent.pipeline import NO_READING, Pipeline
from agent.ports import Clock

STEP_EVENT: Final = "clock_step"
ESTIMATED_EVENT: Final = "clock_estimated"
_TRIES: Final = 5
_TOGETHER_MS: Final = 50
# A record may be dated with the end of its window, which lies a little ahead.
_WINDOW_MS: Final = 3_600_000
_log: Final = logging.getLogger("emberwatt.time")


class Boots(Protocol):
    """What is asked of the journal."""

    @property
    def boot(self) -> bytes: ...

    async def spans(self) -> list[Span]: ...


class Timekeeper:
    """To be asked before each reading is judged. `disciplined` says whether a time server keeps the clock right."""

    def __init__(
        self, clock: Clock, pipeline: Pipeline, journal: Boots, disciplined: Callable[[], bool | None] = lambda: None
    ) -> None:
        self._clock = clock
        self._pipeline = pipeline
        self._journal = journal
        self._disciplined = disciplined
        self._estimated = False
        self._earlier = pipeline.boot
        self._passed_ms = max(EARLIEST_MS, pipeline.at_ms)

    @property
    def is_set(self) -> bool:
        """Whether the clock can be right; while it cannot, nothing should be sent."""
        return self._clock.now_ms() >= EARLIEST_MS

    def passed_ms(self) -> int:
        """The newest time that was known to have passed when the agent started, from the journal."""
        return self._passed_ms

    async def _remember_passed(self) -> None:
        """The last reading of before may be of a boot whose clock was wrong too; the records of others are older."""
        with suppress(Transient):
            spans = await self._journal.spans()
            self._passed_ms = max([self._passed_ms, *(span.last_ms - _WINDOW_MS for span in spans)])

    def trusted(self) -> bool:
        """Whether the clock may judge certificates: it is kept by a time server, or shows no time that has passed."""
        return self.is_set and (self._clock.now_ms() >= self._passed_ms or self._disciplined() is True)

    @property
    def quality(self) -> str:
        """For the twin: "unset", "free" (nobody keeps it), "synchronised", or "set" where the kernel is silent."""
        if not self.is_set:
            return "unset"
        return {None: "set", True: "synchronised", False: "free"}[self._disciplined()]

    def settled(self) -> bool:
        """Whether the clock can be right, and everything is put right that can be."""
        offset_ms = self._offset_ms()
        seen = offset_ms is not None and abs(offset_ms - self._pipeline.offset_ms) < STEP_MS
        return self.is_set and seen and self._pipeline.corrected

    async def start(self) -> None:
        """Look for a step while the agent was away, and for what an earlier boot left without a known time."""
        await self._remember_passed()
        offset_ms = self._offset_ms()
        if offset_ms is not None:
            await self._follow(offset_ms)

    async def look(self, reading: Reading) -> Reading:
        """Notice a step since the last call; returns the reading with its time by the clock as it is now."""
        offset_ms = self._offset_ms()
        by_ms = 0 if offset_ms is None else await self._follow(offset_ms)
        now_ms = self._clock.now_ms()
        if by_ms and abs(reading.at_ms + by_ms - now_ms) < abs(reading.at_ms - now_ms):
            return Reading(reading.at_ms + by_ms, reading.values, reading.bad)
        return reading

    async def _follow(self, offset_ms: int) -> int:
        """Put right what a step since the last time asks for; returns by how much the clock was set."""
        pipeline = self._pipeline
        by_ms = await self._step(offset_ms) if pipeline.boot == self._journal.boot else 0
        pipeline.boot, pipeline.offset_ms = self._journal.boot, offset_ms
        await self._estimate()
        return by_ms

    def _offset_ms(self) -> int | None:
        """Wall minus monotonic, read together; None when something came in between each time."""
        for _ in range(_TRIES):
            before_ms, wall_ms, after_ms = self._clock.monotonic_ms(), self._clock.now_ms(), self._clock.monotonic_ms()
            if after_ms - before_ms <= _TOGETHER_MS:
                return wall_ms - before_ms
        return None

    async def _step(self, offset_ms: int) -> int:
        """Put right what was dated since this boot began, when the clock was set; returns by how much it was."""
        before_ms, pipeline = self._pipeline.offset_ms, self._pipeline
        by_ms = offset_ms - before_ms
        if abs(by_ms) < STEP_MS:
            return 0
        # The boot began when the monotonic clock stood at 0, by the wrong clock at its offset.
        wrong_ms = before_ms + self._clock.monotonic_ms()
        move = Move(by_ms, before_ms, wrong_ms + DAY_MS)
        unset = wrong_ms < EARLIEST_MS
        pipeline.offset_ms = offset_ms
        correction = Correction(self._journal.boot, move, Mark.CORRECTED, rename=unset)
        _log.warning("the clock was set by %+.3f s", by_ms / 1000)
        now_ms = self._clock.now_ms()
        event = Event(now_ms, STEP_EVENT, {"by_s": by_ms / 1000, "was_unset": unset})
        await pipeline.correct([correction], correction, event)
        return by_ms

    async def _estimate(self) -> None:
        """Once the clock is right: boots that ended before theirs was."""
        if self._estimated or not self.is_set:
            return
        try:
            spans = await self._journal.spans()
        except Transient:
            return
        self._estimated = True
        now_ms, pipeline = self._clock.now_ms(), self._pipeline
        earlier = [span for span in spans if span.boot != self._journal.boot]
        corrections = estimate(earlier, pipeline.offset_ms, now_ms)
        own = None
        if pipeline.at_ms != NO_READING and not plausible(pipeline.at_ms, now_ms):
            own = next((each for each in corrections if each.boot == self._earlier), self._remembered(now_ms))
            # What the diagnosis still held of that time is stored in this boot.
            corrections.append(replace(own, boot=self._journal.boot))
        if corrections or own is not None:
            await pipeline.correct(corrections, own, Event(now_ms, ESTIMATED_EVENT, {"boots": len(corrections)}))

    def _remembered(self, now_ms: int) -> Correction:
        """For a diagnosis that stopped at an impossible time, of which no record is left: it stopped as this began."""
        at_ms = self._pipeline.at_ms
        first_ms, last_ms = (now_ms + AHEAD_MS, at_ms + DAY_MS) if at_ms > now_ms else (min(0, at_ms), EARLIEST_MS - 1)
        move = Move(self._pipeline.offset_ms - at_ms, first_ms, last_ms)
        return Correction(self._earlier, move, Mark.ESTIMATED, rename=False)
