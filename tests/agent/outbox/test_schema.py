"""The statements of a migration file."""

import sqlite3
from pathlib import Path

import pytest

from agent.domain.errors import Transient
from agent.outbox.schema import APPLICATION_ID, Damaged, explain, migrations, open_journal


def test_the_journal_is_durable_and_can_shrink(tmp_path: Path) -> None:
    connection = open_journal(tmp_path / "j.db")
    try:
        found = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "auto_vacuum", "application_id", "user_version")
        }
    finally:
        connection.close()
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "auto_vacuum": 2,
        "application_id": APPLICATION_ID,
        "user_version": len(migrations()),
    }


@pytest.mark.parametrize(
    ("error", "kind"), [(sqlite3.OperationalError("full"), Transient), (sqlite3.DatabaseError("malformed"), Damaged)]
)
def test_errors_are_sorted_by_what_to_do(error: sqlite3.Error, kind: type[Exception]) -> None:
    assert type(explain(Path("j.db"), error)) is kind
