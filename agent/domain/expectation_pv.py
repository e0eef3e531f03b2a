"""What the panels of this roof give under a clear sky at this hour: geometry, and what the site has shown.

The share of the clear sky's irradiance that arrives as power is learned for every half hour of the solar day, from
steady stretches only: passing clouds teach nothing. Between the middles of the half hours it goes on evenly, as the sun
does over a roof that leans to one side. A stretch far below what was learned teaches nothing either, so that a fault in
progress does not become normal. What was not confirmed for long is less certain: the season moves it. Where the sky
never cleared for long, what it gave for ten minutes says at least how much it can be.

Clear sky: B. Haurwitz, "Insolation in relation to cloudiness and cloud density", Journal of Meteorology 2 (1945):
1098 · s · exp(-0.057 / s) W/m², s being the sine of the sun's elevation.
"""

from collections.abc import Sequence
from math import exp
from typing import Any, Final, NamedTuple

from agent.domain.steady import STEADY_MIN as STEADY_MIN
from agent.domain.steady import TAU_MS, Sky
from agent.domain.sun import Height
from agent.domain.timeline import Move

_DAY_MS: Final = 86_400_000
_SLOTS: Final = 48
_SLOT_MS: Final = _DAY_MS // _SLOTS
_LEAST_SINE: Final = 0.2  # 11.5°: below it trees, neighbours and fog say more than the roof does
_AGREES: Final = 0.15
_DAYS_TO_TRUST: Final = 2
_AGEING_PER_DAY: Final = 0.004
_MOST_AGEING: Final = 0.25
# Where a roof shows less than this of its best hour, it leans away from the sun, or has had closed skies only. After so
# many days it is the roof.
_OPEN_SHARE: Final = 0.4
_DAYS_TO_KNOW: Final = 8
# Times the level: more than what the edge of a cloud adds over a quarter of an hour.
_MOMENTARY: Final = 1.35
_THOUSAND: Final = 1000
# Of what it gave for ten minutes.
_BEST_SHARE: Final = 0.95
_FADES: Final = 0.05
# The samples of a day in a half hour move the level about so far together.
_GAIN_UP: Final = 0.5
_GAIN_DOWN: Final = 0.2
# At the edges of what is known the level goes on as before, but not below these shares.
_LEAST_EDGE: Final = 0.2
_LEAST_MIDDLE: Final = 0.3


class PvMoment(NamedTuple):
    """What the panels give, as shares of what is expected: `smooth` over all clouds, `share` since the last one.

    `holds` when no cloud has passed for some minutes, `steady` for long; `fine` where each sample shows a moment.
    `is_open` unless only closed skies may have lasted at this hour so far. `leaning` is how many times less the roof
    gives now than at its usual hour: as much more of it a closed sky leaves. `tolerance` is how far the expectation
    may be off by itself, as a share.
    """

    expected_w: float
    share: float
    smooth: float
    holds: bool
    steady: bool
    fine: bool
    is_open: bool
    leaning: float
    tolerance: float


class _HalfHour:
    """What the roof showed in one half hour of the solar day, as shares of the clear sky."""

    __slots__ = ("best", "confirmed_ms", "days", "last_day", "level", "momentary", "top", "top_day")

    def __init__(self) -> None:
        self.level = 0.0  # under steady skies, at the middle of the half hour
        self.days = 0  # that confirmed it
        self.last_day = 0
        self.confirmed_ms = 0
        # In thousandths, since whole numbers are small where they are kept.
        self.momentary = 0  # highest, were it but between two clouds
        self.best = 0  # highest for ten minutes, on two days
        self.top = 0  # the same, on one
        self.top_day = 0

    def show(self, today: int, share: float) -> None:
        """It gave so much for ten minutes: what no other day shows may be the clock's fault."""
        best = round(share * _THOUSAND)
        if today == self.top_day:
            self.top = max(self.top, best)
        else:
            self.best = max(self.best, min(best, self.top))
            if best > self.top:
                self.top, self.top_day = best, today

    def confirm(self, today: int, at_ms: int, momentary: float, best: float) -> None:
        """A steady sky shows about what is expected."""
        self.confirmed_ms = at_ms
        if today == self.last_day:
            return
        self.days, self.last_day = self.days + 1, today
        self.momentary += round((momentary * _THOUSAND - self.momentary) * _FADES)
        self.best += round((best * _THOUSAND - self.best) * _FADES)
        self.top += round((best * _THOUSAND - self.top) * _FADES)

    def state(self) -> list[float]:
        learned = [self.level, self.days, self.last_day, self.confirmed_ms]
        return [*learned, self.momentary, self.best, self.top, self.top_day]

    def restore(self, state: Sequence[Any]) -> None:
        self.level, self.days, self.last_day, self.confirmed_ms = state[:4]
        # What earlier versions did not remember.
        if len(state) > 5:
            self.momentary, self.best, self.top, self.top_day = state[4:8]
        elif len(state) > 4:
            self.momentary = round(state[4] * _THOUSAND)


class PvExpectation:
    """Learns one roof. `place` is `(latitude, longitude)` in degrees.

    >>> roof = PvExpectation((48.1, 11.6))
    >>> noons = [1_719_050_400_000 + day * 86_400_000 for day in range(4)]  # 2024-06-22T10:00Z and on
    >>> told = [roof.update(noon + minute * 60_000, 4000.0) for noon in noons for minute in range(30)]
    >>> told[-1].steady, round(told[-1].share, 2), round(told[-1].expected_w, -3)
    (True, 1.0, 4000.0)
    """

    def __init__(self, place: tuple[float, float]) -> None:
        self._height = Height(*place)
        self._longitude_ms = round(place[1] / 360.0 * _DAY_MS)
        self._slots = [_HalfHour() for _ in range(_SLOTS)]
        self._sky = Sky()
        self._peak_w = 0.0
        self._days = 0  # on which the sun was seen
        self._today = 0
        self._open_at = 0  # half hour since 1970 of which `_open` was worked out
        self._open = False
        self._usual = 0.0  # share of the clear sky at half of the hours

    def update(self, at_ms: int, power_w: float, sine: float | None = None) -> PvMoment | None:
        """Take in a sample and say what it is worth; None by night and where nothing is known yet.

        `sine` is that of the sun's elevation, where the caller knows it.
        """
        if sine is None:
            sine = self._height.sine(at_ms)
        if self.is_dark(sine, power_w):
            return None
        clear = 1098.0 * sine * exp(-0.057 / sine)
        sky, solar_ms = self._sky, at_ms + self._longitude_ms
        sky.follow(at_ms, power_w / clear)
        slot = self._slots[solar_ms // _SLOT_MS % _SLOTS]
        expected = self._expected(solar_ms)
        self._look(solar_ms, slot, expected)
        if sky.stands:
            # What the inverter can give at most: clipping is no loss.
            self._peak_w = max(self._peak_w, sky.ratio * clear)
        moment = None
        if expected is not None:
            moment = self._moment(at_ms, slot, clear, expected)
        if sky.steady:
            self._learn(at_ms, slot, expected)
        return moment

    def is_dark(self, sine: float, power_w: float) -> bool:
        """Whether there is nothing to learn now; what comes later does not continue what was before."""
        if sine < _LEAST_SINE or power_w <= 0.0:
            self._sky.lose()
            return True
        return False

    def _reference(self, slot: _HalfHour) -> float:
        """What the roof gives at the middle of a half hour, as far as it was seen; 0 where it was not."""
        level = slot.level if slot.days >= _DAYS_TO_TRUST else 0.0
        return level if self._days < _DAYS_TO_KNOW else max(level, _BEST_SHARE * slot.best / _THOUSAND)

    def _shown(self, slot: _HalfHour) -> float:
        """The same, where it was never confirmed as a single day showed it."""
        return self._reference(slot) or slot.level

    def _expected(self, solar_ms: int) -> float | None:
        """Share of the clear sky that is expected now, None where nothing is known."""
        number, inside_ms = divmod(solar_ms, _SLOT_MS)
        number %= _SLOTS
        slots, slot = self._slots, self._slots[number]
        level, off = self._reference(slot), inside_ms / _SLOT_MS - 0.5
        if not level:
            return None
        towards = 1 if off >= 0.0 else -1
        off = abs(off)
        beside = self._reference(slots[(number + towards) % _SLOTS])
        if beside:
            return level + (beside - level) * off
        behind = self._reference(slots[(number - towards) % _SLOTS])
        return max(_LEAST_EDGE * level, level + (level - behind) * off) if behind else level

    def _look(self, solar_ms: int, slot: _HalfHour, expected: float | None) -> None:
        """What a sample shows of how much there can be."""
        sky, today = self._sky, solar_ms // _DAY_MS
        if today != self._today:
            self._age(today)
            self._today, self._days = today, self._days + 1
        slot.momentary = max(slot.momentary, round(sky.mean * _THOUSAND))
        if sky.stands:
            slot.show(today, sky.ratio if expected is None else sky.ratio * min(1.0, self._reference(slot) / expected))
        if solar_ms // _SLOT_MS != self._open_at:
            self._open_at = solar_ms // _SLOT_MS
            self._open = self._is_open(self._open_at % _SLOTS)
            known = sorted(filter(None, map(self._reference, self._slots)))
            self._usual = known[len(known) // 2] if known else 0.0

    def _age(self, today: int) -> None:
        """The season moves what a roof that leans can give."""
        kept = (1.0 - _AGEING_PER_DAY) ** min(max(0, today - self._today), 1000)
        for slot in self._slots:
            slot.best, slot.top = round(slot.best * kept), round(slot.top * kept)

    def _is_open(self, number: int) -> bool:
        """Whether what is expected in a half hour is that of a clear sky.

        Where the roof has shown much less than at other hours, or for a moment much more, only closed skies may have
        lasted so far.
        """
        near = [self._slots[(number + step) % _SLOTS] for step in range(-2, 3)]
        if any(0.0 < _MOMENTARY * _THOUSAND * self._shown(slot) < slot.momentary for slot in near):
            return False
        best = max(map(self._shown, self._slots))
        return self._is_roof(near[2], best) and all(self._is_roof(slot, self._shown(near[2])) for slot in near[1:4])

    def _is_roof(self, slot: _HalfHour, best: float) -> bool:
        """Whether what a half hour showed, beside the `best` of others, is what the roof gives and not a closed sky."""
        return slot.days >= _DAYS_TO_KNOW or not 0.0 < self._shown(slot) < _OPEN_SHARE * best

    def _moment(self, at_ms: int, slot: _HalfHour, clear: float, expected: float) -> PvMoment:
        sky, expected_w = self._sky, min(expected * clear, max(self._peak_w, 1.0))
        scale, leaning = clear / expected_w, max(1.0, self._usual / expected)
        tolerance = min(_MOST_AGEING, _AGEING_PER_DAY * max(0.0, (at_ms - slot.confirmed_ms) / _DAY_MS))
        shares = (sky.ratio * scale, sky.mean * scale)
        return PvMoment(expected_w, *shares, sky.holds, sky.steady, sky.fine, self._open, leaning, tolerance)

    def _learn(self, at_ms: int, slot: _HalfHour, expected: float | None) -> None:
        solar_ms, now, level = at_ms + self._longitude_ms, self._sky.ratio, slot.level
        today = solar_ms // _DAY_MS
        beyond = (solar_ms % _SLOT_MS - _SLOT_MS / 2) / TAU_MS
        middle = max(_LEAST_MIDDLE * now, now - self._sky.drift * beyond)
        if expected is not None:
            share = now / expected
        else:
            share = middle / level if level else 9.0
        widened = _AGREES + min(_MOST_AGEING, _AGEING_PER_DAY * max(0.0, (at_ms - slot.confirmed_ms) / _DAY_MS))
        if share > 1.0 + widened:
            slot.level, slot.days, slot.last_day, slot.confirmed_ms = middle, 1, today, at_ms
        elif share >= 1.0 - widened:
            gain = (_GAIN_UP if share > 1.0 else _GAIN_DOWN) * self._sky.part_of(_SLOT_MS)
            slot.level = level + (middle - level) * gain if level else middle
            slot.confirm(today, at_ms, self._sky.mean, middle)

    def move(self, move: Move) -> None:
        """The clock was set."""
        self._sky.move(move)
        for slot in self._slots:
            slot.confirmed_ms = move(slot.confirmed_ms)

    def state(self) -> list[Any]:
        slots = [[number, *slot.state()] for number, slot in enumerate(self._slots) if slot.days or slot.momentary]
        last_ms, mean, from_ms, samples, *stretch = self._sky.state()
        seen = [self._days, self._today, self._open_at, self._open, self._usual]
        return [last_ms, mean, from_ms, samples, self._peak_w, slots, stretch, seen]

    def restore(self, state: Sequence[Any]) -> None:
        *sky, self._peak_w, slots = state[:6]
        # What earlier versions did not remember.
        stretch, seen = state[6:8] if len(state) > 6 else ((), (0, 0, 0, False, 0.0))
        self._sky.restore([*sky, *stretch])
        self._days, self._today, self._open_at, self._open, self._usual = seen
        self._slots = [_HalfHour() for _ in range(_SLOTS)]
        for number, *slot in slots:
            self._slots[number].restore(slot)
