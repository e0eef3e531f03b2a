import asyncio
from contextlib import suppress
from pathlib import Path

import aiomqtt
import pytest

from firmware_sim.demo import broker
from firmware_sim.demo.processes import Processes
from tests.helpers.broker import free_port

USERS = {broker.AGGREGATOR: "secret-1", "home-1": "secret-2", "home-2": "secret-3"}


async def open_when_it_listens(port: int, user: str, password: str) -> aiomqtt.Client:
    for _ in range(200):
        try:
            client = aiomqtt.Client("127.0.0.1", port, username=user, password=password)
            return await client.__aenter__()
        except aiomqtt.MqttError as error:
            if "refused" not in str(error).lower() or "authori" in str(error).lower():
                raise
            await asyncio.sleep(0.05)
    raise AssertionError("the broker does not listen")


@pytest.fixture(params=["mosquitto", "embedded"])
def program(request: pytest.FixtureRequest) -> str | None:
    if request.param == "embedded":
        return None
    found = broker.mosquitto()
    if found is None:
        pytest.skip("no Mosquitto")
    return found


async def test_devices_reach_the_aggregator_and_strangers_nobody(tmp_path: Path, program: str | None) -> None:
    port = free_port()
    with Processes(tmp_path / "logs") as processes:
        processes.start("broker", broker.prepare(tmp_path / "broker", port, USERS, program))
        cloud = await open_when_it_listens(port, broker.AGGREGATOR, "secret-1")
        await cloud.subscribe("ew/1/+/up", qos=1)
        home = await open_when_it_listens(port, "home-1", "secret-2")
        await home.publish("ew/1/home-1/up", b"mine", qos=1)
        async with asyncio.timeout(10):
            message = await anext(aiter(cloud.messages))
        assert (message.topic.value, message.payload) == ("ew/1/home-1/up", b"mine")
        with pytest.raises(aiomqtt.MqttError):
            await open_when_it_listens(port, "home-1", "wrong")
        for client in (home, cloud):
            await client.__aexit__(None, None, None)


async def test_with_mosquitto_a_neighbours_topic_is_closed(tmp_path: Path) -> None:
    program = broker.mosquitto()
    if program is None:
        pytest.skip("no Mosquitto")
    port = free_port()
    with Processes(tmp_path / "logs") as processes:
        processes.start("broker", broker.prepare(tmp_path / "broker", port, USERS, program))
        cloud = await open_when_it_listens(port, broker.AGGREGATOR, "secret-1")
        await cloud.subscribe("ew/1/+/up", qos=1)
        intruder = await open_when_it_listens(port, "home-1", "secret-2")
        with suppress(aiomqtt.MqttError):
            await intruder.publish("ew/1/home-2/up", b"not mine", qos=0)
            await intruder.__aexit__(None, None, None)
        home = await open_when_it_listens(port, "home-1", "secret-2")
        await home.publish("ew/1/home-1/up", b"mine", qos=1)
        async with asyncio.timeout(10):
            message = await anext(aiter(cloud.messages))
        assert message.payload == b"mine"
        for client in (home, cloud):
            await client.__aexit__(None, None, None)


def test_passwords_are_not_kept_in_the_clear(tmp_path: Path, program: str | None) -> None:
    broker.prepare(tmp_path, 1, USERS, program)
    table = tmp_path / "passwords"
    assert not [word for word in USERS.values() if word in table.read_text()]
    assert table.stat().st_mode & 0o077 == 0
