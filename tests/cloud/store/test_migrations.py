"""Numbered steps, each with its record in one transaction."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from agent.domain.errors import BadSetup, Transient
from cloud.store.database import Database
from cloud.store.migrations import STEPS, migrate
from tests.helpers.uplinks import SetClock

NEWEST = 1 + len(STEPS)


def further(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE further (id INTEGER)"))


def third_that_fails(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE third (id INTEGER)"))
    connection.execute(text("CREATE NONSENSE"))


def versions(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.execute(text("SELECT version FROM schema_version ORDER BY version")).scalars())


def tables(database: Database) -> set[str]:
    with database.read() as connection:
        return set(connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars())


def test_a_step_is_taken_once_and_recorded(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path / 'fleet.db'}", SetClock()) as database:
        for _ in range(2):
            with database.write() as connection:
                migrate(connection, database.where, 5, (*STEPS, further))
        assert versions(database) == [NEWEST, NEWEST + 1]
        assert "further" in tables(database)
        with (
            database.write() as connection,
            pytest.raises(BadSetup, match=f"version {NEWEST + 1}, this program knows up to version {NEWEST}"),
        ):
            migrate(connection, database.where, 5, STEPS)


def test_a_step_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path / 'fleet.db'}", SetClock()) as database:
        with pytest.raises(Transient) as caught, database.write() as connection:
            migrate(connection, database.where, 5, (*STEPS, further, third_that_fails))
        assert isinstance(caught.value.__cause__, OperationalError)
        assert versions(database) == [NEWEST]
        assert not {"further", "third"} & tables(database)


def columns(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Each table's columns and keys, and the indexes, as the database has them."""
    with database.read() as connection:
        found = {
            name: [tuple(row)[1:] for row in connection.execute(text(f"PRAGMA table_info({name})"))]
            for name in sorted(tables(database))
        }
        indexes = text("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1")
        return found | {"indexes": [tuple(row) for row in connection.execute(indexes)]}


def test_a_database_of_version_1_becomes_what_a_new_one_is(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("fleet_v1.db"), tmp_path / "old.db")
    with (
        Database(f"sqlite:///{tmp_path / 'old.db'}", SetClock()) as old,
        Database(f"sqlite:///{tmp_path / 'new.db'}", SetClock()) as new,
    ):
        assert versions(old) == list(range(1, NEWEST + 1))
        assert columns(old) == columns(new)
