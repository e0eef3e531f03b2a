"""Which commands were ever taken up, and how they ended, in a small database: no command runs twice.

A command is written down before it runs and its reply before it is sent. What was written down and has no reply when
the file is opened was running when the agent died: it is answered with that.
"""

import sqlite3
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Final

import msgspec

from agent.domain.commands import Command, Outcome, Reply, encode_reply
from agent.domain.errors import Transient

FILE: Final = "commands.db"
_KEPT_MS: Final = 90 * 86_400_000
_TABLES: Final = (
    """
CREATE TABLE IF NOT EXISTS commands (
  id TEXT PRIMARY KEY, taken_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, name TEXT NOT NULL, who TEXT NOT NULL,
  reply BLOB, told INTEGER NOT NULL DEFAULT 0, noted INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS lost (at_ms INTEGER PRIMARY KEY)",
)


class Seen(msgspec.Struct, frozen=True):
    """A command that was taken up; `reply` is None while it runs."""

    reply: bytes | None


class CommandLog:
    """The file in the folder `state`. Every call raises `Transient` when the disk refuses; it opens by itself."""

    def __init__(self, state: Path) -> None:
        self._path = state / FILE
        self._db: sqlite3.Connection | None = None
        self._damaged = False
        self.turn = RLock()

    def close(self, error: BaseException | None = None) -> None:
        """Harmless when it is not open. `error` is why, where something is wrong with it."""
        with self.turn:
            self._damaged = self._damaged or type(error) is sqlite3.DatabaseError
            if self._db is not None:
                with suppress(sqlite3.Error):
                    self._db.close()
                self._db = None

    def interrupt(self, now_ms: int) -> list[tuple[str, str, str, bytes]]:
        """Answer what was running when the agent died.

        Returns `(id, name, who, reply)` of it, and of what had ended without a note of it in the journal.
        """
        reply = encode_reply(Reply(Outcome.INTERRUPTED, now_ms, "the agent stopped while it was running"))
        with _Told(self, now_ms) as db:
            db.execute("UPDATE commands SET reply = ?, told = 0 WHERE reply IS NULL", (reply,))
            return db.execute("SELECT id, name, who, reply FROM commands WHERE NOT noted ORDER BY taken_ms").fetchall()

    def seen(self, identifier: str, now_ms: int) -> Seen | None:
        """What is known of a command; None for a new one."""
        with _Told(self, now_ms) as db:
            row = db.execute("SELECT reply FROM commands WHERE id = ?", (identifier,)).fetchone()
        return None if row is None else Seen(row[0])

    def lost_ms(self, now_ms: int) -> int:
        """When this list was lost last; what was asked before may have run already. 0: never."""
        with _Told(self, now_ms) as db:
            return int(db.execute("SELECT coalesce(max(at_ms), 0) FROM lost").fetchone()[0])

    def begin(self, identifier: str, command: Command, now_ms: int) -> None:
        """On the disk when it returns. What has been over for long is forgotten."""
        row = (identifier, now_ms, command.expires_ms, command.name[:40], command.by)
        with _Told(self, now_ms) as db:
            old_ms = now_ms - _KEPT_MS
            db.execute("DELETE FROM commands WHERE told AND taken_ms < ? AND expires_ms < ?", (old_ms, old_ms))
            db.execute("INSERT INTO commands (id, taken_ms, expires_ms, name, who) VALUES (?, ?, ?, ?, ?)", row)

    def end(self, identifier: str, reply: Reply) -> None:
        """Its reply, on the disk when it returns."""
        with _Told(self, reply.at_ms) as db:
            db.execute("UPDATE commands SET reply = ?, told = 0 WHERE id = ?", (encode_reply(reply), identifier))

    def noted(self, identifier: str, now_ms: int) -> None:
        """Its end stands in the journal."""
        with _Told(self, now_ms) as db:
            db.execute("UPDATE commands SET noted = 1 WHERE id = ?", (identifier,))

    def untold(self, now_ms: int) -> list[tuple[str, bytes]]:
        """Replies that still have to be sent, oldest first."""
        with _Told(self, now_ms) as db:
            query = "SELECT id, reply FROM commands WHERE NOT told AND reply IS NOT NULL ORDER BY taken_ms LIMIT 20"
            return db.execute(query).fetchall()

    def told(self, identifier: str, now_ms: int, *, told: bool = True) -> None:
        """Its reply has been sent; or, asked again, has to be sent once more."""
        with _Told(self, now_ms) as db:
            db.execute("UPDATE commands SET told = ? WHERE id = ?", (int(told), identifier))

    def open(self, now_ms: int) -> sqlite3.Connection:
        """The open file; one that is damaged is set aside, and when that happened is kept."""
        if self._db is None:
            damaged, self._damaged = self._damaged, False
            if damaged:
                self._path.replace(self._path.with_name(f"{FILE}.damaged"))
            self._db = self._opened()
            if damaged:
                self._db.execute("INSERT OR IGNORE INTO lost VALUES (?)", (now_ms,))
        return self._db

    def _opened(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=10.0)
        try:
            # FULL would leave the removal of the rollback journal to chance: after a power cut the newest command would
            # be taken back, and run again.
            db.execute("PRAGMA synchronous=EXTRA")
            for table in _TABLES:
                db.execute(table)
        except BaseException:
            db.close()
            raise
        return db

    @property
    def path(self) -> Path:
        return self._path


class _Told:
    """One transaction of a log, one thread at a time. The disk refusing is `Transient`; damage sets the file aside."""

    def __init__(self, log: CommandLog, now_ms: int) -> None:
        self._log = log
        self._now_ms = now_ms

    def __enter__(self) -> sqlite3.Connection:
        self._log.turn.acquire()
        try:
            self._db = self._begun()
        except (sqlite3.Error, OSError) as error:
            self._log.close(error)
            self._log.turn.release()
            raise Transient(f"{self._log.path}: {error}") from error
        return self._db

    def _begun(self) -> sqlite3.Connection:
        """A file that shows to be damaged at once is replaced at once."""
        try:
            db = self._log.open(self._now_ms)
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:
                raise
            self._log.close(error)
            db = self._log.open(self._now_ms)
        db.execute("BEGIN IMMEDIATE")
        return db

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        try:
            self._db.execute("COMMIT" if error is None else "ROLLBACK")
        except sqlite3.Error as refused:
            self._log.close(error or refused)
            raise Transient(f"{self._log.path}: {refused}") from refused
        finally:
            self._log.turn.release()
        if isinstance(error, sqlite3.Error):
            self._log.close(error)
            raise Transient(f"{self._log.path}: {error}") from error
