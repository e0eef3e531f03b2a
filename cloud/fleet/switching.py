"""Boilers that a thermostat in the room switches: flow goes up and down all day by design, and the room with it.

A swing of flow that the room does not follow is the boiler's own; one that the room follows by tenths of a degree is
how such a thermostat works. One such plant in a fleet may be a broken one, several are a kind of heating.
"""

import numpy as np
from numpy.typing import NDArray

from cloud.fleet.daily import Daily
from cloud.fleet.robust import mean, median

# Amplitude of flow (K), of the room (K), and coherence of both from which a plant counts as switched by its room.
WIDE, FELT, COHERENT = 3.5, 0.12, 0.4
# Share of days with such a swing that shows a kind, and one from which a plant is of a kind that the fleet has: in the
# cold a thermostat hardly switches off.
MOST_DAYS, SOME_DAYS = 0.5, 0.15
# Where samples are too far apart to see who follows whom: flow that ebbs to the room (share of its high tenth, and not
# below the room, K) on most days, and a room that clearly sways.
EBB, BELOW_ROOM, CLEARLY_FELT = 0.3, -2.5, 0.16
# How many of a fleet make a kind.
KIND_SHARE, KIND = 0.015, 2


def by_thermostat(daily: Daily) -> NDArray[np.bool_]:
    """Which installations are of this kind; none where there are too few of them to be one."""
    known, sway = np.isfinite(daily.swing), median(daily.sway)
    wide = daily.swing > WIDE
    often = mean(np.where(known, wide, np.nan))
    ebbs = mean(np.where(known, wide & (daily.ebb < EBB * daily.excess) & (daily.ebb > BELOW_ROOM), np.nan))
    follows = (daily.along > COHERENT) & (sway > FELT)
    deep = (ebbs >= MOST_DAYS) & (sway > CLEARLY_FELT)
    clear = (follows & (often >= MOST_DAYS)) | deep
    many = clear.sum() >= max(KIND, KIND_SHARE * len(clear))
    return np.asarray(((follows & (often >= SOME_DAYS)) | deep) & many)
