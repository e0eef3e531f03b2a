"""How fast one aggregator on one core applies summaries durably, with the broker on the other."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import aiomqtt
import msgspec

from agent.domain.wire import ACK, UP, decode_ack, encode_batch, parse_topic, topic
from bench.ingest import EIGHT, batches
from bench.soak.case import Context, Outcome, require
from bench.soak.stack import needs_mosquitto
from tests.helpers.broker import MosquittoBroker, free_port
from tests.helpers.programs import Program, answers, wait_for

_HOMES: Final = 200
_WINDOWS: Final = 8
_IN_FLIGHT: Final = 4
_LEAST: Final = 5_000


def run(context: Context) -> Outcome:
    """Homes that send as fast as they are acknowledged, four batches of two hours in flight each, as agents do."""
    needs_mosquitto()
    hours = 24 if context.short else 24 * 7
    with MosquittoBroker(context.folder / "broker", max_queued_messages=100_000) as broker:
        http_port = free_port()
        (context.folder / "cloud.toml").write_text(f"[broker]\nport = {broker.port}\n[http]\nport = {http_port}\n")
        cloud = Program("cloud", ["serve", "--config", context.folder / "cloud.toml"], context.folder / "cloud.log")
        cloud.command = ["taskset", "-c", "1", *cloud.command]
        with cloud:
            wait_for("the aggregator", lambda: answers(f"http://127.0.0.1:{http_port}/api/v1/health"), 60)
            homes = _Homes(hours, context.seed)
            before = _cpu_s(cloud)
            seconds = asyncio.run(homes.run(broker.port))
            cpu_s = _cpu_s(cloud) - before
    rows = _rows(context.folder / "fleet.db")
    require(rows == homes.windows * len(EIGHT), f"{rows} rows, expected {homes.windows * len(EIGHT)}")
    pace = rows / seconds
    require(pace >= _LEAST, f"{pace:,.0f} summaries/s, at least {_LEAST:,} expected")
    happened = (
        f"{pace:,.0f} summaries/s, a summary being one signal over one window ({rows / len(EIGHT) / seconds:,.0f} "
        f"windows/s), each durable before its acknowledgement; the aggregator used {cpu_s / seconds:.0%} of its core"
    )
    return Outcome(f"{rows:,} summaries", f"{happened}, that is {rows / cpu_s:,.0f} for each second of it")


class _Homes:
    """All in one connection: what is measured is the aggregator."""

    def __init__(self, hours: int, seed: int) -> None:
        made = list(batches("home-0", hours, seed, windows=_WINDOWS))
        self._payloads = {
            f"home-{number}": [encode_batch(msgspec.structs.replace(batch, device=f"home-{number}")) for batch in made]
            for number in range(_HOMES)
        }
        self._last = made[-1].last
        self.windows = self._last * _HOMES

    async def run(self, port: int) -> float:
        """Send everything; seconds until the last acknowledgement."""
        left = {home: iter(payloads) for home, payloads in self._payloads.items()}
        through = dict.fromkeys(left, 0)
        async with aiomqtt.Client("127.0.0.1", port, max_inflight_messages=2_000) as client:
            await client.subscribe(topic("+", ACK), qos=1)
            began = time.monotonic()
            for home, payloads in left.items():
                for _ in range(_IN_FLIGHT):
                    await self._send(client, home, next(payloads))
            async for message in client.messages:
                home, _ = parse_topic(message.topic.value)
                ack = decode_ack(bytes(message.payload))
                for _ in range(max(0, ack.through - through[home]) // _WINDOWS):
                    payload = next(left[home], None)
                    if payload is not None:
                        await self._send(client, home, payload)
                through[home] = max(through[home], ack.through)
                if ack.through == self._last and all(number == self._last for number in through.values()):
                    break
            return time.monotonic() - began

    async def _send(self, client: aiomqtt.Client, home: str, payload: bytes) -> None:
        """QoS 0: on loopback to a queue that is long enough nothing is lost, and if it were the run would not end."""
        await client.publish(topic(home, UP), payload, qos=0)


def _cpu_s(program: Program) -> float:
    """What the process has used."""
    assert program.process is not None
    fields = Path(f"/proc/{program.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _rows(database: Path) -> int:
    with closing(sqlite3.connect(database, timeout=30)) as db:
        return int(db.execute("SELECT count(*) FROM summaries").fetchone()[0])
