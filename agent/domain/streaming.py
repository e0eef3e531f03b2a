"""Estimators that see one sample at a time and end where a formula over the whole history ends, to the last digit.

Each has the same verbs: `update` takes a sample, `value` gives the figure, `merge` takes in what another one saw later,
`state` and `from_state` carry it over a restart. A state is made of numbers, strings, bytes, lists and dicts only, its
whole numbers within 64 bits.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from math import floor, fsum
from typing import Any, Final

from agent.domain.blocks import Block, Column
from agent.domain.signals import Quality, Reading, SignalName, spec_of
from agent.domain.timeline import Move
from agent.domain.wire import SignalSummary, Summary


def pack_int(number: int) -> bytes:
    """A whole number of any size as bytes (big-endian, two's complement, shortest)."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def unpack_int(data: bytes) -> int:
    """The number that `pack_int` wrote."""
    return int.from_bytes(data, "big", signed=True)


def quantised(numerator: int, denominator: int) -> int:
    """`numerator` / `denominator` to the nearest whole number, halves upwards."""
    return (2 * numerator + denominator) // (2 * denominator)


class Mean:
    """Mean of finite floats: the correctly rounded value of the exact sum over n, whatever the order or split.

    The sum is kept exactly, as a whole number of 2**-exponent, `exponent` being the finest any sample needed.

    >>> mean = Mean()
    >>> for x in (1e100, 1.0, -1e100, 1.0):
    ...     mean.update(x)
    >>> mean.value()
    0.5
    """

    __slots__ = ("exponent", "mantissa", "n")

    def __init__(self) -> None:
        self.n = 0
        self.mantissa = 0
        self.exponent = 0

    def update(self, x: float) -> None:
        """Take in one sample. Raises `ValueError` or `OverflowError` when it is not finite."""
        numerator, denominator = x.as_integer_ratio()
        self._add(numerator, denominator.bit_length() - 1)
        self.n += 1

    def update_all(self, xs: Sequence[float]) -> None:
        """`update` with each of `xs`, faster. Raises as it does, and has taken in none of them then."""
        sums: dict[int, int] = {}
        for x in xs:
            numerator, denominator = x.as_integer_ratio()
            sums[denominator] = sums.get(denominator, 0) + numerator
        for denominator, numerator in sums.items():
            self._add(numerator, denominator.bit_length() - 1)
        self.n += len(xs)

    def _add(self, mantissa: int, exponent: int) -> None:
        shift = self.exponent - exponent
        if shift >= 0:
            self.mantissa += mantissa << shift
        else:
            self.mantissa = (self.mantissa << -shift) + mantissa
            self.exponent = exponent

    def value(self) -> float | None:
        """The mean, None before the first sample."""
        return self.mantissa / (self.n << self.exponent) if self.n else None

    def quantised(self, scale: int) -> int:
        """The exact mean times `scale`, to the nearest whole number; 0 before the first sample."""
        return quantised(self.mantissa * scale, self.n << self.exponent) if self.n else 0

    def merge(self, other: "Mean") -> None:
        self._add(other.mantissa, other.exponent)
        self.n += other.n

    def state(self) -> list[Any]:
        return [self.n, pack_int(self.mantissa), self.exponent]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "Mean":
        mean = cls()
        mean.n, mean.mantissa, mean.exponent = state[0], unpack_int(state[1]), state[2]
        return mean


class Extent:
    """Lowest, highest and last sample.

    >>> extent = Extent()
    >>> for x in (2.0, 5.0, 3.0):
    ...     extent.update(x)
    >>> extent.value()
    (2.0, 5.0, 3.0)
    """

    __slots__ = ("high", "last", "low", "n")

    def __init__(self) -> None:
        self.n = 0
        self.low = self.high = self.last = 0.0

    def update(self, x: float) -> None:
        if not self.n:
            self.low = self.high = x
        elif x < self.low:
            self.low = x
        elif x > self.high:
            self.high = x
        self.last = x
        self.n += 1

    def update_all(self, xs: Sequence[float]) -> None:
        """`update` with each of `xs`, faster."""
        later = Extent()
        if xs:
            later.n, later.low, later.high, later.last = len(xs), min(xs), max(xs), xs[-1]
        self.merge(later)

    def value(self) -> tuple[float, float, float] | None:
        """`(lowest, highest, last)`, None before the first sample."""
        return (self.low, self.high, self.last) if self.n else None

    def merge(self, later: "Extent") -> None:
        """Take in what `later` saw after this one."""
        if not later.n:
            return
        if not self.n or later.low < self.low:
            self.low = later.low
        if not self.n or later.high > self.high:
            self.high = later.high
        self.last = later.last
        self.n += later.n

    def state(self) -> list[Any]:
        return [self.n, self.low, self.high, self.last]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "Extent":
        extent = cls()
        extent.n, extent.low, extent.high, extent.last = state
        return extent


_BAD_COUNTS: Final = (Quality.STALE, Quality.MISSING, Quality.INVALID, Quality.ESTIMATED)


class SignalWindow:
    """What one signal did in one window: mean, extent, and how many samples had no good value, by reason.

    >>> window = SignalWindow()
    >>> window.update(230.0)
    >>> window.update(250.0)
    >>> window.count(Quality.MISSING)
    >>> window.value("pv_power").mean, window.value("pv_power").missing
    (240, 1)
    """

    __slots__ = ("bad", "extent", "mean")

    def __init__(self) -> None:
        self.mean = Mean()
        self.extent = Extent()
        self.bad = [0] * len(_BAD_COUNTS)

    def update(self, x: float) -> None:
        self.mean.update(x)
        self.extent.update(x)

    def update_all(self, xs: Sequence[float]) -> None:
        """`update` with each of `xs`, faster."""
        self.mean.update_all(xs)
        self.extent.update_all(xs)

    def count(self, quality: Quality) -> None:
        """Count a sample that has no good value."""
        if quality is not Quality.GOOD:
            self.bad[quality - 1] += 1

    def value(self, signal: str) -> SignalSummary:
        """The summary as it travels, in integers of 10**-decimals of the signal's unit."""
        spec = spec_of(signal)
        decimals = spec.decimals if spec else 3
        scale = 10**decimals
        mean = self.mean.quantised(scale)
        low, high, last = (_scaled(x, scale) for x in self.extent.value() or (0.0, 0.0, 0.0))
        if not self.mean.n:
            return SignalSummary(signal, decimals, 0, 0, 0, 0, 0, *self.bad)
        return SignalSummary(signal, decimals, mean, mean - low, high - mean, last - mean, self.mean.n, *self.bad)

    def merge(self, later: "SignalWindow") -> None:
        self.mean.merge(later.mean)
        self.extent.merge(later.extent)
        self.bad = [mine + others for mine, others in zip(self.bad, later.bad, strict=True)]

    def state(self) -> list[Any]:
        return [self.mean.state(), self.extent.state(), self.bad]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "SignalWindow":
        window = cls()
        window.mean, window.extent = Mean.from_state(state[0]), Extent.from_state(state[1])
        window.bad = list(state[2])
        return window


def _scaled(x: float, scale: int) -> int:
    numerator, denominator = x.as_integer_ratio()
    return quantised(numerator * scale, denominator)


# A float of this size, times a scale and divided by a count, is off by less than this.
_LARGEST: Final = 1e8
_OFF: Final = 1e-6


def summary_of(signal: str, xs: Sequence[float]) -> SignalSummary:
    """`SignalWindow` over `xs` alone, faster: exact only where a number lies too near the middle of two others."""
    spec = spec_of(signal)
    decimals = spec.decimals if spec else 3
    scale = 10**decimals
    low, high = min(xs), max(xs)
    mean = fsum(xs) / len(xs) * scale + 0.5 if -_LARGEST < low * scale <= high * scale < _LARGEST else 0.0
    whole = floor(mean)
    if not _OFF < mean - whole < 1.0 - _OFF:
        window = SignalWindow()
        window.update_all(xs)
        return window.value(signal)
    extent = (whole - _near(low, scale), _near(high, scale) - whole, _near(xs[-1], scale) - whole)
    return SignalSummary(signal, decimals, whole, *extent, len(xs), 0, 0, 0, 0)


def _near(x: float, scale: int) -> int:
    """`_scaled`, faster."""
    scaled = x * scale
    whole = floor(scaled + 0.5)
    return whole if abs(scaled - whole) < 0.4 else _scaled(x, scale)


_MOST_ROWS: Final = 256


class Windows:
    """Readings into summaries of windows aligned to multiples of `window_s` in UTC.

    A window closes when the first reading of another one arrives, so nothing is ever split or padded. Values must be
    finite. Readings that hold the same signals are kept as rows and summed up column by column when they are asked for.

    >>> windows = Windows(60)
    >>> windows.update(Reading(0, {SignalName("pv_power"): 10.0}))
    >>> windows.update(Reading(30_000, {SignalName("pv_power"): 20.0}))
    >>> windows.update(Reading(60_000, {SignalName("pv_power"): 99.0})).signals[0].mean
    15
    """

    __slots__ = ("_names", "_rows", "_signals", "_start_ms", "_window_ms")

    def __init__(self, window_s: int) -> None:
        self._window_ms = window_s * 1000
        self._start_ms: int | None = None
        self._signals: dict[str, SignalWindow] = {}
        self._names: tuple[SignalName, ...] = ()
        self._rows: list[tuple[float, ...]] = []

    def update(self, reading: Reading) -> Summary | None:
        """Take in a reading; returns the window that it closes."""
        start_ms = reading.at_ms - reading.at_ms % self._window_ms
        closed = None
        if start_ms != self._start_ms:
            closed = self.value()
            self._begin(start_ms)
        names = tuple(reading.values)
        if names != self._names or len(self._rows) >= _MOST_ROWS:
            self._sum_up()
            self._names = names
        self._rows.append(tuple(reading.values.values()))
        if reading.bad:
            self._count(reading.bad)
        return closed

    def _begin(self, start_ms: int | None) -> None:
        self._start_ms, self._signals = start_ms, {}
        self._rows.clear()

    def update_all(self, block: Block) -> list[tuple[int, Summary]]:
        """`update` with each reading, faster; returns each closed window with the row that closes it."""
        times, columns = block.times, block.columns()
        closed: list[tuple[int, Summary]] = []
        row, ordered = 0, sorted(columns.items())
        while row < len(times):
            start_ms = times[row] - times[row] % self._window_ms
            end = bisect_left(times, start_ms + self._window_ms, row)
            if start_ms != self._start_ms:
                before = self.value()
                if before is not None:
                    closed.append((row, before))
                self._begin(start_ms)
                if end < len(times):
                    summaries = [summary_of(name, column[row:end]) for name, column in ordered]
                    closed.append((end, Summary(start_ms, self._window_ms // 1000, summaries)))
                    row = end
                    continue
            self._keep(columns, row, end)
            row = end
        return closed

    def _keep(self, columns: Mapping[SignalName, Column], row: int, end: int) -> None:
        names = tuple(columns)
        if names != self._names or len(self._rows) + end - row > _MOST_ROWS:
            self._sum_up()
            self._names = names
        self._rows += zip(*(column[row:end] for column in columns.values()), strict=True)

    def _sum_up(self) -> None:
        """Bring the rows into the windows of their signals."""
        if not self._rows:
            return
        for name, column in zip(self._names, zip(*self._rows, strict=True), strict=True):
            window = self._signals.get(name)
            if window is None:
                window = self._signals[name] = SignalWindow()
            window.update_all(column)
        self._rows.clear()

    def _count(self, bad: Mapping[SignalName, Quality]) -> None:
        for name, quality in bad.items():
            self._signals.setdefault(name, SignalWindow()).count(quality)

    def value(self) -> Summary | None:
        """The open window as far as it has come, None when nothing is in it."""
        if self._rows and self._names and not self._signals and self._start_ms is not None:
            columns = zip(self._names, zip(*self._rows, strict=True), strict=True)
            told = [summary_of(name, column) for name, column in sorted(columns)]
            return Summary(self._start_ms, self._window_ms // 1000, told)
        self._sum_up()
        if self._start_ms is None or not self._signals:
            return None
        summaries = [window.value(name) for name, window in sorted(self._signals.items())]
        return Summary(self._start_ms, self._window_ms // 1000, summaries)

    def move(self, move: Move) -> Summary | None:
        """The clock was set: the open window goes on when it still fits the grid, otherwise it is closed.

        Returns the closed one, as the wrong clock showed it.
        """
        if self._start_ms is None:
            return None
        start_ms = move.window(self._start_ms, self._window_ms)
        closed = self.value()
        if start_ms % self._window_ms:
            self._begin(None)
            return closed
        self._start_ms = start_ms
        return None

    def merge(self, later: "Windows") -> None:
        """Take in what `later` saw after this one, of the same window."""
        self._sum_up()
        later._sum_up()
        if self._start_ms is None:
            self._start_ms = later._start_ms
        if later._start_ms not in (None, self._start_ms):
            raise ValueError(f"windows of {self._start_ms} and {later._start_ms} are not the same")
        for name, window in later._signals.items():
            self._signals.setdefault(name, SignalWindow()).merge(window)

    def state(self) -> dict[str, Any]:
        self._sum_up()
        signals = {name: window.state() for name, window in sorted(self._signals.items())}
        return {"window_ms": self._window_ms, "start_ms": self._start_ms, "signals": signals}

    @classmethod
    def from_state(cls, window_s: int, state: Mapping[str, Any]) -> "Windows":
        """Continues an open window; one of another length is dropped, since it cannot be continued."""
        windows = cls(window_s)
        if state["window_ms"] == windows._window_ms:
            windows._start_ms = state["start_ms"]
            windows._signals = {name: SignalWindow.from_state(each) for name, each in state["signals"].items()}
        return windows
