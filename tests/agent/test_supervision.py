"""Parts that break: each restarts alone, with back-off, and it is told why."""

import asyncio

import pytest

from agent.domain.errors import BadSetup, Transient
from agent.supervision import BackOff, Restarts, Supervisor
from tests.helpers.uplinks import until

FAST = BackOff(first_s=0.01, cap_s=0.05, stable_s=60)


class Told:
    """What was written down; `broken` refuses."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, str, int]] = []
        self.broken = False

    async def __call__(self, part: str, reason: str, count: int) -> None:
        if self.broken:
            raise Transient("no disk")
        self.notes.append((part, reason, count))


async def test_a_part_that_breaks_begins_again_and_the_others_go_on() -> None:
    told, runs, steps = Told(), 0, 0

    async def breaks() -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0)
        raise OSError("port taken")

    async def goes_on() -> None:
        nonlocal steps
        while True:
            steps += 1
            await asyncio.sleep(0.001)

    async with Supervisor(told, back_off=FAST) as supervisor:
        supervisor.start("proxy", breaks)
        supervisor.start("poll", goes_on)
        await until(lambda: runs >= 4)
        assert supervisor.restarts["proxy"].last_reason == "OSError: port taken"
        assert "poll" not in supervisor.restarts
        assert supervisor.running() == {"proxy", "poll"}
    assert steps > 1
    assert [count for _, _, count in told.notes][:3] == [1, 2, 4][: len(told.notes)]
    before = steps
    await asyncio.sleep(0.01)
    assert steps == before, "left, everything is stopped"


async def test_a_note_that_fails_does_not_end_the_part() -> None:
    told, runs = Told(), 0
    told.broken = True

    async def breaks() -> None:
        nonlocal runs
        runs += 1
        raise Transient("away")

    async with Supervisor(told, back_off=FAST) as supervisor:
        supervisor.start("uplink", breaks)
        await until(lambda: runs >= 3)
        assert supervisor.restarts["uplink"] == Restarts(supervisor.restarts["uplink"].count, "away")


async def test_what_only_a_person_can_put_right_ends_the_program() -> None:
    async def refused() -> None:
        raise BadSetup("broker", "refuses the login")

    async with Supervisor(Told(), back_off=FAST) as supervisor:
        supervisor.start("uplink", refused, fatal=(BadSetup,))
        with pytest.raises(BadSetup, match="refuses"):
            await asyncio.wait_for(supervisor.until_failed(), 5)


async def test_a_part_that_returns_is_over_and_may_start_again() -> None:
    runs = 0

    async def once() -> None:
        nonlocal runs
        runs += 1

    async with Supervisor(Told(), back_off=FAST) as supervisor:
        supervisor.start("interval", once)
        await until(lambda: not supervisor.running())
        supervisor.start("interval", once)
        await until(lambda: runs == 2)
        await supervisor.stop(["interval", "never started"])


async def test_a_running_part_cannot_be_started_twice() -> None:
    async with Supervisor(Told()) as supervisor:
        supervisor.start("a", asyncio.Event().wait)  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match="a is running"):
            supervisor.start("a", asyncio.Event().wait)  # type: ignore[arg-type]


async def test_one_that_swallows_its_cancellation_is_asked_again() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while swallowed < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1

    supervisor = Supervisor(Told())
    supervisor.start("stubborn", stubborn)
    await asyncio.sleep(0)
    await asyncio.wait_for(supervisor.stop(["stubborn"]), 5)
    assert swallowed == 2


async def test_after_a_long_time_without_trouble_the_back_off_begins_anew() -> None:
    delays = [BackOff(1, 300, 600).after(failures, 1.0) for failures in (1, 2, 3)]
    assert delays == [0.5, 1.0, 2.0]


async def test_while_everything_is_stopped_nothing_starts() -> None:
    supervisor, late = Supervisor(Told()), 0

    async def goes_on() -> None:
        nonlocal late
        late += 1

    async def starts_others() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            supervisor.start("late", goes_on)

    async with supervisor:
        supervisor.start("steering", starts_others)
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    assert late == 0
    assert supervisor.running() == frozenset()
