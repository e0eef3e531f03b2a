"""Readings → diagnosis → journal: records and the state they came from, in one transaction.

After a kill at any instant the journal holds both or neither, so a restarted agent neither loses nor repeats a record.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from agent.diagnosis.engine import Diagnosis
from agent.diagnosis.settings import DiagnosisSettings
from agent.domain.signals import Reading
from agent.domain.wire import Body, Fault
from agent.ports import Outbox

NO_READING: Final = -1


class Checkpoint(msgspec.Struct, frozen=True):
    """Where the diagnosis stood after the reading of `at_ms`, and how often the agent had started."""

    at_ms: int = NO_READING
    starts: int = 0
    diagnosis: bytes | None = None


def restore(settings: DiagnosisSettings, stored: bytes | None) -> tuple[Diagnosis, Checkpoint]:
    """The diagnosis and the checkpoint that a journal keeps; new ones where it keeps none."""
    checkpoint = msgspec.msgpack.decode(stored, type=Checkpoint) if stored else Checkpoint()
    if checkpoint.diagnosis is None:
        return Diagnosis(settings), checkpoint
    return Diagnosis.from_state(settings, checkpoint.diagnosis), checkpoint


class Pipeline:
    """Takes readings in order. `hold` records are gathered before a commit; 1 commits whatever a reading yields."""

    def __init__(self, diagnosis: Diagnosis, outbox: Outbox, checkpoint: Checkpoint, *, hold: int = 1) -> None:
        self.diagnosis = diagnosis
        self.hold = hold
        self.at_ms = checkpoint.at_ms
        self.starts = checkpoint.starts
        self._outbox = outbox
        self._pending: list[tuple[int, Body]] = []

    @classmethod
    async def resume(cls, settings: DiagnosisSettings, outbox: Outbox) -> "Pipeline":
        """The pipeline as the journal's checkpoint left it, or a new one."""
        diagnosis, checkpoint = restore(settings, await outbox.checkpoint())
        return cls(diagnosis, outbox, checkpoint)

    async def take(self, reading: Reading, reachable: Mapping[str, bool]) -> bool:
        """Judge one reading. True when a fault record was committed, which should travel soon."""
        self._pending += self.diagnosis.update(reading, reachable)
        self.at_ms = reading.at_ms
        return await self.commit() if len(self._pending) >= self.hold else False

    async def note(self, bodies: Sequence[tuple[int, Body]]) -> None:
        """Append records that come from the agent itself."""
        self._pending += bodies
        await self.commit()

    async def commit(self, *, always: bool = False) -> bool:
        """Make everything pending durable; with `always` the state is kept even when there is nothing pending."""
        pending, self._pending = self._pending, []
        if not pending and not always:
            return False
        state = Checkpoint(self.at_ms, self.starts, self.diagnosis.state())
        try:
            await self._outbox.append(pending, checkpoint=msgspec.msgpack.encode(state))
        except BaseException:
            self._pending = pending + self._pending
            raise
        return any(isinstance(body, Fault) for _, body in pending)
