"""One kept HTTP/1.1 connection to the aggregator, directly or through a proxy: one request at a time.

Small on purpose: no redirects, no cookies, bounded answers. What a network in between makes of an answer (a login page,
a proxy's error) is told apart from the aggregator by whoever reads the answer.
"""

import asyncio
import base64
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from agent.domain.errors import BadSetup, UplinkUnavailable

_MAX_LINE: Final = 8 * 1024
_MAX_HEADERS: Final = 64
_PROXY_PORT: Final = 3128


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back; header names are in lower case."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


def proxy_for(host: str) -> str | None:
    """The proxy that the environment names for HTTPS to `host`: `https_proxy`, unless `no_proxy` names the host."""
    if not any(name.lower() == "https_proxy" for name in os.environ):
        return None
    # Loads a good part of the standard library, so only where there is a proxy.
    from urllib.request import getproxies, proxy_bypass

    found = getproxies().get("https")
    return None if not found or proxy_bypass(host) else found


class HttpLine:
    """Opened by the first request, and again when the far end has closed it in the meantime.

    `tls` None is plain HTTP. Raises `UplinkUnavailable` for everything the network can do, `BadSetup` for a proxy that
    wants another login.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None,
        proxy: str | None = None,
        timeout_s: float = 30.0,
        max_body: int = 4 * 1024 * 1024,
    ) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._proxy = proxy
        self._timeout_s = timeout_s
        self._max_body = max_body
        self._busy = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def where(self) -> str:
        """As error texts name it."""
        return f"{'http' if self._tls is None else 'https'} {self._host}:{self._port}"

    async def request(self, method: str, target: str, body: bytes = b"", *, patience_s: float = 0.0) -> HttpAnswer:
        """One request and its answer, which may take `patience_s` longer than usual."""
        async with self._busy:
            try:
                async with asyncio.timeout(self._timeout_s + patience_s):
                    return await self._attempt(method, target, body)
            except TimeoutError as error:
                raise UplinkUnavailable(f"{self.where}: no answer within {self._timeout_s + patience_s:g} s") from error
            except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
                raise UplinkUnavailable(f"{self.where}: {_words(error)}") from error

    def close(self) -> None:
        """At once; what is under way is lost."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def _attempt(self, method: str, target: str, body: bytes) -> HttpAnswer:
        """A kept connection may have been closed at the far end: then the request was not read, and is made again."""
        kept = self._streams is not None
        try:
            return await self._exchange(method, target, body)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            if not kept or (isinstance(error, asyncio.IncompleteReadError) and error.partial):
                raise
        return await self._exchange(method, target, body)

    async def _exchange(self, method: str, target: str, body: bytes) -> HttpAnswer:
        done = False
        try:
            if self._streams is None:
                self._streams = await self._open()
            reader, writer = self._streams
            head = f"{method} {target} HTTP/1.1\r\nHost: {_authority(self._host, self._port)}\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode("ascii") + body)
            await writer.drain()
            answer = await _read_answer(reader, self._max_body)
            done = answer.headers.get("connection", "").lower() != "close"
            return answer
        finally:
            # Half an exchange leaves bytes behind that the next one would take for its own.
            if not done:
                self.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._proxy is not None:
            return await self._open_through(_proxy_url(self._proxy))
        name = self._host if self._tls is not None else None
        return await asyncio.open_connection(
            self._host, self._port, ssl=self._tls, server_hostname=name, limit=_MAX_LINE
        )

    async def _open_through(self, proxy: SplitResult) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A tunnel (RFC 9110, CONNECT), and TLS with the far end inside of it: the proxy sees nothing."""
        port = proxy.port or _PROXY_PORT
        reader, writer = await asyncio.open_connection(proxy.hostname, port, limit=_MAX_LINE)
        try:
            target = _authority(self._host, self._port)
            writer.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{_login(proxy)}\r\n".encode("ascii"))
            status, reason, _ = await _read_head(reader)
            if status == 407:
                raise BadSetup(f"proxy {proxy.hostname}:{port}", "wants a login", hint="http://user:password@host:port")
            if status != 200:
                raise ConnectionError(f"proxy {proxy.hostname}:{port} answers {status} {reason}")
            if self._tls is not None:
                await writer.start_tls(self._tls, server_hostname=self._host)
        except BaseException:
            writer.transport.abort()
            raise
        return reader, writer


async def _read_answer(reader: asyncio.StreamReader, max_body: int) -> HttpAnswer:
    status, reason, headers = await _read_head(reader)
    while 100 <= status < 200:
        status, reason, headers = await _read_head(reader)
    return HttpAnswer(status, reason, headers, await _read_body(reader, status, headers, max_body))


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, str, dict[str, str]]:
    version, _, rest = (await reader.readuntil(b"\r\n")).decode("latin-1").rstrip().partition(" ")
    code, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or not code.isdecimal():
        raise ValueError("the answer is not HTTP")
    headers: dict[str, str] = {}
    for _ in range(_MAX_HEADERS):
        line = (await reader.readuntil(b"\r\n")).decode("latin-1").rstrip()
        if not line:
            return int(code), reason, headers
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    raise ValueError(f"the answer has more than {_MAX_HEADERS} headers")


async def _read_body(reader: asyncio.StreamReader, status: int, headers: Mapping[str, str], most: int) -> bytes:
    if status in (204, 304):
        return b""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _read_chunks(reader, most)
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= most:
        raise ValueError(f"an answer of {length} bytes, at most {most} expected")
    return await reader.readexactly(length)


async def _read_chunks(reader: asyncio.StreamReader, most: int) -> bytes:
    body = bytearray()
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if not 0 <= size <= most - len(body):
            raise ValueError(f"an answer of more than {most} bytes")
        if size == 0:
            while (await reader.readuntil(b"\r\n")).strip():
                pass
            return bytes(body)
        body += await reader.readexactly(size)
        await reader.readuntil(b"\r\n")


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _proxy_url(text: str) -> SplitResult:
    try:
        url = urlsplit(text if "//" in text else f"http://{text}")
        known = url.scheme == "http" and url.hostname and (url.port is None or url.port > 0)
    except ValueError:
        known = None
    if not known:
        raise BadSetup("proxy", f"{text!r} is not an address that can be used", hint="http://host:port")
    return url


def _login(proxy: SplitResult) -> str:
    if proxy.username is None:
        return ""
    name = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return f"Proxy-Authorization: Basic {base64.b64encode(name.encode()).decode()}\r\n"


def _words(error: BaseException) -> str:
    """What happened; some of these errors say nothing by themselves."""
    if isinstance(error, EOFError):
        return "the connection was closed"
    return str(error) or type(error).__name__
