"""The courier over the real store: what is sent when, and again when."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.domain.commands import Outcome, Reply, decode_command
from agent.domain.wire import Status, encode_status
from cloud.commands.courier import Courier, CourierSettings
from cloud.commands.desk import Desk
from cloud.ports import Arrival
from cloud.store.commands import SqlCommands
from cloud.store.database import Database
from cloud.store.writer import SqlFleetWriter
from tests.helpers.uplinks import START_MS, SetClock, until

DEVICE = "home-1"


class Round:
    """A courier, its book, and what it sent; `connection` is the broker's."""

    def __init__(self, database: Database, clock: SetClock) -> None:
        self.clock = clock
        self.writer = SqlFleetWriter(database)
        self.book = SqlCommands(database)
        self.sent: list[tuple[str, str]] = []
        self.connection: int | None = 1
        self.courier = Courier(self.book, clock, self.send, lambda: self.connection, CourierSettings(60.0))
        self.desk = Desk(self.book, clock, self.courier.wake)
        self.status("online")

    def send(self, device: str, leaf: str, payload: bytes, *, retain: bool = False) -> None:
        assert not retain
        self.sent.append((leaf.removeprefix("cmd/"), decode_command(payload).name))

    def status(self, state: str) -> None:
        status = encode_status(Status(state, self.clock.at_ms))
        self.writer.statuses([Arrival(DEVICE, status, self.clock.at_ms)])

    def look(self, later_s: float = 0) -> int:
        """How many were sent."""
        self.clock.at_ms += round(later_s * 1000)
        before = len(self.sent)
        self.courier.look()
        return len(self.sent) - before


@pytest.fixture
def rounds(tmp_path: Path) -> Iterator[Round]:
    clock = SetClock()
    with Database(f"sqlite:///{tmp_path / 'fleet.db'}", clock) as database:
        yield Round(database, clock)


def test_it_is_sent_once_and_again_while_no_reply_comes(rounds: Round) -> None:
    row = rounds.desk.order(DEVICE, "identify", {}, "anna")
    assert rounds.look() == 1
    assert rounds.sent == [(row.id, "identify")]
    assert [rounds.look(10) for _ in range(8)] == [0, 0, 0, 0, 0, 1, 0, 0]
    rounds.book.replied(DEVICE, row.id, Reply(Outcome.DONE, START_MS), START_MS)
    assert rounds.look(86_000) == 0


def test_it_waits_for_a_device_that_is_away_and_goes_when_it_comes(rounds: Round) -> None:
    rounds.status("offline")
    rounds.desk.order(DEVICE, "identify", {}, "anna")
    assert rounds.look(600) == 0
    rounds.status("online")
    assert rounds.look() == 1
    rounds.clock.at_ms += 1000
    rounds.status("online")
    assert rounds.look() == 1, "it came again: what was sent over the earlier connection may be lost"
    assert rounds.look() == 0


def test_it_is_sent_again_over_a_new_connection_to_the_broker(rounds: Round) -> None:
    rounds.desk.order(DEVICE, "identify", {}, "anna")
    assert rounds.look() == 1
    rounds.connection = None
    assert rounds.look(5) == 0
    rounds.connection = 2
    assert [rounds.look(1), rounds.look(1)] == [1, 0]


def test_what_is_over_is_ended_even_while_the_broker_is_away(rounds: Round) -> None:
    row = rounds.desk.order(DEVICE, "identify", {}, "anna", 5)
    rounds.connection = None
    rounds.look(6)
    ended = rounds.book.command(row.id)
    assert ended is not None
    assert (ended.state, ended.sends) == ("expired", 0)


async def test_a_new_order_does_not_wait_for_the_next_look(rounds: Round) -> None:
    task = asyncio.create_task(rounds.courier.run())
    await asyncio.sleep(0.05)
    await asyncio.to_thread(rounds.desk.order, DEVICE, "identify", {}, "anna", 60)
    await until(lambda: len(rounds.sent) == 1, 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
