"""A journal in memory that fulfils `agent.ports.Outbox`; `broken` makes it refuse as a full disk does."""

import os
from collections.abc import Sequence

import msgspec

from agent.domain.errors import Transient
from agent.domain.timeline import Correction, moved_raw
from agent.domain.wire import Body, Record, encode_body
from agent.ports import Position


class MemoryOutbox:
    """Opened with `async with`; what it holds stays for the next opening of the same object."""

    def __init__(self, *, keep: int | None = None) -> None:
        self._keep = keep
        self._records: list[Record] = []
        self._position = Position(os.urandom(8), 0, 0)
        self._checkpoint: bytes | None = None
        self.broken = False

    async def __aenter__(self) -> "MemoryOutbox":
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def append(
        self,
        bodies: Sequence[tuple[int, Body]],
        *,
        checkpoint: bytes | None = None,
        corrections: Sequence[Correction] = (),
    ) -> int:
        if self.broken:
            raise Transient("memory: disk full")
        for correction in corrections:
            self._records = [self._corrected(record, correction) for record in self._records]
        last = self._position.last
        for step, (at_ms, body) in enumerate(bodies, 1):
            kind, raw = encode_body(body)
            self._records.append(Record(last + step, kind, at_ms, msgspec.Raw(raw)))
        if checkpoint is not None:
            self._checkpoint = checkpoint
        self._position = Position(self._position.epoch, self._position.acknowledged, last + len(bodies))
        self._prune()
        return self._position.last

    def _corrected(self, record: Record, correction: Correction) -> Record:
        """All of this one's records are of one boot."""
        if record.seq <= self._position.acknowledged:
            return record
        raw = moved_raw(record.kind, bytes(record.body), correction.move, rename=correction.rename)
        at_ms = correction.move(record.at_ms)
        if (raw, at_ms) == (bytes(record.body), record.at_ms):
            return record
        return Record(record.seq, record.kind, at_ms, msgspec.Raw(raw), int(correction.mark))

    async def checkpoint(self) -> bytes | None:
        return self._checkpoint

    async def position(self) -> Position:
        return self._position

    async def after(self, seq: int, *, limit: int) -> list[Record]:
        return [record for record in self._records if record.seq > seq][:limit]

    async def acknowledge(self, epoch: bytes, through: int) -> None:
        here = self._position
        if epoch != here.epoch:
            return
        if through > here.last:
            self._position = Position(os.urandom(8), 0, here.last)
        else:
            self._position = Position(epoch, through, here.last)
        self._prune()

    def _prune(self) -> None:
        """The budget of this one is a number of records."""
        while self._keep is not None and len(self._records) > self._keep:
            if self._records[0].seq > self._position.acknowledged:
                return
            del self._records[0]
