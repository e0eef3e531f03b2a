"""Commands: at most once over kills, refused after expiry, always answered."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.domain.commands import (
    Command,
    CommandName,
    Outcome,
    Reply,
    command_topic,
    decode_reply,
    encode_command,
    parse_reply_topic,
)
from agent.domain.errors import BadInput, BadMessage, Transient, UplinkUnavailable
from agent.ports import Message
from agent.steering.command_log import FILE, CommandLog
from agent.steering.orders import Done, Orders, OrdersSettings
from tests.helpers.uplinks import START_MS, RealClock, until

DEVICE = "home-1"
ONE = "command-0001"


class Wire:
    """A broker session that keeps what is published, while it is `whole`."""

    def __init__(self) -> None:
        self.whole = True
        self.said: list[tuple[str, Reply]] = []

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        if not self.whole:
            raise UplinkUnavailable("gone")
        device, identifier = parse_reply_topic(topic)
        assert device == DEVICE
        self.said.append((identifier, decode_reply(payload)))

    async def subscribe(self, *topics: str) -> None: ...

    async def messages(self) -> AsyncIterator[Message]:
        raise NotImplementedError
        yield

    def states(self) -> list[tuple[str, Outcome]]:
        return [(identifier, reply.state) for identifier, reply in self.said]


class Home:
    """Orders over a log in `folder`; `ran` counts what was carried out."""

    def __init__(self, folder: Path, *, knows_time: bool = True, limit_s: float = 5.0) -> None:
        self.ran: list[Mapping[str, Any]] = []
        self.audit: list[Mapping[str, str | int]] = []
        self.hang = asyncio.Event()
        self.restarted = asyncio.Event()
        self.knows_time = knows_time
        self.journal_gone = False
        self.log = CommandLog(folder)
        self.wire = Wire()
        work = {
            CommandName.IDENTIFY: self.identify,
            CommandName.READ_NOW: self.read,
            CommandName.LOGS: self.logs,
            CommandName.INTERVAL: self.interval,
            CommandName.RESTART: self.restart,
        }
        settings = OrdersSettings(DEVICE, limit_s=limit_s, clock_s=0.3, farewell_s=0.3)
        self.orders = Orders(settings, self.log, RealClock(), work, self.note, lambda: self.knows_time)

    async def note(self, event: str, detail: Mapping[str, str | int]) -> None:
        assert event == "command"
        if self.journal_gone:
            await asyncio.Event().wait()
        self.audit.append(detail)

    async def identify(self, args: Mapping[str, Any]) -> Done:
        self.ran.append(args)
        return Done({"agent": "1"})

    async def read(self, args: Mapping[str, Any]) -> Done:
        raise Transient("the device is away")

    async def logs(self, args: Mapping[str, Any]) -> Done:
        self.ran.append(args)
        await self.hang.wait()
        return Done()

    async def interval(self, args: Mapping[str, Any]) -> Done:
        raise BadInput("not now")

    async def restart(self, args: Mapping[str, Any]) -> Done:
        return Done({}, self.restarted.set)

    def send(self, name: str, identifier: str = ONE, *, for_s: int = 60, args: dict[str, Any] | None = None) -> None:
        command = Command(name, "anna", START_MS - 5, START_MS + for_s * 1000, args or {})
        assert self.orders.take(command_topic(DEVICE, identifier), encode_command(command))


@asynccontextmanager
async def at_home(folder: Path, **kwargs: Any) -> AsyncIterator[Home]:
    home = Home(folder, **kwargs)
    tasks = [asyncio.create_task(home.orders.run()), asyncio.create_task(home.orders.speak(home.wire))]
    try:
        yield home
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        home.log.close()


async def test_it_runs_once_and_every_copy_gets_the_same_reply(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        for copies in range(1, 4):
            home.send("identify")
            await until(lambda expected=copies: len(home.wire.said) == expected)
        assert home.ran == [{}]
    async with at_home(tmp_path) as home:
        home.send("identify")
        await until(lambda: bool(home.wire.said))
        assert (home.ran, home.wire.said[0][1].result) == ([], {"agent": "1"})


async def test_who_asked_and_what_came_of_it_is_written_down(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        home.send("identify")
        await until(lambda: bool(home.audit))
        assert home.audit == [{"id": ONE, "name": "identify", "by": "anna", "state": "done"}]


@pytest.mark.parametrize(
    ("name", "args", "state", "says"),
    [
        ("read-now", {}, Outcome.FAILED, "the device is away"),
        ("interval", {"interval_s": 5}, Outcome.REFUSED, "not now"),
        ("interval", {"interval_s": -5}, Outcome.REFUSED, "1 to 3600"),
        ("update", {}, Outcome.UNSUPPORTED, "not supported"),
        ("explode", {}, Outcome.REFUSED, "expected one of read-now"),
    ],
)
async def test_it_always_ends_in_a_reply(
    tmp_path: Path, name: str, args: dict[str, Any], state: Outcome, says: str
) -> None:
    async with at_home(tmp_path) as home:
        home.send(name, args=args)
        await until(lambda: bool(home.wire.said))
        ((_, reply),) = home.wire.said
        assert reply.state is state
        assert says in reply.reason


async def test_one_that_was_running_at_a_kill_says_so_and_does_not_run_again(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        home.send("logs")
        await until(lambda: bool(home.ran))
    async with at_home(tmp_path) as home:
        home.send("logs")
        await until(lambda: bool(home.wire.said))
        assert home.wire.states()[0] == (ONE, Outcome.INTERRUPTED)
        assert home.ran == []
        await until(lambda: bool(home.audit))
        (row,) = home.audit
        assert (row["id"], row["name"], row["by"], row["state"]) == (ONE, "logs", "anna", "interrupted")
    async with at_home(tmp_path) as home:
        home.send("identify", "command-0002")
        await until(lambda: len(home.wire.said) == 1)
        assert [row["id"] for row in home.audit] == ["command-0002"], "what was written down is not written again"


async def test_an_end_that_did_not_get_into_the_journal_is_written_down_later(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        home.journal_gone = True
        home.send("identify")
        await until(lambda: home.wire.states() == [(ONE, Outcome.DONE)])
    async with at_home(tmp_path) as home:
        await until(lambda: [row["state"] for row in home.audit] == ["done"])


async def test_one_that_takes_too_long(tmp_path: Path) -> None:
    async with at_home(tmp_path, limit_s=0.1) as home:
        home.send("logs")
        await until(lambda: home.wire.states() == [(ONE, Outcome.FAILED)])


@pytest.mark.parametrize(("for_s", "state"), [(-1, Outcome.EXPIRED), (400 * 86_400, Outcome.REFUSED)])
async def test_what_is_over_or_has_no_end(tmp_path: Path, for_s: int, state: Outcome) -> None:
    async with at_home(tmp_path) as home:
        home.send("identify", for_s=for_s)
        await until(lambda: home.wire.states() == [(ONE, state)])
        assert home.ran == []


async def test_a_device_that_does_not_know_the_time_waits_and_then_refuses(tmp_path: Path) -> None:
    async with at_home(tmp_path, knows_time=False) as home:
        home.send("identify")
        await until(lambda: home.wire.states() == [(ONE, Outcome.REFUSED)])
        assert "what time it is" in home.wire.said[0][1].reason
        home.knows_time = True
        home.send("identify", "command-0002")
        await until(lambda: ("command-0002", Outcome.DONE) in home.wire.states())


async def test_a_reply_waits_for_a_connection(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.wire.whole = False
    worker = asyncio.create_task(home.orders.run())
    home.send("identify")
    await until(lambda: bool(home.audit))
    with pytest.raises(UplinkUnavailable):
        await home.orders.speak(home.wire)
    home.wire.whole = True
    speaker = asyncio.create_task(home.orders.speak(home.wire))
    await until(lambda: home.wire.states() == [(ONE, Outcome.DONE)])
    for task in (worker, speaker):
        task.cancel()
    await asyncio.gather(worker, speaker, return_exceptions=True)
    home.log.close()


async def test_a_restart_begins_after_its_reply(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        home.send("restart")
        async with asyncio.timeout(5):
            await home.restarted.wait()
        assert home.wire.states() == [(ONE, Outcome.DONE)]


def gone(folder: Path) -> bool:
    """Take it away, with whatever is being written in it."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


async def test_a_disk_that_refuses_is_said_and_nothing_runs(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    async with at_home(folder) as home:
        await until(lambda: (folder / FILE).exists())
        home.log.close()
        await until(lambda: gone(folder))
        home.send("identify")
        await until(lambda: home.wire.states() == [(ONE, Outcome.REFUSED)])
        assert home.ran == []
        folder.mkdir()
        home.send("identify")
        await until(lambda: (ONE, Outcome.DONE) in home.wire.states())


async def test_a_lost_list_of_commands_makes_older_ones_uncertain(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        home.send("identify")
        await until(lambda: bool(home.wire.said))
    (tmp_path / FILE).write_bytes(b"no database at all" * 300)
    async with at_home(tmp_path) as home:
        home.send("identify")
        await until(lambda: home.wire.states() == [(ONE, Outcome.INTERRUPTED)])
        assert home.ran == []
        assert (tmp_path / f"{FILE}.damaged").exists()


async def test_other_topics_are_left_alone_and_odd_ones_refused(tmp_path: Path) -> None:
    orders = Home(tmp_path).orders
    assert not orders.take("ew/1/home-1/ack", b"{}")
    with pytest.raises(BadMessage):
        orders.take("ew/1/home-1/cmd/UPPER", b"{}")


async def test_rubbish_is_refused(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        home.orders.take(command_topic(DEVICE, ONE), b"\xff\x00{")
        await until(lambda: home.wire.states() == [(ONE, Outcome.REFUSED)])
