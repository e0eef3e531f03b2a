"""Small doubles that the tests of journal, uplink, ingest and store share."""

import asyncio
import time
from collections.abc import Callable

from agent.domain import signals as sg
from agent.domain.wire import SignalSummary, Summary

START_MS = 1_750_000_000_000


class RealClock:
    """Wall and monotonic time, `speed` times as fast as life."""

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._began = time.monotonic()

    def now_ms(self) -> int:
        return START_MS + self.monotonic_ms()

    def monotonic_ms(self) -> int:
        return int((time.monotonic() - self._began) * 1000 * self._speed)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)


class SetClock:
    """A clock that stands until it is set."""

    def __init__(self, at_ms: int = START_MS) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic_ms(self) -> int:
        return self.at_ms - START_MS

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.at_ms += round(seconds * 1000)


def summary(number: int, *, window_s: int = 900) -> Summary:
    """The summary of the `number`th window, different for every number."""
    signals = [
        SignalSummary(sg.PV_POWER, 0, 1000 + number % 700, 20, 30, -5, 90),
        SignalSummary(sg.BATTERY_SOC, 1, 500 + number % 300, 3, 4, 1, 90, missing=number % 2),
    ]
    return Summary(START_MS + number * window_s * 1000, window_s, signals)


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Poll until `condition`; an `AssertionError` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        await asyncio.sleep(0.01)
