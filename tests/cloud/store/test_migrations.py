"""Numbered steps, each with its record in one transaction."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from agent.domain.errors import BadSetup, Transient
from cloud.store.database import Database
from cloud.store.migrations import migrate
from tests.helpers.uplinks import SetClock


def second(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE second (id INTEGER)"))


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
                migrate(connection, database.where, 5, (second,))
        assert versions(database) == [1, 2]
        assert "second" in tables(database)
        with (
            database.write() as connection,
            pytest.raises(BadSetup, match="version 2, this program knows up to version 1"),
        ):
            migrate(connection, database.where, 5, ())


def test_a_step_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path / 'fleet.db'}", SetClock()) as database:
        with pytest.raises(Transient) as caught, database.write() as connection:
            migrate(connection, database.where, 5, (second, third_that_fails))
        assert isinstance(caught.value.__cause__, OperationalError)
        assert versions(database) == [1]
        assert not {"second", "third"} & tables(database)
