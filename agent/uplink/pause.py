"""Waiting for whichever comes first, and being cancelled for certain.

`asyncio.wait_for` of Python 3.11, which the MQTT client uses, swallows a cancellation that comes in the same turn as
the result (https://github.com/python/cpython/issues/86296): what was cancelled is asked again here until it has ended.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from agent.ports import Clock

_ASK_AGAIN_S: Final = 0.25
# Bytes a second that a line must carry at least: a message gets that much longer to be handed over.
SLOWEST_LINE: Final = 1024


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
    for task in tasks:
        task.add_done_callback(_heard)
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _end(tasks)
    for task in done:
        task.result()


def stop_if_cancelled() -> None:
    """Raise the cancellation of this task that a library swallowed."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _end(tasks: Sequence[asyncio.Task[object]]) -> None:
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_ASK_AGAIN_S)


def _heard(task: asyncio.Task[object]) -> None:
    """Only the error of the first to end is raised; one that comes while the others are stopped is no news."""
    if not task.cancelled():
        task.exception()
