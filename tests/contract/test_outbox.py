"""What every journal must do, over the one in a file and the one in memory."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent.domain.timeline import Correction, Mark, Move
from agent.domain.wire import Event, Unknown, decode_body
from agent.outbox.sqlite import OutboxSettings, SqliteOutbox
from agent.ports import Outbox
from tests.helpers.outbox import MemoryOutbox
from tests.helpers.uplinks import START_MS, SetClock, summary

Journal = SqliteOutbox | MemoryOutbox
Factory = Callable[[], Journal]


@pytest.fixture(params=["sqlite", "memory"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Factory:
    """Makes the journal; each call after the first is the same journal opened again."""
    memory = MemoryOutbox()
    if request.param == "memory":
        return lambda: memory
    return lambda: SqliteOutbox(OutboxSettings(tmp_path / "journal.db"), SetClock())


async def fill(outbox: Outbox, count: int) -> int:
    return await outbox.append([(START_MS + n, summary(n)) for n in range(count)])


async def test_a_new_journal_is_empty(reopen: Factory) -> None:
    async with reopen() as outbox:
        position = await outbox.position()
        assert (len(position.epoch), position.acknowledged, position.last) == (8, 0, 0)
        assert await outbox.checkpoint() is None
        assert await outbox.after(0, limit=10) == []


async def test_numbers_rise_by_one_and_records_come_back_as_they_were(reopen: Factory) -> None:
    async with reopen() as outbox:
        assert await fill(outbox, 3) == 3
        assert await outbox.append([(7, Unknown("raw", b"\x93\x01\x02\x03"))]) == 4
        records = await outbox.after(1, limit=10)
        assert [(record.seq, record.kind, record.at_ms) for record in records] == [
            (2, "summary", START_MS + 1),
            (3, "summary", START_MS + 2),
            (4, "raw", 7),
        ]
        assert decode_body(records[0].kind, records[0].body) == summary(1)
        assert bytes(records[2].body) == b"\x93\x01\x02\x03"
        assert [record.seq for record in await outbox.after(0, limit=2)] == [1, 2]


async def test_the_checkpoint_is_the_newest_that_was_given(reopen: Factory) -> None:
    async with reopen() as outbox:
        await outbox.append([(1, Event(1, "restart"))], checkpoint=b"one")
        await outbox.append([(2, Event(2, "restart"))])
        assert await outbox.checkpoint() == b"one"
        assert await outbox.append([], checkpoint=b"two") == 2
        assert await outbox.checkpoint() == b"two"


async def test_it_is_the_same_journal_after_reopening(reopen: Factory) -> None:
    async with reopen() as outbox:
        await fill(outbox, 5)
        before = await outbox.position()
        await outbox.acknowledge(before.epoch, 3)
        await outbox.append([], checkpoint=b"state")
    async with reopen() as outbox:
        after = await outbox.position()
        assert (after.epoch, after.acknowledged, after.last) == (before.epoch, 3, 5)
        assert await outbox.checkpoint() == b"state"
        assert await fill(outbox, 1) == 6


async def test_an_acknowledgement_may_go_back(reopen: Factory) -> None:
    async with reopen() as outbox:
        await fill(outbox, 5)
        epoch = (await outbox.position()).epoch
        await outbox.acknowledge(epoch, 5)
        await outbox.acknowledge(epoch, 2)
        assert (await outbox.position()).acknowledged == 2
        assert [record.seq for record in await outbox.after(2, limit=10)] == [3, 4, 5]


async def test_another_epoch_is_ignored(reopen: Factory) -> None:
    async with reopen() as outbox:
        await fill(outbox, 5)
        before = await outbox.position()
        await outbox.acknowledge(b"another!", 5)
        assert await outbox.position() == before


async def test_numbers_it_never_gave_begin_a_new_epoch_with_everything_open(reopen: Factory) -> None:
    async with reopen() as outbox:
        await fill(outbox, 5)
        before = await outbox.position()
        await outbox.acknowledge(before.epoch, 9)
        after = await outbox.position()
        assert after.epoch != before.epoch
        assert (after.acknowledged, after.last) == (0, 5)
        assert len(await outbox.after(0, limit=10)) == 5
    async with reopen() as outbox:
        assert await outbox.position() == after


async def test_what_is_not_acknowledged_is_put_right_and_marked_in_the_same_transaction(reopen: Factory) -> None:
    async with reopen() as outbox:
        boot = getattr(outbox, "boot", b"")
        await outbox.append([(n, Event(n, "restart")) for n in (5, 6, 7)])
        await outbox.acknowledge((await outbox.position()).epoch, 1)
        correction = Correction(boot, Move(START_MS, 0, 6), Mark.CORRECTED, rename=True)
        await outbox.append([(6, Event(6, "later"))], corrections=[correction], checkpoint=b"moved")
        records = await outbox.after(0, limit=10)
        assert [(record.at_ms, record.clock) for record in records] == [(5, 0), (START_MS + 6, 1), (7, 0), (6, 0)]
        assert decode_body("event", records[1].body) == Event(START_MS + 6, "restart")
        assert [record.seq for record in records] == [1, 2, 3, 4]
        assert await outbox.checkpoint() == b"moved"


class JournalMachine(RuleBasedStateMachine):
    """The file against the memory: any sequence of calls and reopenings gives the same answers."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.model = MemoryOutbox()
        self.file = self._open()

    def _open(self) -> SqliteOutbox:
        path = Path(self.folder.name) / "journal.db"
        return self.runner.run(SqliteOutbox(OutboxSettings(path), SetClock()).__aenter__())

    @rule(count=st.integers(0, 4), checkpoint=st.none() | st.binary(max_size=4))
    def append(self, count: int, checkpoint: bytes | None) -> None:
        bodies = [(START_MS + n, summary(n)) for n in range(count)]
        results = [self.runner.run(one.append(bodies, checkpoint=checkpoint)) for one in (self.file, self.model)]
        assert results[0] == results[1]

    @rule(back=st.integers(0, 6), known=st.booleans())
    def acknowledge(self, back: int, known: bool) -> None:
        for one in (self.file, self.model):
            here = self.runner.run(one.position())
            through = max(0, here.last - back)
            self.runner.run(one.acknowledge(here.epoch if known else b"another!", through))

    @rule()
    def reopen(self) -> None:
        self.runner.run(self.file.__aexit__())
        self.file = self._open()

    @invariant()
    def same(self) -> None:
        ours, theirs = (self.runner.run(one.position()) for one in (self.file, self.model))
        assert (ours.acknowledged, ours.last) == (theirs.acknowledged, theirs.last)
        assert self.runner.run(self.file.checkpoint()) == self.runner.run(self.model.checkpoint())
        assert self.runner.run(self.file.after(0, limit=100)) == self.runner.run(self.model.after(0, limit=100))

    def teardown(self) -> None:
        self.runner.run(self.file.__aexit__())
        self.runner.close()
        self.folder.cleanup()


TestJournals = JournalMachine.TestCase
TestJournals.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
