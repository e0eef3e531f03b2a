"""From version 2: what was there stays, and what is new works."""

import shutil
from pathlib import Path

from cloud.ports import CertificateRow, ClaimRow
from cloud.store.database import Database
from cloud.store.identity import SqlIdentities
from cloud.store.incidents import SqlIncidents
from tests.helpers.uplinks import SetClock


def opened(tmp_path: Path, name: str) -> Database:
    shutil.copy(Path(__file__).with_name(name), tmp_path / "fleet.db")
    return Database(f"sqlite:///{tmp_path / 'fleet.db'}", SetClock())


def test_a_frozen_database_of_version_2_gets_identities(tmp_path: Path) -> None:
    with opened(tmp_path, "fleet_v2.db") as database:
        assert len(SqlIncidents(database).incidents()) == 1
        book = SqlIdentities(database)
        assert book.certificates() == book.invitations() == book.revoked() == []
        book.invite(ClaimRow("t", "site-01", "anna", 1, 100))
        book.redeem("t", CertificateRow("a", "site-01", "k", "PEM", "claim", 10, 1000), 20)
        assert [row.device for row in book.revoke("site-01", "", 30)] == ["site-01"]


def test_a_frozen_database_of_version_3_opens(tmp_path: Path) -> None:
    with opened(tmp_path, "fleet_v3.db") as database:
        book = SqlIdentities(database)
        assert [(row.serial, row.replaced_ms) for row in book.certificates("site-01")] == [("b2", None), ("a1", 30)]
        assert book.is_revoked("c3")
        assert book.shut_out() == ["site-02"]
        assert [row.device for row in book.invitations()] == ["", "site-01", "site-02"]
        assert len(SqlIncidents(database).incidents()) == 1
