"""A Modbus TCP slave of its own on a real socket, with switches for the ways a bus fails."""

import asyncio
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType

Key = tuple[int, int, int]  # unit, function, address


@dataclass
class Faults:
    """What goes wrong from the next request on."""

    silent: bool = False
    delay_s: float = 0.0
    refuse: dict[tuple[int, int], int] = field(default_factory=dict)
    """Requests that touch any of these (function, address) get this exception."""
    hang_up: bool = False
    wrong_transaction: bool = False
    truncate: bool = False
    """One word less than asked for, in a well-formed frame."""
    garbage: bytes = b""
    """Bytes behind every answer that nobody asked for."""
    payload: bytes = b""
    """What every answer holds instead of the truth."""


class ModbusServer:
    """Holds words and bits by (unit, function, address); what it does not hold is refused with exception 2."""

    def __init__(self) -> None:
        self.store: dict[Key, int] = {}
        self.faults = Faults()
        self.requests: list[tuple[int, int, int, int]] = []
        self.connections = 0
        self.port = 0
        self.objects: dict[int, bytes] = {}
        """What function 43 tells; without any it is not known."""
        self.on_request: Callable[[], None] = lambda: None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def put(self, address: int, words: Sequence[int], *, unit: int = 1, function: int = 3) -> None:
        for index, word in enumerate(words):
            self.store[unit, function, address + index] = word

    @property
    def open_connections(self) -> int:
        return len(self._writers)

    async def start(self) -> None:
        """Listen, on the port it had before if there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Power off: no listener, all connections cut."""
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        self._server = None
        await asyncio.sleep(0)

    async def __aenter__(self) -> "ModbusServer":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readexactly(7)
                transaction, _, length, unit = struct.unpack(">HHHB", head)
                body = await reader.readexactly(length - 1)
                if not await self._answer(writer, transaction, unit, body):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, transaction: int, unit: int, body: bytes) -> bool:
        function = body[0]
        address, count = struct.unpack(">HH", body[1:]) if len(body) == 5 else (0, 0)
        self.requests.append((unit, function, address, count))
        faults = self.faults
        self.on_request()
        if faults.hang_up:
            return False
        if faults.silent:
            return True
        if faults.delay_s:
            await asyncio.sleep(faults.delay_s)
        if faults.wrong_transaction:
            transaction = (transaction + 7) & 0xFFFF
        payload = faults.payload or self._payload(unit, function, address, count)
        writer.write(struct.pack(">HHHB", transaction, 0, len(payload) + 1, unit) + payload + faults.garbage)
        await writer.drain()
        return True

    def _payload(self, unit: int, function: int, address: int, count: int) -> bytes:
        if function == 43 and self.objects:
            objects = b"".join(bytes((number, len(value))) + value for number, value in self.objects.items())
            return bytes((43, 14, 1, 1, 0, 0, len(self.objects))) + objects
        if function not in (1, 2, 3, 4):
            return bytes((function | 0x80, 1))
        keys = [(unit, function, address + index) for index in range(count)]
        for _, _, where in keys:
            if code := self.faults.refuse.get((function, where)):
                return struct.pack(">BB", function | 0x80, code)
        if not all(key in self.store for key in keys):
            return struct.pack(">BB", function | 0x80, 2)
        values = [self.store[key] for key in keys]
        if function in (1, 2):
            data = bytearray((count + 7) // 8)
            for index, value in enumerate(values):
                data[index // 8] |= (value & 1) << index % 8
            return struct.pack(">BB", function, len(data)) + bytes(data)
        if self.faults.truncate:
            values = values[:-1]
        return struct.pack(">BB", function, 2 * len(values)) + struct.pack(f">{len(values)}H", *values)
