"""The aggregator's clock: the system's, or one that runs faster for a simulated fleet."""

import time
from dataclasses import dataclass

from cloud.config import Loaded
from cloud.ports import Clock


@dataclass(frozen=True, slots=True)
class SystemClock:
    """Wall clock of this machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class SimulatedClock:
    """Shows `origin_ms` when the wall clock shows `started_ms`, and runs `rate` times as fast."""

    origin_ms: int
    started_ms: int
    rate: float

    def now_ms(self) -> int:
        return self.origin_ms + round((time.time_ns() // 1_000_000 - self.started_ms) * self.rate)


def make_clock(loaded: Loaded) -> Clock:
    """The clock that the aggregator's file asks for."""
    table = loaded.settings.clock
    return SystemClock() if table is None else SimulatedClock(table.origin_ms, table.started_ms, table.rate)
