"""Just enough of HTTP/1.1 for a handful of pages: one request per connection, small, and soon over."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from agent.domain.errors import BadSetup

_HEAD_BYTES: Final = 8192
_BODY_BYTES: Final = 16384
_PATIENCE_S: Final = 15.0
_CONNECTIONS: Final = 16

ALWAYS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked. `form` has the last value of each field; `forms` all of them."""

    method: str
    path: str
    cookies: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    forms: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Response:
    """A page, or with `to` a redirection."""

    body: str = ""
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    to: str = ""


Handler = Callable[[Request], Awaitable[Response]]


class _Malformed(Exception):  # never leaves this file
    """The request cannot be understood, or is too large."""


class HttpServer:
    """Opened with `async with`. Raises `BadSetup` when the port cannot be had."""

    def __init__(self, host: str, port: int, handler: Handler) -> None:
        self._host = host
        self._port = port
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        return self._port if self._server is None else int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> "HttpServer":
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self._port, limit=_HEAD_BYTES)
        except OSError as error:
            where = f"{self._host}:{self._port}"
            raise BadSetup("--page", f"cannot listen on {where}: {error.strerror or error}") from error
        return self

    async def __aexit__(self, *exc: object) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
            for writer in list(self._open):
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= _CONNECTIONS:
            writer.close()
            return
        self._open.add(writer)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                request = await _request(reader)
            response = await self._handler(request)
            writer.write(_bytes(response))
            async with asyncio.timeout(_PATIENCE_S):
                await writer.drain()
        except _Malformed:
            writer.write(_bytes(Response(status=HTTPStatus.BAD_REQUEST)))
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()


async def _request(reader: asyncio.StreamReader) -> Request:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError as error:
        raise _Malformed from error
    first, *lines = head.split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or parts[0] not in ("GET", "POST") or not parts[1].startswith("/"):
        raise _Malformed
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > _BODY_BYTES or "transfer-encoding" in headers:
        raise _Malformed
    body = (await reader.readexactly(int(length))).decode("utf-8", errors="replace")
    try:
        forms = tuple(parse_qsl(body, keep_blank_values=True, max_num_fields=64))
        path = urlsplit(parts[1]).path
    except ValueError as error:
        raise _Malformed from error
    return Request(parts[0], path, _cookies(headers.get("cookie", "")), dict(forms), forms)


def _cookies(text: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(text).items()}
    except CookieError:
        return {}


def _bytes(response: Response) -> bytes:
    status = HTTPStatus.SEE_OTHER if response.to else response.status
    body = response.body.encode()
    headers = {**ALWAYS, **response.headers, "Content-Length": str(len(body)), "Connection": "close"}
    headers |= {"Location": response.to} if response.to else {"Content-Type": "text/html; charset=utf-8"}
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
