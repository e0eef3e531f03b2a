"""A grid meter's port: which telegrams are believed, and what is said where none is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.domain.errors import SourceUnavailable
from agent.domain.signals import GRID_EXPORT_TOTAL, GRID_IMPORT_TOTAL, GRID_POWER, Equipment, Quality
from agent.sources.line import SerialPort
from agent.sources.serial_p1 import P1Source
from agent.sources.serial_settings import SerialSettings
from tests.helpers.serial_line import Wire
from tests.helpers.serial_meters import GRID_METER, Talker, p1_telegram
from tests.helpers.sources import SteppedClock

NOW_MS = 1_700_000_000_000
RECORDINGS = Path(__file__).parent / "data" / "p1"
OLD_METER = {code: value for code, value in GRID_METER.items() if code != "1-3:0.2.8"}


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    async with Wire(tmp_path) as ready:
        yield ready


def source_at(wire: Wire, clock: SteppedClock | None = None, timeout_s: float = 2.0) -> P1Source:
    port = SerialPort(SerialSettings(str(wire.path), baud=115_200))
    return P1Source("meter", port, clock=clock or SteppedClock(NOW_MS), timeout_s=timeout_s)


async def test_a_meter_of_version_5(wire: Wire) -> None:
    async with Talker(wire, lambda: [p1_telegram(GRID_METER)]), source_at(wire) as source:
        reading = await source.read()
        assert reading.values == {GRID_POWER: 244.0, GRID_IMPORT_TOTAL: 6825.0, GRID_EXPORT_TOTAL: 2444.0}
        assert await source.identify() == Equipment("ISk", "2MT382-1000", "E0043007", "50")


@pytest.mark.parametrize("name", ["v3", "v5", "v5_two_mbus", "fluvius_v171", "iskra_ie", "esy5q3da1004_v304"])
async def test_every_recorded_meter_over_a_wire_in_pieces(wire: Wire, name: str) -> None:
    raw = (RECORDINGS / f"telegram_{name}.txt").read_bytes()
    wire.faults.chunk = 64
    async with Talker(wire, lambda: [raw]), source_at(wire) as source:
        reading = await source.read()
        assert {GRID_POWER, GRID_IMPORT_TOTAL} <= set(reading.values)
        assert not reading.bad


async def test_a_heat_meters_telegram_is_not_for_it(wire: Wire) -> None:
    raw = (RECORDINGS / "telegram_unpadded_crc.txt").read_bytes()
    async with Talker(wire, lambda: [raw]), source_at(wire) as source:
        with pytest.raises(SourceUnavailable, match="no electricity"):
            await source.read()


async def test_damaged_telegrams_are_never_believed(wire: Wire) -> None:
    wire.faults.flip = 0.6
    async with Talker(wire, lambda: [p1_telegram(GRID_METER)], period_s=0.01), source_at(wire) as source:
        for _ in range(10):
            reading = await source.read()
            assert reading.values == {GRID_POWER: 244.0, GRID_IMPORT_TOTAL: 6825.0, GRID_EXPORT_TOTAL: 2444.0}


async def test_nothing_but_damage_says_what_is_wrong(wire: Wire) -> None:
    damaged = p1_telegram(GRID_METER).replace(b"00.244", b"99.244")
    async with Talker(wire, lambda: [damaged]), source_at(wire, timeout_s=0.3) as source:
        with pytest.raises(SourceUnavailable, match="its checksum says"):
            await source.read()


async def test_without_checksum_a_lost_line_is_found(wire: Wire) -> None:
    whole = p1_telegram(OLD_METER, checksum=False)
    short = p1_telegram({c: v for c, v in OLD_METER.items() if c != "1-0:1.8.2"}, checksum=False)
    async with (
        Talker(wire, lambda: [whole, whole, short, whole, whole]) as talker,
        source_at(wire) as source,
    ):
        source._max_age_ms = 0
        for _ in range(6):
            assert (await source.read()).values[GRID_IMPORT_TOTAL] == 6825.0
        assert not talker.silent


async def test_a_checksum_that_is_there_no_more_is_missed(wire: Wire) -> None:
    lines = dict(OLD_METER)
    checksum = True
    async with (
        Talker(wire, lambda: [p1_telegram(lines, checksum=checksum)]),
        source_at(wire, timeout_s=0.3) as source,
    ):
        source._max_age_ms = 0
        await source.read()
        checksum = False
        with pytest.raises(SourceUnavailable, match="that it had before"):
            await source.read()


async def test_a_meter_in_one_direction_has_no_export(wire: Wire) -> None:
    lines = {c: v for c, v in GRID_METER.items() if not c.startswith(("1-0:2.",))}
    async with Talker(wire, lambda: [p1_telegram(lines)]), source_at(wire) as source:
        assert set((await source.read()).values) == {GRID_POWER, GRID_IMPORT_TOTAL}
        assert source.signals == {GRID_POWER, GRID_IMPORT_TOTAL}


async def test_a_value_that_comes_no_more_is_missing(wire: Wire) -> None:
    lines = dict(GRID_METER)
    async with Talker(wire, lambda: [p1_telegram(lines)]), source_at(wire) as source:
        await source.read()
        del lines["1-0:1.7.0"]
        for _ in range(3):
            reading = await source.read()
        assert reading.bad == {GRID_POWER: Quality.MISSING}


async def test_no_telegram_is_given_twice_nor_when_it_is_old(wire: Wire) -> None:
    clock = SteppedClock(NOW_MS)
    async with Talker(wire, lambda: [p1_telegram(GRID_METER)]) as talker, source_at(wire, clock, 0.3) as source:
        await source.read()
        talker.silent = True
        with pytest.raises(SourceUnavailable, match="silent"):
            await source.read()
        wire.send(p1_telegram(GRID_METER))
        while source._newest is None:
            source._listener._news.clear()
            await asyncio.wait_for(source._listener._news.wait(), 5)
        await clock.move_to(NOW_MS + 60_000)
        with pytest.raises(SourceUnavailable, match="silent"):
            await source.read()
