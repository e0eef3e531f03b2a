"""A source on a shared line: it waits for its turn before its own time begins to count."""

from collections.abc import Collection, Sequence

from agent.domain.signals import Equipment, Reading, SignalName
from agent.ports import Source
from agent.sources.bus import Bus
from agent.sources.modbus import ModbusSource


class InTurn:
    """Reads `source`, which talks to these units of the bus, while nobody else does.

    A device's time-out begins with its own request: however long another keeps the line, it is not its fault.
    """

    def __init__(self, source: Source, bus: Bus, units: Collection[int]) -> None:
        self._source = source
        self._bus = bus
        self._units = frozenset(units)

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def signals(self) -> frozenset[SignalName]:
        return self._source.signals

    async def __aenter__(self) -> "InTurn":
        await self._source.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._source.__aexit__(*exc)

    async def read(self) -> Reading:
        """Raises `SourceUnavailable`."""
        async with self._bus.turn(self._units):
            return await self._source.read()

    async def identify(self) -> Equipment:
        """Raises `SourceUnavailable`."""
        async with self._bus.turn(self._units):
            return await self._source.identify()


class ModbusInTurn(InTurn):
    """A Modbus device on a shared line; other masters reach it through the agent in turn with all the others."""

    def __init__(self, source: ModbusSource, bus: Bus, units: Collection[int]) -> None:
        super().__init__(source, bus, units)
        self._modbus = source

    @property
    def timeout_s(self) -> float:
        """Real seconds that one request may take."""
        return self._modbus.timeout_s

    async def raw_read(self, unit: int, function: int, address: int, count: int) -> Sequence[int]:
        """One request for another master. Raises `Refused`, `SourceUnavailable`."""
        async with self._bus.turn([unit]):
            return await self._modbus.raw_read(unit, function, address, count)

    async def raw_write(self, unit: int, function: int, address: int, values: Sequence[int]) -> None:
        """One request for another master. Raises `Refused`, `SourceUnavailable`."""
        async with self._bus.turn([unit]):
            await self._modbus.raw_write(unit, function, address, values)
