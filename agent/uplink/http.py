"""The carrier HTTPS: what the device has to say is posted, what is addressed to it comes with the answers.

For sites whose firewall passes nothing else, through a proxy where there is one. The device asks every `poll_s` seconds
whether there is something for it, or, with `wait_s`, keeps a question open that long.
"""

import asyncio
import contextlib
import ipaddress
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

from agent.domain.envelope import CONTENT_TYPE, Envelope, decode_envelope
from agent.domain.errors import BadMessage, BadSetup, UplinkUnavailable
from agent.domain.wire import STATUS, Status, encode_status, parse_topic, topic
from agent.ports import BrokerSession, Message
from agent.uplink.http_line import HttpAnswer, HttpLine, proxy_for
from agent.uplink.pause import SLOWEST_LINE
from agent.uplink.tls import CheckedContext, Tls, TlsFiles

PREFIX: Final = "/device/1"
MESSAGES: Final = "messages"
_REFUSED: Final = (401, 403)
_GOODBYE_S: Final = 1.0
_MOST_WAIT_S: Final = 3600.0
_MOST_REASON: Final = 200


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where the aggregator listens for devices. `plain` does without TLS, on this machine only.

    `proxy` None takes what the environment says. Each question costs about 400 bytes.
    """

    host: str
    device: str
    port: int = 443
    tls: Tls = field(default_factory=lambda: Tls(TlsFiles()))
    plain: bool = False
    proxy: str | None = None
    poll_s: float = 60.0
    wait_s: float = 0.0
    timeout_s: float = 30.0

    @property
    def address(self) -> str:
        """`host:port`, as error texts name it."""
        return f"{self.host}:{self.port}"


class HttpBroker:
    """`agent.ports.Broker` over HTTPS, with the standard library alone."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings

    def connect(self) -> AbstractAsyncContextManager[BrokerSession]:
        """Raises `UplinkUnavailable`; `BadSetup` where the aggregator does not take us for who we say we are."""
        return self._connect()

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[BrokerSession]:
        session = HttpSession(self._settings, self._context())
        try:
            await session.open()
            yield session
        finally:
            await session.close()

    def _context(self) -> CheckedContext | None:
        chosen = self._settings
        if not chosen.plain:
            return chosen.tls.context()
        if not _loopback(chosen.host):
            raise BadSetup(f"aggregator {chosen.address}", "without TLS only addresses of this machine can be used")
        return None


class HttpSession:
    """`agent.ports.BrokerSession` over one connection, and a second one where questions are kept open."""

    def __init__(self, settings: HttpSettings, context: CheckedContext | None) -> None:
        self._settings = settings
        self._context = context
        self._line = self._new_line()
        self._asking = self._new_line() if settings.wait_s > 0 else self._line
        self._topics: tuple[str, ...] = ()
        self._box = ""
        self._number = 0
        self._again_s = 0.0
        self._asked = 0.0
        self._waiting: deque[Message] = deque()
        self._news = asyncio.Event()
        self._broken: UplinkUnavailable | None = None

    async def open(self) -> None:
        """The first question, which shows whether we are let in."""
        answer = await self._line.request("GET", self._question(0.0))
        self._asked = asyncio.get_running_loop().time()
        if answer.status in _REFUSED:
            where, hint = f"aggregator {self._settings.address}", "check the certificate of this device"
            raise BadSetup(where, f"refuses {self._settings.device}: {_reason(answer)}", hint=hint)
        self._take(self._envelope(answer))

    async def close(self) -> None:
        """Say goodbye where that is still possible."""
        if self._broken is None and self._box:
            farewell = encode_status(Status("offline"))
            with contextlib.suppress(UplinkUnavailable, TimeoutError):
                async with asyncio.timeout(_GOODBYE_S):
                    await self._line.request("POST", self._target(STATUS), farewell)
        self._line.close()
        self._asking.close()

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:  # noqa: ARG002
        """See `agent.ports.BrokerSession`; here the answer is already the aggregator's word. It keeps what it must."""
        device, leaf = parse_topic(topic)
        if device != self._settings.device:
            raise BadMessage(f"topic {topic!r} is not one of {self._settings.device}")
        patience_s = len(payload) / SLOWEST_LINE
        await self._exchange(self._line, "POST", self._target(leaf), payload, patience_s=patience_s)

    async def subscribe(self, *topics: str) -> None:
        """See `agent.ports.BrokerSession`."""
        self._whole()
        self._topics += topics
        self._news.set()

    async def messages(self) -> AsyncIterator[Message]:
        """Every message from now on; ends only by `UplinkUnavailable`."""
        question: asyncio.Task[None] | None = None
        try:
            while True:
                while self._waiting and self._topics:
                    message = self._waiting.popleft()
                    if any(_covers(wanted, message.topic) for wanted in self._topics):
                        yield message
                self._whole()
                if question is None:
                    question = asyncio.create_task(self._ask())
                if await self._answered(question):
                    question = None
        finally:
            if question is not None:
                question.cancel()
                await asyncio.gather(question, return_exceptions=True)

    async def _answered(self, question: asyncio.Task[None]) -> bool:
        """Whether the question is answered; False when something came with the answer to a publication before."""
        self._news.clear()
        if self._waiting and self._topics:
            return False
        news = asyncio.create_task(self._news.wait())
        try:
            await asyncio.wait((news, question), return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
        if question.done():
            question.result()
        return question.done()

    def _until_question(self) -> float:
        pause_s = max(self._again_s, 0.0 if self._settings.wait_s > 0 else self._settings.poll_s)
        return max(0.0, self._asked + pause_s - asyncio.get_running_loop().time())

    async def _ask(self) -> None:
        await asyncio.sleep(self._until_question())
        self._asked = asyncio.get_running_loop().time()
        wait_s = self._settings.wait_s
        await self._exchange(self._asking, "GET", self._question(wait_s), patience_s=wait_s)

    async def _exchange(
        self, line: HttpLine, method: str, target: str, body: bytes = b"", *, patience_s: float = 0.0
    ) -> None:
        self._whole()
        try:
            if self._context is not None:
                self._context.still_fits()
            self._take(self._envelope(await line.request(method, target, body, patience_s=patience_s)))
        except UplinkUnavailable as error:
            self._broken = error
            self._news.set()
            raise

    def _whole(self) -> None:
        if self._broken is not None:
            raise UplinkUnavailable(str(self._broken), retry_after_s=self._broken.retry_after_s) from self._broken

    def _envelope(self, answer: HttpAnswer) -> Envelope:
        where = f"aggregator {self._settings.address}"
        if answer.status != 200:
            retry_s = _seconds(answer.headers.get("retry-after", ""))
            raise UplinkUnavailable(f"{where}: answers {answer.status}: {_reason(answer)}", retry_after_s=retry_s)
        kind = answer.headers.get("content-type", "nothing")
        if kind != CONTENT_TYPE:
            raise UplinkUnavailable(f"{where}: answers {kind}; a login page or a filter may stand in between")
        try:
            return decode_envelope(answer.body)
        except BadMessage as error:
            raise UplinkUnavailable(f"{where}: {error.reason}") from error

    def _take(self, envelope: Envelope) -> None:
        """Letters in their order; one that came with another answer already is dropped."""
        if envelope.box != self._box:
            self._box, self._number = envelope.box, 0
        for letter in envelope.letters:
            if letter.number and letter.number <= self._number:
                continue
            self._number = max(self._number, letter.number)
            name = topic(self._settings.device, letter.leaf)
            self._waiting.append(Message(name, letter.payload, letter.retained))
        self._again_s = min(max(envelope.again_s, 0.0), _MOST_WAIT_S)
        if envelope.letters:
            self._news.set()

    def _question(self, wait_s: float) -> str:
        asked = {"again": f"{max(self._settings.poll_s, wait_s):g}"}
        if wait_s > 0:
            asked["wait"] = f"{wait_s:g}"
        return self._target(MESSAGES, **asked)

    def _target(self, leaf: str, **asked: str) -> str:
        if self._box:
            asked |= {"box": self._box, "after": str(self._number)}
        query = f"?{urlencode(asked)}" if asked else ""
        return f"{PREFIX}/{self._settings.device}/{quote(leaf)}{query}"

    def _new_line(self) -> HttpLine:
        chosen = self._settings
        proxy = chosen.proxy or (None if chosen.plain else proxy_for(chosen.host))
        return HttpLine(chosen.host, chosen.port, tls=self._context, proxy=proxy, timeout_s=chosen.timeout_s)


def _covers(wanted: str, name: str) -> bool:
    """Whether an MQTT topic filter covers a topic.

    >>> _covers("ew/1/site-01/cmd/+", "ew/1/site-01/cmd/7"), _covers("ew/1/site-01/ack", "ew/1/site-01/cmd/7")
    (True, False)
    """
    parts, levels = wanted.split("/"), name.split("/")
    if parts[-1] == "#":
        parts, levels = parts[:-1], levels[: len(parts) - 1]
    return len(parts) == len(levels) and all(part in ("+", level) for part, level in zip(parts, levels, strict=True))


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _seconds(text: str) -> float:
    """`Retry-After`, where it is a number of seconds; a date would need a clock that is right."""
    return min(float(text), _MOST_WAIT_S) if text.isdecimal() else 0.0


def _reason(answer: HttpAnswer) -> str:
    """The first line of what the far end says, in letters that can be printed."""
    lines = answer.body.decode("utf-8", "replace").strip().splitlines()
    said = "".join(letter for letter in lines[0] if letter.isprintable()) if lines else ""
    plain = answer.headers.get("content-type", "").startswith("text/plain")
    return said[:_MOST_REASON] if plain and said else answer.reason or str(answer.status)
