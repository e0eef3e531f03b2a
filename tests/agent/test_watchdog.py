"""The service manager's side is a real datagram socket, as systemd's is."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.watchdog import Deadlines, Notifier, Progress, Work, watch
from tests.helpers.uplinks import until


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        yield manager


def heard(manager: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(manager.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_what_is_said(systemd: socket.socket) -> None:
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": systemd.getsockname()})
    notifier.say(READY=1, STATUS="two\nlines")
    assert heard(systemd) == ["READY=1\nSTATUS=two lines"]


def test_an_abstract_socket() -> None:
    name = f"emberwatt-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        manager.setblocking(False)
        Notifier(f"@{name}").say(STOPPING=1)
        assert heard(manager) == ["STOPPING=1"]


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "x" * 300])
def test_without_a_service_manager_nothing_happens(address: str) -> None:
    Notifier(address).say(READY=1)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({}, None),
    ],
)
def test_whose_watchdog_it_is(environment: dict[str, str], expected: float | None) -> None:
    assert Notifier.from_environment(environment).watchdog_s == expected


async def test_it_is_fed_while_there_is_progress_and_not_because_the_loop_lives(systemd: socket.socket) -> None:
    notifier = Notifier(systemd.getsockname(), watchdog_s=0.06)
    done, stuck = Work(0, 0, False), [""]
    moving = True

    async def progress() -> None:
        nonlocal done
        while True:
            if moving:
                done = Work(done.readings + 1, done.commits + 1, False)
            await asyncio.sleep(0.01)

    def late(reason: str) -> None:
        stuck.append(reason)

    tasks = [
        asyncio.create_task(progress()),
        asyncio.create_task(
            watch(notifier, lambda: done, lambda: Deadlines(1.5, 1.5), lambda: "1 of 1 devices answer", late)
        ),
    ]
    said: list[str] = []

    def fed() -> bool:
        said.extend(heard(systemd))
        return said.count("WATCHDOG=1") > 3

    await until(fed)
    assert "STATUS=1 of 1 devices answer" in said
    assert stuck == [""]
    moving = False
    await until(lambda: len(stuck) > 1)
    heard(systemd)
    await asyncio.sleep(0.2)
    said = heard(systemd)
    assert "WATCHDOG=1" not in said
    assert any("no reading for" in message for message in said)
    assert len(stuck) == 2, "it is told once"
    moving = True
    await until(lambda: "WATCHDOG=1" in heard(systemd))
    assert stuck[-1] == "", "it is over"
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_a_commit_that_hangs_is_seen_and_one_that_is_refused_is_not_stuck() -> None:
    hanging = Progress(0.0, Work(0, 0, False))
    assert hanging.late(10, Work(1, 0, True), Deadlines(60, 2000)) == ""
    assert "under way for 130 s" in hanging.late(140, Work(9, 0, True), Deadlines(60, 2000)).replace("140", "130")
    refused = Progress(0.0, Work(0, 0, False))
    for now in range(10, 5000, 10):
        assert refused.late(now, Work(now, now // 900, False), Deadlines(60, 2000)) == ""


# Quarters of a second, whose sums are exact.
@given(st.lists(st.tuples(st.integers(1, 120).map(lambda quarters: quarters / 4), st.booleans()), max_size=50))
def test_progress_within_its_deadline_is_never_late(steps: list[tuple[float, bool]]) -> None:
    progress, now, readings = Progress(0.0, Work(0, 0, False)), 0.0, 0
    since = 0.0
    for passed, reads in steps:
        now += passed
        readings += reads
        since = 0.0 if reads else since + passed
        late = progress.late(now, Work(readings, readings, False), Deadlines(60, None))
        assert bool(late) == (since > 60)
