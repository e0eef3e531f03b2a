"""Mean time between failures and its companions, sample by sample, in a few hundred bytes of state.

`PublishedMtbf` is the published figure, minute by minute. `EpisodeReliability` is what an engineer needs: failures as
episodes, time as observed exposure, figures with intervals. Intervals: IEC 60605-4 (time-censored test, constant
failure rate): two-sided from chi-square with 2r and 2r+2 degrees of freedom; without a failure one-sided, from below.
"""

from collections.abc import Mapping
from math import log
from typing import Final

from agent.domain.distributions import chi_square_quantile, f_quantile
from agent.domain.timeline import Move
from agent.domain.trend import Trend, trend

State = dict[str, float | int | None]

CONFIDENCE: Final = 0.95
_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 3_600_000
_COMPONENTS: Final = "components"
_MOST_COMPONENTS: Final = 2**53
# With a single failure the interval of the availability spans nearly everything: it says nothing.
_FEWEST_FOR_AVAILABILITY: Final = 2


class PublishedMtbf:
    """Σ (start of downtime − start of uptime) / failures, in minutes; every failing minute is one failure.

    Uptime starts one minute after a failing minute; the time before the first failing minute does not count. Without a
    failure the published program divides by 1, which gives 0.

    >>> mtbf = PublishedMtbf()
    >>> for minute in (569, 1035, 1042, 1051):  # 09:29, 17:15, 17:22, 17:31
    ...     mtbf.update(minute * 60_000)
    >>> mtbf.minutes, mtbf.failures, mtbf.value()
    (479, 4, 119.75)
    """

    __slots__ = ("failures", "first", "last", "minutes")

    def __init__(self) -> None:
        self.failures = 0
        self.minutes = 0
        self.first: int | None = None
        self.last: int | None = None

    def update(self, at_ms: int) -> None:
        """Take in a failing sample; several in one minute are one. Raises `ValueError` when it lies before the last."""
        minute = at_ms // _MINUTE_MS
        if self.last is None:
            self.first = minute
        elif minute > self.last:
            self.minutes += minute - self.last - 1
        elif minute == self.last:
            return
        else:
            raise ValueError(f"minute {minute} lies before the last failing one, {self.last}")
        self.last = minute
        self.failures += 1

    def move(self, move: Move) -> None:
        """The clock was set: its times are put right, and so is a gap that only the wrong clock had made."""
        first, last = move.minute(self.first), move.minute(self.last)
        if first == self.first and last is not None and self.last is not None:
            self.minutes = max(0, self.minutes + last - self.last)
        self.first, self.last = first, last

    def value(self) -> float:
        """MTBF in minutes."""
        return self.minutes / (self.failures or 1)

    def merge(self, later: "PublishedMtbf") -> None:
        """Take in a later period. Raises `ValueError` when it starts before this one's last failing minute."""
        if later.first is None:
            return
        if self.last is None:
            self.first = later.first
        elif later.first < self.last:
            raise ValueError(f"minute {later.first} lies before the last failing one, {self.last}")
        shared = later.first == self.last
        self.minutes += later.minutes + (later.first - self.last - 1 if self.last is not None and not shared else 0)
        self.failures += later.failures - shared
        self.last = later.last

    def state(self) -> State:
        return {
            "published_failures": self.failures,
            "published_minutes": self.minutes,
            "published_first": self.first,
            "published_last": self.last,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, float | int | None]) -> "PublishedMtbf":
        """Reads its own keys of `state`; without them it starts empty."""
        mtbf = cls()
        mtbf.failures, mtbf.minutes = _count(state, "published_failures"), _count(state, "published_minutes")
        mtbf.first, mtbf.last = _minute(state, "published_first"), _minute(state, "published_last")
        return mtbf

    def report(self) -> dict[str, float | int]:
        return {"minutes": self.minutes, "failures": self.failures, "mtbf_minutes": self.value()}


class EpisodeReliability:
    """Failures as episodes over observed exposure. Times are whole milliseconds, so merging loses nothing.

    `down_ms` is exposure inside episodes, `up_ms` all other exposure. Time without evidence is in neither.

    >>> home = EpisodeReliability()
    >>> home.add_up(90 * 3_600_000); home.add_failure(); home.add_down(10 * 3_600_000)
    >>> home.mtbf_hours(), home.mttr_hours(), home.availability()
    (90.0, 10.0, 0.9)
    """

    __slots__ = ("_log_sum", "_time_sum_ms", "down_ms", "failures", "repairs", "up_ms")

    def __init__(self, failures: int = 0, repairs: int = 0, up_ms: int = 0, down_ms: int = 0) -> None:
        self.failures = failures
        self.repairs = repairs
        self.up_ms = up_ms
        self.down_ms = down_ms
        # Of the exposure before each failure: its sum, and that of its logarithm. None once two were pooled.
        self._time_sum_ms: int | None = None if failures else 0
        self._log_sum = 0.0

    def add_up(self, duration_ms: int) -> None:
        self.up_ms += duration_ms

    def add_down(self, duration_ms: int) -> None:
        self.down_ms += duration_ms

    def add_failure(self) -> None:
        """An episode has begun."""
        self.failures += 1
        if self._time_sum_ms is not None:
            self._time_sum_ms += self.up_ms
            self._log_sum += log(max(1, self.up_ms))

    def add_repair(self) -> None:
        """An episode has ended."""
        self.repairs += 1

    def merge(self, other: "EpisodeReliability") -> None:
        """Take in a disjoint period, or another component of the same kind.

        Failures of two have no common clock, so with both a trend is no longer told.
        """
        if not self.exposure_ms and not self.failures:
            self._time_sum_ms, self._log_sum = other._time_sum_ms, other._log_sum
        elif other.exposure_ms or other.failures:
            self._time_sum_ms = None
        self.failures += other.failures
        self.repairs += other.repairs
        self.up_ms += other.up_ms
        self.down_ms += other.down_ms

    def state(self) -> State:
        state: State = {
            "failures": self.failures,
            "repairs": self.repairs,
            "up_ms": self.up_ms,
            "down_ms": self.down_ms,
        }
        if self.failures:
            state |= {"time_sum_ms": self._time_sum_ms, "log_sum": self._log_sum}
        return state

    @classmethod
    def from_state(cls, state: Mapping[str, float | int | None]) -> "EpisodeReliability":
        """Reads its own keys of `state`; a missing one counts as 0."""
        reliability = cls(*(_count(state, key) for key in ("failures", "repairs", "up_ms", "down_ms")))
        if reliability.failures:
            time_sum_ms = state.get("time_sum_ms")
            reliability._time_sum_ms = None if time_sum_ms is None else int(time_sum_ms)
            reliability._log_sum = float(state.get("log_sum") or 0.0)
        return reliability

    @property
    def exposure_ms(self) -> int:
        return self.up_ms + self.down_ms

    def value(self) -> float | None:
        """MTBF in hours, None while there was no failure."""
        return self.mtbf_hours()

    def mtbf_hours(self) -> float | None:
        """Exposure up / failures; None while there was no failure: neither 0 nor infinity would be true."""
        return self.up_ms / (self.failures * _HOUR_MS) if self.failures else None

    def mtbf_interval_hours(self) -> tuple[float, float | None] | None:
        """Two-sided 95 % interval; without a failure only the one-sided lower bound; None without exposure."""
        if not self.up_ms:
            return None
        hours = self.up_ms / _HOUR_MS
        tail = (1 - CONFIDENCE) / 2
        if not self.failures:
            return -hours / log(1 - CONFIDENCE), None
        low = 2 * hours / chi_square_quantile(1 - tail, 2 * self.failures + 2)
        return low, 2 * hours / chi_square_quantile(tail, 2 * self.failures)

    def mttr_hours(self) -> float | None:
        """Mean downtime of an episode, as far as observed, one that still lasts included; None without a failure."""
        return self.down_ms / (self.failures * _HOUR_MS) if self.failures else None

    def availability(self) -> float | None:
        """Share of the exposure outside episodes, None without exposure."""
        return self.up_ms / self.exposure_ms if self.exposure_ms else None

    def availability_interval(self) -> tuple[float, float] | None:
        """Two-sided 95 % interval of MTBF / (MTBF + MTTR), None with fewer than two failures.

        Up and down times taken as exponential, the ratio of their means follows F with 2r and 2r degrees of freedom.
        """
        if self.failures < _FEWEST_FOR_AVAILABILITY or not self.up_ms or not self.down_ms:
            return None
        ratio = self.down_ms / self.up_ms
        spread = f_quantile(1 - (1 - CONFIDENCE) / 2, 2 * self.failures, 2 * self.failures)
        return 1 / (1 + ratio * spread), 1 / (1 + ratio / spread)

    def trend(self) -> Trend | None:
        """Whether it gets better or worse; None with fewer than three failures, and where several were pooled."""
        if self._time_sum_ms is None or not self.up_ms:
            return None
        log_sum = self.failures * log(self.up_ms) - self._log_sum
        return trend(self.failures, self._time_sum_ms, log_sum, self.up_ms)

    def report(self) -> dict[str, float | int]:
        """The figures that can be told, by name; what cannot be told is left out."""
        mtbf = self.mtbf_interval_hours() or (None, None)
        availability = self.availability_interval() or (None, None)
        change = self.trend()
        figures: dict[str, float | int | None] = {
            "failures": self.failures,
            "exposure_hours": self.exposure_ms / _HOUR_MS,
            "up_hours": self.up_ms / _HOUR_MS,
            "down_hours": self.down_ms / _HOUR_MS,
            "mtbf_hours": self.mtbf_hours(),
            "mtbf_low_hours": mtbf[0],
            "mtbf_high_hours": mtbf[1],
            "mttr_hours": self.mttr_hours(),
            "availability": self.availability(),
            "availability_low": availability[0],
            "availability_high": availability[1],
        }
        if change is not None:
            figures |= {f"trend_{name}": figure for name, figure in change._asdict().items()}
        return {name: figure for name, figure in figures.items() if figure is not None}


def shared(state: State, components: int) -> State:
    """The state of a code whose times were added up over so many components of one house: signals, or sources."""
    return state if components <= 1 else {**state, _COMPONENTS: components}


def components_of(state: Mapping[str, float | int | None]) -> int:
    """Over how many components the times of a state were added up: the house was watched for about a part of that.

    A state comes from a device and may hold anything: what cannot be counts as one.
    """
    told = state.get(_COMPONENTS)
    return int(told) if isinstance(told, (int, float)) and 1 <= told < _MOST_COMPONENTS else 1


def _count(state: Mapping[str, float | int | None], key: str) -> int:
    return int(state.get(key) or 0)


def _minute(state: Mapping[str, float | int | None], key: str) -> int | None:
    minute = state.get(key)
    return None if minute is None else int(minute)
