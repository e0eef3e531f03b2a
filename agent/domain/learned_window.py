"""The recent past of a site, frame by frame, and the terms of a plan over it."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from math import cos, pi, radians, sin
from typing import Any, Final
from zoneinfo import ZoneInfo

from agent.domain.learned_plan import MOST_LAG, SLOW, SLOW_S, Plan, Term
from agent.domain.local_time import MINUTES_PER_DAY, LocalTime
from agent.domain.signals import Reading, SignalName
from agent.domain.sun import position
from agent.domain.timeline import Move

DAY_MS: Final = 86_400_000
YEAR_DAYS: Final = 365.2425
_LOWEST_SUN: Final = 0.25
_RISEN: Final = 0.05
_LEAST_COVER: Final = 0.5
Context = Mapping[str, float]


def sun_share(height: float) -> float:
    """What a reading under a sun of this height (sine) is divided by to learn a roof's size; 0: it tells nothing."""
    return 0.0 if height <= _RISEN else max(_LOWEST_SUN, height)


def contexts_at(place: tuple[float, float] | None, zone: ZoneInfo, frame_s: int) -> Callable[[int], Context]:
    """Sun, local hour and season at the middle of the frame that begins at an instant, in ms.

    Without a place the sun is taken to stand where it stands at 48° north in the middle of the time zone.
    """
    local = LocalTime(zone)

    def ask(start_ms: int) -> Context:
        at_ms = start_ms + frame_s * 500
        minute = local.minute_of_day(at_ms)
        where = place or (48.0, 15.0 * ((minute - at_ms // 60_000 % MINUTES_PER_DAY + 720) % 1440 - 720) / 60.0)
        elevation, azimuth = (radians(angle) for angle in position(at_ms, *where))
        hour = 2 * pi * minute / MINUTES_PER_DAY
        season = 2 * pi * ((at_ms / DAY_MS) % YEAR_DAYS) / YEAR_DAYS
        flat = cos(elevation) if elevation > 0.0 else 0.0
        return {
            "sun_height": max(0.0, sin(elevation)),
            "sun_east": flat * sin(azimuth),
            "sun_north": flat * cos(azimuth),
            "sun_side": sin(azimuth),
            "hour_sin": sin(hour),
            "hour_cos": cos(hour),
            "season_sin": sin(season),
            "season_cos": cos(season),
        }

    return ask


class DayMean:
    """A signal's mean over about a day: fading, known once a day is full, begun anew after a longer pause."""

    __slots__ = ("_full", "_mean", "_missing", "_n")

    def __init__(self, frame_s: int) -> None:
        self._full = round(SLOW_S / frame_s)
        self._mean = 0.0
        self._n = 0
        self._missing = 0

    def update(self, value: float | None) -> None:
        """Take in a frame; None where it holds nothing."""
        if value is None:
            self.pause(1)
            return
        self._n += 1
        self._missing = 0
        self._mean = value if self._n == 1 else self._mean + (value - self._mean) / self._full

    def pause(self, frames: int) -> None:
        """So many frames are missing; a clock that went back (below 0) begins anew as well."""
        self._missing += frames
        if frames < 0 or self._missing > self._full // 4:
            self._n = 0

    @property
    def value(self) -> float | None:
        return self._mean if self._n >= self._full else None

    def state(self) -> list[Any]:
        return [self._mean, self._n, self._missing]

    def restore(self, state: Sequence[Any]) -> None:
        self._mean, self._n, self._missing = state


class Window:
    """Readings into frames, and frames into the terms of a plan.

    A frame closes when the first reading behind it arrives; a signal that has less than half the usual number of
    samples in it is missing. Terms are None where something is missing.
    """

    __slots__ = ("_ask", "_day_means", "_frame_ms", "_frames", "_names", "_plan", "_start_ms", "_sums",
                 "_usual", "first_ms", "sizes")  # fmt: skip

    def __init__(self, plan: Plan, place: tuple[float, float] | None, zone: ZoneInfo) -> None:
        self._plan = plan
        self._ask = contexts_at(place, zone, plan.frame_s)
        self._frame_ms = plan.frame_s * 1000
        self._names = [SignalName(name) for name in plan.signals]
        lags = [part.lag for term in plan.terms for part in term.parts]
        self._frames: deque[dict[str, float]] = deque(maxlen=1 + max(lags, default=0))
        slow = sorted({part.signal for term in plan.terms for part in term.parts if part.lag == SLOW})
        self._day_means = {name: DayMean(plan.frame_s) for name in slow}
        self._start_ms: int | None = None
        self._sums: dict[str, list[float]] = {}
        self._usual = 0.0
        self.first_ms: int | None = None
        self.sizes: dict[str, float] = {size.name: 0.0 for size in plan.sizes}

    def update(self, reading: Reading) -> tuple[int, list[float | None]] | None:
        """Take in a reading; returns start and terms of the frame that it closes."""
        start_ms = reading.at_ms - reading.at_ms % self._frame_ms
        closed = None
        if start_ms != self._start_ms:
            closed = self._close()
            self._skip(start_ms)
            self._start_ms = start_ms
        sums, values = self._sums, reading.values
        for name in self._names:
            value = values.get(name)
            if value is not None:
                total = sums.get(name)
                if total is None:
                    sums[name] = [value, 1.0]
                else:
                    total[0] += value
                    total[1] += 1.0
        return closed

    def _close(self) -> tuple[int, list[float | None]] | None:
        if self._start_ms is None or not self._sums:
            return None
        self._usual = max(0.99 * self._usual, *(n for _, n in self._sums.values()))
        frame = {name: total / n for name, (total, n) in self._sums.items() if n >= _LEAST_COVER * self._usual}
        self._sums = {}
        self._frames.appendleft(frame)
        if self.first_ms is None:
            self.first_ms = self._start_ms
        for name, mean in self._day_means.items():
            mean.update(frame.get(name))
        context = self._ask(self._start_ms)
        self._learn_sizes(frame, context)
        return self._start_ms, [self._term(term, context) for term in self._plan.terms]

    def _skip(self, start_ms: int) -> None:
        """Frames that nothing was heard of lie behind; a clock that went back begins anew."""
        if self._start_ms is None:
            return
        missing = (start_ms - self._start_ms) // self._frame_ms - 1
        for _ in range(min(missing if missing >= 0 else MOST_LAG + 1, MOST_LAG + 1)):
            self._frames.appendleft({})
        for mean in self._day_means.values() if missing else ():
            mean.pause(missing)

    def _learn_sizes(self, frame: Mapping[str, float], context: Context) -> None:
        for size in self._plan.sizes:
            value = frame.get(size.signal)
            if value is None or not self.learning(size.days):
                continue
            share = sun_share(context["sun_height"]) if size.over_sun else 1.0
            if share > 0.0:
                self.sizes[size.name] = max(self.sizes[size.name], abs(value) / share)

    @property
    def start_ms(self) -> int | None:
        """When the open frame began."""
        return self._start_ms

    def learning(self, days: int) -> bool:
        """Whether the present frame lies within the site's first `days`."""
        return self._start_ms is None or self.first_ms is None or self._start_ms < self.first_ms + days * DAY_MS

    def _term(self, term: Term, context: Context) -> float | None:
        if term.context:
            return context[term.context]
        total = -term.offset
        for part in term.parts:
            if part.lag == SLOW:
                value = self._day_means[part.signal].value
            else:
                value = self._frames[part.lag].get(part.signal) if part.lag < len(self._frames) else None
            if value is None:
                return None
            total += part.weight * value
        scaled = total / (term.scale * (max(self.sizes[term.by], 1.0) if term.by else 1.0))
        return max(-term.most, min(term.most, scaled))

    def move(self, move: Move) -> None:
        """The clock was set; the open frame keeps what it has and counts where it now lies."""
        if self._start_ms is not None:
            at_ms = move(self._start_ms)
            self._start_ms = at_ms - at_ms % self._frame_ms
        self.first_ms = move.maybe(self.first_ms)

    def state(self) -> list[Any]:
        return [
            *(list(self._frames), {name: mean.state() for name, mean in self._day_means.items()}),
            *(self._start_ms, self._sums),
            *(self._usual, self.first_ms, self.sizes),
        ]

    def restore(self, state: Sequence[Any]) -> None:
        self._frames.clear()
        self._frames.extend(dict(frame) for frame in state[0])
        for name, kept in state[1].items():
            self._day_means[name].restore(kept)
        self._start_ms = state[2]
        self._sums = {name: list(total) for name, total in state[3].items()}
        self._usual, self.first_ms = state[4], state[5]
        self.sizes = {size.name: float(state[6].get(size.name, 0.0)) for size in self._plan.sizes}
