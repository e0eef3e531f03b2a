"""The agent's clock: the system's, or one that runs faster for a simulated home."""

import asyncio
import ctypes
import time
from typing import Final

import msgspec

# adjtimex(2): its answer when the kernel's clock is not disciplined by anybody; the struct has about 200 bytes.
_TIME_ERROR: Final = 5
_TIMEX_BYTES: Final = 512


class SystemClock(msgspec.Struct, frozen=True):
    """Wall and monotonic clock of this device."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """Since the device was switched on, sleep included."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def disciplined(self) -> bool | None:
        """Whether a time server keeps the kernel's clock right; None where the kernel does not say."""
        answer = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        return None if answer < 0 else answer != _TIME_ERROR


class SimulatedClock(msgspec.Struct, frozen=True):
    """Shows `origin_ms` when the wall clock shows `started_ms`, and runs `rate` times as fast."""

    origin_ms: int
    started_ms: int
    rate: float

    def now_ms(self) -> int:
        return self.origin_ms + round((time.time_ns() // 1_000_000 - self.started_ms) * self.rate)

    def monotonic_ms(self) -> int:
        return round(time.monotonic_ns() / 1_000_000 * self.rate)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.rate)
