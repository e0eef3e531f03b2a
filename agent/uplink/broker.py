"""The carrier MQTT 3.1.1: one connection, with everything the broker can say turned into this project's errors."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import Final, Literal

import aiomqtt
import msgspec

from agent.domain.errors import BadSetup, UplinkUnavailable
from agent.domain.wire import STATUS, Status, encode_status, topic
from agent.ports import BrokerSession, Message
from agent.uplink.pause import SLOWEST_LINE
from agent.uplink.tls import CheckedContext, Tls

# CONNACK codes 4 and 5 of MQTT 3.1.1, as the reason codes that paho translates them to.
_REFUSED: Final = {4, 5, 134, 135}
_MAX_QUEUED: Final = 1_000
_GOODBYE_S: Final = 1.0


class BrokerSettings(msgspec.Struct, frozen=True):
    """Where the broker is and who we are. With `tls` the connection is TLS and is verified.

    With `websocket`, a path, MQTT travels inside of a WebSocket: on port 443 it passes where only web pages do.

    A ping costs 4 bytes, with its headers about 160; a dead peer is noticed earlier by acknowledgements that stay out.
    20 minutes keep the way open through every router that follows RFC 5382 (two hours and four minutes at least).
    """

    host: str
    device: str
    port: int = 1883
    username: str | None = None
    password: str | None = None
    tls: Tls | None = None
    websocket: str | None = None
    keepalive_s: int = 1200
    timeout_s: float = 10.0

    @property
    def address(self) -> str:
        """`host:port`, as error texts name it."""
        return f"{self.host}:{self.port}"


class MqttBroker:
    """`agent.ports.Broker` over MQTT. The session is clean: what must not be lost is in the journal, not here."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings

    def connect(self) -> AbstractAsyncContextManager[BrokerSession]:
        """Raises `UplinkUnavailable`; `BadSetup` for a refused login or unreadable certificates."""
        return self._connect()

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[BrokerSession]:
        context = None if self._settings.tls is None else self._settings.tls.context()
        client = self._client(context)
        try:
            await client.__aenter__()
        except aiomqtt.MqttError as error:
            raise self._explain(error) from error
        try:
            yield MqttSession(client, self._settings.address, context)
        finally:
            await _leave(client, self._settings.device)

    def _client(self, context: CheckedContext | None) -> aiomqtt.Client:
        chosen = self._settings
        transport: Literal["tcp", "websockets"] = "tcp" if chosen.websocket is None else "websockets"
        return aiomqtt.Client(
            chosen.host,
            chosen.port,
            username=chosen.username,
            password=chosen.password,
            identifier=chosen.device,
            clean_session=True,
            keepalive=chosen.keepalive_s,
            timeout=chosen.timeout_s,
            tls_context=context,
            transport=transport,
            websocket_path=chosen.websocket,
            max_queued_incoming_messages=_MAX_QUEUED,
            will=aiomqtt.Will(topic(chosen.device, STATUS), encode_status(Status("offline")), qos=1, retain=True),
        )

    def _explain(self, error: aiomqtt.MqttError) -> UplinkUnavailable | BadSetup:
        code = getattr(error, "rc", None)
        if getattr(code, "value", code) in _REFUSED:
            who = f"user {self._settings.username!r}" if self._settings.username else "a login without a name"
            hint = "check username, password and certificate of this device"
            return BadSetup(f"broker {self._settings.address}", f"refuses {who}: {code}", hint=hint)
        return UplinkUnavailable(f"broker {self._settings.address}: {error}")


class MqttSession:
    """`agent.ports.BrokerSession` over one aiomqtt client."""

    def __init__(self, client: aiomqtt.Client, address: str, context: CheckedContext | None = None) -> None:
        self._client = client
        self._address = address
        self._context = context

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """See `agent.ports.BrokerSession`."""
        if self._context is not None:
            self._context.still_fits()
        with self._errors():
            timeout_s = self._client.timeout + len(payload) / SLOWEST_LINE
            await self._client.publish(topic, payload, qos=1, retain=retain, timeout=timeout_s)

    async def subscribe(self, *topics: str) -> None:
        """See `agent.ports.BrokerSession`."""
        with self._errors():
            await self._client.subscribe([(name, 1) for name in topics])

    async def messages(self) -> AsyncIterator[Message]:
        """Every message from now on; ends only by `UplinkUnavailable`."""
        with self._errors():
            async for message in self._client.messages:
                yield Message(message.topic.value, message.payload, bool(message.retain))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except aiomqtt.MqttError as error:
            raise UplinkUnavailable(f"broker {self._address}: {error}") from error


async def _leave(client: aiomqtt.Client, device: str) -> None:
    """Say goodbye: the broker publishes the last will only of those who do not. A broken connection needs neither."""
    with suppress(aiomqtt.MqttError):
        farewell = encode_status(Status("offline"))
        await client.publish(topic(device, STATUS), farewell, qos=1, retain=True, timeout=_GOODBYE_S)
    with suppress(aiomqtt.MqttError):
        await client.__aexit__(None, None, None)
