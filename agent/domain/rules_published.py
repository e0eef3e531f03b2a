"""The two published scenarios, as they were published: each minute stands for itself."""

from typing import Final

from agent.domain.blocks import Block, Verdict
from agent.domain.faults import FaultCode
from agent.domain.local_time import NOON, LocalTime
from agent.domain.rules import Memoryless
from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, LOAD_POWER, PV_POWER, Reading

_MINUTE_MS: Final = 60_000


class PublishedBattery(Memoryless):
    """Scenario 1 as published: with surplus and room in the battery, its power below 0 fails and above 0 is healthy."""

    code = FaultCode.BATTERY_NOT_CHARGING
    needs = (frozenset({PV_POWER, LOAD_POWER, BATTERY_POWER, BATTERY_SOC}),)
    watched = BATTERY_POWER

    def judge(self, reading: Reading) -> Verdict:
        values = reading.values
        pv, load = values.get(PV_POWER), values.get(LOAD_POWER)
        if pv is None or load is None or pv <= load:
            return None
        soc, battery = values.get(BATTERY_SOC), values.get(BATTERY_POWER)
        if soc is None or battery is None or soc >= 100 or battery == 0:
            return None
        return battery < 0

    def failing(self, block: Block) -> list[int]:
        """The times of the readings that fail."""
        charge, powers = block.column(BATTERY_SOC), block.column(BATTERY_POWER)
        suns, loads = block.column(PV_POWER), block.column(LOAD_POWER)
        if charge is None or powers is None or suns is None or loads is None or min(powers) >= 0:
            return []
        rows = zip(block.times, powers, charge, suns, loads, strict=True)
        return [at_ms for at_ms, battery, soc, pv, load in rows if battery < 0 and pv > load and soc < 100]


class PublishedSolar(Memoryless):
    """Scenario 2 as published: no power at the minute 12:00 of local time."""

    code = FaultCode.NO_SOLAR_PRODUCTION
    needs = (frozenset({PV_POWER}),)

    def __init__(self, local: LocalTime) -> None:
        self._local = local

    def judge(self, reading: Reading) -> Verdict:
        pv = reading.values.get(PV_POWER)
        if pv is None or self._local.minute_of_day(reading.at_ms) != NOON:
            return None
        return pv == 0

    def failing(self, block: Block) -> list[int]:
        """The times of the readings that fail."""
        powers, times = block.column(PV_POWER), block.times
        first, last = self._local.minute_of_day(times[0]), self._local.minute_of_day(times[-1])
        as_usual = last - first == times[-1] // _MINUTE_MS - times[0] // _MINUTE_MS
        if powers is None or (as_usual and not first <= NOON <= last):
            return []
        none = (at_ms for at_ms, pv in zip(times, powers, strict=True) if pv == 0)
        return [at_ms for at_ms in none if self._local.minute_of_day(at_ms) == NOON]
