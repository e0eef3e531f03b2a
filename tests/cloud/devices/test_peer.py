"""Connections over which nothing comes."""

import asyncio
from contextlib import suppress

import pytest

from cloud.devices.listener import DeviceListener, Patience
from tests.helpers.broker_benches import KeptGreeter, RecordingDoor


async def test_rubbish_behind_rubbish_ends_the_connection_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    rubbish = b"POST /device/1/site-01/up HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx\xff\xfe\r\n\r\n\r\n\xff"
    with DeviceListener(("127.0.0.1", 0), None, RecordingDoor(), KeptGreeter(), None) as listener:
        task = asyncio.create_task(listener.run())
        for step in range(1, len(rubbish)):
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(rubbish[:step])
            await writer.drain()
            writer.write(rubbish[step:] + rubbish)
            with suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 5)
            writer.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("said", [b"", b"GET /device/1/site-01/mess"])
async def test_whoever_makes_no_request_is_left(said: bytes) -> None:
    impatient, door = Patience(first_s=0.2), RecordingDoor()
    with DeviceListener(("127.0.0.1", 0), None, door, KeptGreeter(), None, patience=impatient) as listener:
        task = asyncio.create_task(listener.run())
        silent_reader, silent = await asyncio.open_connection("127.0.0.1", listener.port)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        silent.write(said)
        writer.write(b"POST /device/1/site-01/up HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert await asyncio.wait_for(silent_reader.read(), 5) == b""
        writer.write(b"POST /device/1/site-01/up HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        assert b"HTTP/1.1 200" in await asyncio.wait_for(reader.readuntil(b"HTTP/1.1 200"), 5)
        silent.close()
        writer.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
