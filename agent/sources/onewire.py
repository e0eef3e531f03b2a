"""Thermometers on the 1-Wire bus (DS18B20, DS18S20, DS1822), through the files of the Linux kernel."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from agent.domain.errors import SourceUnavailable
from agent.domain.signals import Equipment, Quality, Reading, SignalName, spec_of
from agent.ports import Clock
from agent.sources.threads import in_thread
from agent.sources.w1_names import DEVICES, FAMILIES
from agent.sources.w1_text import Sample, is_believable, parse_slave, parse_temperature

# A conversion takes 0.75 s, and a bus that feeds its sensors can do one at a time.
_PER_SENSOR_S: Final = 2.0
_SLACK_S: Final = 2.0

_Found = Mapping[str, Sample | Quality]


class OneWireSource:
    """Sensors by their number, each with the signal it measures.

    folder: where the kernel shows them. timeout_s: real seconds for all of them; unset takes 2 s each and 2 s.
    """

    def __init__(
        self,
        name: str,
        sensors: Mapping[str, SignalName],
        *,
        clock: Clock,
        folder: Path = DEVICES,
        timeout_s: float | None = None,
    ) -> None:
        self._name = name
        self._sensors = dict(sensors)
        self._clock = clock
        self._folder = folder
        self._timeout_s = _SLACK_S + _PER_SENSOR_S * len(sensors) if timeout_s is None else timeout_s
        self._lock = asyncio.Lock()
        self._pending: asyncio.Future[_Found] | None = None
        self._before: dict[str, float] = {}
        self._refused: dict[str, float] = {}

    @property
    def name(self) -> str:
        return self._name

    @property
    def signals(self) -> frozenset[SignalName]:
        return frozenset(self._sensors.values())

    async def __aenter__(self) -> "OneWireSource":
        return self

    async def __aexit__(self, *exc: object) -> None:
        # A thread that still hangs ends by itself; its result meets nobody.
        self._pending = None

    async def read(self) -> Reading:
        """Every sensor once. Raises `SourceUnavailable` where none is on the bus, and where the bus hangs."""
        async with self._lock:
            found = await self._measure()
        if all(what is Quality.MISSING for what in found.values()):
            raise SourceUnavailable(self._name, self._nobody())
        values: dict[SignalName, float] = {}
        bad: dict[SignalName, Quality] = {}
        for sensor, signal in self._sensors.items():
            value = self._judged(sensor, signal, found[sensor])
            if isinstance(value, Quality):
                bad[signal] = value
            else:
                values[signal] = value
        return Reading(self._clock.now_ms(), values, bad)

    async def identify(self) -> Equipment:
        """Which kinds of sensors there are, and their numbers. Raises `SourceUnavailable`."""
        async with self._lock:
            present = await in_thread(self._present, "1-Wire")
        if not present:
            raise SourceUnavailable(self._name, self._nobody())
        kinds = sorted({FAMILIES.get(sensor[:2], "1-Wire") for sensor in present})
        return Equipment("Maxim", ", ".join(kinds), ", ".join(present))

    async def _measure(self) -> _Found:
        try:
            async with asyncio.timeout(self._timeout_s):
                if self._pending is not None:
                    # What an earlier call has left behind is too old, and the bus busy as long as it lasts.
                    await asyncio.shield(self._pending)
                self._pending = in_thread(self._read_all, "1-Wire")
                found = await asyncio.shield(self._pending)
        except TimeoutError:
            raise SourceUnavailable(self._name, f"the bus has not answered within {self._timeout_s:g} s") from None
        self._pending = None
        return found

    def _judged(self, sensor: str, signal: SignalName, found: Sample | Quality) -> float | Quality:
        if isinstance(found, Quality):
            return found
        spec = spec_of(signal)
        before, refused = self._before.get(sensor), self._refused.pop(sensor, None)
        if not is_believable(found, before, refused):
            self._refused[sensor] = found.celsius
            return Quality.INVALID
        if spec is None or not spec.low <= found.celsius <= spec.high:
            return Quality.INVALID
        self._before[sensor] = found.celsius
        return found.celsius

    def _read_all(self) -> _Found:
        return {sensor: _read_sensor(self._folder / sensor) for sensor in self._sensors}

    def _present(self) -> list[str]:
        return [sensor for sensor in self._sensors if (self._folder / sensor).exists()]

    def _nobody(self) -> str:
        if not self._folder.exists():
            return f"there is no {self._folder}; is the 1-Wire bus enabled?"
        return f"none of its sensors is on the bus: {', '.join(self._sensors)}"


def _read_sensor(folder: Path) -> Sample | Quality:
    """Opening and reading the file makes the sensor measure."""
    for file, parse in (("w1_slave", parse_slave), ("temperature", parse_temperature)):
        try:
            text = (folder / file).read_text(encoding="ascii")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError):
            # It is known to the kernel, and has just not answered.
            return Quality.MISSING
        if not text:
            return Quality.MISSING
        sample = parse(text)
        return Quality.INVALID if sample is None else sample
    return Quality.MISSING
