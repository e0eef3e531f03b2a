"""The journal's file: budget, errors, one process, versions."""

import asyncio
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.domain.errors import BadInput, BadSetup, Transient
from agent.domain.wire import Event, Unknown
from agent.outbox.schema import migrations, open_journal
from agent.outbox.sqlite import MAX_RECORD_BYTES, OutboxSettings, SqliteOutbox
from tests.helpers.uplinks import START_MS, SetClock, summary

FROZEN = Path(__file__).with_name("journal_v1.db")
SMALL = 200_000


def journal(path: Path, budget: int = 64 * 1024 * 1024) -> SqliteOutbox:
    return SqliteOutbox(OutboxSettings(path, budget), SetClock())


async def chunks(outbox: SqliteOutbox, count: int, size: int = 1000) -> None:
    for n in range(count):
        await outbox.append([(START_MS + n, Unknown("poem", bytes([0xC4, 8]) + os.urandom(size)))])


async def test_acknowledged_records_go_when_the_budget_needs_the_room_and_the_file_stays_small(tmp_path: Path) -> None:
    async with journal(tmp_path / "j.db", SMALL) as outbox:
        for _ in range(20):
            await chunks(outbox, 50)
            here = await outbox.position()
            await outbox.acknowledge(here.epoch, here.last)
        held = await outbox.after(0, limit=10_000)
        assert 1 <= len(held) < 1000
        assert held[-1].seq == 1000
        assert (tmp_path / "j.db").stat().st_size < 2 * SMALL
        assert (await outbox.append([(1, Event(1, "restart"))])) == 1001


async def test_the_newest_record_stays_so_that_numbers_never_come_twice(tmp_path: Path) -> None:
    async with journal(tmp_path / "j.db", 1) as outbox:
        await chunks(outbox, 3)
        await outbox.acknowledge((await outbox.position()).epoch, 3)
        assert [record.seq for record in await outbox.after(0, limit=9)] == [3]
    async with journal(tmp_path / "j.db", 1) as outbox:
        assert await outbox.append([(1, Event(1, "restart"))]) == 4


async def test_what_nobody_acknowledged_is_never_dropped_but_flagged(tmp_path: Path) -> None:
    async with journal(tmp_path / "j.db", SMALL) as outbox:
        await chunks(outbox, 100)
        assert not (await outbox.stats()).over_budget
        await chunks(outbox, 300)
        assert len(await outbox.after(0, limit=1000)) == 400
        stats = await outbox.stats()
        assert stats.over_budget
        assert (stats.records, stats.backlog, stats.oldest_ms) == (400, 400, START_MS)
        assert stats.bytes > SMALL


async def test_an_unfinished_append_leaves_nothing(tmp_path: Path) -> None:
    async with journal(tmp_path / "j.db") as outbox:
        await outbox.append([(1, Event(1, "restart"))], checkpoint=b"one")
        too_large = Unknown("raw", bytes(MAX_RECORD_BYTES + 1))
        with pytest.raises(BadInput, match="raw record of 131073 bytes, at most 131072"):
            await outbox.append([(2, Event(2, "restart")), (3, too_large)], checkpoint=b"two")
        assert (await outbox.position()).last == 1
        assert await outbox.checkpoint() == b"one"


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with journal(path):
        code = (
            "import asyncio, pathlib, sys\n"
            "from agent.outbox.sqlite import OutboxSettings, SqliteOutbox\n"
            "from tests.helpers.uplinks import SetClock\n"
            "asyncio.run(SqliteOutbox(OutboxSettings(pathlib.Path(sys.argv[1])), SetClock()).__aenter__())\n"
        )
        root = Path(__file__).parents[3]
        command = [sys.executable, "-c", code, str(path)]
        done = await asyncio.to_thread(subprocess.run, command, cwd=root, capture_output=True, text=True)
        assert done.returncode != 0
        assert done.stderr.strip().endswith(f"BadSetup: {path}: in use by another process")
    async with journal(path) as again:
        assert (await again.position()).last == 0


async def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE photos (id)")
    other.close()
    with pytest.raises(BadSetup, match="a database of another program"):
        await journal(path).__aenter__()


async def test_a_newer_version_is_refused_with_both_versions(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    open_journal(path, [*migrations(), "CREATE TABLE later (id);"]).close()
    ours = len(migrations())
    with pytest.raises(BadSetup, match=rf"version {ours + 1}, this program knows up to version {ours}"):
        await journal(path).__aenter__()


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match=r"folder .*nowhere does not exist"):
        await journal(tmp_path / "nowhere" / "j.db").__aenter__()


def test_a_failed_migration_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    open_journal(path).close()
    with pytest.raises(Transient, match="syntax error"):
        open_journal(path, [*migrations(), "CREATE TABLE later (id);\nCREATE NONSENSE;"])
    connection = open_journal(path)
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    assert "later" not in names


async def test_a_journal_of_version_1_opens_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    shutil.copy(FROZEN, path)
    async with journal(path) as outbox:
        position = await outbox.position()
        assert (position.epoch.hex(), position.acknowledged, position.last) == ("0123456789abcdef", 2, 3)
        assert await outbox.checkpoint() == b"frozen"
        assert [record.kind for record in await outbox.after(0, limit=9)] == ["summary", "fault", "event"]
        assert await outbox.append([(START_MS, summary(4))]) == 4


@pytest.fixture
def no_room() -> Iterator[None]:
    """No file of this process may grow beyond 300 kB: writes fail as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_is_transient_and_what_was_appended_stays(tmp_path: Path, no_room: None) -> None:
    async with journal(tmp_path / "j.db") as outbox:
        with pytest.raises(Transient, match=r"j\.db: "):
            await chunks(outbox, 600)
        last = (await outbox.position()).last
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
        )
        assert last > 20
        assert len(await outbox.after(0, limit=1000)) == last
        assert await outbox.append([(1, Event(1, "restart"))]) == last + 1


async def test_it_opens_while_the_disk_refuses_and_takes_records_once_it_does_not(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with journal(path) as outbox:
        await outbox.append([(1, Event(1, "start"))], checkpoint=b"kept")
    blocked(path, True)
    async with journal(path) as outbox:
        assert await outbox.checkpoint() == b"kept"
        with pytest.raises(Transient):
            await outbox.append([(2, Event(2, "start"))])
        assert (await outbox.stats()).refused != ""
        assert (await outbox.position()).epoch == b""
        blocked(path, False)
        assert await outbox.append([(2, Event(2, "start"))]) == 2
        assert (await outbox.stats()).refused == ""


def blocked(path: Path, now: bool) -> None:
    """A folder in the place of the write-ahead log: no program can open the journal for writing."""
    log = path.with_name(path.name + "-wal")
    if now:
        log.mkdir()
    else:
        log.rmdir()
