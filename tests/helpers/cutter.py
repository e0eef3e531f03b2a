"""A way through which connections are cut after some bytes, in either direction, in the middle of anything."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Cutter:
    """`cuts` counts them. Each connection is given between 0 and `most` bytes of life, until `heal`."""

    def __init__(self, port: int, rng: random.Random, most: int) -> None:
        self._port = port
        self._rng = rng
        self._most = most
        self._healed = False
        self.cuts = 0

    def heal(self) -> None:
        """Connections from now on live."""
        self._healed = True

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        left = [10**12 if self._healed else self._rng.randrange(self._most)]
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(self._copy(reader, far_writer, left), self._copy(far_reader, writer, left))
        writer.transport.abort()
        far_writer.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: list[int]) -> None:
        try:
            while left[0] > 0 and (data := await reader.read(min(65536, left[0]))):
                left[0] -= len(data)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        if left[0] <= 0:
            self.cuts += 1
        writer.transport.abort()


@asynccontextmanager
async def cutting(cutter: Cutter) -> AsyncIterator[int]:
    """Its port."""
    server = await asyncio.start_server(cutter.pass_on, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
