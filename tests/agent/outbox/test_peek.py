from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.domain.errors import BadSetup
from agent.domain.wire import Event
from agent.outbox.peek import peek
from agent.outbox.sqlite import OutboxSettings, SqliteOutbox


async def test_a_journal_is_seen_while_its_agent_has_it_open(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with SqliteOutbox(OutboxSettings(path), SystemClock()) as outbox:
        await outbox.append([(n, Event(n, "start")) for n in range(5)], checkpoint=b"here")
        await outbox.acknowledge((await outbox.position()).epoch, 2)
        seen = peek(path)
        assert (seen.acknowledged, seen.last, seen.backlog, seen.checkpoint) == (2, 5, 3, b"here")
        assert seen.epoch == (await outbox.position()).epoch
        assert seen.size > 0


def test_where_there_is_no_journal_a_person_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match=r"journal\.db: there is no journal yet"):
        peek(tmp_path / "journal.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"not a database, but long enough to be looked at" * 50)
    with pytest.raises(BadSetup, match=r"journal\.db"):
        peek(path)
