"""Waiting for whichever comes first."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from agent.ports import Clock


async def pause(event: asyncio.Event, clock: Clock, *, policy_s: float | None, real_s: float | None) -> None:
    """Until `event` is set, `policy_s` seconds of `clock` or `real_s` real seconds have passed; None is for ever."""
    waits: list[Coroutine[Any, Any, object]] = [event.wait()]
    if policy_s is not None:
        waits.append(clock.sleep(policy_s))
    if real_s is not None:
        waits.append(asyncio.sleep(real_s))
    await first_ended(*waits)


async def first_ended(*work: Coroutine[Any, Any, object]) -> None:
    """Run all at once until the first ends; the others are cancelled, its error is raised."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
