"""Devices by the thousand in one process: bare MQTT 3.1.1, each with its status, its whole twin and its backlog.

    python -m bench.soak.crowd PORT FIRST COUNT ROOM

For `bench.soak.storm`. Devices FIRST … FIRST+COUNT-1 connect as fast as they can, at most ROOM at the same time, send
what a device sends when it comes back, and stay. One line `ready` on standard output when everything is prepared; then
a line on standard input starts it; when all is acknowledged there is one JSON object, and another line lets them go.
"""

import asyncio
import random
import struct
import sys
import time
from collections import Counter, deque
from typing import Any, Final

import msgspec

from agent.domain import wire
from agent.domain.twin import TwinMessage, encode_twin
from bench.ingest import batches

WINDOWS: Final = 8
_ACK_TIMEOUT_S: Final = 30.0
_AT_ONCE: Final = 300
_CONNECT, _CONNACK, _PUBLISH, _PUBACK, _SUBSCRIBE, _SUBACK = 0x10, 0x20, 0x30, 0x40, 0x82, 0x90
_QOS1: Final = 0x02


def device_name(number: int) -> str:
    """Of that number."""
    return f"home-{number:05}"


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _packet(kind: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while True:
        size, digit = divmod(size, 128)
        length.append(digit | (0x80 if size else 0))
        if not size:
            return bytes([kind]) + bytes(length) + body


def _publish(topic: str, payload: bytes, number: int, *, retain: bool = False) -> bytes:
    return _packet(_PUBLISH | _QOS1 | retain, _text(topic) + struct.pack(">H", number) + payload)


class Visitor:
    """What one device says."""

    def __init__(self, number: int, batch: wire.Batch) -> None:
        self.name = device_name(number)
        self.up = wire.encode_batch(msgspec.structs.replace(batch, device=self.name))
        self.last = batch.last

    def hello(self) -> bytes:
        """CONNECT with a last will, and the two subscriptions."""
        will = wire.encode_status(wire.Status("offline"))
        status = wire.topic(self.name, wire.STATUS)
        flags = 0x02 | 0x04 | 0x08 | 0x20  # clean session, will, will at QoS 1, will retained
        head = _text("MQTT") + struct.pack(">BBH", 4, flags, 1200)
        connect = head + _text(self.name) + _text(status) + struct.pack(">H", len(will)) + will
        topics = (wire.topic(self.name, leaf) for leaf in (wire.ACK, wire.TWIN_DESIRED))
        subscribe = struct.pack(">H", 1) + b"".join(_text(topic) + b"\x01" for topic in topics)
        return _packet(_CONNECT, connect) + _packet(_SUBSCRIBE, subscribe)

    def story(self) -> bytes:
        """Status, whole twin, backlog."""
        now_ms = time.time_ns() // 1_000_000
        status = _publish(
            wire.topic(self.name, wire.STATUS), wire.encode_status(wire.Status("online", now_ms)), 2, retain=True
        )
        return status + self.twin(3) + self.backlog(4)

    def twin(self, number: int) -> bytes:
        version = time.time_ns() // 1_000_000
        twin = encode_twin(TwinMessage(version, doc=_document(self.name)), squeezed=True)
        return _publish(wire.topic(self.name, wire.TWIN_REPORTED), twin, number)

    def backlog(self, number: int) -> bytes:
        return _publish(wire.topic(self.name, wire.UP), self.up, number)


def _document(name: str) -> dict[str, Any]:
    equipment = {"maker": "Fronius", "model": "Symo GEN24 10.0", "serial": name, "firmware": "1.34.6-1"}
    health = {
        "backlog": WINDOWS,
        "journal_bytes": 5_000_000,
        "disk_free_bytes": 21_000_000_000,
        "clock": "synchronised",
    }
    return {
        "agent": {"version": "1.0.0", "starts": 3},
        "site": {"name": name, "timezone": "Europe/Berlin", "latitude": 52.45, "longitude": 13.35},
        "sources": {"inverter": {"profile": "sunspec", "equipment": equipment, "reachable": True}},
        "health": health,
    }


class Crowd:
    """All of them."""

    def __init__(self, port: int, visitors: list[Visitor], room: int, chance: random.Random) -> None:
        self._port = port
        self._visitors = visitors
        self._chance = chance
        self._room = asyncio.Semaphore(room)
        self._opening = asyncio.Semaphore(_AT_ONCE)
        self._to_leave = max(0, len(visitors) - room)
        self._all_drained, self._leave = asyncio.Event(), asyncio.Event()
        self._visits: list[asyncio.Task[None]] = []
        self._waits: deque[float] = deque()
        self.told = Counter[str]()

    async def run(self) -> dict[str, Any]:
        """Come, and stay until `leave` is set; returns once all are drained."""
        began = time.monotonic()
        self._going = asyncio.create_task(self._leave.wait())
        self._visits = [asyncio.create_task(self._visit(visitor)) for visitor in self._visitors]
        await self._all_drained.wait()
        waits = sorted(self._waits)
        seconds = round(time.monotonic() - began, 1)
        return {**self.told, "seconds": seconds, "median_s": round(waits[len(waits) // 2], 1)}

    async def go_home(self) -> None:
        """Close every connection."""
        self._leave.set()
        await asyncio.gather(*self._visits)

    async def _visit(self, visitor: Visitor) -> None:
        """Until acknowledged, over as many connections as it takes."""
        async with self._room:
            attempt, began = 0, time.monotonic()
            while True:
                try:
                    await self._connection(visitor, began)
                except (OSError, EOFError, asyncio.IncompleteReadError, TimeoutError) as error:
                    self.told[f"lost connections: {type(error).__name__}"] += 1
                    attempt += 1
                    await asyncio.sleep(min(300.0, 2.0**attempt) * self._chance.uniform(0.5, 1.0))
                else:
                    return

    async def _connection(self, visitor: Visitor, began: float) -> None:
        async with self._opening:
            reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self._port), 60)
            writer.write(visitor.hello())
            for _ in range(2):
                await asyncio.wait_for(_read(reader), 60)
        try:
            writer.write(visitor.story())
            await self._acknowledged(visitor, reader, writer)
            self._waits.append(time.monotonic() - began)
            self.told["drained"] += 1
            if self.told["drained"] == len(self._visitors):
                self._all_drained.set()
            if self._to_leave > 0:
                self._to_leave -= 1
            else:
                await self._stay(visitor, reader, writer)
        finally:
            writer.close()

    async def _stay(self, visitor: Visitor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what is asked until all go home."""
        listening = asyncio.create_task(self._listen(visitor, reader, writer))
        await asyncio.wait([listening, self._going], return_when=asyncio.FIRST_COMPLETED)
        if listening.done():
            listening.result()
        listening.cancel()

    async def _listen(self, visitor: Visitor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            self._hear(visitor, writer, *await _read(reader))

    async def _acknowledged(self, visitor: Visitor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send again when the aggregator's word does not come in time, as a device does."""
        timeout_s, through = _ACK_TIMEOUT_S, 0
        deadline = time.monotonic() + timeout_s
        while through < visitor.last:
            try:
                kind, body = await asyncio.wait_for(_read(reader), max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                self.told["sent again"] += 1
                timeout_s = min(300.0, 2 * timeout_s)
                writer.write(visitor.backlog(5))
                deadline = time.monotonic() + timeout_s * self._chance.uniform(0.75, 1.0)
            else:
                through = self._hear(visitor, writer, kind, body)

    def _hear(self, visitor: Visitor, writer: asyncio.StreamWriter, kind: int, body: bytes) -> int:
        """Answer broker and aggregator; returns how far the aggregator says it is, 0 when this does not say."""
        if kind & 0xF0 != _PUBLISH:
            return 0
        topic, payload, identifier = _published(kind, body)
        if identifier is not None:
            writer.write(_packet(_PUBACK, identifier))
        if not topic.endswith(f"/{wire.ACK}"):
            return 0
        ack = wire.decode_ack(payload)
        if ack.want_twin:
            self.told["asked for the twin"] += 1
            writer.write(visitor.twin(6))
        self.told["rejected"] += len(ack.rejected)
        self.told["asked to slow down"] += ack.slow_s > 0
        return ack.through


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind, size, shift = (await reader.readexactly(1))[0], 0, 0
    while True:
        digit = (await reader.readexactly(1))[0]
        size |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            break
    body = await reader.readexactly(size)
    if kind == _CONNACK and body[1]:
        raise ConnectionRefusedError(f"the broker says {body[1]}")
    return kind, body


def _published(kind: int, body: bytes) -> tuple[str, bytes, bytes | None]:
    (length,) = struct.unpack_from(">H", body)
    topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
    return (topic, rest[2:], rest[:2]) if kind & 0x06 else (topic, rest, None)


async def _come_and_go(crowd: Crowd) -> None:
    told = await crowd.run()
    print(msgspec.json.encode(told).decode(), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await crowd.go_home()


def main() -> None:
    """Prepare, wait for the word, go, tell, wait, leave."""
    port, first, count, room = (int(text) for text in sys.argv[1:5])
    batch = next(batches("home", WINDOWS // 4, 1, windows=WINDOWS))
    visitors = [Visitor(number, batch) for number in range(first, first + count)]
    print("ready", flush=True)
    sys.stdin.readline()
    asyncio.run(_come_and_go(Crowd(port, visitors, room, random.Random(first))))


if __name__ == "__main__":
    main()
