"""Each signal by itself: does it come, does it move, is it possible. No rule gets to see what is impossible."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Any, Final

from agent.diagnosis.channel import Channel
from agent.domain.blocks import Block
from agent.domain.episodes import EpisodeTracker, Timing
from agent.domain.faults import FaultCode
from agent.domain.signals import Quality, Reading, SignalName, spec_of
from agent.domain.standing import DRIVERS, LIMITS_H, Standing
from agent.domain.timeline import Move
from agent.domain.wire import Fault

_TICK_MS: Final = 600_000
_STALE_MS: Final = 900_000
_LEAST_SAMPLES: Final = 30
_LONGEST_WAIT_MS: Final = 7_200_000
_INTERVALS: Final = 3
_PATIENCE: Final = 3
_WEEK_S: Final = 7 * 86_400.0
_NEVER: Final = -1
_TIMINGS: Final[Mapping[FaultCode, Timing]] = {
    FaultCode.STUCK_VALUE: Timing(debounce_s=0, clear_s=600, max_gap_s=_WEEK_S),
    FaultCode.OUT_OF_RANGE: Timing(debounce_s=300, clear_s=600, max_gap_s=3600),
}


class _Signal:
    """What is remembered of one signal."""

    __slots__ = ("channels", "high", "intervals", "low", "name", "samples", "seen_ms", "stale_ms", "standing")

    def __init__(self, name: SignalName) -> None:
        spec = spec_of(name)
        self.name = name
        self.low, self.high = (spec.low, spec.high) if spec else (float("-inf"), float("inf"))
        self.standing = Standing(name) if name in LIMITS_H else None
        self.seen_ms = 0
        self.samples = 0
        self.intervals: list[int] = []  # the last ones that were longer than usual
        self.stale_ms = _NEVER
        self.channels: dict[FaultCode, Channel] = {}

    @property
    def is_calm(self) -> bool:
        """Whether nothing is wrong with it, nor about to be because it has been lost for a while."""
        known = self.samples >= _LEAST_SAMPLES and self.stale_ms == _NEVER
        return known and all(channel.is_calm for channel in self.channels.values())

    def state(self) -> list[Any]:
        standing = None if self.standing is None else self.standing.state()
        channels = {code: channel.state() for code, channel in sorted(self.channels.items())}
        return [self.seen_ms, self.samples, self.intervals, self.stale_ms, standing, channels]


class DataWatch:
    """Follows all signals of a site. `missing_s` is how long a signal may stay away."""

    def __init__(self, missing_s: float) -> None:
        self._missing_ms = round(missing_s * 1000)
        self._gap_timing = Timing(debounce_s=missing_s, clear_s=300, max_gap_s=_WEEK_S, forget_s=_WEEK_S)
        self._signals: dict[SignalName, _Signal] = {}
        self._due_ms = 0
        self.impossible: set[SignalName] = set()
        self.doubtful: set[SignalName] = set()

    def update(self, reading: Reading, silenced: frozenset[FaultCode], asleep: frozenset[SignalName]) -> list[Fault]:
        """Take in a reading. Of signals `asleep` nothing is expected now."""
        at_ms, values = reading.at_ms, reading.values
        faults: list[Fault] = []
        signals = self._signals
        for name, value in values.items():
            signal = signals.get(name)
            if signal is None:
                signal = signals[name] = _Signal(name)
                signal.seen_ms = at_ms
            if self._missing_ms < at_ms - signal.seen_ms <= _LONGEST_WAIT_MS:
                signal.intervals = [*signal.intervals, at_ms - signal.seen_ms][-_INTERVALS:]
            signal.seen_ms = at_ms
            signal.samples += 1
            if not signal.low <= value <= signal.high:
                faults += self._possible(signal, reading, silenced, possible=False)
                self.impossible.add(name)
                continue
            standing = signal.standing
            if standing is None:
                continue
            if value == standing.value:
                if name not in DRIVERS or self._is_alive(DRIVERS[name]):
                    standing.stood(at_ms, value, values)
                    if standing.doubtful:
                        self.doubtful.add(name)
            elif standing.moving_ms or at_ms >= self._due_ms:
                standing.moved(at_ms, value)
                self.doubtful.discard(name)
            else:
                standing.value, standing.last_ms = value, at_ms
                standing.moves += 1
        if reading.bad:
            faults += self._bad(reading, silenced, asleep)
        if at_ms >= self._due_ms or at_ms < self._due_ms - 2 * _TICK_MS:
            self._due_ms = at_ms + _TICK_MS
            faults += self._tick(reading, silenced, asleep)
        return faults

    def calm_rows(self, block: Block) -> int:
        """Over how many readings of the block it is certain that there is nothing to tell of any signal.

        The last reading before the block must hold the block's signals.
        """
        columns, rows = block.columns(), len(block)
        if self.impossible or self.doubtful or columns.keys() != self._signals.keys():
            return 0
        if block.times[0] < self._due_ms - 2 * _TICK_MS:
            return 0
        for name, column in columns.items():
            signal = self._signals[name]
            if not signal.is_calm:
                return 0
            if not signal.low <= min(column) <= max(column) <= signal.high:
                rows = min(rows, next(i for i, each in enumerate(column) if not signal.low <= each <= signal.high))
            if signal.standing is not None:
                rows = min(rows, signal.standing.calm_rows(block, column))
        return rows

    def pass_all(self, block: Block, silenced: frozenset[FaultCode]) -> None:
        """`update` with each reading of a block that is calm throughout."""
        looks: list[int] = []
        row = bisect_left(block.times, self._due_ms)
        while row < len(block):
            self._due_ms = block.times[row] + _TICK_MS
            looks.append(row)
            row = bisect_left(block.times, self._due_ms, row)
        times = [block.times[row] for row in looks]
        order = {name: number for number, name in enumerate(block.columns())}
        stands: dict[SignalName, list[bool] | None] = {}
        for name, column in sorted(block.columns().items(), key=lambda each: each[0] in DRIVERS):
            signal = self._signals[name]
            signal.seen_ms = block.times[-1]
            signal.samples += len(block)
            told = [(FaultCode.GAP, times)]
            if signal.standing is not None:
                alive = self._alive(name, order, stands, len(block))
                forgets = FaultCode.STUCK_VALUE in silenced and name in DRIVERS
                since, stands[name] = signal.standing.pass_all(block, column, looks, alive, forgets=forgets)
                told.append((FaultCode.STUCK_VALUE, since))
            if FaultCode.OUT_OF_RANGE in signal.channels:
                told.append((FaultCode.OUT_OF_RANGE, times))
            for code, seen in told:
                if seen and code not in silenced:
                    self._channel(signal, code).pass_well(seen)

    def _alive(
        self,
        name: SignalName,
        order: Mapping[SignalName, int],
        stands: Mapping[SignalName, list[bool] | None],
        rows: int,
    ) -> list[bool] | None:
        """Whether the power that moves a counter was one to go by, as it was when the counter was looked at."""
        driver = DRIVERS.get(name)
        if driver is None:
            return None
        if driver not in order:
            return [False] * rows
        stood = stands.get(driver)
        if stood is None:
            return None
        return [not each for each in (stood[1:] if order[driver] < order[name] else stood[:-1])]

    def _is_alive(self, driver: SignalName) -> bool:
        """Whether the power that moves a counter is one to go by."""
        power = self._signals.get(driver)
        if power is None or driver in self.impossible:
            return False
        return power.standing is None or not power.standing.moving_ms

    def trusted(self, reading: Reading) -> Reading:
        """The reading without what cannot be or stands still for no reason."""
        kept = {
            name: value
            for name, value in reading.values.items()
            if name not in self.impossible and name not in self.doubtful
        }
        return Reading(reading.at_ms, kept, reading.bad)

    def _channel(self, signal: _Signal, code: FaultCode) -> Channel:
        channel = signal.channels.get(code)
        if channel is None:
            timing = _TIMINGS.get(code, self._gap_timing)
            channel = signal.channels[code] = Channel(code, EpisodeTracker(timing), component=signal.name)
        return channel

    def _bad(self, reading: Reading, silenced: frozenset[FaultCode], asleep: frozenset[SignalName]) -> list[Fault]:
        faults: list[Fault] = []
        for name, quality in reading.bad.items():
            signal = self._signals.get(name)
            if signal is None:
                continue
            if name in asleep:
                self._sleeps(signal, reading.at_ms)
                continue
            if quality is Quality.INVALID:
                # The device said something: it is not missing, it is impossible.
                signal.seen_ms = reading.at_ms
                faults += self._possible(signal, reading, silenced, possible=False)
            elif quality is Quality.STALE:
                signal.seen_ms = reading.at_ms
                if signal.stale_ms == _NEVER:
                    signal.stale_ms = reading.at_ms
        return faults

    def _possible(
        self, signal: _Signal, reading: Reading, silenced: frozenset[FaultCode], *, possible: bool
    ) -> list[Fault]:
        if FaultCode.OUT_OF_RANGE in silenced:
            return []
        value = reading.values.get(signal.name)
        noted: dict[str, float] = {} if possible or value is None else {signal.name: value}
        return self._channel(signal, FaultCode.OUT_OF_RANGE).follow(not possible, reading, noted)

    def _tick(self, reading: Reading, silenced: frozenset[FaultCode], asleep: frozenset[SignalName]) -> list[Fault]:
        """What need not be looked at with every reading."""
        faults: list[Fault] = []
        for name, signal in self._signals.items():
            if name in asleep or signal.samples < _LEAST_SAMPLES:
                continue
            if FaultCode.GAP not in silenced:
                faults += self._comes(signal, reading)
            if FaultCode.STUCK_VALUE not in silenced:
                faults += self._moves(signal, reading)
            elif signal.standing is not None and name in DRIVERS:
                # The power that should have moved the counter may have been a wrong one.
                signal.standing.forget()
            value = reading.values.get(name)
            if FaultCode.OUT_OF_RANGE in signal.channels and value is not None and signal.low <= value <= signal.high:
                faults += self._possible(signal, reading, silenced, possible=True)
                self.impossible.discard(name)
        return faults

    def _sleeps(self, signal: _Signal, at_ms: int) -> None:
        """The night is no time that it has been missing, unless it was missing before."""
        gap = signal.channels.get(FaultCode.GAP)
        if gap is None or not gap.tracker.active:
            signal.seen_ms = at_ms

    def _comes(self, signal: _Signal, reading: Reading) -> list[Fault]:
        channel = self._channel(signal, FaultCode.GAP)
        usual_ms = min(signal.intervals) if len(signal.intervals) == _INTERVALS else 0
        missing_ms = reading.at_ms - signal.seen_ms
        if missing_ms <= max(self._missing_ms, _PATIENCE * usual_ms):
            return channel.follow(False, Reading(signal.seen_ms, {}))
        faults = []
        if not channel.tracker.active:
            faults += channel.follow(True, Reading(signal.seen_ms, {}))
        noted = {"missing_minutes": round(missing_ms / 60_000, 1)}
        return faults + channel.follow(True, reading, noted)

    def _moves(self, signal: _Signal, reading: Reading) -> list[Fault]:
        standing, at_ms = signal.standing, reading.at_ms
        if signal.stale_ms != _NEVER and reading.bad.get(signal.name) is not Quality.STALE:
            signal.stale_ms = _NEVER
        stale = signal.stale_ms != _NEVER and at_ms - signal.stale_ms > _STALE_MS
        if standing is None and not stale:
            return []
        channel = self._channel(signal, FaultCode.STUCK_VALUE)
        if stale:
            return self._stuck(channel, reading, signal.stale_ms, {"stood_hours": (at_ms - signal.stale_ms) / 3.6e6})
        if standing is not None and standing.stuck:
            noted: dict[str, float] = {signal.name: standing.value or 0.0, "stood_hours": round(standing.stood_h, 2)}
            return self._stuck(channel, reading, standing.since_ms, noted)
        stood = standing is not None and standing.moving_ms > 0
        return channel.follow(False, Reading(standing.since_ms if standing and stood else signal.seen_ms, {}))

    def _stuck(self, channel: Channel, reading: Reading, since_ms: int, noted: Mapping[str, float]) -> list[Fault]:
        faults = []
        if not channel.tracker.active:
            faults += channel.follow(True, Reading(since_ms, {}), noted)
        return faults + channel.follow(True, reading, noted)

    def pause(self, last_ms: int) -> None:
        """Nothing was heard of the whole site since `last_ms`: that is no signal's fault."""
        for signal in self._signals.values():
            for channel in signal.channels.values():
                channel.tracker.update(max(last_ms, signal.seen_ms), None)

    def resume(self, at_ms: int) -> None:
        """The site is heard again: what was seen before the pause does not count as missing."""
        for signal in self._signals.values():
            signal.seen_ms = at_ms

    def channels(self) -> Iterator[Channel]:
        """Of all signals."""
        for signal in self._signals.values():
            yield from signal.channels.values()

    def move(self, move: Move, *, rename: bool) -> None:
        """The clock was set."""
        self._due_ms = move(self._due_ms)
        for signal in self._signals.values():
            signal.seen_ms = move(signal.seen_ms)
            signal.stale_ms = move(signal.stale_ms) if signal.stale_ms != _NEVER else _NEVER
            if signal.standing is not None:
                signal.standing.move(move)
        for channel in self.channels():
            channel.move(move, rename=rename)

    def state(self) -> dict[str, Any]:
        signals = {name: signal.state() for name, signal in self._signals.items()}
        return {
            "due_ms": self._due_ms,
            "doubtful": sorted(self.doubtful),
            "impossible": sorted(self.impossible),
            "signals": signals,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._due_ms, self.impossible = state["due_ms"], set(state["impossible"])
        self.doubtful = set(state["doubtful"])
        for name, kept in state["signals"].items():
            signal = self._signals[name] = _Signal(name)
            signal.seen_ms, signal.samples, signal.intervals, signal.stale_ms, standing, channels = kept
            if signal.standing is not None and standing is not None:
                signal.standing.restore(standing)
            for code, channel in channels.items():
                self._channel(signal, FaultCode(code)).restore(channel)
