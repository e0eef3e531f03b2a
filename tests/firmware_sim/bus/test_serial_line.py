"""A serial line as a pty: timing, settings, faults of the wire, and an adapter that comes and goes."""

import asyncio
import os
import termios
import time
from pathlib import Path

import pytest

from firmware_sim.bus.bus import Bus
from firmware_sim.bus.serial_line import SerialLine
from firmware_sim.bus.settings import parse_settings
from tests.firmware_sim.stand import ask_rtu, crc, heard, port, read, stand

GRID = read(52, 2, 4)


async def right(cellar_tty: Path) -> bytes:
    async with port(cellar_tty) as line:
        return await ask_rtu(line, 1, GRID)


async def test_a_frame_is_answered_with_its_crc() -> None:
    async with stand("eastron-sdm630", "rtu") as cellar, port(cellar.by_id) as line:
        frame = await ask_rtu(line, 1, GRID)
        assert frame[:3] == bytes([1, 4, 4])
        assert len(frame) == 9
        assert frame[-2:] == crc(frame[:-2])
        assert await ask_rtu(line, 2, GRID, 0.2) == b""
        assert await ask_rtu(line, 0, GRID, 0.2) == b""


async def test_characters_take_their_time_in_both_directions() -> None:
    async with stand("eastron-sdm630", "rtu", settings="1200N1") as cellar, port(cellar.tty, termios.B1200) as line:
        body = bytes([1]) + read(0, 20, 4)
        started = time.monotonic()
        os.write(line, body + crc(body))
        first = None
        received = b""
        while len(received) < 45:
            try:
                received += os.read(line, 64)
                first = first or time.monotonic() - started
            except BlockingIOError:
                await asyncio.sleep(0.002)
            assert time.monotonic() - started < 10
        whole = time.monotonic() - started
    character = 10 / 1200
    assert first is not None
    assert first >= (8 + 3.5 + 1) * character * 0.98
    assert (8 + 3.5 + 45) * character * 0.98 <= whole <= (8 + 3.5 + 45) * character + 0.6


async def test_a_reader_with_another_baud_is_never_understood() -> None:
    async with stand("eastron-sdm630", "rtu") as cellar, port(cellar.tty, termios.B19200) as line:
        answers = [await ask_rtu(line, 1, GRID, 0.15) for _ in range(8)]
        assert b"" in answers
        assert any(answers)
        assert not any(len(answer) >= 4 and answer[-2:] == crc(answer[:-2]) for answer in answers)


async def test_another_parity_must_be_said_because_a_pty_knows_none() -> None:
    async with stand("eastron-sdm630", "rtu") as cellar, port(cellar.tty) as line:
        assert cellar.line is not None
        cellar.line.reader = parse_settings("9600E1")
        answers = [await ask_rtu(line, 1, GRID, 0.15) for _ in range(4)]
        assert not any(len(answer) >= 4 and answer[-2:] == crc(answer[:-2]) for answer in answers)
        cellar.line.reader = parse_settings("9600N1")
        assert len(await ask_rtu(line, 1, GRID)) == 9


@pytest.mark.parametrize("form", ["bit", "before", "tail"])
async def test_noise_breaks_the_frame(form: str) -> None:
    async with stand("eastron-sdm630", "rtu") as cellar, port(cellar.tty) as line:
        good = await ask_rtu(line, 1, GRID)
        cellar.fault("noise", form=form, count=1)
        bad = await ask_rtu(line, 1, GRID)
        assert bad[-2:] != crc(bad[:-2])
        if form == "bit":
            differing = sum((a ^ b).bit_count() for a, b in zip(good, bad, strict=True))
            assert differing == 1
        else:
            assert bad == (bad[:1] + good if form == "before" else good[:-1])
        assert await ask_rtu(line, 1, GRID) == good


async def test_a_fifth_of_the_frames_is_noisy() -> None:
    fast = stand("eastron-sdm630", "rtu", settings="115200N1")
    async with fast as cellar, port(cellar.tty, termios.B115200) as line:
        cellar.fault("noise", rate=0.2)
        frames = [await fixed(line, 9) for _ in range(100)]
    broken = sum(1 for frame in frames if frame[-2:] != crc(frame[:-2]))
    assert 8 <= broken <= 35


async def fixed(line: int, count: int) -> bytes:
    """Sends the read and takes exactly `count` bytes."""
    body = bytes([1]) + GRID
    os.write(line, body + crc(body))
    received = b""
    async with asyncio.timeout(5):
        while len(received) < count:
            try:
                received += os.read(line, count - len(received))
            except BlockingIOError:
                await asyncio.sleep(0.001)
    return received


async def test_an_adapter_echoes_wholly_or_in_part() -> None:
    async with stand("eastron-sdm630", "rtu") as cellar, port(cellar.tty) as line:
        body = bytes([1]) + GRID
        asked, good = body + crc(body), await ask_rtu(line, 1, GRID)
        cellar.fault("echo", count=1)
        assert await ask_rtu(line, 1, GRID) == asked + good
        cellar.fault("echo", form="partial", count=1)
        partial = await ask_rtu(line, 1, GRID)
        assert partial.endswith(good)
        assert asked.startswith(partial[: -len(good)])
        assert 0 < len(partial) - len(good) < len(asked)


async def test_another_master_talks_before_the_answer() -> None:
    async with stand("eastron-sdm630", "rtu") as cellar, port(cellar.tty) as line:
        good = await ask_rtu(line, 1, GRID)
        cellar.fault("foreign", count=1)
        heard_now = await ask_rtu(line, 1, GRID)
        assert heard_now.endswith(good)
        foreign = heard_now[: -len(good)]
        assert len(foreign) == 15
        assert foreign[6:8] == crc(foreign[:6])
        assert foreign[8] == foreign[0] == 99


async def test_a_frame_comes_in_pieces_and_whole() -> None:
    fast = stand("eastron-sdm630", "rtu", settings="115200N1")
    async with fast as cellar, port(cellar.tty, termios.B115200) as line:
        body, parts = bytes([1]) + read(0, 80, 4), list[bytes]()
        cellar.fault("split")
        os.write(line, body + crc(body))
        async with asyncio.timeout(5):
            while sum(map(len, parts)) < 165:
                try:
                    parts.append(os.read(line, 512))
                except BlockingIOError:
                    await asyncio.sleep(0.0005)
    frame = b"".join(parts)
    assert frame[-2:] == crc(frame[:-2])
    assert len(parts) >= 2


async def test_a_late_answer_meets_the_next_request() -> None:
    async with stand("eastron-sdm630", "rtu") as cellar, port(cellar.tty) as line:
        first, second = read(52, 2, 4), read(0, 2, 4)
        right_first, right_second = await ask_rtu(line, 1, first), await ask_rtu(line, 1, second)
        cellar.fault("late", seconds=0.4, count=1)
        assert await ask_rtu(line, 1, first, 0.1) == b""
        assert await ask_rtu(line, 1, second) == right_second
        assert await heard(line) == right_first


async def test_an_adapter_vanishes_and_comes_back_under_another_name(tmp_path: Path) -> None:
    async with stand("eastron-sdm630", "rtu", folder=tmp_path) as cellar:
        old_name, old_target = cellar.tty, cellar.by_id.readlink()
        async with port(cellar.by_id) as line:
            good = await ask_rtu(line, 1, GRID)
            cellar.vanish(1.0)
            assert not cellar.by_id.exists()
            assert not old_name.exists()
            with pytest.raises(OSError, match="Input/output error"):
                os.write(line, b"x")
        async with asyncio.timeout(10):
            while not cellar.by_id.exists():
                await asyncio.sleep(0.02)
        assert cellar.tty != old_name
        assert cellar.by_id.readlink() != old_target
        async with port(cellar.by_id) as line:
            assert await ask_rtu(line, 1, GRID) == good


async def test_a_planned_absence_of_the_adapter(tmp_path: Path) -> None:
    async with stand("eastron-sdm630", "rtu", folder=tmp_path) as cellar:
        cellar.fault("vanish")
        async with asyncio.timeout(10):
            while cellar.by_id.exists():
                await asyncio.sleep(0.02)
            cellar.clear("vanish")
            while not cellar.by_id.exists():
                await asyncio.sleep(0.02)
        assert len(await right(cellar.by_id)) == 9


async def test_several_devices_on_one_line_and_a_slow_one_among_them(tmp_path: Path) -> None:
    async with stand("eastron-sdm630", "rtu", unit="1") as one, stand("eastron-sdm630", "rtu", unit="2") as two:
        buses: list[Bus] = [one.bus, two.bus]
        two.fault("slow", seconds=0.5)
        async with SerialLine(buses, parse_settings("9600N1"), tmp_path) as shared, port(shared.tty) as line:
            assert await ask_rtu(line, 2, GRID, 0.1) == b""
            assert (await ask_rtu(line, 1, GRID))[:1] == bytes([1])
            assert (await heard(line))[:1] == bytes([2])


async def test_what_is_no_frame_is_forgotten_after_a_pause() -> None:
    async with stand("eastron-sdm630", "rtu") as cellar, port(cellar.tty) as line:
        os.write(line, bytes.fromhex("010400"))
        await asyncio.sleep(0.15)
        assert len(await ask_rtu(line, 1, GRID)) == 9
        os.write(line, bytes.fromhex("0104003400020000"))
        await asyncio.sleep(0.15)
        assert len(await ask_rtu(line, 1, GRID)) == 9
