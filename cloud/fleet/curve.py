"""The heating curve: how flow answers to outdoor temperature, and whether it answers at all.

A curve through (20 °C, 20 °C) has the slope `−(flow − room) / (room − outdoor)`. The *response* is the slope found over
the slope that the level asks for: near 1 for such a curve, less for a shifted one, 0 for water that knows no weather.
It does not depend on radiators or floor.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cloud.fleet.daily import WARM_DAY, Daily
from cloud.fleet.evidence import Evidence
from cloud.fleet.robust import Array, mean, median, quantiles, spread

WINDOWS = (5, 10)
# Quarters of a UTC day with daylight; the share of the fleet's middle that its lowest must have for them to count.
DAYLIGHT, ALIKE, FEWEST = slice(1, 3), 0.75, 20
# Weather (K, standard deviation against the same quarter on other days) that hardly differs from day to day.
STILL = 1.5
LEAST_WEATHER = 0.8
# Least share of the quarters of a window that must be known.
MOST = 0.7
# Standard errors by which weekends must differ to count as a schedule; error (K) that no mean of days falls below.
WEEKLY, LEAST_ERROR = 3.0, 0.2
HUBER = 1.5
# A room so far (K) below its usual warm one, and water so far (K, share of what it has above a room) below its usual
# one, are set back for a holiday.
HOLIDAY_ROOM, HOLIDAY_FLOW, LOWERED = 1.2, 1.5, 0.2
# Share of the usual response under which flow goes against the weather.
AGAINST = -0.35


@dataclass(frozen=True, slots=True)
class Curve:
    """Slope (K flow per K outdoor, negative when alive), its standard error, flow at the mean weather, response."""

    slope: Array
    error: Array
    level: Array
    rise: Array
    scatter: Array

    @property
    def response(self) -> Array:
        return -self.slope / self.rise


def fit(
    daily: Daily, days: slice | NDArray[np.int64], comfort: float, *,
    within: bool = False, shut: NDArray[np.bool_] | None = None,
) -> Curve:  # fmt: skip
    """Robust line through quarter-day means of some days, each quarter compared with its like on other days.

    `shut`: which of the days are weekends, to be compared with weekends only; None where all days are alike.

    `within`: the quarters of daylight compared with each other as well, for weeks in which only mornings and afternoons
    differ. Huber weights on the residuals, three rounds (P. Huber, Robust Statistics, 1981, § 7.8).
    """
    flow, weather = daily.flow_block[:, days], daily.weather_block[:, days]
    if within:
        flow, weather = flow[:, :, DAYLIGHT], weather[:, :, DAYLIGHT]
    x, y = (_against_the_mean(part) if within else _against_own_quarter(part, shut) for part in (weather, flow))
    good = np.isfinite(x) & np.isfinite(y)
    x, y = np.where(good, x, 0), np.where(good, y, 0)
    weight = good.astype(np.float32)
    count = np.maximum(good.sum(axis=1), 1)
    slope = np.zeros(len(x), dtype=np.float32)
    scatter = np.ones(len(x), dtype=np.float32)
    for _ in range(3):
        square = np.maximum((weight * x * x).sum(axis=1), 1e-6)
        slope = (weight * x * y).sum(axis=1) / square
        residual = y - slope[:, None] * x
        scatter = 1.4826 * median(np.where(good, np.abs(residual), np.nan)) + 0.05
        weight = good * np.minimum(1, HUBER * scatter[:, None] / np.maximum(np.abs(residual), 1e-6))
    spread = np.sqrt((x * x).sum(axis=1) / count)
    # Neighbouring quarters share their noise: each day counts once. Days of another schedule widen the error fully.
    residual = good * (y - slope[:, None] * x)
    wide = np.maximum(scatter, np.sqrt((residual * residual).sum(axis=1) / count))
    free = count / 4 - (0 if shut is None else 1)
    error = wide / np.maximum(spread, 1e-3) / np.sqrt(np.maximum(free, 1))
    enough = (spread > LEAST_WEATHER) & (count > MOST * flow.shape[1] * flow.shape[2])
    level = mean(flow.reshape(len(flow), -1))
    need = comfort - mean(weather.reshape(len(flow), -1))
    rise = np.where(need > 5, np.maximum(level - comfort, 0.5) / np.maximum(need, 5), np.nan)
    blank = np.where(enough, np.float32(1), np.float32(np.nan))
    return Curve(slope * blank, error * blank, level, rise.astype(np.float32), scatter * blank)


def _against_own_quarter(blocks: Array, shut: NDArray[np.bool_] | None = None) -> Array:
    """Each quarter of a day less what is usual in the same quarter over the days (or those of its kind).

    Schedules fall out: those of a day and, with `shut`, those of a week.
    """
    if shut is None:
        usual = median(np.moveaxis(blocks, 1, -1))
        return (blocks - usual[:, None, :]).reshape(len(blocks), -1)
    apart = np.empty_like(blocks)
    for days in (shut, ~shut):
        # Of two days a median would be the lower one, which is the warmer one's flow and the colder one's weather.
        apart[:, days] = blocks[:, days] - mean(np.moveaxis(blocks[:, days], 1, -1))[:, None, :]
    return apart.reshape(len(blocks), -1)


def _against_the_mean(blocks: Array) -> Array:
    flat = blocks.reshape(len(blocks), -1)
    return flat - median(flat)[:, None]


def flat(daily: Daily, response: float, comfort: float, weekday: int, by_design: NDArray[np.bool_]) -> Evidence:
    """Windows of days in which flow does not answer to the weather, at twice its uncertainty.

    `response` is the fleet's usual one; severity 1 is under 45 % of it. `weekday` is the first day's (Monday 0): what
    weekends do to flow is no answer to the weather, so that they are compared with each other where they differ.
    `by_design`: installations that a thermostat switches have no curve that could be flat.
    """
    count, total = daily.weather.shape
    daily = replace(daily, flow_block=np.where(_set_back(daily, comfort)[:, :, None], np.nan, daily.flow_block))
    severity = np.full((count, total), np.nan, dtype=np.float32)
    usual, by_day = max(response, 0.2), _usual_within(daily, comfort)
    still, closed = _still(daily), (np.arange(total) + weekday) % 7 >= 5
    weekly = _weekly(daily, comfort, closed)
    for width in sorted({min(width, total) for width in (*WINDOWS, total)}):
        for end in range(width, total + 1):
            every = np.arange(end - width, end)
            found = _flatness(fit(daily, every, comfort), usual, comfort)
            if closed[every].any() and weekly.any():
                found = np.where(weekly, _apart(daily, every, closed[every], usual, comfort), found)
            if by_day is not None and still.any():
                second = _flatness(fit(daily, every, comfort, within=True), by_day, comfort)
                found = np.where(still, np.fmax(found, second), found)
            severity[:, end - 1] = np.fmax(severity[:, end - 1], found)
    severity[by_design] = np.nan
    return Evidence("flat_heating_curve", severity, severity, WINDOWS[0])


def _set_back(daily: Daily, comfort: float) -> NDArray[np.bool_]:
    """Days of a holiday, and those beside them: a room let down because the water was. A flat curve keeps its water."""
    level = mean(daily.flow_block)
    lived = ~(daily.warm < quantiles(daily.warm, WARM_DAY)[0][:, None] - HOLIDAY_ROOM)
    usual = median(np.where(lived, level, np.nan))[:, None]
    away = ~lived & (level < usual - np.maximum(HOLIDAY_FLOW, LOWERED * (usual - comfort)))
    beside = away.copy()
    beside[:, 1:] |= away[:, :-1]
    beside[:, :-1] |= away[:, 1:]
    return np.asarray(beside)


def _apart(daily: Daily, days: NDArray[np.int64], shut: NDArray[np.bool_], usual: float, comfort: float) -> Array:
    """The severity with weekends compared with weekends; a single day of one says nothing."""
    if shut.sum() == 1:
        days, shut = days[~shut], shut[~shut]
    return _flatness(fit(daily, days, comfort, shut=shut if shut.any() else None), usual, comfort)


def _weekly(daily: Daily, comfort: float, shut: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where flow is another one at weekends, in some quarter of the day, than the weather asks for; or may be."""
    if shut.sum() < 2 or (~shut).sum() < 2:
        return np.ones(len(daily.weather), dtype=bool)
    slope = fit(daily, slice(None), comfort, shut=shut).slope
    rest = daily.flow_block - slope[:, None, None] * daily.weather_block
    parts = [np.moveaxis(rest[:, days], 1, -1) for days in (shut, ~shut)]
    apart = mean(parts[0]) - mean(parts[1])
    error = np.sqrt(sum(spread(part) ** 2 / part.shape[-1] for part in parts) + LEAST_ERROR**2)
    return np.asarray(~((np.abs(apart) < WEEKLY * error).all(axis=1)))


def _usual_within(daily: Daily, comfort: float) -> float | None:
    """The fleet's response within its days; None where it hangs on schedules more than on the weather."""
    found = fit(daily, slice(None), comfort, within=True).response
    found = found[np.isfinite(found)]
    if len(found) < FEWEST:
        return None
    low, middle = (float(value) for value in np.quantile(found, (0.06, 0.5)))
    return middle if low > ALIKE * middle > 0.15 else None


def _still(daily: Daily) -> NDArray[np.bool_]:
    """Where the weather hardly differed from day to day all the time."""
    return np.asarray(spread(_against_own_quarter(daily.weather_block)) < STILL)


def _flatness(curve: Curve, usual: float, comfort: float) -> Array:
    upper = (curve.response + 2 * curve.error / curve.rise) / usual
    # Flow that clearly falls when it gets colder was set to another level within the window, and is not flat.
    upper = np.where(upper < AGAINST, np.nan, upper)
    return np.where(curve.level - comfort > 2, (1 - upper) / 0.55, np.nan).astype(np.float32)
