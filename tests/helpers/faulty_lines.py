"""A device of the simulator read by the agent while its line or its values suffer from one of the faults."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from agent.domain.errors import SourceUnavailable
from agent.domain.signals import Quality, Reading, SignalName
from agent.ports import Source
from agent.sources.carriers import Carriers
from agent.sources.profile import Profile
from agent.sources.profile_file import load_profile
from firmware_sim.cellar import Cellar
from firmware_sim.families.truth import Told
from tests.firmware_sim.stand import DAY_MS, move, stand
from tests.firmware_sim.support import MINUTE_MS

TIMEOUT_S = 0.4
# A line of 9600 baud on a busy machine.
SERIAL_TIMEOUT_S = 1.0
# The sums of registers that the agent builds may be a step of each term off.
_STEPS = 2.5


class MinuteClock:
    """The agent's clock: the simulated now."""

    def __init__(self, cellar: Cellar) -> None:
        self._cellar = cellar

    def now_ms(self) -> int:
        return self._cellar.live.now_ms()

    def monotonic_ms(self) -> int:
        return self.now_ms()

    async def sleep(self, seconds: float) -> None:
        move(self._cellar, self.now_ms() + round(seconds * 1000))


@dataclass
class Seen:
    """What came of a row of polls: how many gave every value, and all that was not good or not true."""

    polls: int = 0
    whole: int = 0
    silent: int = 0
    bad: dict[SignalName, set[Quality]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def note(self, reading: Reading, truth: dict[SignalName, Told], expected: frozenset[SignalName]) -> None:
        self.whole += expected <= reading.values.keys()
        for name, quality in reading.bad.items():
            self.bad.setdefault(name, set()).add(quality)
        for name, value in reading.values.items():
            told = truth.get(name)
            if told is not None and abs(value - told.value) > _STEPS * told.step + 1e-6 and value not in told.also:
                self.wrong.append(f"{name} = {value:g}, not {told.value:g}")


class FaultyLine:
    """The device and the agent's source for it."""

    def __init__(self, cellar: Cellar, source: Source) -> None:
        self.cellar = cellar
        self.source = source
        self.expected: frozenset[SignalName] = frozenset()

    async def polls(self, count: int, minutes: float = 1.0) -> Seen:
        """Read so many times, so many simulated minutes apart."""
        seen = Seen()
        for _ in range(count):
            move(self.cellar, self.cellar.live.now_ms() + round(minutes * MINUTE_MS))
            seen.polls += 1
            truth = dict(self.cellar.truth())
            try:
                reading = await self.source.read()
            except SourceUnavailable:
                seen.silent += 1
            else:
                seen.note(reading, truth, self.expected)
        return seen

    async def settle(self) -> None:
        """Polls until all is well; what is read then is what is expected of it."""
        good = 0
        while good < 3:
            move(self.cellar, self.cellar.live.now_ms() + MINUTE_MS)
            # On a busy machine an answer may come too late.
            with suppress(SourceUnavailable):
                self.expected = frozenset((await self.source.read()).values)
                good += 1


def _quick(name: str, variants: Sequence[str]) -> Profile:
    """Without the pauses, which only take time here."""
    profile = load_profile(name, variants)
    limits = msgspec.structs.replace(profile.limits, gap_ms=0, after_connect_ms=0)
    return msgspec.structs.replace(profile, limits=limits)


@asynccontextmanager
async def faulty_line(
    family: str, profile: str, carrier: str = "tcp", *, at_ms: int = DAY_MS, folder: Path | None = None, **more: Any
) -> AsyncIterator[FaultyLine]:
    """Served by the simulator on this carrier, and read."""
    async with stand(family, carrier, at_ms=at_ms, folder=folder, gap_ms="0") as cellar:
        table: dict[str, Any] = {"name": "device", "profile": profile, "unit": cellar.unit_id, "timeout_s": TIMEOUT_S}
        if carrier == "rtu":
            table |= {"carrier": "rtu", "port": str(cellar.by_id), "late_s": 0.5, "timeout_s": SERIAL_TIMEOUT_S}
        else:
            table |= {"carrier": "tcp" if carrier == "tcp" else carrier, "host": "127.0.0.1", "port": cellar.port}
            table |= {"late_s": 0.5} if carrier == "rtu-over-tcp" else {}
        source = Carriers(MinuteClock(cellar), load=_quick).make({**table, **more})
        async with source:
            line = FaultyLine(cellar, source)
            await line.settle()
            try:
                yield line
            finally:
                cellar.clear()
