"""Waiting for whichever comes first."""

import asyncio
import time

import pytest

from agent.uplink.pause import first_ended, pause, stop_if_cancelled
from tests.helpers.uplinks import RealClock


async def test_an_event_ends_it() -> None:
    event = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, event.set)
    await asyncio.wait_for(pause(event, RealClock(), policy_s=None, real_s=60.0), 5)


async def test_policy_seconds_are_the_clocks_and_real_ones_are_real() -> None:
    began = time.monotonic()
    await pause(asyncio.Event(), RealClock(speed=1000), policy_s=20.0, real_s=60.0)
    await pause(asyncio.Event(), RealClock(), policy_s=60.0, real_s=0.02)
    assert 0.03 < time.monotonic() - began < 5


async def test_the_first_error_is_raised_and_the_others_are_cancelled() -> None:
    ended = []

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("long")

    async def short() -> None:
        await asyncio.sleep(0)
        raise ValueError("short")

    with pytest.raises(ValueError, match="short"):
        await first_ended(long(), short())
    assert ended == ["long"]


async def test_cancelled_from_outside_it_leaves_nothing_running() -> None:
    before = len(asyncio.all_tasks())
    task = asyncio.create_task(pause(asyncio.Event(), RealClock(), policy_s=60.0, real_s=60.0))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(asyncio.all_tasks()) == before


async def test_a_swallowed_cancellation_is_asked_for_again() -> None:
    async def swallows_one() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    await asyncio.wait_for(first_ended(swallows_one(), asyncio.sleep(0)), 5)


async def test_a_task_learns_that_it_was_cancelled() -> None:
    reached = []

    async def swallows_and_checks() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            reached.append("swallowed")
        stop_if_cancelled()
        reached.append("went on")

    task = asyncio.create_task(swallows_and_checks())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert reached == ["swallowed"]
    stop_if_cancelled()
