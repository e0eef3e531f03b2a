"""Heat, water and electricity meters on the M-Bus, behind a level converter at a serial port."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from agent.domain.errors import BadInput, SourceUnavailable
from agent.domain.signals import (
    FLOW_TEMPERATURE,
    GRID_EXPORT_TOTAL,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    LOAD_ENERGY_TOTAL,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PV_ENERGY_TOTAL,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    Equipment,
    Quality,
    Reading,
    SignalName,
    signal_name,
    spec_of,
)
from agent.ports import Clock
from agent.sources.bus import Bus, Exchange
from agent.sources.line import Line
from agent.sources.mbus_frame import (
    NETWORK,
    parse_frame,
    request_frame,
    resembles_answer,
    reset_frame,
    select_frame,
    take_acknowledge,
    take_answer,
)
from agent.sources.mbus_records import MeterData, Record, parse_data
from agent.sources.mbus_vif import Quantity

_Wanted = Mapping[SignalName, tuple[Quantity, int]]

ROLES: Final[Mapping[str, _Wanted]] = MappingProxyType(
    {
        "heat": {
            FLOW_TEMPERATURE: (Quantity.FLOW_TEMPERATURE, 0),
            RETURN_TEMPERATURE: (Quantity.RETURN_TEMPERATURE, 0),
        },
        "grid": {
            GRID_POWER: (Quantity.POWER, 0),
            GRID_IMPORT_TOTAL: (Quantity.ENERGY, 1),
            GRID_EXPORT_TOTAL: (Quantity.ENERGY, -1),
        },
        "load": {LOAD_POWER: (Quantity.POWER, 0), LOAD_ENERGY_TOTAL: (Quantity.ENERGY, 1)},
        "pv": {PV_POWER: (Quantity.POWER, 0), PV_ENERGY_TOTAL: (Quantity.ENERGY, 1)},
        "room": {ROOM_TEMPERATURE: (Quantity.EXTERNAL_TEMPERATURE, 0)},
        "outdoor": {OUTDOOR_TEMPERATURE: (Quantity.EXTERNAL_TEMPERATURE, 0)},
    }
)
"""What a meter may stand for in a home, and what it then gives: the quantity, and 1 forward or -1 backward."""

# An answer begins after at most 330 bit times and 50 ms (EN 13757-2); converters and USB take their time besides.
_BEGIN_BITS: Final = 330
_SLACK_S: Final = 0.5
_LONGEST_CHARS: Final = 261
_ACKNOWLEDGE_S: Final = 0.1
_MOST_TELEGRAMS: Final = 8
_REPEATS: Final = 2


@dataclass(frozen=True, slots=True)
class MbusAddress:
    """A meter by its primary address (1 to 250), or by the eight digits of its number."""

    primary: int | None = None
    serial: str | None = None

    @property
    def asked(self) -> int:
        return NETWORK if self.primary is None else self.primary


class MbusSource:
    """One meter of an M-Bus.

    role: what it stands for, one of `ROLES`. circuit: which heating circuit or room. every_s: seconds of the clock
    between readouts, for meters whose battery allows only some a day; in between their values are stale. timeout_s:
    real seconds per telegram; unset takes what the baud rate needs.
    """

    def __init__(
        self,
        name: str,
        bus: Bus,
        address: MbusAddress,
        *,
        role: str,
        clock: Clock,
        circuit: int = 1,
        wanted: frozenset[SignalName] | None = None,
        every_s: float = 0.0,
        timeout_s: float | None = None,
    ) -> None:
        self._name = name
        self._bus = bus
        self._address = address
        self._clock = clock
        self._wanted = wanted
        self._every_ms = round(every_s * 1000)
        self._start_s = _BEGIN_BITS * bus.port.char_s / 11 + 0.05 + _SLACK_S
        self._timeout_s = self._start_s + _LONGEST_CHARS * bus.port.char_s if timeout_s is None else timeout_s
        self._fields = {
            SignalName(signal if circuit == 1 else signal_name(f"{signal}_{circuit}")): field
            for signal, field in ROLES[role].items()
        }
        self._lock = asyncio.Lock()
        self._count_bit = True
        self._begun = False
        self._bound: frozenset[SignalName] | None = None
        self._read_ms: int | None = None
        self._known: Equipment | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def signals(self) -> frozenset[SignalName]:
        """What its role promises, until the meter has shown what it has."""
        own = frozenset(self._fields) if self._bound is None else self._bound
        return own if self._wanted is None else own & self._wanted

    async def __aenter__(self) -> "MbusSource":
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._bus.leave(self)

    async def read(self) -> Reading:
        """The meter's present values. Raises `SourceUnavailable`."""
        async with self._lock:
            now_ms = self._clock.now_ms()
            if self._is_spared(now_ms):
                return Reading(now_ms, {}, dict.fromkeys(self.signals, Quality.STALE))
            at_ms, data = await self._fetch()
        return self._reading(at_ms, data)

    async def identify(self) -> Equipment:
        """Maker's letters, medium, number and version. Raises `SourceUnavailable`."""
        async with self._lock:
            if self._known is None or not self._is_spared(self._clock.now_ms()):
                await self._fetch()
            assert self._known is not None
            return self._known

    def _is_spared(self, now_ms: int) -> bool:
        return self._read_ms is not None and 0 <= now_ms - self._read_ms < self._every_ms

    def _reading(self, at_ms: int, data: list[MeterData]) -> Reading:
        records = [record for telegram in data for record in telegram.records if record.is_present]
        found = {signal: _find(records, *field) for signal, field in self._fields.items()}
        if self._bound is None:
            bound = frozenset(signal for signal, record in found.items() if record is not None)
            if not bound:
                raise SourceUnavailable(self._name, f"a meter for {data[0].medium} has nothing of its role")
            self._bound = bound
        values: dict[SignalName, float] = {}
        bad: dict[SignalName, Quality] = {}
        for signal in self.signals:
            record, spec = found[signal], spec_of(signal)
            if record is None or spec is None:
                bad[signal] = Quality.MISSING
            elif record.value is not None and spec.low <= record.value <= spec.high:
                values[signal] = record.value
            else:
                bad[signal] = Quality.INVALID
        return Reading(at_ms, values, bad)

    async def _fetch(self) -> tuple[int, list[MeterData]]:
        """All telegrams of the meter, and when the first one came."""
        try:
            async with self._bus.turn([self._address.asked]):
                line = await self._bus.join(self, self._timeout_s)
                if not self._begun:
                    await self._begin(line)
                telegrams = [await self._telegram(line)]
                at_ms = self._clock.now_ms()
                while telegrams[-1].more and len(telegrams) < _MOST_TELEGRAMS:
                    telegrams.append(await self._telegram(line))
                # Only from the beginning comes the first of several again.
                self._begun = len(telegrams) == 1
                self._read_ms = at_ms
                first = telegrams[0]
                self._known = Equipment(first.maker, first.medium, first.serial, str(first.version))
                return at_ms, telegrams
        except TimeoutError:
            self._begun = False
            raise SourceUnavailable(self._name, f"no answer within {self._timeout_s:.1f} s") from None
        except (OSError, BadInput) as error:
            self._begun = False
            raise SourceUnavailable(self._name, str(error)) from error
        except asyncio.CancelledError:
            self._begun = False
            raise

    async def _begin(self, line: Line) -> None:
        """Put the meter at its beginning, or select it by its number."""
        serial = self._address.serial
        request = reset_frame(self._address.asked) if serial is None else select_frame(serial)
        # Other meters acknowledge nothing, and answer all the same.
        self._count_bit = True
        try:
            async with asyncio.timeout(self._start_s + _ACKNOWLEDGE_S if serial is None else self._timeout_s):
                await self._bus.exchange(line, self._exchange(request, acknowledge=True))
        except TimeoutError:
            if serial is not None:
                raise
        self._begun = True

    async def _telegram(self, line: Line) -> MeterData:
        request = request_frame(self._address.asked, count_bit=self._count_bit)
        async with asyncio.timeout(self._timeout_s):
            frame = await self._bus.exchange(line, self._exchange(request))
        self._count_bit = not self._count_bit
        data = parse_data(parse_frame(frame))
        serial = self._address.serial
        if serial is not None and data.serial != serial:
            raise BadInput(f"meter {data.serial} answers, expected {serial}")
        return data

    def _exchange(self, request: bytes, *, acknowledge: bool = False) -> Exchange:
        asked = self._address.asked
        return Exchange(
            unit=asked,
            request=request,
            take=lambda heard: take_acknowledge(heard, request) if acknowledge else take_answer(heard, request, asked),
            resembles=lambda heard, _: not acknowledge and resembles_answer(heard, request),
            repeats=0 if acknowledge else _REPEATS,
            # A late acknowledgement looks like no answer, and harms none.
            late_s=0.0 if acknowledge else self._start_s,
        )


def _find(records: list[Record], quantity: Quantity, direction: int) -> Record | None:
    """The meter's record of a quantity; one that counts everything stands for what goes forward too."""
    same = [record for record in records if record.quantity is quantity]
    exact = [record for record in same if record.direction == direction]
    whole = [record for record in same if record.direction == 0 and direction >= 0]
    return next(iter(exact or whole), None)
