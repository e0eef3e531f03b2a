"""A Modbus TCP server for the other masters of the house: many inverters put up with one client only, the agent.

Every request goes through the source that owns the connection, in turn with its own reads. Answers are kept for a
moment, so that several masters that ask the same cost the device one request.
"""

import asyncio
import ipaddress
import struct
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol

from agent.domain.errors import BadSetup, SourceUnavailable
from agent.sources.proxy_table import ProxySettings
from agent.sources.sunspec import Refused

_HEAD: Final = struct.Struct(">HHHB")
_LONGEST: Final = 254
_BITS: Final = (1, 2)
_WORDS: Final = (3, 4)
_WRITE_ONE: Final = 6
_WRITE_MANY: Final = 16
_MOST_WRITTEN: Final = 123
_KEPT: Final = 512

ILLEGAL_FUNCTION: Final = 1
ILLEGAL_VALUE: Final = 3
BUSY: Final = 6
NO_SUCH_UNIT: Final = 10
AWAY: Final = 11


class Device(Protocol):
    """What owns the connection to a device. Both raise `Refused` and `SourceUnavailable`."""

    async def raw_read(self, unit: int, function: int, address: int, count: int) -> Sequence[int]: ...

    async def raw_write(self, unit: int, function: int, address: int, values: Sequence[int]) -> None: ...


class _Denied(Exception):  # never leaves this file
    """The answer is this Modbus exception."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Cached:
    """One device behind the proxy, with what it said last."""

    def __init__(self, device: Device, settings: ProxySettings) -> None:
        self._device = device
        self._settings = settings
        self._answers: OrderedDict[tuple[int, int, int, int], tuple[float, Sequence[int]]] = OrderedDict()
        self._turn = asyncio.Lock()
        self._away_until = 0.0

    async def read(self, unit: int, function: int, address: int, count: int) -> Sequence[int]:
        """Raises `_Denied`, `Refused`."""
        key = (unit, function, address, count)
        async with self._turn:
            loop = asyncio.get_running_loop()
            at, words = self._answers.get(key, (-1e9, ()))
            if loop.time() - at <= self._settings.max_age_s:
                return words
            if loop.time() < self._away_until:
                raise _Denied(AWAY)
            try:
                words = await self._device.raw_read(*key)
            except SourceUnavailable:
                self._away_until = loop.time() + self._settings.away_s
                raise _Denied(AWAY) from None
            self._answers[key] = loop.time(), words
            self._answers.move_to_end(key)
            if len(self._answers) > _KEPT:
                self._answers.popitem(last=False)
            return words

    async def write(self, unit: int, function: int, address: int, values: Sequence[int]) -> None:
        """Raises `_Denied`, `Refused`. What was read before is forgotten."""
        async with self._turn:
            self._answers.clear()
            try:
                await self._device.raw_write(unit, function, address, values)
            except SourceUnavailable:
                raise _Denied(AWAY) from None


class Proxy:
    """The server. Raises `BadSetup` for a source that is not there, a network that is none, a port that is taken."""

    def __init__(self, settings: ProxySettings, devices: Mapping[str, Device]) -> None:
        self._settings = settings
        self._networks = [_network(text) for text in settings.allow]
        cached = {name: _Cached(device, settings) for name, device in devices.items()}
        self._units: dict[int, tuple[_Cached, int]] = {}
        for entry in settings.unit:
            if entry.source not in cached:
                known = ", ".join(sorted(cached)) or "none"
                raise BadSetup(
                    "proxy.unit", f"source {entry.source!r} is not a Modbus source, expected one of: {known}"
                )
            if entry.unit in self._units:
                raise BadSetup("proxy.unit", f"unit {entry.unit} is given twice")
            self._units[entry.unit] = cached[entry.source], entry.unit if entry.to is None else entry.to
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        """Where it listens; the one that was asked for until it does."""
        return self._settings.port if self._server is None else int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> "Proxy":
        where = f"{self._settings.host}:{self._settings.port}"
        try:
            self._server = await asyncio.start_server(self._serve, self._settings.host, self._settings.port)
        except OSError as error:
            raise BadSetup(where, f"cannot listen: {error.strerror or error}") from error
        return self

    async def __aexit__(self, *exc: object) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
            for writer in list(self._clients):
                writer.transport.abort()

    async def run(self) -> None:
        """Serve until cancelled."""
        async with self:
            await asyncio.Event().wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= self._settings.clients or not self._may(writer):
            writer.close()
            return
        self._clients.add(writer)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, TimeoutError):
                while await self._one(reader, writer):
                    pass
        finally:
            self._clients.discard(writer)
            writer.close()

    def _may(self, writer: asyncio.StreamWriter) -> bool:
        peer = ipaddress.ip_address(str(writer.get_extra_info("peername")[0]).partition("%")[0])
        return not self._networks or any(peer in network for network in self._networks)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False when what came is not Modbus."""
        async with asyncio.timeout(self._settings.idle_s):
            transaction, protocol, length, unit = _HEAD.unpack(await reader.readexactly(_HEAD.size))
            if protocol != 0 or not 2 <= length <= _LONGEST:
                return False
            body = await reader.readexactly(length - 1)
        answer = await self._answer(unit, body)
        writer.write(_HEAD.pack(transaction, 0, len(answer) + 1, unit) + answer)
        async with asyncio.timeout(self._settings.idle_s):
            await writer.drain()
        return True

    async def _answer(self, unit: int, body: bytes) -> bytes:
        try:
            async with asyncio.timeout(self._settings.answer_s):
                return await self._asked(unit, body)
        except _Denied as denied:
            code = denied.code
        except Refused as refused:
            code = refused.code
        except TimeoutError:
            code = BUSY
        return bytes((body[0] | 0x80, code))

    async def _asked(self, unit: int, body: bytes) -> bytes:
        function = body[0]
        if unit not in self._units:
            raise _Denied(NO_SUCH_UNIT)
        device, to = self._units[unit]
        if function in (*_BITS, *_WORDS):
            address, count = _read_request(body)
            return _read_answer(function, await device.read(to, function, address, count))
        if function in (_WRITE_ONE, _WRITE_MANY) and self._settings.writes:
            address, values = _write_request(body)
            await device.write(to, function, address, values)
            return body[:5]
        raise _Denied(ILLEGAL_FUNCTION)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise BadSetup("proxy.allow", f"got {text!r}, expected a network such as 192.168.1.0/24") from None


def _read_request(body: bytes) -> tuple[int, int]:
    if len(body) != 5:
        raise _Denied(ILLEGAL_VALUE)
    address, count = struct.unpack(">HH", body[1:])
    most = 2000 if body[0] in _BITS else 125
    if not 1 <= count <= most or address + count > 0x10000:
        raise _Denied(ILLEGAL_VALUE)
    return address, count


def _write_request(body: bytes) -> tuple[int, Sequence[int]]:
    if body[0] == _WRITE_ONE and len(body) == 5:
        address, value = struct.unpack(">HH", body[1:])
        return address, [value]
    if body[0] == _WRITE_MANY and len(body) >= 8:
        address, count, size = struct.unpack(">HHB", body[1:6])
        if 1 <= count <= _MOST_WRITTEN and size == 2 * count == len(body) - 6:
            return address, struct.unpack(f">{count}H", body[6:])
    raise _Denied(ILLEGAL_VALUE)


def _read_answer(function: int, values: Sequence[int]) -> bytes:
    if function in _WORDS:
        return struct.pack(f">BB{len(values)}H", function, 2 * len(values), *values)
    packed = bytearray((len(values) + 7) // 8)
    for index, bit in enumerate(values):
        packed[index // 8] |= (bit & 1) << index % 8
    return bytes((function, len(packed))) + bytes(packed)
