"""The journal in one SQLite file: nothing is lost that was appended.

Write-ahead log with synchronous=FULL, which is what survives a power cut. All of SQLite's work is done in one thread
of its own, so that the event loop never waits for the disk.

Acknowledged records are kept as long as the space budget has room for them: an aggregator that was restored from an
older copy gets them again. When the file grows over the budget, `agent.outbox.ageing` says what is given up.

A file that is damaged is set aside, what can be read of it is saved, and a new epoch begins (`agent.outbox.rescue`). A
disk that refuses (full, read-only) makes every call `Transient`; the journal opens again by itself when it no longer
does. After a stop that was not orderly numbers are left out, since the disk may have lost some that were given.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import msgspec

from agent.domain.errors import BadInput, Transient
from agent.domain.timeline import Correction, Span
from agent.domain.wire import EPOCH_BYTES, Body, Record, encode_body
from agent.outbox import rows
from agent.outbox.ageing import Ageing
from agent.outbox.correcting import correct, spans
from agent.outbox.lock import FileLock
from agent.outbox.rescue import Moment, rescue, unfinished
from agent.outbox.rows import Row
from agent.outbox.schema import Damaged, explain, open_journal
from agent.ports import Clock, Position

MAX_RECORD_BYTES: Final = 128 * 1024
LEFT_OUT: Final = 1_000_000
_LOW_WATER: Final = 0.97
_RECENT: Final = 1_000
_ROW_BYTES: Final = 48  # of a row beside its body, about
_DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
_REOPEN_AFTER: Final = ("readonly", "read-only", "I/O", "unable to open")
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_P = ParamSpec("_P")
_R = TypeVar("_R")


class OutboxSettings(msgspec.Struct, frozen=True):
    """`path` of the journal; `budget_bytes` is what its file may take before something is given up.

    `boot` says which boot this is; empty, the kernel is asked.
    """

    path: Path
    budget_bytes: int = 64 * 1024 * 1024
    boot: bytes = b""


class OutboxStats(msgspec.Struct, frozen=True):
    """`bytes` on disk, write-ahead log included; `records` held, `backlog` of them not yet acknowledged.

    `oldest_ms` is the time of the oldest. `days_left` is how long the device can be offline at its present pace before
    resolution is given up; None while the pace is unknown. `over_budget`: there is nothing left to give up. `refused`
    says why the disk takes nothing now, empty when it does.
    """

    bytes: int = 0
    records: int = 0
    backlog: int = 0
    oldest_ms: int | None = None
    over_budget: bool = False
    days_left: float | None = None
    refused: str = ""


class SqliteOutbox:
    """`agent.ports.Outbox` in a file. Opened with `async with`, by one process at a time."""

    def __init__(self, settings: OutboxSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = FileLock(settings.path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._connection: sqlite3.Connection | None = None
        self._position = Position(b"", 0, 0)
        self._boot = settings.boot or _boot_id()
        self._ageing = Ageing()
        self._left_out = 0
        self._tight = self._stuck = False
        self._counted: tuple[int, int] | None = None
        self._damage = self._refused = ""

    async def __aenter__(self) -> "SqliteOutbox":
        """Raises `BadSetup` for an unusable file or one in use. A disk that refuses is tried again with each call."""
        try:
            await self._work(self._start)
        except BaseException:
            self._thread.shutdown(wait=False)
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._work(self._close)
        self._thread.shutdown(wait=False)

    @property
    def boot(self) -> bytes:
        """Which boot records are stored with."""
        return self._boot

    async def append(
        self,
        bodies: Sequence[tuple[int, Body]],
        *,
        checkpoint: bytes | None = None,
        corrections: Sequence[Correction] = (),
    ) -> int:
        """See `agent.ports.Outbox`. Raises `BadInput` for a record too large to ever be sent."""
        encoded = [(at_ms, *encode_body(body)) for at_ms, body in bodies]
        for _, kind, raw in encoded:
            if len(raw) > MAX_RECORD_BYTES:
                raise BadInput(f"{kind} record of {len(raw)} bytes, at most {MAX_RECORD_BYTES} allowed")
        return await self._work(self._guarded, self._append, encoded, checkpoint, corrections)

    async def spans(self) -> list[Span]:
        """The boots of everything that is held, in their order, as their clocks showed them."""
        return await self._work(self._guarded, self._spans)

    async def checkpoint(self) -> bytes | None:
        """See `agent.ports.Outbox`. Where the disk only reads, that is enough for this."""
        return await self._work(self._checkpoint)

    async def position(self) -> Position:
        """See `agent.ports.Outbox`."""
        return self._position

    async def after(self, seq: int, *, limit: int) -> list[Record]:
        """See `agent.ports.Outbox`."""
        return await self._work(self._guarded, self._after, seq, limit)

    async def acknowledge(self, epoch: bytes, through: int) -> None:
        """See `agent.ports.Outbox`.

        An acknowledgement of numbers that this journal has not given yet means that it was set back (restored from a
        copy): its numbers would be taken for known ones, so it goes on in a new epoch and offers everything again.
        """
        if epoch == self._position.epoch and through != self._position.acknowledged and through >= 0:
            await self._work(self._guarded, self._acknowledge, epoch, through)

    async def stats(self) -> OutboxStats:
        """Size, backlog and health; never raises."""
        return await self._work(self._stats)

    async def _work(self, task: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: task(*args, **kwargs))

    # What follows runs in the thread.

    def _start(self) -> None:
        with suppress(Transient):
            self._open()

    def _open(self) -> sqlite3.Connection:
        """The open journal, opened now when it is not. Raises `BadSetup`, or `Transient` and says so in `stats`."""
        if self._connection is not None:
            return self._connection
        try:
            self._lock.acquire()
            if unfinished(self._settings.path):
                self._rescue("an earlier rescue was interrupted")
            try:
                self._connection = self._opened()
            except Damaged as damage:
                self._rescue(str(damage))
                self._connection = self._opened()
        except Transient as error:
            self._refused = str(error)
            raise
        except BaseException:
            self._lock.release()
            raise
        self._refused = ""
        return self._connection

    def _opened(self) -> sqlite3.Connection:
        db = open_journal(self._settings.path)
        try:
            with self._explained():
                before, self._position = self._position, rows.position_of(db)
                rows.checkpoint_of(db)
                # A file that this very process had open is known to hold every number that was given.
                known = (self._position.epoch, self._position.last) == (before.epoch, before.last)
                self._left_out = LEFT_OUT if rows.get(db, "running") and not known else 0
                rows.put(db, "running", 1)
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except BaseException:
            db.close()
            raise
        self._ageing, self._counted = Ageing(), None
        return db

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                rows.put(self._connection, "running", 0)
        self._drop_connection()
        self._lock.release()

    def _drop_connection(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _guarded(self, task: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Do it; where the file turns out to be damaged, save what there is and do it again."""
        try:
            if self._damage:
                raise Damaged(self._damage)
            return task(*args, **kwargs)
        except Damaged as damage:
            self._damage = ""
            self._drop_connection()
            self._rescue(str(damage))
        try:
            return task(*args, **kwargs)
        except Damaged as damage:
            raise Transient(f"{self._settings.path}: {damage}") from damage

    def _rescue(self, reason: str) -> None:
        with self._explained():
            moment = Moment(self._clock.now_ms(), self._boot, self._clock.monotonic_ms())
            rescue(self._settings.path, reason, moment)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What SQLite and the disk say, in this project's words."""
        try:
            yield
        except sqlite3.Error as error:
            explained = explain(self._settings.path, error)
            self._refused = str(explained) if isinstance(explained, Transient) else self._refused
            if any(word in str(error) for word in _REOPEN_AFTER):
                self._drop_connection()
            raise explained from error
        except OSError as error:
            self._refused = f"{self._settings.path}: {error.strerror}"
            raise Transient(self._refused) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        db = self._open()
        with self._explained():
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    with suppress(sqlite3.Error):
                        db.execute("ROLLBACK")
                raise
        self._refused = ""

    def _append(
        self, encoded: Iterable[tuple[int, str, bytes]], checkpoint: bytes | None, corrections: Sequence[Correction]
    ) -> int:
        self._open()
        last, mono = self._position.last, self._clock.monotonic_ms()
        fresh = [
            Row(last + self._left_out + step, kind, at_ms, 0, self._boot, mono, raw).sealed()
            for step, (at_ms, kind, raw) in enumerate(encoded, 1)
        ]
        with self._transaction() as db:
            for correction in corrections:
                correct(db, correction, self._position.acknowledged)
            rows.insert(db, fresh)
            if checkpoint is not None:
                rows.put_checkpoint(db, checkpoint)
        if fresh:
            self._left_out = 0
            self._position = Position(self._position.epoch, self._position.acknowledged, fresh[-1].seq)
            if self._counted is not None:
                self._counted = (self._counted[0] + len(fresh), self._counted[1] + len(fresh))
        self._make_room()
        return self._position.last

    def _checkpoint(self) -> bytes | None:
        try:
            return self._guarded(self._kept)
        except Transient:
            return _readonly_checkpoint(self._settings.path)

    def _kept(self) -> bytes | None:
        with self._explained():
            return rows.checkpoint_of(self._open())

    def _after(self, seq: int, limit: int) -> list[Record]:
        with self._explained():
            found = rows.select(self._open(), "seq > ? ORDER BY seq LIMIT ?", seq, limit)
        return [row.record() for row in found]

    def _spans(self) -> list[Span]:
        with self._explained():
            return spans(self._open(), self._position.acknowledged, self._clock.now_ms())

    def _acknowledge(self, epoch: bytes, through: int) -> None:
        self._open()
        if epoch != self._position.epoch:
            return
        last = self._position.last
        with self._transaction() as db:
            if through > last:
                epoch, through = os.urandom(EPOCH_BYTES), 0
                rows.put(db, "epoch", epoch)
            rows.put(db, "acknowledged", through)
        self._position = Position(epoch, through, last)
        self._counted = None
        self._make_room()

    def _make_room(self) -> None:
        """Give up a slice while the budget is exceeded; then on until there is a little room again.

        A disk that refuses this, or damage found by it, must not make a committed append look like a failed one.
        """
        try:
            with self._explained():
                used = rows.used_bytes(self._open())
            if used <= self._settings.budget_bytes * (_LOW_WATER if self._tight else 1.0):
                self._tight = self._stuck = False
                return
            with self._transaction() as db:
                self._tight = self._ageing.give_up(db, self._position.acknowledged, self._position.last)
            self._stuck = not self._tight and used > self._settings.budget_bytes
            self._counted = None
            with self._explained():
                self._open().execute("PRAGMA incremental_vacuum(1000)").fetchall()
        except Transient:
            return
        except Damaged as damage:
            self._damage = str(damage)

    def _stats(self) -> OutboxStats:
        try:
            with self._explained():
                return self._measured(self._open())
        except (Transient, Damaged) as error:
            return OutboxStats(bytes=rows.disk_bytes(self._settings.path), refused=self._refused or str(error))

    def _measured(self, db: sqlite3.Connection) -> OutboxStats:
        here = self._position
        if self._counted is None:
            (held,) = db.execute("SELECT count(*) FROM records").fetchone()
            (open_,) = db.execute("SELECT count(*) FROM records WHERE seq > ?", (here.acknowledged,)).fetchone()
            self._counted = (held, open_)
        held, backlog = self._counted
        oldest = db.execute("SELECT at_ms FROM records ORDER BY seq LIMIT 1").fetchone()
        return OutboxStats(
            bytes=rows.disk_bytes(self._settings.path),
            records=held,
            backlog=backlog,
            oldest_ms=None if oldest is None else oldest[0],
            over_budget=self._stuck,
            days_left=self._days_left(db, held, backlog),
            refused=self._refused,
        )

    def _days_left(self, db: sqlite3.Connection, held: int, backlog: int) -> float | None:
        recent = f"SELECT at_ms, length(body) + {_ROW_BYTES} AS size FROM records ORDER BY seq DESC LIMIT {_RECENT}"
        first, last, size = db.execute(f"SELECT min(at_ms), max(at_ms), sum(size) FROM ({recent})").fetchone()
        if not size or last - first < _HOUR_MS:
            return None
        taken = rows.used_bytes(db) * backlog / held
        return float(max(0.0, self._settings.budget_bytes - taken) / (size * _DAY_MS / (last - first)))


def _readonly_checkpoint(path: Path) -> bytes | None:
    """From a disk that cannot be written to: as of the last time the write-ahead log was worked in."""
    if not path.exists():
        return None
    with suppress(sqlite3.Error, Damaged):
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as db:
            return rows.checkpoint_of(db)
    return None


def _boot_id() -> bytes:
    """Which boot this is: the kernel's word, or a number made up for this process where there is none."""
    try:
        return bytes.fromhex(_BOOT_ID.read_text("ascii").strip().replace("-", ""))[:8]
    except (OSError, ValueError):
        return os.urandom(8)
