"""The journal in one SQLite file: nothing is lost that was appended.

Write-ahead log with synchronous=FULL, which is what survives a power cut. All of SQLite's work is done in one thread
of its own, so that the event loop never waits for the disk.

Acknowledged records are kept as long as the space budget has room for them: an aggregator that was restored from an
older copy gets them again. When the file grows over the budget, the oldest acknowledged ones go, a slice per call, and
the file shrinks. Records that nobody acknowledged are never dropped; `stats` says when they alone exceed the budget.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import msgspec

from agent.domain.errors import BadInput, Transient
from agent.domain.wire import EPOCH_BYTES, Body, Record, encode_body
from agent.outbox.lock import FileLock
from agent.outbox.schema import explain, open_journal
from agent.ports import Clock, Position

MAX_RECORD_BYTES: Final = 128 * 1024
PRUNE_SLICE: Final = 500
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """`path` of the journal; `budget_bytes` is what its file may take before acknowledged records are dropped."""

    path: Path
    budget_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class OutboxStats:
    """`bytes` on disk, write-ahead log included; `records` held, `backlog` of them not yet acknowledged.

    `oldest_ms` is the time of the oldest; `over_budget`: what is not yet acknowledged alone exceeds the budget.
    """

    bytes: int
    records: int
    backlog: int
    oldest_ms: int | None
    over_budget: bool


class SqliteOutbox:
    """`agent.ports.Outbox` in a file. Opened with `async with`, by one process at a time."""

    def __init__(self, settings: OutboxSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = FileLock(settings.path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._connection: sqlite3.Connection | None = None
        self._position = Position(b"", 0, 0)
        self._boot = b""

    async def __aenter__(self) -> "SqliteOutbox":
        """Raises `BadSetup` for an unusable file or one in use, `Transient` when the disk refuses."""
        try:
            await self._work(self._open)
        except BaseException:
            self._thread.shutdown(wait=False)
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._work(self._close)
        self._thread.shutdown(wait=False)

    async def append(self, bodies: Sequence[tuple[int, Body]], *, checkpoint: bytes | None = None) -> int:
        """See `agent.ports.Outbox`. Raises `BadInput` for a record too large to ever be sent."""
        rows = [(at_ms, *encode_body(body)) for at_ms, body in bodies]
        for _, kind, raw in rows:
            if len(raw) > MAX_RECORD_BYTES:
                raise BadInput(f"{kind} record of {len(raw)} bytes, at most {MAX_RECORD_BYTES} allowed")
        return await self._work(self._append, rows, checkpoint)

    async def checkpoint(self) -> bytes | None:
        """See `agent.ports.Outbox`."""
        return await self._work(self._checkpoint)

    async def position(self) -> Position:
        """See `agent.ports.Outbox`."""
        return self._position

    async def after(self, seq: int, *, limit: int) -> list[Record]:
        """See `agent.ports.Outbox`."""
        return await self._work(self._after, seq, limit)

    async def acknowledge(self, epoch: bytes, through: int) -> None:
        """See `agent.ports.Outbox`.

        An acknowledgement of numbers that this journal has not given yet means that it was set back (restored from a
        copy): its numbers would be taken for known ones, so it goes on in a new epoch and offers everything again.
        """
        if epoch == self._position.epoch and through != self._position.acknowledged and through >= 0:
            await self._work(self._acknowledge, through)

    async def stats(self) -> OutboxStats:
        """Size and backlog."""
        return await self._work(self._stats)

    async def _work(self, task: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: task(*args, **kwargs))

    # What follows runs in the thread.

    def _open(self) -> None:
        self._lock.acquire()
        try:
            self._connection = open_journal(self._settings.path)
            with self._errors() as db:
                self._position = _read_position(db)
            self._boot = _boot_id()
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._lock.release()

    @contextmanager
    def _errors(self) -> Iterator[sqlite3.Connection]:
        if self._connection is None:
            raise RuntimeError("the journal is not open")
        try:
            yield self._connection
        except sqlite3.Error as error:
            raise explain(self._settings.path, error) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._errors() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def _append(self, rows: Iterable[tuple[int, str, bytes]], checkpoint: bytes | None) -> int:
        last, mono = self._position.last, self._clock.monotonic_ms()
        numbered = [
            (last + step, kind, at_ms, 0, self._boot, mono, raw) for step, (at_ms, kind, raw) in enumerate(rows, 1)
        ]
        with self._transaction() as db:
            db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", numbered)
            if checkpoint is not None:
                _put(db, "checkpoint", checkpoint)
        self._position = Position(self._position.epoch, self._position.acknowledged, last + len(numbered))
        self._prune(2 * len(numbered))
        return self._position.last

    def _checkpoint(self) -> bytes | None:
        with self._errors() as db:
            row = db.execute("SELECT value FROM meta WHERE key = 'checkpoint'").fetchone()
        return None if row is None else bytes(row[0])

    def _after(self, seq: int, limit: int) -> list[Record]:
        query = "SELECT seq, kind, at_ms, body, clock FROM records WHERE seq > ? ORDER BY seq LIMIT ?"
        with self._errors() as db:
            rows = db.execute(query, (seq, limit)).fetchall()
        return [Record(number, kind, at_ms, msgspec.Raw(body), clock) for number, kind, at_ms, body, clock in rows]

    def _acknowledge(self, through: int) -> None:
        epoch, last = self._position.epoch, self._position.last
        with self._transaction() as db:
            if through > last:
                epoch, through = os.urandom(EPOCH_BYTES), 0
                _put(db, "epoch", epoch)
            _put(db, "acknowledged", through)
        self._position = Position(epoch, through, last)
        self._prune(PRUNE_SLICE)

    def _prune(self, limit: int) -> None:
        """Drop the oldest acknowledged records while the budget is exceeded, a slice per call; never the newest.

        A disk that refuses this must not make a committed append look like a failed one: the next call tries again.
        """
        with suppress(Transient):
            self._drop_oldest(limit)

    def _drop_oldest(self, limit: int) -> None:
        with self._errors() as db:
            if _size(db) <= self._settings.budget_bytes:
                return
        bound = min(self._position.acknowledged, self._position.last - 1)
        with self._transaction() as db:
            db.execute(
                "DELETE FROM records WHERE seq IN (SELECT seq FROM records WHERE seq <= ? ORDER BY seq LIMIT ?)",
                (bound, max(limit, PRUNE_SLICE)),
            )
        with self._errors() as db:
            db.execute("PRAGMA incremental_vacuum(1000)").fetchall()

    def _stats(self) -> OutboxStats:
        here = self._position
        with self._errors() as db:
            row = db.execute("SELECT seq, at_ms FROM records ORDER BY seq LIMIT 1").fetchone()
            full = _size(db) > self._settings.budget_bytes
        first, oldest_ms = row or (here.last + 1, None)
        backlog = here.last - max(here.acknowledged, first - 1)
        stuck = full and first > min(here.acknowledged, here.last - 1)
        return OutboxStats(_disk_bytes(self._settings.path), here.last - first + 1, backlog, oldest_ms, stuck)


def _read_position(db: sqlite3.Connection) -> Position:
    meta = dict(db.execute("SELECT key, value FROM meta WHERE key IN ('epoch', 'acknowledged')"))
    (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM records").fetchone()
    return Position(bytes(meta["epoch"]), int(meta["acknowledged"]), int(last))


def _put(db: sqlite3.Connection, key: str, value: bytes | int) -> None:
    db.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))


def _size(db: sqlite3.Connection) -> int:
    pages, page = db.execute("PRAGMA page_count").fetchone()[0], db.execute("PRAGMA page_size").fetchone()[0]
    return int(pages) * int(page)


def _disk_bytes(path: Path) -> int:
    parts = (path, path.with_name(path.name + "-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def _boot_id() -> bytes:
    """Which boot this is: the kernel's word, or a number made up for this process where there is none."""
    try:
        return bytes.fromhex(_BOOT_ID.read_text("ascii").strip().replace("-", ""))[:8]
    except (OSError, ValueError):
        return os.urandom(8)
