"""A look into a journal that its agent may have open: read only, one consistent view."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agent.domain.errors import BadSetup
from agent.outbox.schema import Damaged, explain


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What a journal holds. `backlog` counts unacknowledged records; `size`: bytes, the write-ahead log included."""

    epoch: bytes
    acknowledged: int
    last: int
    backlog: int
    size: int
    checkpoint: bytes | None


def peek(path: Path) -> Glimpse:
    """Raises `BadSetup` when there is no journal, `Transient` when it cannot be read now."""
    if not path.exists():
        raise BadSetup(str(path), "there is no journal yet", hint="start the agent once: emberwatt-agent run")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0)) as db:
            db.execute("BEGIN")
            meta = dict(db.execute("SELECT key, value FROM meta"))
            (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM records").fetchone()
            (backlog,) = db.execute("SELECT count(*) FROM records WHERE seq > ?", (meta["acknowledged"],)).fetchone()
    except sqlite3.Error as error:
        explained = explain(path, error)
        if isinstance(explained, Damaged):
            hint = "the agent sets it aside when it starts, and saves what it can"
            raise BadSetup(str(path), f"not a usable journal ({error})", hint=hint) from error
        raise explained from error
    parts = [part for part in (path, path.with_name(path.name + "-wal")) if part.exists()]
    size = sum(part.stat().st_size for part in parts)
    return Glimpse(meta["epoch"], meta["acknowledged"], last, backlog, size, meta.get("checkpoint"))
