"""A carrier in memory that fulfils `agent.ports.Broker`, with a far end that a test scripts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from agent.domain.errors import BadSetup, UplinkUnavailable
from agent.ports import BrokerSession, Message


class Carrier:
    """`sent` is all that was published. `answer` is called for each message and may call `deliver`.

    `kept` is delivered at the subscription, as a broker does with what is retained; `goodbye` is published at the end.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, bool]] = []
        self.answer: Callable[[str, bytes], None] = lambda topic, payload: None
        self.kept: dict[str, bytes] = {}
        self.goodbye: tuple[str, bytes] | None = None
        self.down = False
        self.refused = False
        self.attempts = 0
        self._session: CarrierSession | None = None

    def connect(self) -> AbstractAsyncContextManager[BrokerSession]:
        return self._connect()

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[BrokerSession]:
        self.attempts += 1
        if self.refused:
            raise BadSetup("broker", "refuses the login")
        if self.down:
            raise UplinkUnavailable("broker: away")
        self._session = CarrierSession(self)
        try:
            yield self._session
        finally:
            self._session = None
            if self.goodbye is not None:
                self.sent.append((*self.goodbye, True))

    @property
    def connected(self) -> bool:
        return self._session is not None

    def deliver(self, topic: str, payload: bytes) -> None:
        """A message to the device; lost when there is no connection."""
        if self._session is not None:
            self._session.incoming.put_nowait(Message(topic, payload, False))

    def cut(self) -> None:
        """Break the connection."""
        if self._session is not None:
            self._session.broken = True
            self._session.incoming.put_nowait(None)


class CarrierSession:
    """One connection of a `Carrier`. What is not subscribed to is delivered too, but for `kept`."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self.incoming: asyncio.Queue[Message | None] = asyncio.Queue()
        self.topics: set[str] = set()
        self.broken = False

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        if self.broken:
            raise UplinkUnavailable("broker: connection lost")
        self._carrier.sent.append((topic, payload, retain))
        self._carrier.answer(topic, payload)
        await asyncio.sleep(0)

    async def subscribe(self, *topics: str) -> None:
        if self.broken:
            raise UplinkUnavailable("broker: connection lost")
        self.topics.update(topics)
        for topic, payload in self._carrier.kept.items():
            if topic in topics:
                self.incoming.put_nowait(Message(topic, payload, True))

    async def messages(self) -> AsyncIterator[Message]:
        while (message := await self.incoming.get()) is not None:
            yield message
        raise UplinkUnavailable("broker: connection lost")
