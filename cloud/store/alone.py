"""One aggregator per database: two would throw each other off the broker and run every job twice."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, func, select

from agent.domain.errors import BadSetup

_ONE_AGGREGATOR: Final = 0x656D626573  # any number that no other program of the same database takes


@contextmanager
def alone(engine: Engine, where: str) -> Iterator[None]:
    """Nobody else has it meanwhile. Kernel or server let go when the process is killed. Raises `BadSetup`."""
    with _server(engine, where) if engine.dialect.name == "postgresql" else _file(Path(str(engine.url.database))):
        yield


@contextmanager
def _file(database: Path) -> Iterator[None]:
    """A lock of its own file, since the database may be replaced by a copy."""
    path = database.resolve().with_name(database.resolve().name + ".lock")
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise BadSetup(str(path), f"cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _taken(str(database)) from error
        yield
    finally:
        os.close(handle)


@contextmanager
def _server(engine: Engine, where: str) -> Iterator[None]:
    """The server's lock is that of a connection."""
    with engine.connect() as connection:
        try:
            with connection.begin():
                if not connection.execute(select(func.pg_try_advisory_lock(_ONE_AGGREGATOR))).scalar():
                    raise _taken(where)
            yield
        finally:
            connection.invalidate()


def _taken(where: str) -> BadSetup:
    hint = "stop the other emberwatt-cloud serve, or give this one a database of its own"
    return BadSetup(where, "another aggregator is at work on this database", hint=hint)
