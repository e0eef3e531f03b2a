"""A device whose clock is wrong: in the end every sample stands where it belongs, and says that it was put right.

A signal of these homes is the true minute since the start, so that a window itself tells when its samples were taken.
"""

import asyncio
import random
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.diagnosis.settings import settings_from
from agent.domain.faults import FaultCode
from agent.domain.signals import LOAD_POWER, PV_POWER, Quality, Reading
from agent.outbox.sqlite import OutboxSettings, SqliteOutbox
from agent.pipeline import Pipeline
from agent.timekeeping import Timekeeper
from agent.uplink.broker import BrokerSettings, MqttBroker
from agent.uplink.drain import Uplink, UplinkSettings
from bench.soak.case import Context, Outcome, require
from bench.soak.stack import Stack, needs_mosquitto

START_MS: Final = 1_750_032_000_000
_MINUTE_MS: Final = 60_000
_HOURS: Final = 6
_TOLERANCE_MS: Final = 1_000
_SILENT: Final = range(90, 150)  # minutes in which the device does not answer: a fault that begins and ends
_DRAIN_S: Final = 60.0


class WrongClock:
    """True time goes on with `sleep`; the wall clock shows it plus `error_ms`, the monotonic one time since boot."""

    def __init__(self, error_ms: int) -> None:
        self.true_ms = START_MS
        self.error_ms = error_ms

    def now_ms(self) -> int:
        return self.true_ms + self.error_ms

    def monotonic_ms(self) -> int:
        return self.true_ms - START_MS

    async def sleep(self, seconds: float) -> None:
        self.true_ms += round(seconds * 1000)
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class _Home:
    """Its clock is wrong by `error_ms` for six hours, then it is set."""

    name: str
    error_ms: int


@dataclass(frozen=True, slots=True)
class _Found:
    """What the aggregator has: rows of `summaries`, and begin and end of each fault, when the clock was told wrong."""

    windows: list[tuple[int, int, float, float, int, int]]
    faults: list[tuple[int, int | None]]
    clock_faults: list[int]


def run(context: Context) -> Outcome:
    """Homes that begin in 1970, and homes whose clock is an hour ahead; beside one whose clock is right."""
    needs_mosquitto()
    each = 2 if context.short else 20
    chance = random.Random(context.seed)
    homes = [_Home("right", 0)]
    homes += [_Home(f"unset-{number}", chance.randrange(90_000) - START_MS) for number in range(each)]
    homes += [_Home(f"ahead-{number}", 3_600_000) for number in range(each)]
    with Stack(context.folder / "clock").running() as stack:
        for home in homes:
            asyncio.run(_live(home, context.folder / f"{home.name}.db", stack.broker.port))
        found = {home.name: _look(stack.folder / "fleet.db", home.name) for home in homes}
    worst = [_check(home, found[home.name], found["right"]) for home in homes[1:]]
    samples = sum(n for each_found in found.values() for *_, n, _ in each_found.windows)
    happened = (
        f"all {samples:,} samples there, each within {max(error for error, _ in worst) / 1000:.1f} s of the truth, "
        f"{sum(marked for _, marked in worst):,} windows marked as put right, faults begin and end where they did; "
        "nothing was sent before the clock was known"
    )
    return Outcome(f"{each} clocks at 1970, {each} an hour ahead", happened)


async def _live(home: _Home, journal: Path, port: int) -> None:
    """Six hours with the wrong clock and without a line, then it is set, six more, and everything is sent."""
    clock = WrongClock(home.error_ms)
    async with SqliteOutbox(OutboxSettings(journal, boot=b"one-boot"), clock) as outbox:
        pipeline = await Pipeline.resume(settings_from({"site": {"timezone": "Europe/Berlin"}}), outbox)
        time = Timekeeper(clock, pipeline, outbox)
        await time.start()
        await _readings(clock, time, pipeline, _HOURS * 60)
        require(time.is_set == (clock.now_ms() >= START_MS), "nothing may be sent with a clock that stands at 1970")
        clock.error_ms = 0
        await _readings(clock, time, pipeline, _HOURS * 60)
        await pipeline.commit(always=True)
        uplink = Uplink(
            UplinkSettings(home.name, flush_interval_s=1.0),
            outbox,
            MqttBroker(BrokerSettings("127.0.0.1", home.name, port)),
            clock,
            lambda: {"health": {"clock": time.quality}},
            random.Random(1),
            ready=time.settled,
        )
        sending = asyncio.create_task(uplink.run())
        try:
            async with asyncio.timeout(_DRAIN_S):
                await uplink.drained()
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending


async def _readings(clock: WrongClock, time: Timekeeper, pipeline: Pipeline, minutes: int) -> None:
    for _ in range(minutes):
        await clock.sleep(60)
        minute = (clock.true_ms - START_MS) // _MINUTE_MS
        if minute in _SILENT:
            reading = Reading(clock.now_ms(), {}, {LOAD_POWER: Quality.MISSING, PV_POWER: Quality.MISSING})
        else:
            reading = Reading(clock.now_ms(), {LOAD_POWER: float(minute), PV_POWER: 0.0})
        await pipeline.take(await time.look(reading), {"inverter": minute not in _SILENT})


def _look(database: Path, device: str) -> _Found:
    windows = (
        "SELECT start_ms, window_s, low, high, n, clock FROM summaries WHERE device = ? AND signal = ? AND n > 0 "
        "ORDER BY start_ms"
    )
    faults = "SELECT start_ms, end_ms FROM faults WHERE device = ?"
    with closing(sqlite3.connect(database, timeout=30)) as db:
        clock_faults = db.execute(f"{faults} AND code = ?", (device, FaultCode.CLOCK_ERROR)).fetchall()
        others = db.execute(f"{faults} AND code <> ? ORDER BY start_ms", (device, FaultCode.CLOCK_ERROR)).fetchall()
        return _Found(db.execute(windows, (device, LOAD_POWER)).fetchall(), others, [each[0] for each in clock_faults])


def _check(home: _Home, found: _Found, right: _Found) -> tuple[int, int]:
    """The worst error in ms, and how many windows are marked."""
    worst, marked = 0, 0
    for start_ms, window_s, low, high, _, clock in found.windows:
        first_ms, last_ms = (START_MS + round(minute) * _MINUTE_MS for minute in (low, high))
        # A sample at the very end of a window belongs to the next one.
        worst = max(worst, start_ms - first_ms, last_ms - (start_ms + window_s * 1000))
        wrong = first_ms <= START_MS + _HOURS * 60 * _MINUTE_MS and last_ms < START_MS + _HOURS * 60 * _MINUTE_MS
        require(clock == 1 or not wrong, f"{home.name}: the window of {start_ms} does not say that it was put right")
        marked += clock == 1
    require(worst <= _TOLERANCE_MS, f"{home.name}: a sample is {worst} ms from where it belongs")
    samples = sum(n for *_, n, _ in found.windows)
    expected = sum(n for *_, n, _ in right.windows)
    require(samples == expected, f"{home.name}: {samples} samples of {expected}")
    require(len(found.faults) == len(right.faults) > 0, f"{home.name}: faults {found.faults}, expected {right.faults}")
    for theirs, ours in zip(right.faults, found.faults, strict=True):
        for true_ms, told_ms in zip(theirs, ours, strict=True):
            off_ms = abs((told_ms or 0) - (true_ms or 0))
            require(off_ms <= _TOLERANCE_MS, f"{home.name}: a fault is {off_ms} ms off")
            worst = max(worst, off_ms)
    set_ms = START_MS + _HOURS * 60 * _MINUTE_MS
    off_ms = max((abs(told_ms - set_ms) for told_ms in found.clock_faults), default=0)
    require(off_ms <= _MINUTE_MS, f"{home.name}: the fault of the clock itself is {off_ms / _MINUTE_MS:.0f} min off")
    return worst, marked
