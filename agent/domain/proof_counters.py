"""Whether energy counters count what the powers bring."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from agent.domain.proof_change import Change
from agent.domain.proof_model import Channel, Finding, Mistake
from agent.domain.proof_words import finding_of
from agent.domain.signals import (
    BATTERY_CHARGE_TOTAL,
    BATTERY_DISCHARGE_TOTAL,
    BATTERY_POWER,
    GRID_EXPORT_TOTAL,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    LOAD_ENERGY_TOTAL,
    LOAD_POWER,
    PV_ENERGY_TOTAL,
    PV_POWER,
    Reading,
    SignalName,
)

_COUNTS: Final = (
    (PV_ENERGY_TOTAL, PV_POWER, 1.0),
    (LOAD_ENERGY_TOTAL, LOAD_POWER, 1.0),
    (BATTERY_CHARGE_TOTAL, BATTERY_POWER, 1.0),
    (BATTERY_DISCHARGE_TOTAL, BATTERY_POWER, -1.0),
    (GRID_IMPORT_TOTAL, GRID_POWER, 1.0),
    (GRID_EXPORT_TOTAL, GRID_POWER, -1.0),
)
_FACTORS: Final = (0.001, 0.1, 10.0, 1000.0)
_LEAST_WH: Final = 10.0
_LEAST_STEPS: Final = 8.0
_BAND: Final = 1.5
_MS_PER_H: Final = 3_600_000


def counter_findings(
    readings: Sequence[Reading], channels: Mapping[SignalName, Channel]
) -> tuple[list[Finding], list[SignalName]]:
    """Counters of a wrong scale, and those that are right; of all others a few minutes tell nothing."""
    findings: list[Finding] = []
    proven: list[SignalName] = []
    for counter, power, sign in _COUNTS:
        ratio = _ratio(readings, counter, power, sign, channels.get(counter, Channel()).resolution)
        if ratio is None:
            continue
        if 1 / _BAND < ratio < _BAND:
            proven.append(counter)
        findings += _scaled(counter, ratio)
    return findings, proven


def _scaled(counter: SignalName, ratio: float) -> Iterator[Finding]:
    for factor in _FACTORS:
        if 1 / _BAND < ratio * factor < _BAND:
            change = Change(times={counter: factor})
            yield finding_of(Mistake.COUNTER_SCALE, [counter], 0.9, change=change, factor=factor)


def _ratio(
    readings: Sequence[Reading], counter: SignalName, power: SignalName, sign: float, resolution: float
) -> float | None:
    """Wh counted for each Wh that the power brought, or None where too little of either was seen."""
    rows = [reading for reading in readings if counter in reading.values and power in reading.values]
    if not rows:
        return None
    counted = rows[-1].values[counter] - rows[0].values[counter]
    brought = 0.0
    for before, after in pairwise(rows):
        mean_w = (max(0.0, sign * before.values[power]) + max(0.0, sign * after.values[power])) / 2
        brought += mean_w * (after.at_ms - before.at_ms) / _MS_PER_H
    seen = brought >= _LEAST_WH and counted >= _LEAST_STEPS * resolution
    return counted / brought if seen else None
