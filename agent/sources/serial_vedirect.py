"""Victron solar chargers and battery monitors on a VE.Direct cable. The device talks about once a second, unasked."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from agent.domain.signals import (
    BATTERY_CHARGE_TOTAL,
    BATTERY_DISCHARGE_TOTAL,
    BATTERY_POWER,
    BATTERY_SOC,
    BATTERY_TEMPERATURE,
    INVERTER_ALARM,
    INVERTER_STATE,
    PV_ENERGY_TOTAL,
    PV_POWER,
    Equipment,
    InverterAlarm,
    InverterState,
    Quality,
    Reading,
    SignalName,
    spec_of,
)
from agent.ports import Clock
from agent.sources.line import Port
from agent.sources.listener import Listener
from agent.sources.vedirect_text import Block, BlockSplitter, version_text, whole_number

# Values of CS that are no state of a charger at work: 0 off, 2 fault.
_STATES: Final[Mapping[int, InverterState]] = {0: InverterState.OFF, 2: InverterState.FAULT}
# Meaning of ERR after the protocol's own table; every other number but 0 is a fault without a name here.
_ALARMS: Final[Mapping[int, InverterAlarm]] = {
    0: InverterAlarm.NONE,
    2: InverterAlarm.BATTERY,
    17: InverterAlarm.TEMPERATURE,
    18: InverterAlarm.HARDWARE,
    19: InverterAlarm.HARDWARE,
    21: InverterAlarm.HARDWARE,
    26: InverterAlarm.TEMPERATURE,
    28: InverterAlarm.HARDWARE,
    33: InverterAlarm.DC,
    34: InverterAlarm.DC,
    38: InverterAlarm.DC,
    39: InverterAlarm.DC,
    65: InverterAlarm.COMMUNICATION,
    66: InverterAlarm.COMMUNICATION,
    67: InverterAlarm.COMMUNICATION,
    68: InverterAlarm.COMMUNICATION,
}

_Convert = Callable[[int], float]
_FIELDS: Final[Mapping[str, tuple[SignalName, _Convert]]] = {
    "PPV": (PV_POWER, float),
    "H19": (PV_ENERGY_TOTAL, lambda number: number * 10.0),
    "CS": (INVERTER_STATE, lambda number: float(_STATES.get(number, InverterState.RUNNING))),
    "ERR": (INVERTER_ALARM, lambda number: float(_ALARMS.get(number, InverterAlarm.OTHER))),
    "P": (BATTERY_POWER, float),
    "SOC": (BATTERY_SOC, lambda number: number / 10),
    "T": (BATTERY_TEMPERATURE, float),
    "H17": (BATTERY_DISCHARGE_TOTAL, lambda number: number * 10.0),
    "H18": (BATTERY_CHARGE_TOTAL, lambda number: number * 10.0),
}
"""Labels of a charger and of a battery monitor. Energies come in 10 Wh, the state of charge in tenths of a percent."""

# Both kinds send it, and only in the block of the present values; a monitor sends its history in blocks between.
_PRESENT: Final = "V"
_ROUND: Final = 2


class VeDirectSource:
    """One device on a VE.Direct cable.

    wanted: only these signals; unset gives all that the device has. timeout_s: real seconds to wait for a block.
    max_age_s: seconds of the clock that a block may be old; no block is given twice.
    """

    def __init__(
        self,
        name: str,
        port: Port,
        *,
        clock: Clock,
        wanted: frozenset[SignalName] | None = None,
        timeout_s: float = 5.0,
        max_age_s: float = 3.0,
    ) -> None:
        self._name = name
        self._clock = clock
        self._wanted = wanted
        self._timeout_s = timeout_s
        self._max_age_ms = round(max_age_s * 1000)
        self._lock = asyncio.Lock()
        self._listener = Listener(name, port, feed=self._hear, restart=self._restart)
        self._splitter = BlockSplitter()
        self._fields: dict[str, tuple[str, int]] = {}
        self._at_ms: int | None = None
        self._rounds = 0
        self._signals = self._chosen(frozenset(signal for signal, _ in _FIELDS.values()))

    @property
    def name(self) -> str:
        return self._name

    @property
    def signals(self) -> frozenset[SignalName]:
        """What such a device can give, until this one has shown what it has."""
        return self._signals

    async def __aenter__(self) -> "VeDirectSource":
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._listener.close()

    async def read(self) -> Reading:
        """The newest values, stamped when it arrived. Raises `SourceUnavailable`."""
        async with self._lock:
            return await self._listener.wait(self._reading, self._timeout_s, "no whole block")

    async def identify(self) -> Equipment:
        """Product, serial number and firmware; a battery monitor tells no serial number."""
        async with self._lock:
            fields = await self._listener.wait(self._known, self._timeout_s, "no whole block")
        monitor, product = fields.get("BMV"), fields.get("PID", "")
        model = f"BMV-{monitor}" if monitor else f"VE.Direct {product}"
        return Equipment("Victron Energy", model, fields.get("SER#", ""), version_text(fields.get("FW", "")))

    def _restart(self) -> None:
        self._splitter = BlockSplitter()
        self._fields.clear()
        self._at_ms = None
        self._rounds = 0

    def _hear(self, data: bytes) -> None:
        for block in self._splitter.feed(data):
            self._learn(block)

    def _learn(self, block: Block) -> None:
        self._fields.update((label, (value, self._rounds)) for label, value in block.items())
        if _PRESENT in block:
            self._at_ms = self._clock.now_ms()
            self._rounds += 1
            if self._rounds == _ROUND:
                # By now each kind of block has come once.
                own = frozenset(signal for label, (signal, _) in _FIELDS.items() if label in self._fields)
                self._signals = self._chosen(own)

    def _reading(self) -> Reading | None:
        if self._rounds < _ROUND or self._at_ms is None:
            return None
        if not 0 <= self._clock.now_ms() - self._at_ms <= self._max_age_ms:
            return None
        at_ms, self._at_ms = self._at_ms, None
        asked = [(label, *field) for label, field in _FIELDS.items() if field[0] in self._signals]
        found = {signal: self._value(label, signal, convert) for label, signal, convert in asked}
        values = {signal: value for signal, value in found.items() if not isinstance(value, Quality)}
        return Reading(at_ms, values, {signal: why for signal, why in found.items() if isinstance(why, Quality)})

    def _value(self, label: str, signal: SignalName, convert: _Convert) -> float | Quality:
        text, heard = self._fields.get(label, ("", -_ROUND))
        if self._rounds - heard > _ROUND:
            return Quality.MISSING
        number = whole_number(text)
        spec = spec_of(signal)
        if number is None or spec is None:
            return Quality.INVALID
        value = convert(number)
        return value if spec.low <= value <= spec.high else Quality.INVALID

    def _known(self) -> dict[str, str] | None:
        known = self._rounds >= _ROUND
        return {label: value for label, (value, _) in self._fields.items()} if known else None

    def _chosen(self, signals: frozenset[SignalName]) -> frozenset[SignalName]:
        return signals if self._wanted is None else signals & self._wanted
