"""A charger and a battery monitor on a wire."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.domain.errors import SourceUnavailable
from agent.domain.signals import (
    BATTERY_CHARGE_TOTAL,
    BATTERY_DISCHARGE_TOTAL,
    BATTERY_POWER,
    BATTERY_SOC,
    BATTERY_TEMPERATURE,
    INVERTER_ALARM,
    INVERTER_STATE,
    PV_ENERGY_TOTAL,
    PV_POWER,
    Equipment,
    InverterAlarm,
    InverterState,
    Quality,
)
from agent.sources.line import SerialPort
from agent.sources.serial_settings import SerialSettings
from agent.sources.serial_vedirect import VeDirectSource
from tests.helpers.serial_line import Wire
from tests.helpers.serial_meters import MONITOR, MONITOR_HISTORY, SOLAR_CHARGER, Talker, vedirect_block
from tests.helpers.sources import SteppedClock

NOW_MS = 1_700_000_000_000
RECORDINGS = Path(__file__).parents[4] / "shared" / "data" / "protocol_vedirect"


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    async with Wire(tmp_path) as ready:
        yield ready


def source_at(wire: Wire, clock: SteppedClock | None = None, **options: float) -> VeDirectSource:
    port = SerialPort(SerialSettings(str(wire.path), baud=19_200))
    return VeDirectSource("unit", port, clock=clock or SteppedClock(NOW_MS), **{"timeout_s": 2.0, **options})


async def test_a_solar_charger(wire: Wire) -> None:
    async with Talker(wire, lambda: [vedirect_block(SOLAR_CHARGER)]), source_at(wire) as source:
        reading = await source.read()
        assert reading.values == {
            PV_POWER: 74.0,
            PV_ENERGY_TOTAL: 6140.0,
            INVERTER_STATE: InverterState.RUNNING,
            INVERTER_ALARM: InverterAlarm.NONE,
        }
        assert source.signals == set(reading.values)
        assert await source.identify() == Equipment("Victron Energy", "VE.Direct 0xA042", "HQ0000TEST1", "1.50")


async def test_a_battery_monitor_tells_in_two_blocks(wire: Wire) -> None:
    blocks = [vedirect_block(MONITOR), vedirect_block(MONITOR_HISTORY)]
    async with Talker(wire, lambda: blocks), source_at(wire) as source:
        for _ in range(3):
            assert (await source.read()).values == {
                BATTERY_POWER: -50.0,
                BATTERY_SOC: 87.6,
                BATTERY_TEMPERATURE: 23.0,
                BATTERY_DISCHARGE_TOTAL: 12_240.0,
                BATTERY_CHARGE_TOTAL: 11_450.0,
            }
        assert await source.identify() == Equipment("Victron Energy", "BMV-712 Smart", "", "4.03")


@pytest.mark.parametrize(
    ("label", "value", "signal", "expected"),
    [
        ("CS", "0", INVERTER_STATE, InverterState.OFF),
        ("CS", "2", INVERTER_STATE, InverterState.FAULT),
        ("CS", "5", INVERTER_STATE, InverterState.RUNNING),
        ("ERR", "17", INVERTER_ALARM, InverterAlarm.TEMPERATURE),
        ("ERR", "33", INVERTER_ALARM, InverterAlarm.DC),
        ("ERR", "2", INVERTER_ALARM, InverterAlarm.BATTERY),
        ("ERR", "250", INVERTER_ALARM, InverterAlarm.OTHER),
        ("PPV", "-5", PV_POWER, Quality.INVALID),
        ("PPV", "x", PV_POWER, Quality.INVALID),
    ],
)
async def test_words_and_numbers(wire: Wire, label: str, value: str, signal, expected) -> None:
    fields = {**SOLAR_CHARGER, label: value}
    async with Talker(wire, lambda: [vedirect_block(fields)]), source_at(wire) as source:
        reading = await source.read()
        assert {**reading.values, **reading.bad}[signal] == expected


async def test_a_value_that_comes_no_more_is_missing(wire: Wire) -> None:
    fields = {**MONITOR, **MONITOR_HISTORY}
    async with Talker(wire, lambda: [vedirect_block(fields)]), source_at(wire, max_age_s=0) as source:
        assert BATTERY_TEMPERATURE in (await source.read()).values
        del fields["T"]
        for _ in range(4):
            reading = await source.read()
        assert reading.bad == {BATTERY_TEMPERATURE: Quality.MISSING}
        assert BATTERY_SOC in reading.values


async def test_no_block_is_given_twice_nor_when_it_is_old(wire: Wire) -> None:
    clock = SteppedClock(NOW_MS)
    async with Talker(wire, lambda: [vedirect_block(SOLAR_CHARGER)]) as talker, source_at(wire, clock) as source:
        source._timeout_s = 0.3
        await source.read()
        talker.silent = True
        with pytest.raises(SourceUnavailable, match=r"silent for 0\.3 s"):
            await source.read()
        wire.send(vedirect_block(SOLAR_CHARGER))
        while source._at_ms is None:
            source._listener._news.clear()
            await source._listener._news.wait()
        await clock.move_to(NOW_MS + 60_000)
        with pytest.raises(SourceUnavailable, match="silent"):
            await source.read()
        talker.silent = False
        assert (await source.read()).at_ms == NOW_MS + 60_000


async def test_the_wrong_baud_rate_is_suspected(wire: Wire) -> None:
    async with Talker(wire, lambda: [bytes(range(128, 200))]), source_at(wire, timeout_s=0.3) as source:
        with pytest.raises(SourceUnavailable, match=r"no whole block among .* baud rate"):
            await source.read()


async def test_a_damaged_block_is_never_believed(wire: Wire) -> None:
    wire.faults.flip = 0.5
    async with Talker(wire, lambda: [vedirect_block(SOLAR_CHARGER)], period_s=0.01), source_at(wire) as source:
        for _ in range(20):
            assert (await source.read()).values[PV_POWER] == 74.0


async def test_it_is_read_on_when_the_cable_is_back(wire: Wire) -> None:
    async with Talker(wire, lambda: [vedirect_block(SOLAR_CHARGER)]), source_at(wire) as source:
        await source.read()
        reading = asyncio.create_task(source.read())
        await asyncio.sleep(0)
        await wire.unplug()
        with pytest.raises(SourceUnavailable, match="gone"):
            await reading
        await wire.plug()
        assert (await source.read()).values[PV_POWER] == 74.0


async def test_a_recording_played_over_the_wire(wire: Wire) -> None:
    path = RECORDINGS / "bmv_712_smart_battery_monitor-001.log.gz"
    if not path.is_file():
        pytest.skip(f"the recording {path.name} is not at hand")
    raw = gzip.decompress(path.read_bytes())[:6000]
    pieces = [raw[at : at + 100] for at in range(0, len(raw), 100)]
    async with Talker(wire, lambda: pieces, period_s=0.005), source_at(wire) as source:
        reading = await source.read()
        assert reading.values[BATTERY_SOC] == 100.0
        assert reading.values[BATTERY_POWER] == 50.0
        assert reading.values[BATTERY_CHARGE_TOTAL] == 11_450.0
        assert not reading.bad
