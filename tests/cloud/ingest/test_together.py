"""Several things at once, ended for certain."""

import asyncio

import pytest

from cloud.ingest.together import first_ended, stop_if_cancelled


async def test_the_first_error_is_raised_and_a_swallowed_cancellation_is_asked_for_again() -> None:
    ended = []

    async def swallows_one() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("first")
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("second")

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("short")

    with pytest.raises(ValueError, match="short"):
        await asyncio.wait_for(first_ended(swallows_one(), fails()), 5)
    assert ended == ["first", "second"]


async def test_nothing_happens_without_a_cancellation() -> None:
    stop_if_cancelled()
