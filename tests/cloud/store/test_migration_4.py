"""From version 3: what was there stays, and what is new works."""

import shutil
from pathlib import Path

from agent.domain.wire import Status, encode_status
from cloud.ports import Arrival, CommandRow
from cloud.store.commands import SqlCommands
from cloud.store.database import Database
from cloud.store.identity import SqlIdentities
from cloud.store.writer import SqlFleetWriter
from tests.helpers.uplinks import SetClock


def opened(tmp_path: Path, name: str) -> Database:
    shutil.copy(Path(__file__).with_name(name), tmp_path / "fleet.db")
    return Database(f"sqlite:///{tmp_path / 'fleet.db'}", SetClock())


def test_a_frozen_database_of_version_3_gets_commands(tmp_path: Path) -> None:
    with opened(tmp_path, "fleet_v3.db") as database:
        assert SqlIdentities(database).is_revoked("c3")
        book = SqlCommands(database)
        assert book.commands() == book.open() == []
        SqlFleetWriter(database).statuses([Arrival("site-01", encode_status(Status("online", 7)), 8)])
        row = CommandRow("feedbeef01", "site-01", "logs", {}, "anna", "queued", 1, 9, 0, None, None, None, "", {})
        book.add(row)
        assert book.commands("site-01") == [row]


def test_a_frozen_database_of_version_4_opens(tmp_path: Path) -> None:
    with opened(tmp_path, "fleet_v4.db") as database:
        book = SqlCommands(database)
        assert [(row.id, row.state, row.who) for row in book.commands()] == [
            ("feedbeef02", "queued", "ben"),
            ("feedbeef01", "done", "anna"),
        ]
        done = book.command("feedbeef01")
        assert done is not None
        assert (done.args, done.result, done.sends) == ({"lines": 5}, {"log": ["a"]}, 1)
