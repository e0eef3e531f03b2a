"""The MQTT carrier against a real Mosquitto."""

import asyncio
import datetime as dt
from pathlib import Path

import aiomqtt
import pytest

from agent.domain import wire
from agent.domain.errors import BadSetup, UplinkUnavailable
from agent.uplink.broker import BrokerSettings, MqttBroker
from agent.uplink.tls import ClockTrust, Tls, TlsFiles
from tests.helpers.broker import MosquittoBroker, free_port
from tests.helpers.broker_benches import Listeners, ListeningMosquitto
from tests.helpers.pki import Pki

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


@pytest.mark.parametrize("websocket", [False, True])
async def test_certificates_are_judged_here_too_whatever_the_clock(tmp_path: Path, websocket: bool) -> None:
    pki, other = Pki(tmp_path / "pki"), Pki(tmp_path / "other", "other")
    listeners = Listeners(websocket, True, pki, pki.issue("server"))
    pair, right = pki.issue(DEVICE), False

    def carrier(authority: Path) -> MqttBroker:
        tls = Tls(TlsFiles(authority, pair.certificate, pair.key), ClockTrust(lambda: right, lambda: 0))
        inside = "/mqtt" if websocket else None
        return MqttBroker(BrokerSettings("127.0.0.1", DEVICE, listeners.port, DEVICE, "pw", tls, inside))

    with ListeningMosquitto(tmp_path, listeners, {DEVICE: "pw"}):
        with pytest.raises(UplinkUnavailable, match="certificate verify failed"):
            await carrier(other.ca).connect().__aenter__()
        async with carrier(pki.ca).connect() as session:
            await session.publish("ew/1/site-01/up", b"")
            right = True
            with pytest.raises(UplinkUnavailable, match="the clock is right now"):
                await session.publish("ew/1/site-01/up", b"")
        with pytest.raises(UplinkUnavailable, match="certificate verify failed"):
            await carrier(other.ca).connect().__aenter__()
        async with carrier(pki.ca).connect() as session:
            await session.publish("ew/1/site-01/up", b"")


async def test_an_expired_brokers_certificate_is_refused_and_one_of_the_past_while_the_clock_is_wrong(
    tmp_path: Path,
) -> None:
    pki, ended = Pki(tmp_path / "pki"), dt.datetime(2012, 1, 1, tzinfo=dt.UTC)
    server = pki.issue("server", begins=ended - dt.timedelta(days=99), ends=ended)
    listeners, pair = Listeners(False, True, pki, server), pki.issue(DEVICE)

    def carrier(trust: ClockTrust) -> MqttBroker:
        tls = Tls(TlsFiles(pki.ca, pair.certificate, pair.key), trust)
        return MqttBroker(BrokerSettings("127.0.0.1", DEVICE, listeners.port, DEVICE, "pw", tls))

    with ListeningMosquitto(tmp_path, listeners, {DEVICE: "pw"}):
        ended_ms = round(ended.timestamp() * 1000)
        for trust in (ClockTrust(), ClockTrust(lambda: False, lambda: ended_ms + 1)):
            with pytest.raises(UplinkUnavailable, match="certificate has expired"):
                await carrier(trust).connect().__aenter__()
        async with carrier(ClockTrust(lambda: False, lambda: ended_ms - 1)).connect() as session:
            await session.publish("ew/1/site-01/up", b"")
