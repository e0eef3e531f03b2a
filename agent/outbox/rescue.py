"""A damaged journal is set aside, and what can still be read of it goes into a new one, in a new epoch.

Numbers stay as they were, so that the aggregator knows again what it has already. The damaged file stays beside the
journal for whoever wants to look into it, one at a time.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple

from agent.domain.wire import Event, encode_body
from agent.outbox import rows
from agent.outbox.rows import Row, beside
from agent.outbox.schema import Damaged, open_journal

ASIDE: Final = ".damaged"
DAMAGED_EVENT: Final = "journal_damaged"
_DRAFT: Final = ".new"
_LOGS: Final = ("-wal", "-shm")
_FARTHEST: Final = 2**40


class Moment(NamedTuple):
    """When it was noticed, in the terms of a record."""

    at_ms: int
    boot: bytes
    mono_ms: int


def unfinished(path: Path) -> bool:
    """Whether an earlier rescue was interrupted after the damaged file was set aside."""
    return not path.exists() and beside(path, ASIDE).exists()


def rescue(path: Path, reason: str, moment: Moment) -> int:
    """Set the file aside, save what can be read, and tell so in an event; returns how many records were saved.

    The new journal appears under its name only when it is whole. Raises `sqlite3.Error` or `OSError` when the disk
    refuses.
    """
    aside, draft = beside(path, ASIDE), beside(path, _DRAFT)
    if not unfinished(path):
        for ending in _LOGS:
            beside(aside, ending).unlink(missing_ok=True)
        path.replace(aside)
        for ending in _LOGS:
            if beside(path, ending).exists():
                beside(path, ending).replace(beside(aside, ending))
        rows.flush_folder(path.parent)
    for ending in ("", *_LOGS):
        beside(draft, ending).unlink(missing_ok=True)
    saved = _build(draft, aside, reason, moment)
    draft.replace(path)
    rows.flush_folder(path.parent)
    return saved


def _build(draft: Path, aside: Path, reason: str, moment: Moment) -> int:
    with closing(open_journal(draft)) as new:
        new.execute("BEGIN IMMEDIATE")
        saved = last = 0
        with suppress(sqlite3.Error), closing(_reader(aside)) as old:
            for row in _readable(old):
                rows.insert(new, [row])
                saved, last = saved + 1, row.seq
            _keep_checkpoint(old, new)
        kind, body = encode_body(Event(moment.at_ms, DAMAGED_EVENT, {"reason": reason[:200], "saved": saved}))
        event = Row(last + 1, kind, moment.at_ms, 0, moment.boot, moment.mono_ms, body)
        rows.insert(new, [event.sealed()])
        new.execute("COMMIT")
    return saved


def _reader(aside: Path) -> sqlite3.Connection:
    reader = sqlite3.connect(aside, isolation_level=None)
    reader.text_factory = bytes  # a damaged text must not stop the reading
    return reader


def _readable(old: sqlite3.Connection) -> Iterator[Row]:
    """Rows in order, as many as can be read: behind a place that cannot be, it goes on further and further away."""
    columns = {bytes(name).decode("ascii", "replace") for _, name, *_ in old.execute("PRAGMA table_info(records)")}
    names = rows.COLUMNS if "crc" in columns else rows.COLUMNS.replace("crc", "NULL")
    at, step = 0, 1
    while step < _FARTHEST:
        try:
            for raw in old.execute(f"SELECT {names} FROM records WHERE seq > ? ORDER BY seq", (at,)):
                row = _sound(raw)
                if row is not None and row.seq > at:
                    at, step = row.seq, 1
                    yield row
        except sqlite3.OperationalError:
            return
        except sqlite3.DatabaseError:
            at, step = at + step, step * 2
        else:
            return


def _sound(raw: tuple[object, ...]) -> Row | None:
    match raw:
        case (
            int(seq),
            bytes(kind),
            int(at_ms),
            int(clock),
            bytes(boot),
            int(mono_ms),
            bytes(body),
            int() | None as crc,
        ):
            with suppress(UnicodeDecodeError):
                row = Row(seq, kind.decode("utf-8"), at_ms, clock, boot, mono_ms, body, crc)
                return row.sealed() if row.whole() else None
    return None


def _keep_checkpoint(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error, Damaged):
        checkpoint = rows.checkpoint_of(old)
        if checkpoint is not None:
            rows.put_checkpoint(new, checkpoint)
