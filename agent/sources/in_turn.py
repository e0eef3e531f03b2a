"""A source on a shared line: it waits for its turn before its own time begins to count."""

from collections.abc import Collection

from agent.domain.signals import Equipment, Reading, SignalName
from agent.ports import Source
from agent.sources.bus import Bus


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
