"""Readings → diagnosis → journal: records and the state they came from, in one transaction.

After a kill at any instant the journal holds both or neither, so a restarted agent neither loses nor repeats a record.
A disk that refuses stops nothing: records are held in memory until it takes them.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from agent.diagnosis.engine import Diagnosis
from agent.diagnosis.settings import DiagnosisSettings
from agent.domain.errors import BadInput, Transient
from agent.domain.signals import Reading
from agent.domain.streaming import Windows
from agent.domain.timeline import Correction, moved
from agent.domain.wire import Body, Event, Fault, Summary
from agent.holding import Held, within
from agent.ports import Outbox

NO_READING: Final = -1
_log: Final = logging.getLogger("emberwatt.pipeline")


class Checkpoint(msgspec.Struct, frozen=True):
    """Where the diagnosis stood after the reading of `at_ms`, and how often the agent had started.

    In the boot `boot` the wall clock was `offset_ms` ahead of the monotonic one.
    """

    at_ms: int = NO_READING
    starts: int = 0
    diagnosis: bytes | None = None
    boot: bytes = b""
    offset_ms: int = 0


def restore(settings: DiagnosisSettings, stored: bytes | None) -> tuple[Diagnosis, Checkpoint]:
    """The diagnosis and the checkpoint that a journal keeps; new ones where it keeps none."""
    checkpoint = msgspec.msgpack.decode(stored, type=Checkpoint) if stored else Checkpoint()
    if checkpoint.diagnosis is None:
        return Diagnosis(settings), checkpoint
    return Diagnosis.from_state(settings, checkpoint.diagnosis), checkpoint


class Pipeline:
    """Takes readings in order. `hold` records are gathered before a commit; 1 commits whatever a reading yields.

    What readings told that is in no record yet, an open window, is committed with the checkpoint at least every
    `at_risk_s` of readings. `written` counts records in the journal, `readings` those taken in, `commits` those that
    came to an end, well or not. `refused` says why the disk takes nothing now,
    `reset` why an earlier state could not be used; both are empty when all is well.
    """

    def __init__(
        self,
        diagnosis: Diagnosis,
        outbox: Outbox,
        checkpoint: Checkpoint,
        *,
        hold: int = 1,
        at_risk_s: float = 900.0,
    ) -> None:
        self.diagnosis = diagnosis
        self.hold = hold
        self.at_ms = checkpoint.at_ms
        self.starts = checkpoint.starts
        self._outbox = outbox
        self.written = 0
        self.readings = self.commits = 0
        self.committing = False
        self._turn = asyncio.Lock()
        self.refused = ""
        self.reset = ""
        self._at_risk_ms = round(at_risk_s * 1000)
        self._committed_ms = checkpoint.at_ms
        self._pending: Held = []
        self._corrections: list[Correction] = []
        self.boot = checkpoint.boot
        self.offset_ms = checkpoint.offset_ms

    @classmethod
    async def resume(cls, settings: DiagnosisSettings, outbox: Outbox, *, at_risk_s: float = 900.0) -> "Pipeline":
        """The pipeline as the journal's checkpoint left it; a new one, which says so, where that cannot be used."""
        diagnosis, checkpoint, reset = await _resumed(settings, outbox)
        pipeline = cls(diagnosis, outbox, checkpoint, at_risk_s=at_risk_s)
        pipeline.reset = reset
        return pipeline

    @property
    def corrected(self) -> bool:
        """Whether the journal has every correction."""
        return not self._corrections

    @property
    def held(self) -> int:
        """Records that wait in memory."""
        return len(self._pending)

    async def take(self, reading: Reading, reachable: Mapping[str, bool]) -> bool:
        """Judge one reading. True when a fault record was committed, which should travel soon."""
        async with self._turn:
            self._pending += self.diagnosis.update(reading, reachable)
            self.at_ms = reading.at_ms
            self.readings += 1
            if self.hold == 1 and abs(self.at_ms - self._committed_ms) >= self._at_risk_ms:
                return await self._commit(always=True)
            return await self._commit() if len(self._pending) >= self.hold else False

    async def retune(self, settings: DiagnosisSettings) -> None:
        """Go on under other settings with what is remembered; a window of another length is closed first."""
        async with self._turn:
            state = self.diagnosis.state()
            closed = _open_window(state, settings.window_s)
            try:
                self.diagnosis = Diagnosis.from_state(settings, state)
            except BadInput as error:
                _log.warning("diagnosis starts anew: %s", error)
                self.diagnosis = Diagnosis(settings)
            if closed is not None:
                self._pending.append((closed.start_ms + closed.window_s * 1000, closed))
            await self._commit(always=True)

    async def restart(self, settings: DiagnosisSettings) -> None:
        """Go back to the last checkpoint, as after a kill: what broke the diagnosis is not continued.

        While the disk refuses there is nothing to go back to, and the records that wait are kept.
        """
        async with self._turn:
            if self.refused:
                return
            self._pending = []
            self.diagnosis, checkpoint, _ = await _resumed(settings, self._outbox)
            self.at_ms = self._committed_ms = checkpoint.at_ms

    async def note(self, bodies: Sequence[tuple[int, Body]]) -> None:
        """Append records that come from the agent itself."""
        async with self._turn:
            self._pending += bodies
            await self._commit()

    async def correct(self, corrections: Sequence[Correction], own: Correction | None, event: Event) -> None:
        """The clock was set: what is not sent yet is put right, and `own` also what the diagnosis remembers.

        What waits in memory is first stored as the wrong clock showed it, so that it is put right and marked like the
        rest. A kill in between leaves the old checkpoint, and the same is done again.
        """
        async with self._turn:
            if own is not None:
                await self._move(own)
            self._corrections += corrections
            self._pending.append((event.at_ms, event))
            await self._commit()

    async def _move(self, own: Correction) -> None:
        self._pending += self.diagnosis.move(own.move, rename=own.rename)
        try:
            await _to_the_end(self._outbox.append(self._pending))
            self._pending = []
        except Transient as error:
            _log.warning("records are held in memory: %s", error)
            self._pending = [
                (own.move(at_ms), moved(body, own.move, rename=own.rename)) for at_ms, body in self._pending
            ]
        self.at_ms = own.move(self.at_ms)

    async def commit(self, *, always: bool = False) -> bool:
        """Make everything pending durable; with `always` the state is kept even when there is nothing pending."""
        async with self._turn:
            return await self._commit(always=always)

    async def _commit(self, *, always: bool = False) -> bool:
        pending, self._pending = self._pending, []
        if not pending and not always:
            return False
        state = msgspec.msgpack.encode(
            Checkpoint(self.at_ms, self.starts, self.diagnosis.state(), self.boot, self.offset_ms)
        )
        self._committed_ms, corrections = self.at_ms, tuple(self._corrections)
        try:
            self.committing = True
            await _to_the_end(self._outbox.append(pending, checkpoint=state, corrections=corrections))
            self._corrections = self._corrections[len(corrections) :]
            self.written += len(pending)
        except Transient as error:
            self._pending = within(pending + self._pending)
            if not self.refused:
                _log.warning("records are held in memory: %s", error)
            self.refused = str(error)
            return False
        except BaseException:
            self._pending = pending + self._pending
            raise
        finally:
            self.committing = False
            self.commits += 1
        if self.refused:
            _log.warning("the disk takes records again, %d were held", len(pending))
            self.refused = ""
        return any(isinstance(body, Fault) for _, body in pending)


async def _resumed(settings: DiagnosisSettings, outbox: Outbox) -> tuple[Diagnosis, Checkpoint, str]:
    """As the journal's checkpoint left it; new ones, and why, where that cannot be used."""
    try:
        return *restore(settings, await outbox.checkpoint()), ""
    except (BadInput, msgspec.DecodeError) as error:
        _log.warning("diagnosis starts anew: %s", error)
        return Diagnosis(settings), Checkpoint(), str(error)


def _open_window(state: bytes, window_s: int) -> Summary | None:
    """The window that cannot be continued because windows have another length now."""
    kept = msgspec.msgpack.decode(state)["windows"]
    before_s = kept["window_ms"] // 1000
    return None if before_s == window_s else Windows.from_state(before_s, kept).value()


_T = TypeVar("_T")


async def _to_the_end(work: Coroutine[Any, Any, _T]) -> _T:
    """What the journal's thread has begun it also ends: a cancellation waits for it, and nothing is written twice."""
    task, cancelled = asyncio.ensure_future(work), False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    current = asyncio.current_task()
    if cancelled and current is not None:
        current.uncancel()
        current.cancel()
    return task.result()
