"""All families of simulated rigs by name, and how well alarms fit their faults."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench.score_rigs import Array, Rig, abstract, air, compressor, water
from bench.score_rigs_more import cooling, mill, substation

FAMILIES: Final[dict[str, Callable[..., Rig]]] = {
    "abstract": abstract,
    "water": water,
    "air": air,
    "compressor": compressor,
    "cooling": cooling,
    "mill": mill,
    "substation": substation,
}


def measure(detect: Callable[[Array], NDArray[np.bool_]], family: str, seeds: range) -> dict[str, Any]:
    """Pooled F1, false alarm rate and missed share over the rows of many rigs."""
    hit = false = missed = quiet = 0
    for seed in seeds:
        values, label = FAMILIES[family](seed)
        alarm = detect(values)
        hit += int((alarm & label).sum())
        false += int((alarm & ~label).sum())
        missed += int((~alarm & label).sum())
        quiet += int((~alarm & ~label).sum())
    return {
        "f1": 2 * hit / max(1, 2 * hit + false + missed),
        "false_alarm_rate": false / (false + quiet),
        "missed": missed / (hit + missed),
    }
