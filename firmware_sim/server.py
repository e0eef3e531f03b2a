"""A Modbus TCP server on the standard library alone, so that it shares no code with the reader under test.

Answers functions 1 to 4 from one consistent image per request. Wrong function: exception 1; an address that is not
there, also inside a longer read: 2; a length out of bounds: 3; another unit id: 11, as a gateway says it. (Modbus
Application Protocol 1.1b3; Modbus Messaging on TCP/IP 1.0b.)
"""

import asyncio
import contextlib
import errno
import struct
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

from firmware_sim.errors import PortInUse
from firmware_sim.failures import Silence
from firmware_sim.registers import COILS, DISCRETE_INPUTS, HOLDING, INPUT, Image

ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3
NO_TARGET: Final = 11
_BIT_TABLES: Final = frozenset({COILS, DISCRETE_INPUTS})
_READS: Final = frozenset({COILS, DISCRETE_INPUTS, HOLDING, INPUT})
_HEADER: Final = struct.Struct(">HHHB")
_LONGEST_PDU: Final = 253
LOOK_EVERY_S: Final = 0.1


def answer(image: Image, unit_id: int, pdu: bytes) -> bytes:
    """The answer to one request, without its header.

    >>> answer(Image({HOLDING: {0: 7}}), 1, bytes([3, 0, 0, 0, 1])).hex()
    '03020007'
    """
    function, device = pdu[0], image.of_unit(unit_id)
    if device is None:
        return _exception(function, NO_TARGET)
    image = device
    if function not in _READS or function not in image.tables:
        return _exception(function, ILLEGAL_FUNCTION)
    if len(pdu) != 5:
        return _exception(function, ILLEGAL_VALUE)
    first, count = struct.unpack(">HH", pdu[1:])
    limit = image.max_bits if function in _BIT_TABLES else image.max_words
    if not 1 <= count <= limit:
        return _exception(function, ILLEGAL_VALUE)
    table = image.tables[function]
    if image.block and first // image.block != (first + count - 1) // image.block:
        return _exception(function, ILLEGAL_ADDRESS)
    if any(address not in table for address in range(first, first + count)):
        return _exception(function, ILLEGAL_ADDRESS)
    data = _packed(function, table, first, count)
    return bytes([function, len(data)]) + data


def _packed(function: int, table: Mapping[int, int], first: int, count: int) -> bytes:
    if function not in _BIT_TABLES:
        return struct.pack(f">{count}H", *(table[address] for address in range(first, first + count)))
    packed = bytearray((count + 7) // 8)
    for place in range(count):
        packed[place // 8] |= table[first + place] << place % 8
    return bytes(packed)


def _exception(function: int, code: int) -> bytes:
    return bytes([function | 0x80, code])


class ModbusServer:
    """Serves one device. `image` and `silence` are asked at each request and give what holds now.

    Opened with `async with`; `port` 0 takes a free one, and `port` then tells which.
    """

    def __init__(self, host: str, port: int, image: Callable[[], Image], silence: Callable[[], Silence | None]) -> None:
        self._host = host
        self.port = port
        self._image = image
        self._silence = silence
        self._listener: asyncio.Server | None = None
        self._watch: asyncio.Task[None] | None = None
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[object] | None] = {}

    async def __aenter__(self) -> Self:
        await self._listen()
        self._watch = asyncio.create_task(self._keep_silence(), name="silence")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._deafen()

    async def _listen(self) -> None:
        try:
            self._listener = await asyncio.start_server(self._serve, self._host, self.port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(f"port {self.port} on {self._host} is in use; choose another --port or 0") from error
            raise PortInUse(f"cannot listen on {self._host}:{self.port}: {error.strerror or error}") from error
        self.port = int(self._listener.sockets[0].getsockname()[1])

    async def _deafen(self) -> None:
        """Closes the port and every connection."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        serving = [task for task in self._clients.values() if task is not None]
        for writer in self._clients:
            writer.transport.abort()
        await asyncio.gather(*serving, return_exceptions=True)
        if listener is not None:
            await listener.wait_closed()

    async def _keep_silence(self) -> None:
        """Closes the port while the device is to refuse, and opens the same port again afterwards."""
        while True:
            refusing = self._silence() is Silence.REFUSE
            if refusing and self._listener is not None:
                await self._deafen()
            elif not refusing and self._listener is None:
                # Somebody may hold the port for a moment; the next look tries again.
                with contextlib.suppress(PortInUse):
                    await self._listen()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients[writer] = asyncio.current_task()
        try:
            while (request := await _read_request(reader)) is not None:
                transaction, unit_id, pdu = request
                silence = self._silence()
                if silence is Silence.REFUSE:
                    break
                if silence is Silence.SILENT:
                    continue
                reply = answer(self._image(), unit_id, pdu)
                writer.write(_HEADER.pack(transaction, 0, len(reply) + 1, unit_id) + reply)
                await writer.drain()
        except (ConnectionError, TimeoutError):
            pass  # The client went away; there is nobody to tell.
        finally:
            del self._clients[writer]
            writer.close()


async def _read_request(reader: asyncio.StreamReader) -> tuple[int, int, bytes] | None:
    """Transaction, unit and PDU of the next request; None at the end of the stream or at bytes that are not Modbus."""
    try:
        transaction, protocol, length, unit_id = _HEADER.unpack(await reader.readexactly(_HEADER.size))
        if protocol != 0 or not 2 <= length <= _LONGEST_PDU + 1:
            return None
        return transaction, unit_id, await reader.readexactly(length - 1)
    except asyncio.IncompleteReadError:
        return None
