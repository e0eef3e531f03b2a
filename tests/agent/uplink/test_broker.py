"""The MQTT carrier against a real Mosquitto."""

import asyncio
from pathlib import Path

import aiomqtt
import pytest

from agent.domain import wire
from agent.domain.errors import BadSetup, UplinkUnavailable
from agent.uplink.broker import BrokerSettings, MqttBroker
from agent.uplink.tls import Tls, TlsFiles
from tests.helpers.broker import MosquittoBroker, free_port

pytestmark = pytest.mark.broker
DEVICE = "site-01"


async def test_messages_go_out_and_come_in(tmp_path: Path) -> None:
    with MosquittoBroker(tmp_path) as broker:
        async with MqttBroker(BrokerSettings("127.0.0.1", DEVICE, broker.port)).connect() as session:
            await session.subscribe("ew/1/site-01/ack")
            await session.publish("ew/1/site-01/ack", b"\x00\xff", retain=True)
            message = await anext(aiter(session.messages()))
            assert (message.topic, message.payload, message.retained) == ("ew/1/site-01/ack", b"\x00\xff", False)


async def test_a_wrong_password_is_a_setup_error_in_the_brokers_words(tmp_path: Path) -> None:
    with MosquittoBroker(tmp_path, users={DEVICE: "right"}) as broker:
        settings = BrokerSettings("127.0.0.1", DEVICE, broker.port, username=DEVICE, password="wrong")
        with pytest.raises(BadSetup) as caught:
            await MqttBroker(settings).connect().__aenter__()
        assert str(caught.value) == f"broker 127.0.0.1:{broker.port}: refuses user 'site-01': Not authorized"
        right = BrokerSettings("127.0.0.1", DEVICE, broker.port, username=DEVICE, password="right")
        async with MqttBroker(right).connect() as session:
            await session.publish("ew/1/site-01/up", b"")


async def test_nobody_there_is_unavailable() -> None:
    port = free_port()
    with pytest.raises(UplinkUnavailable, match=f"broker 127.0.0.1:{port}: "):
        await MqttBroker(BrokerSettings("127.0.0.1", DEVICE, port)).connect().__aenter__()


async def test_a_killed_broker_breaks_every_call(tmp_path: Path) -> None:
    with MosquittoBroker(tmp_path) as broker:
        async with MqttBroker(BrokerSettings("127.0.0.1", DEVICE, broker.port)).connect() as session:
            broker.kill()
            with pytest.raises(UplinkUnavailable):
                await asyncio.wait_for(anext(aiter(session.messages())), 5)
            with pytest.raises(UplinkUnavailable):
                await session.publish("ew/1/site-01/up", b"")


async def test_the_last_will_says_offline(tmp_path: Path) -> None:
    with MosquittoBroker(tmp_path) as broker:
        async with aiomqtt.Client("127.0.0.1", broker.port) as watcher:
            await watcher.subscribe("ew/1/+/status", qos=1)
            async with MqttBroker(BrokerSettings("127.0.0.1", DEVICE, broker.port)).connect() as session:
                await session.publish(wire.topic(DEVICE, wire.STATUS), wire.encode_status(wire.Status("online", 5)))
                # The broker drops the older connection of the same identifier: the will is its to publish.
                async with aiomqtt.Client("127.0.0.1", broker.port, identifier=DEVICE):
                    states = [wire.decode_status((await anext(watcher.messages)).payload) for _ in range(2)]
    assert states == [wire.Status("online", 5), wire.Status("offline")]


async def test_an_orderly_end_says_offline_too(tmp_path: Path) -> None:
    with MosquittoBroker(tmp_path) as broker:
        async with aiomqtt.Client("127.0.0.1", broker.port) as watcher:
            await watcher.subscribe("ew/1/+/status", qos=1)
            async with MqttBroker(BrokerSettings("127.0.0.1", DEVICE, broker.port)).connect():
                pass
            assert wire.decode_status((await anext(watcher.messages)).payload) == wire.Status("offline")


async def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("not a certificate")
    with pytest.raises(BadSetup, match=r"ca\.pem: cannot be used for TLS"):
        await MqttBroker(BrokerSettings("127.0.0.1", DEVICE, 1, tls=Tls(TlsFiles(file)))).connect().__aenter__()
