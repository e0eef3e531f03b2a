"""Opening a journal file: its identity, its health, its version, its numbered migrations."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from agent.domain.errors import BadSetup, Transient

APPLICATION_ID: Final = 0x45574A31
PAGE_BYTES: Final = 4096
_MIGRATIONS: Final = Path(__file__).with_name("migrations")
# A version this far ahead was never written by a program: the header is damaged.
_NO_VERSION: Final = 1_000


class Damaged(Exception):
    """The file is a journal that cannot be read any more, wholly or in part."""


def migrations() -> list[str]:
    """The statements of every migration, in order; the first leads from an empty file to version 1."""
    return [path.read_text("utf-8") for path in sorted(_MIGRATIONS.glob("*.sql"))]


def open_journal(path: Path, scripts: Sequence[str] | None = None) -> sqlite3.Connection:
    """The journal at `path`, made when it is not there, at the newest version.

    Raises `BadSetup` for a file that is another program's or was written by a newer version; `Transient` when the disk
    refuses; `Damaged` when something in it is broken.
    """
    if not path.parent.is_dir():
        raise BadSetup(
            str(path), f"folder {path.parent} does not exist", hint="create it and let the agent write there"
        )
    connection = None
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
        _prepare(connection, path, migrations() if scripts is None else scripts)
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise explain(path, error) from error
    except (BadSetup, Damaged):
        if connection is not None:
            connection.close()
        raise
    return connection


def explain(path: Path, error: sqlite3.Error) -> Transient | Damaged:
    """What an SQLite error means to the caller: a disk that refuses may recover, a broken file will not."""
    if isinstance(error, sqlite3.OperationalError) and not str(error).startswith(("no such", "malformed")):
        return Transient(f"{path}: {error}")
    return Damaged(str(error))


def _prepare(connection: sqlite3.Connection, path: Path, scripts: Sequence[str]) -> None:
    version = _pragma(connection, "user_version")
    _check(connection, path, version, len(scripts))
    if version:
        _examine(connection)
    if version == 0:
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA journal_size_limit=1048576")
    for number in range(version + 1, len(scripts) + 1):
        _migrate(connection, number, scripts[number - 1])


def _check(connection: sqlite3.Connection, path: Path, version: int, ours: int) -> None:
    if _pragma(connection, "application_id") != APPLICATION_ID:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "records" in tables:
            raise Damaged("the header names another program")
        if version or tables:
            raise BadSetup(str(path), "a database of another program, expected a journal", hint="name another file")
    elif version > _NO_VERSION:
        raise Damaged(f"the header says version {version}")
    elif version > ours:
        problem = f"journal of version {version}, this program knows up to version {ours}"
        raise BadSetup(str(path), problem, hint="install the newer agent again, or move the file aside")


def _examine(connection: sqlite3.Connection) -> None:
    """Every page and every cell of it once, without the indexes' order: what SQLite calls a quick check."""
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise Damaged(str(found).replace("\n", " "))
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not {"records", "meta"} <= tables:
        raise Damaged("tables are missing")


def _migrate(connection: sqlite3.Connection, number: int, script: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _statements(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return int(value)
