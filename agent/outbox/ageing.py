"""What a full journal gives up, in this order: what is acknowledged, raw samples, then resolution.

Windows are joined to hours, oldest first, and when there are no more to join, hours to days. Faults, energy,
reliability, events and what this version does not know are never given up.
"""

import sqlite3
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from agent.domain import merging
from agent.domain.errors import BadMessage
from agent.domain.wire import Summary, decode_body, encode_body
from agent.outbox import rows
from agent.outbox.rows import Row

SLICE: Final = 500
RAW: Final = "raw"
SUMMARY: Final = "summary"


class Ageing:
    """Makes room a slice at a time. It remembers how far each grade has come; forgetting that costs only time."""

    def __init__(self) -> None:
        self._joined = {merging.HOUR_S: 0, merging.DAY_S: 0}
        self._without_raw = 0

    def give_up(self, db: sqlite3.Connection, acknowledged: int, last: int) -> bool:
        """One slice of whatever comes next; False when nothing is left to give up. The newest record always stays."""
        if _drop(db, "seq <= ?", min(acknowledged, last - 1)):
            return True
        if _drop(db, "seq > ? AND seq < ? AND kind = ?", self._without_raw, last, RAW):
            return True
        self._without_raw = last - 1
        return any(self._join(db, window_s, last) for window_s in self._joined)

    def _join(self, db: sqlite3.Connection, window_s: int, last: int) -> bool:
        """Join windows until a slice has become fewer records; False at the end of the journal."""
        while True:
            found = rows.select(
                db,
                "seq > ? AND seq < ? AND kind = ? ORDER BY seq LIMIT ?",
                self._joined[window_s],
                last,
                SUMMARY,
                SLICE,
            )
            groups = _groups(found, window_s)
            # The last window may go on behind the slice, and at the journal's end it does.
            complete = groups[:-1]
            fewer = sum(_replace(db, group, window_s) for group in complete)
            if complete:
                self._joined[window_s] = complete[-1][-1].seq
            if fewer:
                return True
            if len(found) < SLICE or not complete:
                return False


def _drop(db: sqlite3.Connection, where: str, *arguments: object) -> bool:
    chosen = f"SELECT seq FROM records WHERE {where} ORDER BY seq LIMIT {SLICE}"
    return db.execute(f"DELETE FROM records WHERE seq IN ({chosen})", arguments).rowcount > 0


def _groups(found: Sequence[Row], window_s: int) -> list[list[Row]]:
    """Neighbours that lie in the same window, of one boot and one kind of clock."""

    def key(row: Row) -> tuple[object, ...]:
        body = _summary(row)
        bucket = None if body is None else merging.bucket_ms(body, window_s)
        return (row.seq,) if bucket is None else (bucket, row.boot, row.clock)

    return [list(group) for _, group in groupby(found, key)]


def _replace(db: sqlite3.Connection, group: Sequence[Row], window_s: int) -> int:
    """One record under the newest one's number in place of them all; returns how many fewer there are."""
    bodies = [body for body in map(_summary, group) if body is not None]
    if len(group) < 2 or len(bodies) < len(group):
        return 0
    start_ms = merging.bucket_ms(bodies[0], window_s)
    if start_ms is None:
        return 0
    _, raw = encode_body(merging.join(bodies, start_ms, window_s))
    joined = group[-1]._replace(body=raw, at_ms=start_ms + window_s * 1000).sealed()
    db.executemany("DELETE FROM records WHERE seq = ?", [(row.seq,) for row in group])
    rows.insert(db, [joined])
    return len(group) - 1


def _summary(row: Row) -> Summary | None:
    try:
        body = decode_body(row.kind, row.body)
    except BadMessage:
        return None
    return body if isinstance(body, Summary) else None
