"""Ten devices on one agent, on three kinds of line: one dead, one too slow, one with noise, seven sound.

The numbers of each move ten times a second and are kept with their times: a value is right only if its device has shown
it a moment before it was told. A tenth of life's times: an interval of 1 s for 10 s, 0.4 s late for 4 s.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent.clock import SystemClock
from agent.domain.signals import FLOW_TEMPERATURE, RETURN_TEMPERATURE, SignalName
from agent.ports import Source
from agent.sources.carriers import Carriers
from agent.sources.poller import Poller
from tests.helpers.modbus_server import ModbusServer
from tests.helpers.rtu_slaves import RtuSlaves
from tests.helpers.serial_line import TcpWire, Wire

BAUD = 38_400
INTERVAL_S = 1.0
TIMEOUT_S = 0.3
LATE_S = 0.4
NOISE = 0.2
MOVES_S = 0.1
TCP, SERIAL, CONVERTER = (1, 2, 3), (4, 5, 8, 10), (6, 7, 9)
SOUND, NOISY, SLOW, DEAD = range(1, 8), 8, 9, 10
FIRST, SECOND = (FLOW_TEMPERATURE, 0), (RETURN_TEMPERATURE, 50)

PROFILE = """
name = "thermometer-{number}"
maker = "Test"
model = "Two sensors far apart"
sources = ["made up for this test"]

[[register]]
signal = "{flow}"
address = 0
type = "i16"
scale = 0.1
unit = "°C"

[[register]]
signal = "{back}"
address = 50
type = "i16"
scale = 0.1
unit = "°C"
"""


@dataclass
class Tally:
    """Of each device: samples that could be, that were good, that were wrong; how long behind a tick it was asked."""

    asked: int = 0
    good: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(1, 11), 0))
    wrong: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(1, 11), 0))
    late_s: dict[int, list[float]] = field(default_factory=lambda: {number: [] for number in range(1, 11)})

    def share(self, number: int) -> float:
        return self.good[number] / self.asked


class Devices:
    """What all ten show, and have shown."""

    def __init__(self) -> None:
        self.stores: dict[int, ModbusServer] = {}
        self._shown: dict[tuple[int, int], deque[tuple[float, int]]] = {}
        self._round = 0
        self.asked_at: dict[int, list[float]] = {number: [] for number in range(1, 11)}

    def put(self, number: int, store: ModbusServer) -> None:
        """Where the device is, and from now on when it is asked."""
        self.stores[number] = store
        store.on_request = lambda: self.asked_at[store.requests[-1][0]].append(time.time())

    def move(self) -> None:
        """Every number changes by a tenth of a degree, up and down."""
        now = asyncio.get_running_loop().time()
        self._round += 1
        step = abs(self._round % 16 - 8)
        for number, store in self.stores.items():
            for base, (_, address) in ((200, FIRST), (500, SECOND)):
                raw = base + 20 * number + step
                store.put(address, [raw], unit=number)
                self._shown.setdefault((number, address), deque(maxlen=200)).append((now, raw))

    async def keep_moving(self) -> None:
        while True:
            self.move()
            await asyncio.sleep(MOVES_S)

    def has_shown(self, number: int, address: int, value: float, within_s: float) -> bool:
        """Whether the device has shown this value so short a time ago."""
        since = asyncio.get_running_loop().time() - within_s
        shown = list(self._shown[number, address])
        return any(
            round(raw * 0.1, 6) == value and (at >= since or later[0] >= since)
            for (at, raw), later in zip(shown, [*shown[1:], (float("inf"), 0)], strict=True)
        )


def named(signal: SignalName, number: int) -> SignalName:
    """A first circuit has no number; these begin at 2."""
    return SignalName(f"{signal}_{number + 1}")


def table(folder: Path, number: int, **where: object) -> dict[str, object]:
    """A device's table in the site file, with a profile of its own."""
    file = folder / f"thermometer-{number}.toml"
    flow, back = named(FLOW_TEMPERATURE, number), named(RETURN_TEMPERATURE, number)
    file.write_text(PROFILE.format(number=number, flow=flow, back=back))
    return {"name": f"device {number}", "profile": str(file), "unit": number, "timeout_s": TIMEOUT_S, **where}


@asynccontextmanager
async def ten_devices(folder: Path) -> AsyncIterator[tuple[Devices, list[Source]]]:
    """All of them on their lines, and the agent's sources for them, as its site file would make them."""
    devices, tables = Devices(), []
    async with AsyncExitStack() as stack:
        for number in TCP:
            server = await stack.enter_async_context(ModbusServer())
            devices.put(number, server)
            tables.append(table(folder, number, host="127.0.0.1", port=server.port))
        wire = await stack.enter_async_context(Wire(folder, baud=BAUD))
        serial = RtuSlaves(wire)
        serial.dead.add(DEAD)
        serial.noise[NOISY] = NOISE
        for number in SERIAL:
            devices.put(number, serial)
            more = {"port": str(wire.path), "baud": BAUD, "late_s": LATE_S}
            tables.append(table(folder, number, carrier="rtu", **more))
        converter = await stack.enter_async_context(TcpWire())
        behind = RtuSlaves(converter)
        behind.late_s[SLOW] = LATE_S
        for number in CONVERTER:
            devices.put(number, behind)
            more = {"host": "127.0.0.1", "port": converter.port, "late_s": LATE_S}
            tables.append(table(folder, number, carrier="rtu-over-tcp", **more))
        carriers = Carriers(SystemClock())
        yield devices, [carriers.make(each) for each in sorted(tables, key=lambda each: str(each["name"]))]


async def poll_ten(folder: Path, rounds: int, interval_s: float = INTERVAL_S) -> Tally:
    """So many rounds of the poller; the first, in which everybody connects, does not count."""
    tally = Tally()
    async with ten_devices(folder) as (devices, sources), asyncio.TaskGroup() as group:
        devices.move()
        poller = Poller(sources, interval_s=interval_s, clock=SystemClock())
        tasks = [group.create_task(work, name=name) for name, work in poller.tasks()]
        tasks.append(group.create_task(devices.keep_moving(), name="move"))
        count = 0
        async for reading, _ in poller.readings():
            if count:
                _note(tally, devices, reading.values, interval_s)
            count += 1
            if count > rounds:
                break
        for task in tasks:
            task.cancel()
        for number, asked in devices.asked_at.items():
            tally.late_s[number] = _behind_ticks(asked, interval_s)
    return tally


def _behind_ticks(asked: list[float], interval_s: float) -> list[float]:
    """How long behind each tick of the wall clock the first request came; the first tick does not count."""
    first: dict[int, float] = {}
    for at in asked:
        tick = int(at // interval_s)
        first.setdefault(tick, at - tick * interval_s)
    return list(first.values())[1:]


def _note(tally: Tally, devices: Devices, values: Mapping[SignalName, float], interval_s: float) -> None:
    tally.asked += 2
    for number in range(1, 11):
        for signal, address in (FIRST, SECOND):
            value = values.get(named(signal, number))
            if value is None:
                continue
            right = devices.has_shown(number, address, value, interval_s)
            tally.good[number] += right
            tally.wrong[number] += not right
