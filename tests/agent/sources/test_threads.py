"""Work beside the loop."""

import asyncio
import threading

import pytest

from agent.sources.threads import in_thread


async def test_result_and_error_come_out() -> None:
    assert await in_thread(lambda: 6 * 7, "sum") == 42
    with pytest.raises(OSError, match="No such file"):
        await in_thread(lambda: open("/no/such/file"), "file")  # noqa: SIM115, PTH123


async def test_whoever_gives_up_does_not_wait_for_it() -> None:
    release = threading.Event()
    future = in_thread(release.wait, "hung")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(future, 0.05)
    thread = next(thread for thread in threading.enumerate() if thread.name == "hung")
    assert thread.daemon
    release.set()
    thread.join(5)
    await asyncio.sleep(0)


def test_a_loop_that_has_ended_is_no_trouble() -> None:
    release = threading.Event()

    async def begin() -> threading.Thread:
        in_thread(release.wait, "late")
        return next(thread for thread in threading.enumerate() if thread.name == "late")

    thread = asyncio.run(begin())
    release.set()
    thread.join(5)
    assert not thread.is_alive()
