"""Is the sun high enough? `agent.domain.sun.Height` over many samples, asked only near the answer's edge.

A day's window is found from the declination at its noon; samples whose answer that cannot settle
(the declination moves by at most 0.2° in half a day) are computed one by one.
"""

from math import radians, sin

import numpy as np
from numpy.typing import NDArray

from agent.domain.sun import Height
from cloud.fleet.equipment_minutes import Ints
from cloud.fleet.equipment_runs import DAY_MS, Bools

Floats = NDArray[np.float64]
_J2000_MS = 946_728_000_000
_MS_PER_CENTURY = 36_525 * DAY_MS
_DOUBT_DEGREES = 0.3
_MS_PER_DEGREE = DAY_MS / 360


def is_up(at_ms: Ints, code: NDArray[np.int32], latitude: Floats, longitude: Floats, least: float) -> Bools:
    """True where the sun is at least `least` degrees high over the row's home; `code` indexes the coordinates."""
    if not len(at_ms):
        return np.zeros(0, dtype=np.bool_)
    shift = np.rint(longitude * _MS_PER_DEGREE).astype(np.int64)
    day = (at_ms + (shift[0] if len(shift) == 1 else shift[code])) // DAY_MS
    new = np.ones(len(day), dtype=np.bool_)
    new[1:] = (day[1:] != day[:-1]) | (code[1:] != code[:-1])
    first = np.flatnonzero(new)
    home, lengths = code[first], np.diff(first, append=len(day))
    noon_ms = day[first] * DAY_MS + DAY_MS // 2 - shift[home]
    declination, equation = _declination_and_equation(noon_ms)
    noon_ms -= np.rint(equation / (2 * np.pi) * DAY_MS).astype(np.int64)
    phi = np.radians(latitude[home])
    sure, never = (_half_day_ms(phi, declination, least + doubt) for doubt in (_DOUBT_DEGREES, -_DOUBT_DEGREES))
    from_noon = np.abs(at_ms - np.repeat(noon_ms, lengths))
    up: Bools = from_noon <= np.repeat(sure, lengths)
    doubtful = np.flatnonzero(~up & (from_noon <= np.repeat(never, lengths)))
    homes = code[doubtful]
    up[doubtful] = _asked(at_ms[doubtful], latitude[homes], longitude[homes], least)
    return up


def _asked(at_ms: Ints, latitude: Floats, longitude: Floats, least: float) -> list[bool]:
    lowest = sin(radians(least))
    heights: dict[tuple[float, float], Height] = {}
    answers = []
    for at, *place in zip(at_ms.tolist(), latitude.tolist(), longitude.tolist(), strict=True):
        where = (place[0], place[1])
        height = heights.get(where)
        if height is None:
            height = heights[where] = Height(*where)
        answers.append(height.sine(at) >= lowest)
    return answers


def _half_day_ms(phi: Floats, declination: Floats, height: float) -> Ints:
    """How long before and after noon the sun is higher than `height` degrees; -1 for never, beyond a day for always."""
    cosine = (np.sin(np.radians(height)) - np.sin(phi) * np.sin(declination)) / (np.cos(phi) * np.cos(declination))
    angle = np.arccos(np.clip(cosine, -1, 1)) / (2 * np.pi) * DAY_MS
    return np.where(cosine >= 1, -1.0, np.where(cosine <= -1, float(DAY_MS), angle)).astype(np.int64)


def _declination_and_equation(at_ms: Ints) -> tuple[Floats, Floats]:
    """As `agent.domain.sun` has them, in radians; their sources are named there."""
    t = (at_ms - _J2000_MS) / _MS_PER_CENTURY
    mean_longitude = np.radians((280.46646 + t * (36000.76983 + 0.0003032 * t)) % 360.0)
    anomaly = np.radians(357.52911 + t * (35999.05029 - 0.0001537 * t))
    eccentricity = 0.016708634 - t * 0.000042037
    sine = np.sin(anomaly)
    centre = (
        sine * (1.914602 - 0.004817 * t)
        + np.sin(2 * anomaly) * (0.019993 - 0.000101 * t)
        + np.sin(3 * anomaly) * 0.000289
    )
    node = np.radians(125.04 - 1934.136 * t)
    longitude = mean_longitude + np.radians(centre - 0.00569 - 0.00478 * np.sin(node))
    obliquity = np.radians(23.4392911 - 0.0130042 * t + 0.00256 * np.cos(node))
    y = np.tan(obliquity / 2) ** 2
    equation = (
        y * np.sin(2 * mean_longitude)
        - 2 * eccentricity * sine
        + 4 * eccentricity * y * sine * np.cos(2 * mean_longitude)
        - 0.5 * y * y * np.sin(4 * mean_longitude)
        - 1.25 * eccentricity * eccentricity * np.sin(2 * anomaly)
    )
    return np.arcsin(np.sin(obliquity) * np.sin(longitude)), equation
