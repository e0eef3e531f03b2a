"""The agent's memory and CPU per 1,000 polls, beside a bare script that does the same reads, in the same run."""

import asyncio
import statistics
import struct
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from firmware_sim.demo.broker import mosquitto
from firmware_sim.demo.stage import free_port

INTERVAL_S = 0.1
WARM_S = 4.0
WINDOW_S = 12.0
ROUNDS = 3
Request = tuple[int, int, int, int]


@dataclass(slots=True)
class Tap:
    """A Modbus TCP line that counts and notes what passes."""

    target: int
    port: int = 0
    requests: list[Request] = field(default_factory=list)

    async def serve(self) -> asyncio.Server:
        server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.gather(self._pass(reader, far_writer, note=True), self._pass(far_reader, writer, note=False))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, note: bool) -> None:
        try:
            while True:
                head = await reader.readexactly(6)
                body = await reader.readexactly(struct.unpack(">H", head[4:])[0])
                if note:
                    self.requests.append(struct.unpack(">BBHH", body[:6]))
                writer.write(head + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def _program(stack: AsyncExitStack, *command: object) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *(str(part) for part in command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )

    async def end() -> None:
        if process.returncode is None:
            process.terminate()
        await process.wait()

    stack.push_async_callback(end)
    return process


def _cycle(requests: list[Request]) -> list[Request]:
    """The shortest run of requests that the end of the list repeats."""
    for length in range(1, len(requests) // 4):
        tail = requests[-length:]
        if all(requests[-length * (n + 1) : len(requests) - length * n] == tail for n in range(4)):
            return tail
    raise RuntimeError(f"no cycle in {len(requests)} requests")


async def _measure(stack: AsyncExitStack, tap: Tap, *command: object) -> dict[str, Any]:
    process = await _program(stack, *command)
    await asyncio.sleep(WARM_S)
    watched = psutil.Process(process.pid)
    before, passed = watched.cpu_times(), len(tap.requests)
    await asyncio.sleep(WINDOW_S)
    after = watched.cpu_times()
    cycle = _cycle(tap.requests)
    polls = (len(tap.requests) - passed) / len(cycle)
    cpu_s = after.user + after.system - before.user - before.system
    rss = watched.memory_info().rss
    process.terminate()
    await process.wait()
    return {"cpu_s_per_1000_polls": cpu_s / polls * 1000, "rss_mib": rss / 2**20, "polls": polls, "cycle": cycle}


async def _home(stack: AsyncExitStack) -> int:
    import json

    home = await _program(
        stack,
        *(sys.executable, "-m", "firmware_sim", "serve", "home-seattle", "--json", "--port", "0"),
        *("--origin", "2026-05-01T00:00:00Z", "--live-start", "2026-05-02T12:00:00Z"),
    )
    assert home.stdout is not None
    while not (line := await home.stdout.readline()).startswith(b"{"):
        pass
    return int(json.loads(line)["port"])


async def _round(folder: Path, home_port: int, mqtt_port: int) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        tap = Tap(home_port)
        server = await tap.serve()
        stack.callback(server.close)
        (folder / "site.toml").write_text(
            f'[device]\nid = "bench"\nstate = "{folder}/state"\n[poll]\ninterval_s = {INTERVAL_S}\n'
            f'[[source]]\nname = "inverter"\nprofile = "sunspec"\nhost = "127.0.0.1"\nport = {tap.port}\n'
            f'[uplink]\nhost = "127.0.0.1"\nport = {mqtt_port}\n'
        )
        agent = await _measure(stack, tap, sys.executable, "-m", "agent", "run", "--config", folder / "site.toml")
        requests = str([list(request) for request in agent["cycle"]])
        tap.requests.clear()
        bare = await _measure(stack, tap, sys.executable, "-m", "bench.bare", tap.port, mqtt_port, INTERVAL_S, requests)
    return {"agent": agent, "bare": bare}


async def _measure_all() -> list[dict[str, Any]]:
    program = mosquitto()
    if program is None:
        raise SystemExit("bench.agent needs Mosquitto: apt-get install mosquitto")
    with tempfile.TemporaryDirectory() as name:
        async with AsyncExitStack() as stack:
            mqtt_port, home_port = free_port(), await _home(stack)
            await _program(stack, program, "-p", mqtt_port)
            return [await _round(Path(name), home_port, mqtt_port) for _ in range(ROUNDS)]


def measure() -> list[dict[str, Any]]:
    """Rows of figure, ours, baseline and ratio; medians over the rounds."""
    rounds = asyncio.run(_measure_all())
    rows = []
    for figure, unit in (("cpu_s_per_1000_polls", "CPU s per 1,000 polls"), ("rss_mib", "MiB resident")):
        ours = statistics.median(each["agent"][figure] for each in rounds)
        theirs = statistics.median(each["bare"][figure] for each in rounds)
        ratio = statistics.median(each["agent"][figure] / each["bare"][figure] for each in rounds)
        rows.append(
            {
                "figure": f"agent: {unit}",
                "ours": ours,
                "baseline": "bare pymodbus + aiomqtt",
                "theirs": theirs,
                "ratio": ratio,
            }
        )
    return rows


if __name__ == "__main__":
    for row in measure():
        print(row)
