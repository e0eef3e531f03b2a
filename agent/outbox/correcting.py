"""Records of a boot whose clock was wrong, put right before they are sent."""

import sqlite3
from collections.abc import Iterator
from typing import Final

from agent.domain.timeline import AHEAD_MS, EARLIEST_MS, Correction, Span, moved_raw
from agent.outbox import rows
from agent.outbox.rows import Row

_SLICE: Final = 500


def correct(db: sqlite3.Connection, correction: Correction, acknowledged: int) -> None:
    """Move the times of what is not acknowledged yet. Part of a transaction of the caller."""
    at = acknowledged
    while found := rows.select(db, "seq > ? AND boot = ? ORDER BY seq LIMIT ?", at, correction.boot, _SLICE):
        at = found[-1].seq
        changed = list(_changed(found, correction))
        db.executemany("DELETE FROM records WHERE seq = ?", [(row.seq,) for row in changed])
        rows.insert(db, changed)


def _changed(found: list[Row], correction: Correction) -> Iterator[Row]:
    move = correction.move
    for row in found:
        at_ms, body = move(row.at_ms), moved_raw(row.kind, row.body, move, rename=correction.rename)
        if (at_ms, body) != (row.at_ms, row.body):
            yield row._replace(at_ms=at_ms, body=body, clock=int(correction.mark)).sealed()


_WRONG: Final = f"at_ms < {EARLIEST_MS} OR at_ms > :latest"
_TIMES: Final = ", ".join(
    f"coalesce({extent}({column}) FILTER (WHERE {_WRONG}), {extent}({column}))"
    for column in ("at_ms", "mono_ms")
    for extent in ("min", "max")
)
_SPANS: Final = f"SELECT boot, {_TIMES}, max(seq) > :acknowledged FROM records GROUP BY boot ORDER BY min(seq)"


def spans(db: sqlite3.Connection, acknowledged: int, now_ms: int) -> list[Span]:
    """One per boot in the order of the journal; where a boot has impossible times, over those alone."""
    found = db.execute(_SPANS, {"acknowledged": acknowledged, "latest": now_ms + AHEAD_MS})
    return [_span(*row) for row in found]


def _span(boot: bytes, first_ms: int, last_ms: int, first_mono_ms: int, last_mono_ms: int, behind: int) -> Span:
    return Span(boot, first_ms, last_ms, first_mono_ms, last_mono_ms, open=bool(behind))
