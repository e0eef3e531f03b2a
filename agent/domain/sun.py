"""Where the sun stands.

Formulas: NOAA Global Monitoring Laboratory, "Solar Calculation Details" (low-precision series after J. Meeus,
"Astronomical Algorithms", 2nd ed. 1998, chapter 25), with atmospheric refraction left out. Good to 0.02° between 1950
and 2050, which is far less than what a roof's surroundings hide.
"""

from collections.abc import Sequence
from math import acos, asin, atan2, cos, degrees, pi, radians, sin, tan
from typing import Final

_J2000_MS: Final = 946_728_000_000
_MS_PER_CENTURY: Final = 36_525 * 86_400_000
_MS_PER_DAY: Final = 86_400_000
_MS_PER_HOUR: Final = 3_600_000
_RADIANS_PER_MS: Final = 2 * pi / _MS_PER_DAY


def _declination_and_equation(at_ms: int) -> tuple[float, float]:
    """Declination and equation of time, both in radians (2π is a day)."""
    t = (at_ms - _J2000_MS) / _MS_PER_CENTURY
    mean_longitude = radians((280.46646 + t * (36000.76983 + 0.0003032 * t)) % 360.0)
    anomaly = radians(357.52911 + t * (35999.05029 - 0.0001537 * t))
    eccentricity = 0.016708634 - t * 0.000042037
    sine = sin(anomaly)
    centre = (
        sine * (1.914602 - 0.004817 * t) + sin(2 * anomaly) * (0.019993 - 0.000101 * t) + sin(3 * anomaly) * 0.000289
    )
    node = radians(125.04 - 1934.136 * t)
    longitude = mean_longitude + radians(centre - 0.00569 - 0.00478 * sin(node))
    obliquity = radians(23.4392911 - 0.0130042 * t + 0.00256 * cos(node))
    y = tan(obliquity / 2) ** 2
    equation = (
        y * sin(2 * mean_longitude)
        - 2 * eccentricity * sine
        + 4 * eccentricity * y * sine * cos(2 * mean_longitude)
        - 0.5 * y * y * sin(4 * mean_longitude)
        - 1.25 * eccentricity * eccentricity * sin(2 * anomaly)
    )
    return asin(sin(obliquity) * sin(longitude)), equation


def elevation(at_ms: int, latitude: float, longitude: float) -> float:
    """Height of the sun's centre over the horizon in degrees, without refraction; negative by night.

    >>> round(elevation(1_719_057_600_000, 0.0, 0.0), 1)  # equator and Greenwich, 2024-06-22T12:00Z
    66.6
    """
    declination, equation = _declination_and_equation(at_ms)
    hour = 2 * pi * (at_ms % _MS_PER_DAY) / _MS_PER_DAY - pi + equation + radians(longitude)
    phi = radians(latitude)
    return degrees(asin(_clipped(sin(phi) * sin(declination) + cos(phi) * cos(declination) * cos(hour))))


class Height:
    """The sun over one place, for asking sample after sample: the slow part of its path is worked out once an hour.

    That puts it off by 0.01° at most. The same instant always gives the same height.
    """

    __slots__ = ("_hour", "_phase", "_phi", "_rise", "_shift", "_swing")

    def __init__(self, latitude: float, longitude: float) -> None:
        self._phi = radians(latitude)
        self._shift = radians(longitude) - pi
        self._hour: int | None = None
        self._rise = self._swing = self._phase = 0.0

    def sine(self, at_ms: int) -> float:
        """Sine of the elevation.

        >>> from math import asin, degrees
        >>> round(degrees(asin(Height(47.61, -122.33).sine(1_655_841_600_000))), 1)  # 2022-06-21T20:00Z
        65.7
        """
        hour = at_ms // _MS_PER_HOUR
        if hour != self._hour:
            declination, equation = _declination_and_equation(hour * _MS_PER_HOUR + _MS_PER_HOUR // 2)
            self._rise = sin(self._phi) * sin(declination)
            self._swing = cos(self._phi) * cos(declination)
            self._phase = self._shift + equation
            self._hour = hour
        return self._rise + self._swing * cos(at_ms % _MS_PER_DAY * _RADIANS_PER_MS + self._phase)

    def sines(self, times: Sequence[int]) -> list[float]:
        """`sine` of each instant, faster."""
        sines, hour = [], self._hour
        rise, swing, phase = self._rise, self._swing, self._phase
        for at_ms in times:
            if at_ms // _MS_PER_HOUR != hour:
                self.sine(at_ms)
                hour, rise, swing, phase = self._hour, self._rise, self._swing, self._phase
            sines.append(rise + swing * cos(at_ms % _MS_PER_DAY * _RADIANS_PER_MS + phase))
        return sines


def position(at_ms: int, latitude: float, longitude: float) -> tuple[float, float]:
    """`(elevation, azimuth)` of the sun in degrees; azimuth clockwise from north, 0 ≤ azimuth < 360."""
    declination, equation = _declination_and_equation(at_ms)
    hour = 2 * pi * (at_ms % _MS_PER_DAY) / _MS_PER_DAY - pi + equation + radians(longitude)
    phi = radians(latitude)
    zenith = acos(_clipped(sin(phi) * sin(declination) + cos(phi) * cos(declination) * cos(hour)))
    azimuth = atan2(sin(hour), cos(hour) * sin(phi) - tan(declination) * cos(phi))
    return 90.0 - degrees(zenith), (degrees(azimuth) + 180.0) % 360.0


def _clipped(x: float) -> float:
    return max(-1.0, min(1.0, x))
