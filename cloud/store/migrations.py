"""Numbered migrations: each is applied together with its record, all in one transaction.

A new database gets the tables as `cloud.store.schema` has them; one of an earlier version is led there step by step.
"""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, insert, inspect, select

from agent.domain.errors import BadSetup
from cloud.store.migration_2 import to_version_2
from cloud.store.migration_3 import to_version_3
from cloud.store.migration_4 import to_version_4
from cloud.store.schema import schema_version
from cloud.store.schema_commands import TABLES

# The first entry leads from version 1 to version 2. An entry never changes once it was shipped.
STEPS: Final[tuple[Callable[[Connection], None], ...]] = (to_version_2, to_version_3, to_version_4)


def migrate(
    connection: Connection, where: str, now_ms: int, steps: tuple[Callable[[Connection], None], ...] = STEPS
) -> None:
    """Bring the database to the newest version. Raises `BadSetup` when it is newer, or is something else."""
    newest, present = 1 + len(steps), _present(connection, where)
    if present > newest:
        problem = f"database of version {present}, this program knows up to version {newest}"
        raise BadSetup(where, problem, hint="install the newer aggregator again, or name another database")
    if present == 0:
        TABLES.create_all(connection)
        _record(connection, newest, now_ms)
        return
    for number in range(present + 1, newest + 1):
        steps[number - 2](connection)
        _record(connection, number, now_ms)


def _record(connection: Connection, version: int, now_ms: int) -> None:
    connection.execute(insert(schema_version).values(version=version, applied_ms=now_ms))


def _present(connection: Connection, where: str) -> int:
    tables = inspect(connection).get_table_names()
    if not tables:
        return 0
    if schema_version.name not in tables:
        raise BadSetup(where, "a database of another program, expected a fleet's or an empty one")
    versions = connection.execute(select(schema_version.c.version)).scalars().all()
    return max((int(version) for version in versions), default=0)
