"""Commands wait for whoever carries them out, who is not there before the first one."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from agent import on_call
from agent.clock import SystemClock
from agent.domain.commands import CMD, Command, Outcome, decode_reply, encode_command
from agent.domain.errors import BadMessage
from agent.errands import Home
from agent.on_call import OnCall
from agent.steering.command_log import FILE, CommandLog
from agent.steering.orders import Orders, OrdersSettings

DEVICE = "home-1"
ONE = "3f2a9c1e"


class Cellar:
    """As much of a home as an unknown command needs."""

    clock = SystemClock()

    def __init__(self) -> None:
        self.notes: list[str] = []

    async def note(self, event: str, detail: Mapping[str, str | int]) -> None:
        self.notes.append(f"{event} {detail['state']}")


class Wire:
    """A session that keeps what is said."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.said.put_nowait((topic, payload))


def desk(state: Path, cellar: Cellar) -> OnCall:
    return OnCall(cast(Home, cellar), DEVICE, state, cellar.note, lambda: True)


def command() -> bytes:
    now_ms = time.time_ns() // 1_000_000
    return encode_command(Command("update", "anna", now_ms, now_ms + 60_000))


async def served(on_duty: OnCall, cellar: Cellar, wire: Wire) -> tuple[str, bytes]:
    """What is said first, once it is also written down."""
    tasks = [asyncio.create_task(on_duty.run()), asyncio.create_task(on_duty.speak(wire))]
    try:
        async with asyncio.timeout(10):
            said = await wire.said.get()
            while not cellar.notes:
                await asyncio.sleep(0.01)
            return said
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        on_duty.close()


def test_it_says_what_those_say_whom_it_stands_for(tmp_path: Path) -> None:
    orders = Orders(OrdersSettings(DEVICE), CommandLog(tmp_path), SystemClock(), {}, Cellar().note)
    assert desk(tmp_path, Cellar()).topics == orders.topics
    assert (on_call.COMMANDS, on_call.LIST) == (CMD, FILE)


def test_what_is_no_command_calls_nobody(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from agent.on_call import OnCall;"
        "desk = OnCall(None, 'home-1', Path('.'), None, None); desk.close();"
        "print(desk.take('ew/1/home-1/ack', b''), 'agent.steering.orders' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(on_call.__file__).parents[1], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False False\n"


async def test_the_first_command_is_answered(tmp_path: Path) -> None:
    cellar, wire = Cellar(), Wire()
    on_duty = desk(tmp_path, cellar)
    assert on_duty.take(f"ew/1/{DEVICE}/cmd/{ONE}", command())
    topic, reply = await served(on_duty, cellar, wire)
    assert topic == f"ew/1/{DEVICE}/cmd/{ONE}/reply"
    assert decode_reply(reply).state is Outcome.UNSUPPORTED
    assert cellar.notes == ["command unsupported"]


async def test_one_that_comes_later_is_answered_as_well(tmp_path: Path) -> None:
    cellar, wire = Cellar(), Wire()
    on_duty = desk(tmp_path, cellar)
    asyncio.get_running_loop().call_later(0.05, on_duty.take, f"ew/1/{DEVICE}/cmd/{ONE}", command())
    assert (await served(on_duty, cellar, wire))[0].endswith(f"{ONE}/reply")


async def test_what_an_earlier_run_left_is_answered_without_another_command(tmp_path: Path) -> None:
    listed, now_ms = CommandLog(tmp_path), SystemClock().now_ms()
    listed.begin(ONE, Command("restart", "anna", now_ms, now_ms + 60_000), now_ms)
    listed.close()
    cellar = Cellar()
    _, reply = await served(desk(tmp_path, cellar), cellar, Wire())
    assert decode_reply(reply).state is Outcome.INTERRUPTED


def test_a_topic_that_names_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadMessage, match="does not name a command"):
        desk(tmp_path, Cellar()).take(f"ew/1/{DEVICE}/cmd/x", b"")
