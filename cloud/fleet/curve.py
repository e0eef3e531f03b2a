"""The heating curve: how flow answers to outdoor temperature, and whether it answers at all.

A curve through (20 °C, 20 °C) has the slope `−(flow − room) / (room − outdoor)`. The *response* is the slope found over
the slope that the level asks for: near 1 for such a curve, less for a shifted one, 0 for water that knows no weather.
It does not depend on radiators or floor.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.fleet.daily import Daily
from cloud.fleet.evidence import Evidence
from cloud.fleet.robust import Array, mean, median, spread

WINDOWS = (6, 10)
# Quarters of a UTC day with daylight; the share of the fleet's middle that its lowest must have for them to count.
DAYLIGHT, ALIKE, FEWEST = slice(1, 3), 0.75, 20
# Weather (K, standard deviation against the same quarter on other days) that hardly differs from day to day.
STILL = 1.5
LEAST_WEATHER = 1.0
HUBER = 1.5
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


def fit(daily: Daily, days: slice | NDArray[np.int64], comfort: float, *, within: bool = False) -> Curve:
    """Robust line through quarter-day means of some days, each quarter compared with its like on other days.

    `within`: the quarters of daylight compared with each other as well, for weeks in which only mornings and afternoons
    differ. Huber weights on the residuals, three rounds (P. Huber, Robust Statistics, 1981, § 7.8).
    """
    flow, weather = daily.flow_block[:, days], daily.weather_block[:, days]
    if within:
        flow, weather = flow[:, :, DAYLIGHT], weather[:, :, DAYLIGHT]
    apart = _against_the_mean if within else _against_own_quarter
    x, y = apart(weather), apart(flow)
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
    error = wide / np.maximum(spread, 1e-3) / np.sqrt(np.maximum(count / 4, 1))
    enough = (spread > LEAST_WEATHER) & (count > flow.shape[1] * flow.shape[2] / 2)
    level = mean(flow.reshape(len(flow), -1))
    need = comfort - mean(weather.reshape(len(flow), -1))
    rise = np.where(need > 5, np.maximum(level - comfort, 0.5) / np.maximum(need, 5), np.nan)
    blank = np.where(enough, np.float32(1), np.float32(np.nan))
    return Curve(slope * blank, error * blank, level, rise.astype(np.float32), scatter * blank)


def _against_own_quarter(blocks: Array) -> Array:
    """Each quarter of a day less the median of the same quarter over the days: schedules fall out."""
    usual = median(np.moveaxis(blocks, 1, -1))
    return (blocks - usual[:, None, :]).reshape(len(blocks), -1)


def _against_the_mean(blocks: Array) -> Array:
    flat = blocks.reshape(len(blocks), -1)
    return flat - median(flat)[:, None]


def flat(daily: Daily, response: float, comfort: float, weekday: int) -> Evidence:
    """Windows of days in which flow does not answer to the weather, at twice its uncertainty.

    `response` is the fleet's usual one; severity 1 is under 45 % of it. `weekday` is the first day's (Monday 0): what
    weekends do to flow is no answer to the weather, so that the working days must be flat by themselves.
    """
    count, total = daily.weather.shape
    severity = np.full((count, total), np.nan, dtype=np.float32)
    usual, by_day = max(response, 0.2), _usual_within(daily, comfort)
    still = _still(daily)
    for width in sorted({min(width, total) for width in (*WINDOWS, total)}):
        for end in range(width, total + 1):
            every = np.arange(end - width, end)
            working = every[(every + weekday) % 7 < 5]
            found = _flatness(fit(daily, every, comfort), usual, comfort)
            if 4 <= len(working) < width:
                found = np.fmin(found, _flatness(fit(daily, working, comfort), usual, comfort))
            if by_day is not None and still.any():
                second = _flatness(fit(daily, every, comfort, within=True), by_day, comfort)
                found = np.where(still, np.fmax(found, second), found)
            severity[:, end - 1] = np.fmax(severity[:, end - 1], found)
    return Evidence("flat_heating_curve", severity, severity, WINDOWS[0])


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
