"""The reported twin: the whole document at connection, merge patches after it."""

import asyncio
from collections.abc import Callable
from typing import Any

from agent.domain.twin import Document, TwinMessage, diff, encode_twin
from agent.domain.wire import TWIN_REPORTED, topic
from agent.ports import BrokerSession, Clock
from agent.uplink.pause import pause

# What a person should see at once: these parts of the document do not wait for the interval.
_FAULTS = "faults"
_SOURCES = "sources"
_REACHABLE = "reachable"
_CONFIG = "config"
_HEALTH = "health"
_RESTARTS = "restarts"
_PLACES = 4


class TwinSync:
    """Keeps the aggregator's copy of `document()` in step, at most one patch per `interval_s` of `clock`.

    A fault that starts or ends, a source that comes or goes and what becomes of a wish are sent at once, and so is a
    part's first restart. Versions begin at the time of the first report, so that a copy from an earlier run is never
    taken for the base of a patch.
    """

    def __init__(self, device: str, document: Callable[[], Document], clock: Clock, interval_s: float) -> None:
        self._topic = topic(device, TWIN_REPORTED)
        self._document = document
        self._clock = clock
        self._interval_s = interval_s
        self._kick = asyncio.Event()
        self._whole = True
        self._version = 0
        self._sent: Document = {}
        self._sent_ms = 0

    def wake(self, whole: bool = False) -> None:
        """The document may have changed; with `whole` the aggregator needs all of it."""
        self._whole = self._whole or whole
        self._kick.set()

    async def run(self, session: BrokerSession) -> None:
        """Report over one connection until it breaks."""
        self._whole = True
        while True:
            self._kick.clear()
            document = tidy(self._document())
            if self._whole:
                self._whole = False
                await self._publish(session, document, whole=True)
            elif self._remaining_s() <= 0 or _alert(document) != _alert(self._sent):
                await self._publish(session, document, whole=False)
            await pause(self._kick, self._clock, policy_s=max(self._remaining_s(), 0.0), real_s=None)

    def _remaining_s(self) -> float:
        return self._interval_s - (self._clock.monotonic_ms() - self._sent_ms) / 1000

    async def _publish(self, session: BrokerSession, document: Document, *, whole: bool) -> None:
        self._sent_ms = self._clock.monotonic_ms()
        patch = diff(self._sent, document)
        if not whole and not patch:
            return
        base = self._version
        self._version = base + 1 if base else self._clock.now_ms()
        self._sent = document
        if whole:
            message = TwinMessage(self._version, doc=document)
        else:
            message = TwinMessage(self._version, base=base, patch=patch)
        await session.publish(self._topic, encode_twin(message, squeezed=True))


def tidy(value: Any) -> Any:
    """The document with numbers as precise as a person reads them: the rest would only cost bytes."""
    if isinstance(value, dict):
        return {key: tidy(each) for key, each in value.items()}
    return round(value, _PLACES) if isinstance(value, float) else value


def _alert(document: Document) -> tuple[object, ...]:
    sources = document.get(_SOURCES, {})
    reachable = frozenset((name, source.get(_REACHABLE)) for name, source in sources.items())
    restarted = frozenset(document.get(_HEALTH, {}).get(_RESTARTS, {}))
    return frozenset(document.get(_FAULTS, {})), reachable, document.get(_CONFIG), restarted
