"""Journal rows: what is written, what is read back, and whether it is still the same."""

import os
import sqlite3
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from agent.domain.wire import EPOCH_BYTES, Record
from agent.outbox.schema import Damaged
from agent.ports import Position

COLUMNS: Final = "seq, kind, at_ms, clock, boot, mono_ms, body, crc"


class Row(NamedTuple):
    """One record as the file holds it."""

    seq: int
    kind: str
    at_ms: int
    clock: int
    boot: bytes
    mono_ms: int
    body: bytes
    crc: int | None = None

    def sealed(self) -> "Row":
        """The row with its checksum."""
        return self._replace(crc=checksum(self))

    def whole(self) -> bool:
        """Whether it is as it was written; a record of version 1 cannot tell."""
        return self.crc is None or self.crc == checksum(self)

    def record(self) -> Record:
        """As it travels."""
        return Record(self.seq, self.kind, self.at_ms, msgspec.Raw(self.body), self.clock)


def checksum(row: Row) -> int:
    """CRC-32 over what is sent, and over what corrects its time."""
    head = f"{row.seq} {row.kind} {row.at_ms} {row.clock} {row.mono_ms} ".encode()
    return zlib.crc32(row.body, zlib.crc32(row.boot, zlib.crc32(head)))


def insert(db: sqlite3.Connection, rows: Iterable[Row]) -> None:
    db.executemany(f"INSERT INTO records ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def select(db: sqlite3.Connection, where: str, *arguments: object) -> list[Row]:
    """Rows in order. Raises `Damaged` when one of them is not as it was written."""
    rows = [Row(*row) for row in db.execute(f"SELECT {COLUMNS} FROM records WHERE {where}", arguments)]
    for row in rows:
        if not row.whole():
            raise Damaged(f"record {row.seq} is not as it was written")
    return rows


def get(db: sqlite3.Connection, key: str) -> bytes | int | None:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else row[0]


def put(db: sqlite3.Connection, key: str, value: bytes | int) -> None:
    db.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))


def put_checkpoint(db: sqlite3.Connection, checkpoint: bytes) -> None:
    put(db, "checkpoint", checkpoint)
    put(db, "checkpoint_crc", zlib.crc32(checkpoint))


def checkpoint_of(db: sqlite3.Connection) -> bytes | None:
    """Raises `Damaged` when it is not as it was written."""
    kept, crc = get(db, "checkpoint"), get(db, "checkpoint_crc")
    if kept is None:
        return None
    if not isinstance(kept, bytes) or (crc is not None and crc != zlib.crc32(kept)):
        raise Damaged("the checkpoint is not as it was written")
    return kept


def position_of(db: sqlite3.Connection) -> Position:
    """Raises `Damaged` for a journal without a usable one."""
    epoch, acknowledged = get(db, "epoch"), get(db, "acknowledged")
    if not isinstance(epoch, bytes) or len(epoch) != EPOCH_BYTES or not isinstance(acknowledged, int):
        raise Damaged("epoch or position is missing")
    (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM records").fetchone()
    return Position(epoch, acknowledged, int(last))


def used_bytes(db: sqlite3.Connection) -> int:
    """Pages of the file that hold something."""
    pages, free, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in _SIZES)
    return int((pages - free) * size)


_SIZES: Final = ("page_count", "freelist_count", "page_size")


def disk_bytes(path: Path) -> int:
    """Of the journal with its write-ahead log."""
    return sum(part.stat().st_size for part in (path, beside(path, "-wal")) if part.exists())


def beside(path: Path, ending: str) -> Path:
    """`path` with `ending` behind its name."""
    return path.with_name(path.name + ending)


def flush_folder(folder: Path) -> None:
    """Make renames in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
