"""Reproducible noise that is a pure function of time: no generator to carry, any instant can be asked first."""

import zlib

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def hashed(seed: int, channel: str, index: npt.NDArray[np.int64]) -> Array:
    """Uniform numbers in [0, 1) that depend on seed, channel and index only (the finaliser of SplitMix64)."""
    key = (zlib.crc32(channel.encode()) << 32) ^ (seed & 0xFFFFFFFF)
    with np.errstate(over="ignore"):
        z = (index.astype(np.uint64) + np.uint64(key)) * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * _MIX_1
        z = (z ^ (z >> np.uint64(27))) * _MIX_2
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def smooth(seed: int, channel: str, time_s: Array, period_s: float) -> Array:
    """Autocorrelated noise in [0, 1): random knots every `period_s`, joined by a smooth curve.

    `time_s` is seconds since 1970. Values further apart than two periods are independent.
    """
    position = time_s / period_s
    knot = np.floor(position)
    part = position - knot
    ease = part * part * (3.0 - 2.0 * part)
    index = knot.astype(np.int64)
    left, right = hashed(seed, channel, index), hashed(seed, channel, index + 1)
    return left + (right - left) * ease


def octaves(seed: int, channel: str, time_s: Array, periods_s: tuple[float, ...]) -> Array:
    """Several smooth noises of falling weight (1, 1/2, 1/4, …) and given periods, normalised to [0, 1)."""
    total = np.zeros_like(time_s)
    weight, weights = 1.0, 0.0
    for number, period_s in enumerate(periods_s):
        total += weight * smooth(seed, f"{channel}/{number}", time_s, period_s)
        weights += weight
        weight /= 2.0
    return total / weights
