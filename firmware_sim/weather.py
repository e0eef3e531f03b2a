"""Reproducible weather: how much of the clear sky comes through, and how cold it is outside."""

from dataclasses import dataclass

import numpy as np

from firmware_sim.noise import Array, octaves, smooth

DAY_S = 86_400.0
YEAR_DAYS = 365.2425
# The warmest day of a continental climate lags the solstice by about a month: 20 July.
WARMEST_DAY = 201.0
WARMEST_HOUR = 15.0


@dataclass(frozen=True, slots=True)
class Climate:
    """What the weather of a place is like. Temperatures and swings in °C, swings from mean to peak.

    `cloudiness` is the mean share of cloud, 0 to 1.
    """

    cloudiness: float
    mean_temperature: float
    seasonal_swing: float
    daily_swing: float


def clear_sky_index(climate: Climate, seed: int, time_s: Array) -> Array:
    """Global irradiance as a share of the clear sky's, 0.1 to 1.

    A slow process says how cloudy the day is; a fast one lets single clouds pass while the day is half cloudy.
    """
    day = octaves(seed, "cloud-day", time_s, (1.7 * DAY_S, 0.4 * DAY_S))
    cover = np.clip(climate.cloudiness + 1.4 * (day - 0.5), 0.0, 1.0)
    passing = octaves(seed, "cloud-pass", time_s, (2700.0, 600.0, 150.0))
    local = np.clip((cover - passing) / 0.2 + 0.5, 0.0, 1.0)
    # At either end nothing passes: a clear day is clear, an overcast one is closed.
    local = np.where(cover < 0.08, 0.0, np.where(cover > 0.97, 1.0, local))
    depth = 0.55 + 0.33 * cover
    return np.asarray(1.0 - local * depth, dtype=np.float64)


def outdoor_temperature(climate: Climate, seed: int, latitude: float, longitude: float, time_s: Array) -> Array:
    """Outside air in °C: season, hour of the local mean sun, and weather fronts of a few days."""
    day = time_s / DAY_S
    day_of_year = np.mod(day, YEAR_DAYS)
    hemisphere = 1.0 if latitude >= 0 else -1.0
    season = hemisphere * np.cos(2 * np.pi * (day_of_year - WARMEST_DAY) / YEAR_DAYS)
    hour = np.mod(day * 24.0 + longitude / 15.0, 24.0)
    course = np.cos(2 * np.pi * (hour - WARMEST_HOUR) / 24.0)
    front = 9.0 * (octaves(seed, "front", time_s, (3.1 * DAY_S, 0.9 * DAY_S)) - 0.5)
    breeze = 0.6 * (smooth(seed, "breeze", time_s, 1500.0) - 0.5)
    swing = climate.seasonal_swing * season + climate.daily_swing * course
    return np.asarray(climate.mean_temperature + swing + front + breeze, dtype=np.float64)
