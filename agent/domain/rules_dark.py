"""No power from the panels although the sun is up."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, radians, sin
from typing import Any, Final

from agent.domain.blocks import Block, RowByRow, Verdict
from agent.domain.faults import FaultCode
from agent.domain.local_time import LocalTime
from agent.domain.rules import has_stopped
from agent.domain.signals import PV_POWER, Reading, SignalName
from agent.domain.sun import Height
from agent.domain.timeline import Move

_DAY_MS: Final = 86_400_000
_SLOTS: Final = 48
# Lower than this the sun proves nothing anywhere.
_TWILIGHT: Final = sin(radians(3.0))
# Half of what a closed sky lets through at least: where that is no more than a meter can show, a zero proves nothing.
_CLOSED: Final = 0.01
# A dark cloud leaves even less, but not for hours.
_DARK: Final = 0.05
_DARK_MS: Final = 3 * 3_600_000
# A share of the best so low that the sky is closing: what is left of it may well be nothing.
_DIM: Final = 0.1
_MOST_GAP_MS: Final = 65 * 60_000
_DAYS_TO_KNOW: Final = 4
_KEPT_A_DAY: Final = 0.97
_CHANGES_TO_KNOW: Final = 20


@dataclass(frozen=True, slots=True)
class SolarLimits:
    """W and degrees. Without coordinates only `from_minute` ≤ local minute of the day < `to_minute` is judged.

    Below `sun_elevation` only where the panels have shown that they give power.
    """

    dead_band_w: float = 5.0
    sun_elevation: float = 15.0
    from_minute: int = 11 * 60
    to_minute: int = 13 * 60


class LowSun:
    """What the panels gave lately under a low sun, by half hours of the solar day; what was long ago counts for less.

    >>> low = LowSun(11.6)
    >>> for day in range(5):
    ...     low.learn(day * 86_400_000, 900.0)
    >>> low.best_w(5 * 86_400_000), low.best_w(5 * 86_400_000 + 7_200_000)
    (900, 0)
    """

    __slots__ = ("_longitude_ms", "_slots")

    def __init__(self, longitude: float) -> None:
        self._longitude_ms = round(longitude / 360.0 * _DAY_MS)
        self._slots: dict[int, list[int]] = {}  # most W that were given, days, last day

    def learn(self, at_ms: int, power_w: float) -> None:
        """Take in a power above nothing."""
        solar_ms = at_ms + self._longitude_ms
        today = solar_ms // _DAY_MS
        slot = self._slots.setdefault(solar_ms * _SLOTS // _DAY_MS % _SLOTS, [0, 0, today])
        if today != slot[2] or not slot[1]:
            slot[:] = round(slot[0] * _KEPT_A_DAY ** max(0, today - slot[2])), slot[1] + 1, today
        slot[0] = max(slot[0], round(power_w))

    def best_w(self, at_ms: int) -> int:
        """Most that the panels gave at this hour, 0 where that is not known."""
        best_w, days, _ = self._slots.get((at_ms + self._longitude_ms) * _SLOTS // _DAY_MS % _SLOTS, (0, 0, 0))
        return best_w if days >= _DAYS_TO_KNOW else 0

    def state(self) -> list[Any]:
        return [[number, *slot] for number, slot in sorted(self._slots.items())]

    def restore(self, state: Sequence[Any]) -> None:
        self._slots = {number: slot for number, *slot in state}


class NoSolarProduction(RowByRow):
    """Scenario 2 for engineers: no power although the sun is high enough. `place` is `(latitude, longitude)`.

    Once the site has shown what its panels can give, a zero proves something only where even a closed sky would leave
    more than the meter's smallest step. Where it might leave less, or the day grew dark before, it has to stay dark
    for hours.
    """

    code = FaultCode.NO_SOLAR_PRODUCTION
    needs = (frozenset({PV_POWER}),)
    watched: SignalName | None = None

    def __init__(self, limits: SolarLimits, local: LocalTime, place: tuple[float, float] | None) -> None:
        self._limits = limits
        self._local = local
        self._sun = Height(*place) if place is not None else None
        self._lowest_sine = sin(radians(limits.sun_elevation))
        self._low = LowSun(place[1] if place is not None else 0.0)
        self._per_sine_w = 0.0  # most that the panels gave per sine of the sun's elevation
        self._step_w = inf  # smallest change between two powers
        self._changes = 0
        self._power_w = 0.0
        self._dark_ms = 0  # how long it has been dark by day
        self._last_dark_ms = 0
        self._dim_ms = 0  # when the last power came, where that was hardly any

    def judge(self, reading: Reading) -> Verdict:
        if PV_POWER not in reading.values:
            return None
        if self._sun is not None:
            return self._by_sun(reading, self._sun.sine(reading.at_ms))
        if self._limits.from_minute <= self._local.minute_of_day(reading.at_ms) < self._limits.to_minute:
            return self._by_sun(reading, 1.0)
        return None

    def _by_sun(self, reading: Reading, sine: float) -> Verdict:
        pv, low = reading.values[PV_POWER], sine < self._lowest_sine
        if low and sine < _TWILIGHT:
            return None
        best_w = self._low.best_w(reading.at_ms) if low else self._per_sine_w * sine
        if pv > self._limits.dead_band_w:
            self._lit(reading.at_ms, pv, sine, low=low)
            self._dim_ms = reading.at_ms if pv < _DIM * best_w else 0
            return None if low and not best_w else False
        # An inverter that says why it stands still is a fault of its own; the missing power is its consequence.
        if has_stopped(reading.values) or (low and not best_w):
            return None
        return True if self._proves(reading.at_ms, best_w) else None

    def _lit(self, at_ms: int, pv: float, sine: float, *, low: bool) -> None:
        """There is power."""
        self._dark_ms = self._last_dark_ms = 0
        if self._step_w > self._limits.dead_band_w:
            self._follow_step(pv)
        if low:
            self._low.learn(at_ms, pv)
        elif pv > self._per_sine_w * sine:
            self._per_sine_w = pv / sine

    def _follow_step(self, pv: float) -> None:
        if pv != self._power_w:
            self._step_w = min(self._step_w, abs(pv - self._power_w))
            self._power_w, self._changes = pv, self._changes + 1

    def _proves(self, at_ms: int, best_w: float) -> bool:
        """Whether no sky can be so dark where the panels gave `best_w` under the best one (0: not known)."""
        least_w = self._limits.dead_band_w
        if self._changes >= _CHANGES_TO_KNOW:
            least_w = max(least_w, self._step_w)
        if _DARK * best_w < least_w and best_w:
            return False
        if self._last_dark_ms and 0 < at_ms - self._last_dark_ms <= _MOST_GAP_MS:
            self._dark_ms += at_ms - self._last_dark_ms
        self._last_dark_ms = at_ms
        faded = self._dim_ms and at_ms - self._dim_ms <= _MOST_GAP_MS + self._dark_ms
        return not best_w or (_CLOSED * best_w >= least_w and not faded) or self._dark_ms >= _DARK_MS

    def judge_all(self, block: Block) -> list[Verdict]:
        powers = block.column(PV_POWER)
        if powers is None or self._sun is None:
            return super().judge_all(block)
        lowest, dead_band_w, verdicts = self._lowest_sine, self._limits.dead_band_w, list[Verdict]()
        for row, (pv, sine) in enumerate(zip(powers, block.sines(), strict=True)):
            if sine < lowest and sine < _TWILIGHT:
                verdicts.append(None)
            elif pv > dead_band_w and sine >= lowest:
                verdicts.append(False)
                best_w = self._per_sine_w * sine
                if pv > best_w or self._last_dark_ms or self._step_w > dead_band_w:
                    self._lit(block.times[row], pv, sine, low=False)
                self._dim_ms = block.times[row] if pv < _DIM * best_w else 0
            else:
                verdicts.append(self._by_sun(block.readings[row], sine))
                if verdicts[-1]:
                    break
        return verdicts

    def move(self, move: Move, /) -> None:
        self._last_dark_ms, self._dim_ms = move(self._last_dark_ms), move(self._dim_ms)

    def state(self) -> list[Any]:
        step_w = None if self._step_w == inf else self._step_w
        dark = [step_w, self._changes, self._power_w, self._dark_ms, self._last_dark_ms]
        return [self._per_sine_w, *dark, self._low.state(), self._dim_ms]

    def restore(self, state: Sequence[Any]) -> None:
        if state:
            self._per_sine_w = state[0]
        if len(state) > 1:
            step_w, self._changes, self._power_w, self._dark_ms, self._last_dark_ms, low = state[1:7]
            self._step_w = inf if step_w is None else step_w
            self._low.restore(low)
            self._dim_ms = state[7] if len(state) > 7 else 0
