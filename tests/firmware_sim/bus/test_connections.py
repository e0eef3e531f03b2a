"""What a second client, an idle one or a nightly one meets, seen on real sockets."""

import asyncio
import struct

import pytest

from firmware_sim.families.family import Clients
from tests.firmware_sim.stand import NIGHT_MS, client, crc, move, read, stand

SOC = 37760


async def test_a_second_client_resets_the_first() -> None:
    async with stand() as cellar, client(cellar) as old:
        assert cellar.live.clients is Clients.RESET_OLD
        assert await old.ask(read(SOC, 1))
        async with client(cellar) as new:
            assert await new.ask(read(SOC, 1))
            assert await old.receive(5) == (-1, b"")


async def test_a_second_client_is_refused_while_the_first_is_there() -> None:
    async with stand("solaredge-storedge") as cellar:
        async with client(cellar) as old:
            assert await old.ask(read(40000, 2))
            async with client(cellar) as new:
                assert await new.receive(5) == (-1, b"")
            assert await old.ask(read(40000, 2))
        for _ in range(100):
            async with client(cellar) as next_one:
                if await next_one.receive(0.05) is None:
                    assert await next_one.ask(read(40000, 2))
                    return
        pytest.fail("the device stayed occupied after its client had gone")


async def test_a_second_client_is_accepted_and_never_answered() -> None:
    async with stand() as cellar:
        cellar.fault("second_client", form="mute_new")
        async with client(cellar) as old, client(cellar) as new:
            assert await old.ask(read(SOC, 1))
            assert await new.ask(read(SOC, 1), 0.3) is None
            assert await old.ask(read(SOC, 1))


async def test_many_clients_where_many_are_welcome() -> None:
    async with stand("victron-gx") as cellar, client(cellar) as one, client(cellar) as two:
        assert await one.words(843, 1) == await two.words(843, 1)


async def test_an_idle_connection_is_closed() -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("idle_close", seconds=0.3)
        assert await reader.ask(read(SOC, 1))
        assert await reader.receive(5) == (-1, b"")


async def test_an_idle_connection_is_dropped_without_a_word() -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("idle_close", seconds=0.3, form="mute")
        assert await reader.ask(read(SOC, 1))
        await asyncio.sleep(0.5)
        assert await reader.ask(read(SOC, 1), 0.3) is None


async def test_off_the_network_at_night() -> None:
    async with stand() as cellar:
        cellar.fault("night_refuse")
        async with client(cellar) as reader:
            assert await reader.ask(read(SOC, 1))
            move(cellar, NIGHT_MS)
            assert await reader.receive(5) == (-1, b"")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", cellar.port)


async def test_noise_behind_a_gateway_is_exception_11() -> None:
    async with stand() as cellar, client(cellar) as reader:
        cellar.fault("noise", count=1)
        assert await reader.ask(read(SOC, 1)) == bytes([0x83, 11])
        assert await reader.words(SOC, 1)


async def test_rtu_frames_over_tcp() -> None:
    async with stand(carrier="rtu-over-tcp") as cellar:
        reader, writer = await asyncio.open_connection("127.0.0.1", cellar.port)
        body = bytes([1]) + read(SOC, 1)
        writer.write(body + crc(body))
        frame = await asyncio.wait_for(reader.readexactly(7), 5)
        assert frame[:3] == bytes([1, 3, 2])
        assert frame[-2:] == crc(frame[:-2])
        # A frame in pieces is one frame; the next unit's is nobody's.
        other = bytes([2]) + read(SOC, 1)
        writer.write(other + crc(other))
        writer.write(body[:3])
        await writer.drain()
        await asyncio.sleep(0.005)
        writer.write(body[3:] + crc(body))
        assert await asyncio.wait_for(reader.readexactly(7), 5) == frame
        writer.close()


async def test_modbus_tcp_on_an_rtu_port_is_met_with_silence() -> None:
    async with stand(carrier="rtu-over-tcp") as cellar, client(cellar) as reader:
        assert await reader.ask(read(SOC, 1), 0.3) is None


async def test_another_unit_is_exception_11_over_modbus_tcp() -> None:
    async with stand() as cellar, client(cellar, unit_id=77) as reader:
        assert await reader.ask(read(SOC, 1)) == bytes([0x83, 11])


async def test_several_units_behind_one_port() -> None:
    async with stand("victron-gx") as cellar:
        async with client(cellar) as system, client(cellar, unit_id=225) as battery:
            (watts,) = struct.unpack(">h", struct.pack(">H", *(await system.words(842, 1))))
            high, low = await battery.words(256, 2)
            assert struct.unpack(">i", struct.pack(">2H", high, low)) == (watts,)
        async with client(cellar, unit_id=99) as stranger:
            assert await stranger.ask(read(842, 1)) == bytes([0x83, 11])
