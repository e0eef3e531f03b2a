"""From version 1: what was there stays, and what is new works."""

import shutil
from pathlib import Path

from cloud.ports import Regrouping
from cloud.store.database import Database
from cloud.store.incidents import SqlIncidents
from cloud.store.jobs import SqlRuns
from cloud.store.reader import SqlFleetReader
from tests.helpers.book import an_incident
from tests.helpers.uplinks import SetClock


def test_a_frozen_database_of_version_1_gets_incidents_and_runs(tmp_path: Path) -> None:
    file = tmp_path / "fleet.db"
    shutil.copy(Path(__file__).with_name("fleet_v1.db"), file)
    for _ in range(2):
        with Database(f"sqlite:///{file}", SetClock()) as database:
            assert [site.device for site in SqlFleetReader(database, SetClock()).sites()] == ["site-01"]
            SqlIncidents(database).regroup(Regrouping([an_incident()], {}, [], [], []))
            assert len(SqlIncidents(database).incidents()) == 1
            SqlRuns(database).begin_run("mtbf", "manual", "anna", 1, 5)
    with Database(f"sqlite:///{file}", SetClock()) as database:
        assert [run.id for run in SqlRuns(database).runs()] == [2, 1]


def test_a_frozen_database_of_version_2_opens(tmp_path: Path) -> None:
    file = tmp_path / "fleet.db"
    shutil.copy(Path(__file__).with_name("fleet_v2.db"), file)
    with Database(f"sqlite:///{file}", SetClock()) as database:
        book = SqlIncidents(database)
        (one,) = book.incidents()
        assert (one.state, one.owner, one.codes) == ("dismissed", "ben", ["no_heat"])
        assert [entry.what for entry in book.incident_history(one.id)] == ["opened", "state"]
        assert [lesson.reason for lesson in book.lessons(0)] == ["empty house"]
        assert len(book.incident_sites(one.id)) == len(book.equipment_spans()) == 1
        assert [run.state for run in SqlRuns(database).runs()] == ["failed", "done"]
