"""The local hour of many instants, cheaply."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from firmware_sim.noise import Array


def local_hours(zone: ZoneInfo, time_s: Array) -> Array:
    """Hour of the local day at each instant; zones change on the hour."""
    hours = np.floor(time_s / 3600.0).astype(np.int64)
    different, places = np.unique(hours, return_inverse=True)
    offsets = np.array([_offset_s(zone, int(hour)) for hour in different])
    return np.asarray((time_s + offsets[places]) % 86_400.0 / 3600.0, dtype=np.float64)


def _offset_s(zone: ZoneInfo, hour: int) -> float:
    offset = datetime.fromtimestamp(hour * 3600, UTC).astimezone(zone).utcoffset()
    return offset.total_seconds() if offset else 0.0
