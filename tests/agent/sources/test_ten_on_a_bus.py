"""Ten devices on one wire: one dead, one too slow, one with noise. The other seven are read on schedule."""

import asyncio
from pathlib import Path

from agent.clock import SystemClock
from agent.domain.signals import FLOW_TEMPERATURE, RETURN_TEMPERATURE, SignalName
from agent.sources.bus import Bus
from agent.sources.in_turn import InTurn
from agent.sources.line import SerialPort
from agent.sources.links import RtuLink
from agent.sources.modbus import ModbusSource
from agent.sources.poller import Poller
from agent.sources.profile_file import load_profile
from agent.sources.serial_settings import SerialSettings
from tests.helpers import ten_devices
from tests.helpers.rtu_slaves import RtuSlaves
from tests.helpers.serial_line import Wire
from tests.helpers.ten_devices import SOUND, poll_ten

BAUD = 38_400
INTERVAL_S = 2.0
TIMEOUT_S = 0.5
NOISY, SLOW, DEAD = 8, 9, 10

PROFILE = """
name = "thermometer-{unit}"
maker = "Test"
model = "Two sensors"
sources = ["made up for this test"]

[limits]
merge_gap = 0

[[register]]
signal = "flow_temperature_{unit}"
address = 0
type = "i16"
scale = 0.1
unit = "°C"

[[register]]
signal = "return_temperature_{unit}"
address = 50
type = "i16"
scale = 0.1
unit = "°C"
"""


def named(signal: SignalName, unit: int) -> SignalName:
    return SignalName(f"{signal}_{unit}")


def thermometer(folder: Path, bus: Bus, unit: int, clock: SystemClock) -> InTurn:
    # A first circuit has no number; these begin at 2.
    file = folder / f"thermometer-{unit}.toml"
    file.write_text(PROFILE.format(unit=unit + 1))
    link = RtuLink(bus, late_s=0.4)
    source = ModbusSource(f"unit {unit}", load_profile(file), link, clock=clock, unit=unit, timeout_s=TIMEOUT_S)
    return InTurn(source, bus, [unit])


async def test_seven_of_ten_are_read_on_schedule_and_nothing_wrong_is_ever_said(tmp_path: Path) -> None:
    good, asked, wrong = await poll(tmp_path, rounds=3)
    assert wrong == 0
    assert all(good[unit] == asked for unit in range(1, 8))
    # Asked again after a damaged answer, the noisy one loses little.
    assert good[NOISY] >= asked - 2
    assert good[SLOW] == good[DEAD] == 0


async def test_three_kinds_of_line_and_seven_of_ten_sound(tmp_path: Path) -> None:
    tally = await poll_ten(tmp_path, rounds=6)
    assert sum(tally.wrong.values()) == 0
    assert all(tally.good[number] == tally.asked for number in SOUND)
    assert tally.good[ten_devices.NOISY] >= tally.asked / 2
    assert tally.good[ten_devices.SLOW] == tally.good[ten_devices.DEAD] == 0
    for number in SOUND:
        assert len(tally.late_s[number]) >= 5, "asked in every round"


async def poll(folder: Path, *, rounds: int) -> tuple[dict[int, int], int, int]:
    """Good samples by unit, how many there could be of each, and how many were wrong."""
    clock = SystemClock()
    async with Wire(folder, baud=BAUD) as wire:
        slaves = RtuSlaves(wire)
        for unit in range(1, 11):
            slaves.put(0, [200 + unit], unit=unit)
            slaves.put(50, [300 + unit], unit=unit)
        slaves.dead.add(DEAD)
        slaves.late_s[SLOW] = 0.65
        slaves.noise[NOISY] = 0.2
        bus = Bus(SerialPort(SerialSettings(str(wire.path), baud=BAUD)))
        poller = Poller(
            [thermometer(folder, bus, unit, clock) for unit in range(1, 11)], interval_s=INTERVAL_S, clock=clock
        )
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work, name=name) for name, work in poller.tasks()]
            good, wrong = dict.fromkeys(range(1, 11), 0), 0
            left = rounds
            async for reading, _ in poller.readings():
                for unit in range(1, 11):
                    for signal, raw in ((FLOW_TEMPERATURE, 200 + unit), (RETURN_TEMPERATURE, 300 + unit)):
                        value = reading.values.get(named(signal, unit + 1))
                        good[unit] += value is not None
                        wrong += value is not None and value != round(raw * 0.1, 6)
                left -= 1
                if not left:
                    break
            for task in tasks:
                task.cancel()
    return good, 2 * rounds, wrong
