"""What is made of settings and replaced as a whole when they change: the devices, their poller and the proxy."""

import logging
from typing import TYPE_CHECKING, Final

from agent.config import AgentSettings, naming
from agent.domain.errors import SourceUnavailable
from agent.domain.signals import Equipment, Quality, Reading
from agent.ports import Source
from agent.sources.carriers import Carriers
from agent.sources.modbus import ModbusSource
from agent.sources.poller import Poller
from agent.sources.profile_file import ProfileShelf
from agent.sources.proxy_table import ProxySettings
from agent.supervision import Work

if TYPE_CHECKING:
    from agent.sources.proxy import Proxy

IDENTIFY_AGAIN_S: Final = 3600.0
log = logging.getLogger("emberwatt.agent")


def make_sources(settings: AgentSettings) -> list[Source]:
    """The devices of all `[[source]]` tables; an installer's own profiles are those beside the site file."""
    carriers = Carriers(settings.clock, load=ProfileShelf.beside(settings.path).load)
    with naming(settings.path):
        return [carriers.make_from(table) for table in settings.sources]


def _make_proxy(settings: ProxySettings | None, sources: list[Source]) -> "Proxy | None":
    if settings is None:
        return None
    from agent.sources.in_turn import ModbusInTurn
    from agent.sources.proxy import Proxy

    shared = {source.name: source for source in sources if isinstance(source, ModbusSource | ModbusInTurn)}
    return Proxy(settings, shared)


class Parts:
    """Made without I/O. Raises `BadSetup` for what cannot be: an unknown profile, a signal that two devices give."""

    def __init__(self, settings: AgentSettings) -> None:
        self.settings = settings
        self.sources = make_sources(settings)
        self.poller: Poller | None = None
        with naming(settings.path):
            if self.sources:
                interval_s, budget_s = settings.interval_s, settings.budget_s
                self.poller = Poller(self.sources, interval_s=interval_s, clock=settings.clock, budget_s=budget_s)
            self.proxy = _make_proxy(settings.proxy, self.sources)
        self.equipment: dict[str, Equipment] = {}
        self.heard: set[str] = set()

    def inherit(self, before: "Parts") -> None:
        """Know what the parts before these knew of the same devices."""
        self.equipment |= before.equipment
        if self.poller is not None and before.poller is not None:
            self.poller.inherit(before.poller.states())

    @property
    def idle(self) -> bool:
        """Whether stopping now loses no sample."""
        return self.poller is None or self.poller.idle

    def works(self) -> list[tuple[str, Work]]:
        """What runs for ever, each by itself."""
        works: list[tuple[str, Work]] = []
        if self.poller is not None:
            works += self.poller.works()
            works += [(f"identify {source.name}", self._knowing(source)) for source in self.sources]
        if self.proxy is not None:
            works.append(("proxy", self.proxy.run))
        return works

    def _knowing(self, source: Source) -> Work:
        return lambda: self.know(source)

    async def know(self, source: Source) -> None:
        """Ask a device who it is, and again later: it may have been updated or replaced.

        One that does not say is asked ever more seldom: each question costs its line a time-out.
        """
        clock, wait_s = self.settings.clock, self.settings.interval_s
        while True:
            try:
                self.equipment[source.name] = await source.identify()
            except SourceUnavailable as unavailable:
                log.info("%s", unavailable)
                await clock.sleep(wait_s)
                wait_s = min(2 * wait_s, max(IDENTIFY_AGAIN_S, self.settings.interval_s))
            else:
                wait_s = self.settings.interval_s
                await clock.sleep(IDENTIFY_AGAIN_S)

    def listen(self, reading: Reading) -> None:
        """Notice which devices gave a value."""
        self.heard.update(source.name for source in self.sources if source.signals & reading.values.keys())

    def answering(self) -> frozenset[str]:
        """The devices that answer now."""
        if self.poller is None:
            return frozenset()
        return frozenset(name for name, state in self.poller.states().items() if state.reachable)

    def answered(self, reading: Reading) -> dict[str, bool]:
        """Which devices a recorded row heard of: one whose every signal is missing did not answer."""
        told = {}
        for source in self.sources:
            asked = source.signals & (reading.values.keys() | reading.bad.keys())
            if asked:
                told[source.name] = not all(reading.bad.get(name) is Quality.MISSING for name in asked)
        return told
