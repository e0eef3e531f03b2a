"""An inverter without a battery sleeps by night: that it does not answer then is no fault."""

from collections.abc import Iterable
from typing import Any, Final

from agent.domain.signals import (
    BATTERY_POWER,
    BOILER_FAULT,
    BURNER_ON,
    DHW_TEMPERATURE,
    FLOW_TEMPERATURE,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    WATER_PRESSURE,
    Reading,
    SignalName,
)
from agent.domain.sun import Height

# Sine of 4°: so low, panels give too little to start an inverter.
_DARK: Final = 0.07
_LONGEST_NIGHT_MS: Final = 20 * 3_600_000
_NOBODY: Final[frozenset[SignalName]] = frozenset()
_HEATING: Final = frozenset(
    {
        *(OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE, FLOW_TEMPERATURE, RETURN_TEMPERATURE, DHW_TEMPERATURE),
        *(BURNER_ON, PUMP_ON, WATER_PRESSURE, BOILER_FAULT),
    }
)


class Sleep:
    """Knows the night of a site at `place` (`(latitude, longitude)`), and which sources are no inverter."""

    def __init__(self, place: tuple[float, float] | None) -> None:
        self._sun = None if place is None else Height(*place)
        self._others: set[str] = set()  # sources that were away while the panels' power was known
        self._has_battery = False
        self._has_panels = False

    def dark(self, at_ms: int) -> bool:
        """Whether the sun is too low for an inverter to wake up."""
        return self._sun is not None and self._sun.sine(at_ms) < _DARK

    def judge(self, source: str, answers: bool, reading: Reading) -> bool | None:
        """Whether the source fails to answer; None while it may be asleep."""
        if answers:
            return False
        if PV_POWER in reading.values:
            self._others.add(source)
        if source not in self._others and self._may_sleep(reading):
            return None
        return True

    def asleep(self, reading: Reading) -> frozenset[SignalName]:
        """Signals that nobody can give now."""
        if not self._may_sleep(reading) or not reading.bad or PV_POWER in reading.values:
            return _NOBODY
        return frozenset(reading.bad) - _HEATING

    def _may_sleep(self, reading: Reading) -> bool:
        if self._has_battery:
            return False
        if BATTERY_POWER in reading.values or BATTERY_POWER in reading.bad:
            self._has_battery = True
        if PV_POWER in reading.values or PV_POWER in reading.bad:
            self._has_panels = True
        return self._has_panels and not self._has_battery and self.dark(reading.at_ms)

    def night(self, from_ms: int, to_ms: int) -> bool:
        """Whether a time lies in one night of an inverter that sleeps."""
        if self._has_battery or not self._has_panels or to_ms - from_ms > _LONGEST_NIGHT_MS:
            return False
        return self.dark(from_ms) and self.dark((from_ms + to_ms) // 2) and self.dark(to_ms)

    def state(self) -> list[Any]:
        return [sorted(self._others), self._has_battery, self._has_panels]

    def restore(self, state: Iterable[Any]) -> None:
        others, self._has_battery, self._has_panels = state
        self._others = set(others)
