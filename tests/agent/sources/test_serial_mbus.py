"""Meters on one M-Bus wire: asked in turn, once more where an answer came damaged."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.domain.errors import SourceUnavailable
from agent.domain.signals import (
    FLOW_TEMPERATURE,
    GRID_EXPORT_TOTAL,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    LOAD_ENERGY_TOTAL,
    RETURN_TEMPERATURE,
    Equipment,
    Quality,
    SignalName,
)
from agent.sources.bus import Bus
from agent.sources.line import SerialPort
from agent.sources.serial_mbus import MbusAddress, MbusSource
from agent.sources.serial_settings import SerialSettings
from tests.helpers.serial_line import Wire
from tests.helpers.serial_meters import MbusMeters, digits
from tests.helpers.source_benches import heat_records
from tests.helpers.sources import SteppedClock

NOW_MS = 1_700_000_000_000


class Cellar:
    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.clock = SteppedClock(NOW_MS)
        energy = b"\x04\x05" + (1234).to_bytes(4, "little")
        back = b"\x04\x85\x3c" + (77).to_bytes(4, "little")
        power = b"\x02\x2b" + (-300).to_bytes(2, "little", signed=True)
        self.meters = MbusMeters(
            wire,
            {5: "12345678", 6: "00000042"},
            {5: [heat_records()], 6: [energy + power + b"\x1f", b"\x4c\x05" + digits(1, 4) + back]},
        )
        # A pty knows no parity.
        self.bus = Bus(SerialPort(SerialSettings(str(wire.path), baud=2400)))

    def source(self, address: MbusAddress, role: str = "heat", **options: float) -> MbusSource:
        every_s, circuit = options.get("every_s", 0.0), int(options.get("circuit", 1))
        name = f"meter {address.primary or address.serial}"
        return MbusSource(
            name, self.bus, address, role=role, clock=self.clock, timeout_s=0.5, every_s=every_s, circuit=circuit
        )


@pytest.fixture
async def cellar(tmp_path: Path) -> AsyncIterator[Cellar]:
    async with Wire(tmp_path) as wire:
        yield Cellar(wire)


async def test_a_heat_meter(cellar: Cellar) -> None:
    async with cellar.source(MbusAddress(5)) as source:
        assert source.signals == {FLOW_TEMPERATURE, RETURN_TEMPERATURE}
        assert (await source.read()).values == {FLOW_TEMPERATURE: 55.5, RETURN_TEMPERATURE: 41.2}
        assert await source.identify() == Equipment("KAM", "heat (outlet)", "12345678", "1")


async def test_another_circuit_has_its_number(cellar: Cellar) -> None:
    async with cellar.source(MbusAddress(5), circuit=2) as source:
        assert (await source.read()).values[SignalName(f"{FLOW_TEMPERATURE}_2")] == 55.5


async def test_a_grid_meter_in_two_telegrams_each_time_from_the_first(cellar: Cellar) -> None:
    async with cellar.source(MbusAddress(6), "grid") as source:
        for _ in range(3):
            reading = await source.read()
            assert reading.values == {GRID_POWER: -300.0, GRID_IMPORT_TOTAL: 123_400.0, GRID_EXPORT_TOTAL: 7_700.0}


async def test_what_counts_backward_only_is_never_the_load(cellar: Cellar) -> None:
    cellar.meters.telegrams[6] = [b"\x04\x85\x3c" + (77).to_bytes(4, "little") + b"\x02\x2b\x01\x00"]
    async with cellar.source(MbusAddress(6), "load") as source:
        await source.read()
        assert LOAD_ENERGY_TOTAL not in source.signals


async def test_a_meter_is_found_by_its_number(cellar: Cellar) -> None:
    async with cellar.source(MbusAddress(serial="12345678")) as source:
        for _ in range(2):
            assert (await source.read()).values[FLOW_TEMPERATURE] == 55.5
    assert [request[0] for request in cellar.meters.requests] == [0x68, 0x10, 0x10]


async def test_a_number_that_nobody_has_is_not_there(cellar: Cellar) -> None:
    async with cellar.source(MbusAddress(serial="99999999")) as source:
        with pytest.raises(SourceUnavailable, match="no answer"):
            await source.read()


async def test_two_meters_on_one_wire_do_not_disturb_each_other(cellar: Cellar) -> None:
    async with cellar.source(MbusAddress(5)) as heat, cellar.source(MbusAddress(6), "grid") as grid:
        for _ in range(3):
            first, second = await asyncio.gather(heat.read(), grid.read())
            assert first.values[FLOW_TEMPERATURE] == 55.5
            assert second.values[GRID_POWER] == -300.0


async def test_a_meter_that_does_not_acknowledge_is_read_all_the_same(cellar: Cellar) -> None:
    cellar.meters.acknowledges = False
    async with cellar.source(MbusAddress(5)) as source:
        assert (await source.read()).values[FLOW_TEMPERATURE] == 55.5


async def test_an_echo_and_noise_cost_nothing(cellar: Cellar) -> None:
    cellar.wire.faults.echo = True
    cellar.wire.faults.before = b"\x00"
    async with cellar.source(MbusAddress(5)) as source:
        assert (await source.read()).values[FLOW_TEMPERATURE] == 55.5


async def test_damaged_answers_are_asked_for_again_and_never_believed(cellar: Cellar) -> None:
    cellar.wire.faults.flip = 0.4
    good = 0
    async with cellar.source(MbusAddress(5)) as source:
        for _ in range(12):
            try:
                reading = await source.read()
            except SourceUnavailable:
                continue
            good += 1
            assert reading.values == {FLOW_TEMPERATURE: 55.5, RETURN_TEMPERATURE: 41.2}
    assert good >= 6


async def test_a_battery_is_spared(cellar: Cellar) -> None:
    async with cellar.source(MbusAddress(5), every_s=3600) as source:
        await source.read()
        asked = len(cellar.meters.requests)
        await cellar.clock.move_to(NOW_MS + 60_000)
        spared = await source.read()
        assert spared.values == {}
        assert set(spared.bad.values()) == {Quality.STALE}
        assert (await source.identify()).serial == "12345678"
        assert len(cellar.meters.requests) == asked
        await cellar.clock.move_to(NOW_MS + 3_600_000)
        assert (await source.read()).values[FLOW_TEMPERATURE] == 55.5


async def test_a_meter_without_anything_of_its_role_says_so(cellar: Cellar) -> None:
    async with cellar.source(MbusAddress(6), "room") as source:
        with pytest.raises(SourceUnavailable, match="nothing of its role"):
            await source.read()


async def test_an_answer_that_cannot_be_read_says_why(cellar: Cellar) -> None:
    cellar.meters.telegrams[5] = [b"\x0a\x5a\x55"]
    async with cellar.source(MbusAddress(5)) as source:
        with pytest.raises(SourceUnavailable, match="ends too early"):
            await source.read()


def test_its_time_follows_the_baud_rate() -> None:
    def timeout_s(baud: int) -> float:
        port = SerialPort(SerialSettings("/dev/null", baud=baud, parity="E"))
        return MbusSource("m", Bus(port), MbusAddress(1), role="heat", clock=SteppedClock(0))._timeout_s

    assert timeout_s(2400) == pytest.approx(0.1375 + 0.55 + 1.196, abs=0.01)
    assert 10 < timeout_s(300) < 12
