"""What the panels of this roof give under a clear sky at this hour: geometry, and what the site has shown.

The share of the clear sky's irradiance that arrives as power is learned for every half hour of the solar day, from
steady stretches only: passing clouds teach nothing. A stretch far below what was learned teaches nothing either, so
that a fault in progress does not become normal. What was not confirmed for long is less certain: the season moves it.

Clear sky: B. Haurwitz, "Insolation in relation to cloudiness and cloud density", Journal of Meteorology 2 (1945):
1098 · s · exp(-0.057 / s) W/m², s being the sine of the sun's elevation.
"""

from collections.abc import Sequence
from math import exp
from typing import Any, Final, NamedTuple

from agent.domain.sun import Height
from agent.domain.timeline import Move

_DAY_MS: Final = 86_400_000
_SLOTS: Final = 48
_SLOT_MS: Final = _DAY_MS // _SLOTS
_LEAST_SINE: Final = 0.2  # 11.5°: below it trees, neighbours and fog say more than the roof does
_STEADY: Final = 0.06
_TAU_MS: Final = 15 * 60_000
# A sky is steady once it has been for so long.
STEADY_MIN: Final = 25
_STEADY_MS: Final = STEADY_MIN * 60_000
_MOST_GAP_MS: Final = 65 * 60_000
_AGREES: Final = 0.15
_DAYS_TO_TRUST: Final = 2
_AGEING_PER_DAY: Final = 0.004
_MOST_AGEING: Final = 0.25
_OPEN_SHARE: Final = 0.4
# Times the level: more than what the edge of a cloud adds over a quarter of an hour.
_MOMENTARY: Final = 1.35
_FADES: Final = 0.05
_GAIN_UP: Final = 0.5
_GAIN_DOWN: Final = 0.2


class PvMoment(NamedTuple):
    """`share` of what is expected that the panels give, smoothed; `steady` when no cloud passes.

    `tolerance` is how far the expectation may be off by itself, as a share.
    """

    expected_w: float
    share: float
    steady: bool
    tolerance: float


class PvExpectation:
    """Learns one roof. `place` is `(latitude, longitude)` in degrees.

    >>> roof = PvExpectation((48.1, 11.6))
    >>> noons = [1_719_050_400_000 + day * 86_400_000 for day in range(4)]  # 2024-06-22T10:00Z and on
    >>> told = [roof.update(noon + minute * 60_000, 4000.0) for noon in noons for minute in range(30)]
    >>> told[-1].steady, round(told[-1].share, 2), round(told[-1].expected_w, -3)
    (True, 1.0, 4000.0)
    """

    __slots__ = ("_height", "_last_ms", "_longitude_ms", "_mean", "_peak_w", "_samples", "_slots", "_steady_from_ms")

    def __init__(self, place: tuple[float, float]) -> None:
        self._height = Height(*place)
        self._longitude_ms = round(place[1] / 360.0 * _DAY_MS)
        # Level, days, last day, confirmed ms; the highest that was ever seen, were it but between two clouds.
        self._slots: list[list[float]] = [[0.0, 0, 0, 0, 0.0] for _ in range(_SLOTS)]
        self._mean = 0.0
        self._last_ms: int | None = None
        self._steady_from_ms = 0
        self._samples = 0
        self._peak_w = 0.0

    def update(self, at_ms: int, power_w: float, sine: float | None = None) -> PvMoment | None:
        """Take in a sample and say what it is worth; None by night and where nothing is known yet.

        `sine` is that of the sun's elevation, where the caller knows it.
        """
        if sine is None:
            sine = self._height.sine(at_ms)
        if self.is_dark(sine, power_w):
            return None
        clear = 1098.0 * sine * exp(-0.057 / sine)
        ratio = power_w / clear
        steady = self._follow(at_ms, ratio)
        slot = self._slots[(at_ms + self._longitude_ms) // _SLOT_MS % _SLOTS]
        slot[4] = max(slot[4], self._mean)
        moment = self._moment(at_ms, slot, clear, steady)
        if steady:
            self._learn(at_ms, slot)
            # What the inverter can give at most: clipping is no loss.
            self._peak_w = max(self._peak_w, self._mean * clear)
        return moment

    def is_dark(self, sine: float, power_w: float) -> bool:
        """Whether there is nothing to learn now; what comes later does not continue what was before."""
        if sine < _LEAST_SINE or power_w <= 0.0:
            self._last_ms = None
            return True
        return False

    def is_open(self, at_ms: int) -> bool:
        """Whether what is expected now is that of a clear sky.

        Where the roof has shown much less than at other hours, or for a moment much more, only closed skies may have
        lasted so far.
        """
        number = (at_ms + self._longitude_ms) // _SLOT_MS % _SLOTS
        near = [self._slots[(number + step) % _SLOTS] for step in range(-2, 3)]
        if any(slot[1] and slot[4] > _MOMENTARY * slot[0] for slot in near):
            return False
        return self._slots[number][0] >= _OPEN_SHARE * max(slot[0] for slot in self._slots)

    def value(self, at_ms: int) -> float | None:
        """Power in W under a clear sky, None by night or where it is not known."""
        sine = self._height.sine(at_ms)
        level, days = self._slots[(at_ms + self._longitude_ms) // _SLOT_MS % _SLOTS][:2]
        if sine < _LEAST_SINE or days < _DAYS_TO_TRUST:
            return None
        return min(level * 1098.0 * sine * exp(-0.057 / sine), self._peak_w)

    def _follow(self, at_ms: int, ratio: float) -> bool:
        """Whether the sky has been steady for a while."""
        last_ms = self._last_ms
        self._last_ms = at_ms
        if last_ms is None or not 0 < at_ms - last_ms <= _MOST_GAP_MS:
            self._mean, self._steady_from_ms, self._samples = ratio, at_ms, 1
            return False
        step_ms = at_ms - last_ms
        if abs(ratio - self._mean) > _STEADY * self._mean:
            self._steady_from_ms, self._samples = at_ms, 0
        self._mean += (ratio - self._mean) * step_ms / (_TAU_MS + step_ms)
        self._samples += 1
        return self._samples >= 3 and at_ms - self._steady_from_ms >= _STEADY_MS

    def _moment(self, at_ms: int, slot: Sequence[float], clear: float, steady: bool) -> PvMoment | None:
        level, days, _, confirmed_ms, _ = slot
        if days < _DAYS_TO_TRUST:
            return None
        age_days = max(0.0, (at_ms - confirmed_ms) / _DAY_MS)
        expected = min(level * clear, max(self._peak_w, 1.0))
        tolerance = min(_MOST_AGEING, _AGEING_PER_DAY * age_days)
        return PvMoment(expected, self._mean * clear / expected, steady, tolerance)

    def _learn(self, at_ms: int, slot: list[float]) -> None:
        level, days, last_day, confirmed_ms, best = slot
        today = (at_ms + self._longitude_ms) // _DAY_MS
        share = self._mean / level if level else 9.0
        age_days = (at_ms - confirmed_ms) / _DAY_MS
        widened = _AGREES + min(_MOST_AGEING, _AGEING_PER_DAY * max(0.0, age_days))
        if share > 1.0 + widened:
            slot[:4] = [self._mean, 1, today, at_ms]
        elif share >= 1.0 - widened:
            gain = _GAIN_UP if share > 1.0 else _GAIN_DOWN
            # A day has some thirty samples in a slot; together they move it about as far as the gain says.
            slot[0] = level + (self._mean - level) * gain / 30.0
            slot[1] = days + (today != last_day)
            slot[2], slot[3] = today, at_ms
            slot[4] = best + (self._mean - best) * _FADES / 30.0

    def move(self, move: Move) -> None:
        """The clock was set."""
        self._last_ms = move.maybe(self._last_ms)
        self._steady_from_ms = move(self._steady_from_ms)
        for slot in self._slots:
            slot[3] = move(int(slot[3]))

    def state(self) -> list[Any]:
        slots = [[number, *slot] for number, slot in enumerate(self._slots) if slot[1] or slot[4]]
        return [self._last_ms, self._mean, self._steady_from_ms, self._samples, self._peak_w, slots]

    def restore(self, state: Sequence[Any]) -> None:
        self._last_ms, self._mean, self._steady_from_ms, self._samples, self._peak_w, slots = state
        self._slots = [[0.0, 0, 0, 0, 0.0] for _ in range(_SLOTS)]
        for number, *slot in slots:
            self._slots[number][: len(slot)] = slot
