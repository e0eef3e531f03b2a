"""Opening a database: versions, addresses, errors."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from agent.domain.errors import BadSetup, Transient
from cloud.store.database import Database
from cloud.store.migrations import STEPS
from cloud.store.reader import SqlFleetReader
from tests.helpers.uplinks import SetClock

NEWEST = 1 + len(STEPS)
FROZEN = Path(__file__).with_name("fleet_v1.db")


def database(file: Path) -> Database:
    return Database(f"sqlite:///{file}", SetClock())


def execute(file: Path, statement: str) -> None:
    connection = sqlite3.connect(file)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_new_database_is_made_and_is_durable(tmp_path: Path) -> None:
    with database(tmp_path / "fleet.db") as opened, opened.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("SELECT version FROM schema_version")).scalars().all() == [NEWEST]


def test_a_newer_database_is_refused_by_name_and_version(tmp_path: Path) -> None:
    file = tmp_path / "fleet.db"
    with database(file):
        pass
    execute(file, f"INSERT INTO schema_version VALUES ({NEWEST + 5}, 0)")
    with pytest.raises(
        BadSetup, match=rf"fleet\.db: database of version {NEWEST + 5}, this program knows up to version {NEWEST}"
    ):
        database(file).__enter__()


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "photos.db"
    execute(file, "CREATE TABLE photos (id)")
    with pytest.raises(BadSetup, match=r"photos\.db: a database of another program"):
        database(file).__enter__()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "fleet.db"
    file.write_bytes(b"not a database at all, " * 100)
    with pytest.raises(BadSetup, match=r"fleet\.db: not a usable database"):
        database(file).__enter__()


@pytest.mark.parametrize("url", ["", "nonsense", "oracle9://x", "sqlite://", "sqlite:////nowhere/at/all/fleet.db"])
def test_an_address_that_cannot_be_used_is_a_setup_error(url: str) -> None:
    with pytest.raises(BadSetup):
        Database(url, SetClock()).__enter__()


def test_a_database_of_another_kind_says_which_there_are_and_hides_the_password() -> None:
    with pytest.raises(BadSetup, match="expected an SQLite file or a PostgreSQL server") as refused:
        Database("mysql://fleet:secret@db/fleet", SetClock()).__enter__()
    assert "mysql://fleet:***@db/fleet" in str(refused.value)
    assert "postgresql+psycopg://" in refused.value.hint


def test_while_another_program_writes_one_waits_and_then_it_is_transient(database_url: str) -> None:
    with (
        Database(database_url, SetClock()) as other,
        Database(database_url, SetClock(), busy_s=0.05) as opened,
        other.write() as connection,
    ):
        connection.execute(text("INSERT INTO schema_version VALUES (99, 0)"))
        with pytest.raises(Transient, match="lock"), opened.write():
            pass
        with opened.read() as reading:
            assert reading.execute(text("SELECT count(*) FROM schema_version")).scalar() == 1


def test_a_reader_sees_one_instant(database_url: str) -> None:
    count = text("SELECT count(*) FROM schema_version")
    with Database(database_url, SetClock()) as opened, opened.read() as reading:
        assert reading.execute(count).scalar() == 1
        with opened.write() as connection:
            connection.execute(text("INSERT INTO schema_version VALUES (99, 0)"))
        assert reading.execute(count).scalar() == 1
        with opened.read() as later:
            assert later.execute(count).scalar() == 2


def test_a_failed_write_leaves_nothing(database_url: str) -> None:
    with Database(database_url, SetClock()) as opened:
        with pytest.raises(IntegrityError), opened.write() as connection:
            connection.execute(text("INSERT INTO schema_version VALUES (99, 0), (99, 0)"))
        with opened.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM schema_version")).scalar() == 1


def test_a_database_of_version_1_opens(tmp_path: Path) -> None:
    file = tmp_path / "fleet.db"
    shutil.copy(FROZEN, file)
    with database(file) as opened:
        reader = SqlFleetReader(opened, SetClock())
        assert [site.device for site in reader.sites()] == ["site-01"]
        assert len(reader.signals("site-01")) == 2
