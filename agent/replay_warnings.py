"""What a replay must not pass over in silence: values that cannot be, and detectors that were switched off."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from agent.domain.signals import Quality, Reading, SignalName, spec_of

_SHARE: Final = 0.01
"""Of a signal's values; fewer are stray ones, which the diagnosis passes over."""


class Impossible:
    """Counts the values of each signal that cannot be.

    >>> one = Impossible()
    >>> soc = SignalName("battery_soc")
    >>> _ = list(one.watched([Reading(0, {}, {soc: Quality.INVALID}), Reading(1, {soc: 50.0})]))
    >>> one.told()
    ['battery_soc: 1 of 2 values impossible (0 to 100 %)']
    """

    def __init__(self) -> None:
        self._rows = 0
        self._missing: Counter[SignalName] = Counter()
        self._impossible: Counter[SignalName] = Counter()

    def watched(self, readings: Iterable[Reading]) -> Iterator[Reading]:
        """The readings, counted as they pass."""
        for reading in readings:
            self._rows += 1
            for name, quality in reading.bad.items():
                (self._impossible if quality is Quality.INVALID else self._missing)[name] += 1
            yield reading

    def told(self) -> list[str]:
        """A line for each signal of which more than a few values are impossible."""
        lines = []
        for name, count in sorted(self._impossible.items()):
            given, spec = self._rows - self._missing[name], spec_of(name)
            if spec is not None and count >= _SHARE * given:
                unit = "" if spec.unit in ("code", "0/1") else f" {spec.unit}"
                lines.append(
                    f"{name}: {count:,} of {given:,} values impossible ({spec.low:,.10g} to {spec.high:,.10g}{unit})"
                )
        return lines


def switched_off(report: Mapping[str, Any]) -> list[str]:
    """A line for each detector of the host's report that did not judge to the end."""
    states = report.get("detectors", {})
    return [f"detector {name} is {one['state']}" for name, one in states.items() if one["state"] != "on"]
