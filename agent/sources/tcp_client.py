"""Modbus TCP: frames with a transaction number, on one connection."""

import asyncio
import struct
from typing import Final

import msgspec
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import DecodePDU, ModbusPDU

from agent.sources.client import Client, OnConnect
from agent.sources.serial_settings import LineLost

_HEAD: Final = struct.Struct(">HHHB")  # transaction, protocol (0), bytes that follow, unit
_REFUSAL: Final = 0x80
_REFUSAL_SIZE: Final = 9
_LONGEST: Final = 254
_ROOM: Final = 512
_NONSENSE: Final = "the answer cannot be understood"
_DECODER: Final = DecodePDU(False)


class TcpClient(Client):
    """A client that gives a connection up on the first bytes that it cannot understand.

    An answer to another transaction or of another unit is passed over: it is late, or a gateway's mistake.
    """

    def __init__(self, host: str, port: int, timeout_s: float, on_connect: OnConnect) -> None:
        self._host = host
        self._port = port
        self._timeout_s = timeout_s
        self._on_connect = on_connect
        self._stream: _Stream | None = None
        self._transaction = 0

    def __str__(self) -> str:
        return f"{self._host}:{self._port}"

    @property
    def connected(self) -> bool:
        return self._stream is not None and self._stream.is_open

    async def connect(self) -> bool:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                _, self._stream = await loop.create_connection(
                    lambda: _Stream(self._on_connect), self._host, self._port
                )
        except OSError:
            return False
        self._on_connect(True)
        return True

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    async def execute(self, request: ModbusPDU) -> ModbusPDU:
        """Send a request and return its answer. Raises `LineLost`, `ModbusException`."""
        stream = self._stream
        if stream is None or not stream.is_open:
            raise LineLost("the connection is closed")
        self._transaction = self._transaction % 0xFFFF + 1
        data = request.encode()
        head = _HEAD.pack(self._transaction, 0, len(data) + 2, request.dev_id)
        body = await stream.ask(head + bytes((request.function_code,)) + data)
        answer = _DECODER.decode(body)
        if answer is None:
            stream.give_up()
            raise ModbusException(_NONSENSE)
        answer.dev_id = request.dev_id
        return answer


class _Stream(asyncio.BufferedProtocol):
    """One connection, and the one request that waits for its answer on it.

    Its own buffer holds an answer; without one every read would ask the system for 256 KiB and give them back.
    """

    def __init__(self, on_connect: OnConnect) -> None:
        self.is_open = True
        self._buffer = bytearray(_ROOM)
        self._on_connect = on_connect
        self._transport: asyncio.Transport | None = None
        self._got = b""
        self._transaction = 0
        self._unit = 0
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(LineLost("lost the connection" if exc is None else f"lost the connection: {exc}"))

    async def ask(self, frame: bytes) -> bytes:
        """The function code and the data of the answer. Raises `LineLost`, `ModbusException`."""
        assert self._transport is not None
        # What came before the request cannot answer it.
        self._got = b""
        self._transaction, _, _, self._unit = _HEAD.unpack_from(frame)
        self._answer = asyncio.get_running_loop().create_future()
        try:
            self._transport.write(frame)
            return await self._answer
        finally:
            self._answer = None

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 what the loop would like
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(memoryview(self._buffer)[:nbytes]))

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            return
        got = self._got + data
        while len(got) > _HEAD.size:
            transaction, protocol, size, unit = _HEAD.unpack_from(got)
            end = size + 6
            if size == 2 and len(got) == _REFUSAL_SIZE and got[7] & _REFUSAL:
                # Some devices forget to count the exception's code.
                end = _REFUSAL_SIZE
            if protocol or not 2 <= size <= _LONGEST:
                self._fail(ModbusException(_NONSENSE))
                return
            if len(got) < end:
                break
            if transaction == self._transaction and (unit == self._unit or not self._unit):
                if not self._answer.done():
                    self._answer.set_result(got[7:end])
                return
            got = got[end:]
        self._got = got

    def give_up(self) -> None:
        """The connection is of no more use, and whoever wants to know hears it once."""
        if self.is_open:
            self.close()
            self._on_connect(False)

    def close(self) -> None:
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self.give_up()


class TcpLink(msgspec.Struct, frozen=True):
    """Modbus TCP."""

    host: str
    port: int = 502

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def client(self, timeout_s: float, on_connect: OnConnect) -> Client:
        return TcpClient(self.host, self.port, timeout_s, on_connect)
