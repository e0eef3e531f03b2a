"""What wears at a site: followed day by day, and told once a week while it leads to a fault."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from math import exp
from typing import Any, Final

from agent.domain.blocks import Block
from agent.domain.local_time import LocalTime
from agent.domain.maintenance import Maintenance
from agent.domain.signals import (
    BATTERY_CHARGE_TOTAL,
    BATTERY_DISCHARGE_TOTAL,
    BURNER_ON,
    PV_POWER,
    WATER_PRESSURE,
    Reading,
)
from agent.domain.sun import Height
from agent.domain.timeline import Move
from agent.domain.wear import Fading, Forecast

WATER: Final = str(WATER_PRESSURE)
CAPACITY: Final = "battery_capacity"
EFFICIENCY: Final = "battery_efficiency"
STARTS: Final = "burner_starts"
PANELS: Final = "panels"

_HORIZON_DAYS: Final = {WATER: 60.0, STARTS: 60.0, CAPACITY: 730.0, EFFICIENCY: 365.0, PANELS: 730.0}
_TELL_DAYS: Final = 7
_WEEK: Final = 7
_MONTH: Final = 30
_YEAR: Final = 365.25
_TAU_MS: Final = 900_000
_LEAST_SINE: Final = 0.35
_LEAST_SEEN_MS: Final = 12 * 3_600_000
_LEAST_DUTY: Final = 0.08
# Times as often as at first.
_OFTEN: Final = 2.0
_LEAST_CHARGE_WH: Final = 5_000.0
_STEP_MS: Final = 3_600_000


class Wear:
    """Follows one site. Below `lowest_bar` the rule for the water pressure fails.

    Of the others the limit is a share of what the site showed first.
    """

    def __init__(self, lowest_bar: float, place: tuple[float, float] | None) -> None:
        self._sun = None if place is None else Height(*place)
        self._fading = {
            WATER: Fading(lowest_bar, 0.02),
            STARTS: Fading(_OFTEN, 0.1, rises=True),
            CAPACITY: Fading(0.8, 0.02),
            EFFICIENCY: Fading(0.75, 0.01),
            PANELS: Fading(0.8, 0.02),
        }
        self._told: dict[str, int] = {}  # the day on which each was told last
        self._day: int | None = None
        self._pressure = [0.0, 0.0]  # sum and samples of today
        self._burner = [0.0, 0.0, 0.0, 0.0]  # starts, ms on and ms seen today; the flame now
        self._first_pace = 0.0
        self._last_ms = 0
        self._ratio = 0.0  # of the panels' power to the clear sky's, smoothed
        self._best = 0.0  # of that, the highest of this month
        self._months: dict[str, float] = {}  # what each month of the first year showed
        self._first_capacity = 0.0
        self._charged: tuple[float, float] | None = None

    def update(self, reading: Reading, local: LocalTime, capacity: Callable[[], float | None]) -> list[Maintenance]:
        """Take in a reading; the first of a local day says what is to be told."""
        values, at_ms = reading.values, reading.at_ms
        pressure = values.get(WATER_PRESSURE)
        if pressure is not None:
            self._pressure[0] += pressure
            self._pressure[1] += 1.0
        burner = values.get(BURNER_ON)
        if burner is not None:
            self._count(burner >= 0.5, at_ms)
        pv = values.get(PV_POWER)
        if pv is not None and self._sun is not None and pv > 0.0:
            self._follow_panels(at_ms, pv, self._sun)
        self._last_ms = at_ms
        day = local.day(at_ms)
        if day == self._day:
            return []
        before, self._day = self._day, day
        return [] if before is None else self._over(day, values, capacity())

    def pass_all(self, block: Block) -> None:
        """`update` with each reading of a block within one local day."""
        times, before_ms = block.times, (self._last_ms, *block.times)
        pressures, burners, powers = block.column(WATER_PRESSURE), block.column(BURNER_ON), block.column(PV_POWER)
        if pressures is not None:
            self._pressure[0] = deque(accumulate(pressures, initial=self._pressure[0]), maxlen=1)[0]
            self._pressure[1] += float(len(pressures))
        for at_ms, last_ms, burner in zip(times, before_ms, burners or (), strict=False):
            self._last_ms = last_ms
            self._count(burner >= 0.5, at_ms)
        if powers is not None and self._sun is not None:
            for at_ms, last_ms, pv, sine in zip(times, before_ms, powers, block.sines(), strict=False):
                if pv > 0.0:
                    self._last_ms = last_ms
                    self._follow_sine(at_ms, pv, sine)
        self._last_ms = times[-1]

    def _count(self, on: bool, at_ms: int) -> None:
        step_ms = at_ms - self._last_ms
        if 0 < step_ms <= _STEP_MS:
            self._burner[0] += on and not self._burner[3]
            self._burner[1] += step_ms * on
            self._burner[2] += step_ms
        self._burner[3] = float(on)

    def _pace(self) -> float | None:
        """Starts per hour at half load: those of a burner with a fixed hysteresis go with d · (1 - d), d being the
        share of time that it burns. What the weather does to d does not matter to it.
        """
        starts, on_ms, seen_ms, _ = self._burner
        share = on_ms / seen_ms if seen_ms >= _LEAST_SEEN_MS else 0.0
        self._burner[:3] = [0.0, 0.0, 0.0]
        if not _LEAST_DUTY <= share <= 1.0 - _LEAST_DUTY:
            return None
        return starts * _STEP_MS / seen_ms / (4.0 * share * (1.0 - share))

    def _follow_panels(self, at_ms: int, pv: float, sun: Height) -> None:
        self._follow_sine(at_ms, pv, sun.sine(at_ms))

    def _follow_sine(self, at_ms: int, pv: float, sine: float) -> None:
        step_ms = at_ms - self._last_ms
        if sine < _LEAST_SINE or not 0 < step_ms <= _STEP_MS:
            self._ratio = 0.0
            return
        clear = 1098.0 * sine * exp(-0.057 / sine)
        self._ratio += (pv / clear - self._ratio) * step_ms / (_TAU_MS + step_ms)
        self._best = max(self._best, self._ratio)

    def _over(self, day: int, values: Mapping[Any, float], capacity: float | None) -> list[Maintenance]:
        """A day is over."""
        if self._pressure[1] >= 10:
            self._fading[WATER].update(day, self._pressure[0] / self._pressure[1])
        self._pressure = [0.0, 0.0]
        pace = self._pace()
        if pace:
            self._first_pace = self._first_pace or pace
            self._fading[STARTS].update(day, pace / self._first_pace)
        if day % _WEEK == 0 and capacity is not None:
            self._first_capacity = self._first_capacity or capacity
            self._fading[CAPACITY].update(day, capacity / self._first_capacity)
        if day % _MONTH == 0:
            self._month(day, values)
        return self._forecasts(day)

    def _month(self, day: int, values: Mapping[Any, float]) -> None:
        charge, discharge = values.get(BATTERY_CHARGE_TOTAL), values.get(BATTERY_DISCHARGE_TOTAL)
        if charge is not None and discharge is not None:
            if self._charged is not None and charge - self._charged[0] >= _LEAST_CHARGE_WH:
                share = (discharge - self._charged[1]) / (charge - self._charged[0])
                if 0.3 < share < 1.05:
                    self._fading[EFFICIENCY].update(day, share)
            self._charged = (charge, discharge)
        if self._best > 0.0:
            # The same season of the first year is what it is held against: sun and roof are as they were.
            season = str(int(day % _YEAR // _MONTH))
            first = self._months.setdefault(season, self._best)
            self._fading[PANELS].update(day, self._best / first)
            self._best = 0.0

    def _forecasts(self, day: int) -> list[Maintenance]:
        told = []
        for code, fading in self._fading.items():
            forecast = fading.value()
            near = forecast is not None and forecast.days_low <= _HORIZON_DAYS[code]
            last = self._told.get(code)
            if forecast is not None and near and (last is None or day - last >= _TELL_DAYS):
                self._told[code] = day
                told.append(_told(code, fading, forecast))
            elif not near and last is not None:
                del self._told[code]
                told.append(Maintenance(code, 0.0, fading.limit, 0.0))
        return told

    def move(self, move: Move) -> None:
        """The clock was set."""
        self._last_ms = move(self._last_ms)

    def state(self) -> dict[str, Any]:
        return {
            "fading": {code: fading.state() for code, fading in self._fading.items()},
            "told": self._told,
            "day": self._day,
            "sums": [*self._pressure, *self._burner, self._last_ms, self._ratio, self._best],
            "first": [self._first_capacity, self._first_pace],
            "months": self._months,
            "charged": self._charged,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        for code, kept in state["fading"].items():
            self._fading[code].restore(kept)
        self._told, self._day, self._months = dict(state["told"]), state["day"], dict(state["months"])
        sums: Sequence[Any] = state["sums"]
        self._pressure, self._burner = list(sums[:2]), list(sums[2:6])
        self._last_ms, self._ratio, self._best = sums[6:]
        self._first_capacity, self._first_pace = state["first"]
        self._charged = None if state["charged"] is None else tuple(state["charged"])


def _told(code: str, fading: Fading, forecast: Forecast) -> Maintenance:
    days = round(forecast.days_low, 1), round(forecast.days_high, 1)
    return Maintenance(code, round(forecast.value, 3), fading.limit, round(forecast.per_day, 5), *days)
