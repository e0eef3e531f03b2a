"""Sensors in a folder like the kernel's."""

import asyncio
import time
from pathlib import Path

import pytest

from agent.domain.errors import SourceUnavailable
from agent.domain.signals import FLOW_TEMPERATURE, OUTDOOR_TEMPERATURE, RETURN_TEMPERATURE, Equipment, Quality
from agent.sources.onewire import OneWireSource
from tests.helpers.serial_meters import w1_slave
from tests.helpers.source_benches import NOW_MS, W1Folder
from tests.helpers.sources import SteppedClock

FIRST, SECOND = W1Folder.SENSORS


@pytest.fixture
def bench(tmp_path: Path) -> W1Folder:
    return W1Folder(tmp_path)


def show(bench: W1Folder, sensor: str, text: str) -> None:
    (bench.folder / sensor / "w1_slave").write_text(text)


async def test_every_sensor_gives_its_signal(bench: W1Folder) -> None:
    assert (await bench.source.read()).values == {FLOW_TEMPERATURE: 55.5, RETURN_TEMPERATURE: 41.25}
    assert await bench.source.identify() == Equipment("Maxim", "DS18B20", f"{FIRST}, {SECOND}")


async def test_one_that_is_gone_is_missing(bench: W1Folder) -> None:
    (bench.folder / FIRST / "w1_slave").unlink()
    reading = await bench.source.read()
    assert reading.bad == {FLOW_TEMPERATURE: Quality.MISSING}
    assert reading.values == {RETURN_TEMPERATURE: 41.25}


async def test_one_that_has_not_answered_is_missing(bench: W1Folder) -> None:
    show(bench, FIRST, "")
    assert (await bench.source.read()).bad == {FLOW_TEMPERATURE: Quality.MISSING}


async def test_a_brown_out_is_no_temperature(bench: W1Folder) -> None:
    await bench.source.read()
    for spare in (0x0C, 0x0E):
        show(bench, FIRST, w1_slave(85.0, spare=spare))
        for _ in range(3):
            assert (await bench.source.read()).bad == {FLOW_TEMPERATURE: Quality.INVALID}
    show(bench, FIRST, w1_slave(56.0))
    assert (await bench.source.read()).values[FLOW_TEMPERATURE] == 56.0


async def test_water_that_heats_up_passes_eighty_five_degrees(bench: W1Folder) -> None:
    for celsius in (75.0, 81.0, 84.5, 85.0, 86.0):
        show(bench, FIRST, w1_slave(celsius))
        assert (await bench.source.read()).values[FLOW_TEMPERATURE] == celsius


async def test_a_lone_spike_is_left_out(bench: W1Folder) -> None:
    seen = []
    for celsius in (20.0, 84.0, 20.5, 84.0, 84.5, 20.0):
        show(bench, FIRST, w1_slave(celsius))
        seen.append((await bench.source.read()).values.get(FLOW_TEMPERATURE))
    assert seen == [20.0, None, 20.5, None, 84.5, 20.0]


async def test_the_plain_file_does_where_there_is_no_other(bench: W1Folder) -> None:
    (bench.folder / FIRST / "w1_slave").unlink()
    (bench.folder / FIRST / "temperature").write_text("19562\n")
    assert (await bench.source.read()).values[FLOW_TEMPERATURE] == 19.562


async def test_a_temperature_that_the_signal_cannot_have(tmp_path: Path) -> None:
    (tmp_path / FIRST).mkdir()
    (tmp_path / FIRST / "w1_slave").write_text(w1_slave(99.0))
    source = OneWireSource("air", {FIRST: OUTDOOR_TEMPERATURE}, clock=SteppedClock(NOW_MS), folder=tmp_path)
    assert (await source.read()).bad == {OUTDOOR_TEMPERATURE: Quality.INVALID}


async def test_nobody_on_the_bus(bench: W1Folder) -> None:
    for sensor in (FIRST, SECOND):
        (bench.folder / sensor / "w1_slave").unlink()
    with pytest.raises(SourceUnavailable, match="none of its sensors"):
        await bench.source.read()
    await bench.power_off()
    with pytest.raises(SourceUnavailable, match="is the 1-Wire bus enabled"):
        await bench.source.read()


async def test_a_hung_bus_holds_neither_the_loop_nor_the_end(bench: W1Folder) -> None:
    bench.fall_silent(True)
    started = time.monotonic()
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    task = asyncio.create_task(beat())
    for _ in range(2):
        with pytest.raises(SourceUnavailable, match="not answered"):
            await bench.source.read()
    task.cancel()
    assert beats > 20
    assert time.monotonic() - started < 5
    bench.fall_silent(False)
    assert (await bench.source.read()).values[FLOW_TEMPERATURE] == 55.5
