"""Who comes in at the broker with the configuration that is shipped, and what they may do there.

A device with another device's certificate, an expired one, none, a revoked one; the topic of a neighbour.
"""

import asyncio
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiomqtt
import pytest

from agent.domain.wire import ACK, STATUS, TWIN_DESIRED, TWIN_REPORTED, UP, topic
from agent.identity import keys
from agent.ports import BrokerSession
from agent.uplink.broker import BrokerSettings, MqttBroker
from agent.uplink.tls import Tls, TlsFiles
from cloud.identity import authority as ca
from cloud.identity.broker import Broker
from cloud.identity.mosquitto import listener
from tests.helpers.broker import MOSQUITTO
from tests.helpers.identities import DAY_MS, Holder, Office, holder_of, office
from tests.helpers.programs import wait_for
from tests.helpers.secure_broker import SecureBroker

pytestmark = [pytest.mark.broker, pytest.mark.skipif(MOSQUITTO is None, reason="no Mosquitto")]

CONNECT = b"\x10\x13\x00\x04MQTT\x04\x02\x00\x3c\x00\x07knocker"
ACCEPTED = b"\x20\x02\x00\x00"
MINE, THEIRS = "site-01", "site-02"


class Stand:
    """A broker, the authority behind it, and the aggregator's own connection, which hears everything."""

    def __init__(self, here: Office, broker: SecureBroker, folder: Path) -> None:
        self.here = here
        self.broker = broker
        self.folder = folder
        self.heard: list[tuple[str, bytes]] = []
        self.aggregator: aiomqtt.Client | None = None

    def file(self, holder: Holder) -> Path:
        return holder.write(self.folder / f"{holder.device}-{len(list(self.folder.iterdir()))}.pem")

    def context(self, certificate: Path | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.here.desk.ca_file)
        if certificate is not None:
            context.load_cert_chain(certificate)
        return context

    def knock(self, certificate: Path | None) -> str:
        """Try to log in; "in", or what the broker says to that. In TLS 1.2 it says so before it hangs up."""
        context = self.context(certificate)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with socket.create_connection(("127.0.0.1", self.broker.port), 5) as plain:
            try:
                with context.wrap_socket(plain, server_hostname="127.0.0.1") as line:
                    line.sendall(CONNECT)
                    answer = line.recv(4)
            except (ssl.SSLError, ConnectionError) as error:
                return str(error)
        return "in" if answer == ACCEPTED else f"answer {answer.hex()}"

    @asynccontextmanager
    async def client(self, holder: Holder, name: str) -> AsyncIterator[aiomqtt.Client]:
        """A login that says it is `name`."""
        async with aiomqtt.Client(
            "127.0.0.1",
            self.broker.port,
            identifier=name,
            username=name,
            password="x",
            tls_context=self.context(self.file(holder)),
            timeout=5,
        ) as client:
            yield client

    def agent(self, holder: Holder) -> MqttBroker:
        """The agent's own carrier."""
        files = TlsFiles(self.here.desk.ca_file, self.file(holder))
        return MqttBroker(BrokerSettings("127.0.0.1", holder.device, self.broker.port, tls=Tls(files), timeout_s=3))

    async def tell(self, device: str, leaf: str, payload: bytes, *, retain: bool = False) -> None:
        assert self.aggregator is not None
        await self.aggregator.publish(topic(device, leaf), payload, qos=1, retain=retain)

    async def quiet(self) -> None:
        """Everything that was on the way is there."""
        probe = f"probe-{len(self.heard)}".encode()
        beacon = self.here.claim("beacon", again=True)
        async with self.client(beacon, "beacon") as client:
            await client.publish(topic("beacon", UP), probe, qos=1)
            await eventually(lambda: (topic("beacon", UP), probe) in self.heard)


async def eventually(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def office_and_broker(tmp_path: Path) -> Iterator[tuple[Office, SecureBroker]]:
    broker = SecureBroker(tmp_path / "broker", tmp_path / "identity")
    with office(tmp_path, broker=Broker(pid_file=broker.pid_file)) as here, broker:
        yield here, broker


@pytest.fixture
async def stand(office_and_broker: tuple[Office, SecureBroker], tmp_path: Path) -> AsyncIterator[Stand]:
    here, broker = office_and_broker
    (tmp_path / "pairs").mkdir()
    made = Stand(here, broker, tmp_path / "pairs")
    context = made.context(here.folder.aggregator)
    async with aiomqtt.Client("127.0.0.1", broker.port, identifier="emberwatt-cloud", tls_context=context) as client:
        made.aggregator = client
        await client.subscribe([(topic("+", leaf), 1) for leaf in (UP, STATUS, TWIN_REPORTED, "cmd/+/reply")])

        async def listen() -> None:
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                made.heard.append((message.topic.value, message.payload))

        task = asyncio.create_task(listen())
        yield made
        task.cancel()


async def next_message(session: BrokerSession) -> tuple[str, bytes]:
    async with asyncio.timeout(10):
        async for message in session.messages():
            return message.topic, message.payload
    raise AssertionError


async def test_the_right_certificate_is_all_a_device_needs(stand: Stand) -> None:
    async with stand.agent(stand.here.claim(MINE)).connect() as session:
        await session.subscribe(topic(MINE, ACK), topic(MINE, TWIN_DESIRED), topic(MINE, "cmd/+"))
        for leaf in (UP, STATUS, TWIN_REPORTED, "cmd/1/reply"):
            await session.publish(topic(MINE, leaf), leaf.encode())
            await eventually(lambda leaf=leaf: (topic(MINE, leaf), leaf.encode()) in stand.heard)  # type: ignore[misc]
        for leaf in (ACK, TWIN_DESIRED, "cmd/1"):
            await stand.tell(MINE, leaf, b"for you")
            assert await next_message(session) == (topic(MINE, leaf), b"for you")


async def test_a_neighbours_name_gives_nobody_a_neighbours_place(stand: Stand) -> None:
    """Another device's certificate, with a wrong user name and client id: it is who the certificate says."""
    mine, theirs = stand.here.claim(MINE), stand.here.claim(THEIRS)
    async with stand.agent(theirs).connect() as neighbour, stand.client(mine, THEIRS) as client:
        await client.publish(topic(THEIRS, UP), b"forged", qos=1)
        await client.publish(topic(MINE, UP), b"own", qos=1)
        await eventually(lambda: (topic(MINE, UP), b"own") in stand.heard)
        await neighbour.publish(topic(THEIRS, UP), b"still there")
        await eventually(lambda: (topic(THEIRS, UP), b"still there") in stand.heard)
    assert (topic(THEIRS, UP), b"forged") not in stand.heard


async def test_nobody_writes_under_a_neighbours_topic(stand: Stand) -> None:
    async with stand.agent(stand.here.claim(THEIRS)).connect() as neighbour:
        await neighbour.subscribe(topic(THEIRS, ACK), topic(THEIRS, TWIN_DESIRED), topic(THEIRS, "cmd/+"))
        async with stand.client(stand.here.claim(MINE), MINE) as client:
            for leaf in (UP, STATUS, TWIN_REPORTED, ACK, TWIN_DESIRED, "cmd/1", "cmd/1/reply"):
                await client.publish(topic(THEIRS, leaf), b"forged", qos=1)
        await stand.tell(THEIRS, ACK, b"true")
        assert await next_message(neighbour) == (topic(THEIRS, ACK), b"true")
    await stand.quiet()
    assert b"forged" not in {payload for _, payload in stand.heard}


async def test_nobody_reads_a_neighbours_topic(stand: Stand) -> None:
    await stand.tell(THEIRS, ACK, b"secret", retain=True)
    async with stand.agent(stand.here.claim(MINE)).connect() as session:
        for wish in (topic(THEIRS, ACK), topic("+", ACK), "#", "ew/#", f"ew/1/{THEIRS}/#", "+/+/+/ack", "$SYS/#"):
            await session.subscribe(wish)
        await stand.tell(THEIRS, ACK, b"secret")
        await stand.tell(MINE, ACK, b"own")
        assert await next_message(session) == (topic(MINE, ACK), b"own")


async def test_a_device_writes_nothing_that_is_the_aggregators_to_say(stand: Stand) -> None:
    async with stand.agent(stand.here.claim(MINE)).connect() as session:
        await session.subscribe(topic(MINE, ACK), topic(MINE, TWIN_DESIRED), topic(MINE, "cmd/+"))
        for leaf in (ACK, TWIN_DESIRED, "cmd/1"):
            await session.publish(topic(MINE, leaf), b"forged")
        await stand.tell(MINE, ACK, b"true")
        assert await next_message(session) == (topic(MINE, ACK), b"true")


def strangers(here: Office, folder: Path) -> dict[str, tuple[str, Path | None]]:
    """Who must not come in, and what the broker says to them."""
    now_ms = here.clock.at_ms
    expired = holder_of(here, MINE, issued_ms=now_ms - 20 * DAY_MS, days=10)
    other, key = ca.make_authority(now_ms), ca.make_key()
    foreign = Holder(MINE, ca.key_pem(key))
    foreign.certificate = ca.pem(ca.issue_device(other, MINE, key.public_key(), now_ms, 10))
    return {
        "none": ("handshake failure", None),
        "expired": ("certificate expired", expired.write(folder / "expired.pem")),
        "of another authority": ("unknown ca", foreign.write(folder / "foreign.pem")),
        "a server's": ("unsupported certificate", here.folder.server),
    }


@pytest.mark.parametrize("kind", ["none", "expired", "of another authority", "a server's"])
def test_strangers_stay_outside(office_and_broker: tuple[Office, SecureBroker], tmp_path: Path, kind: str) -> None:
    here, broker = office_and_broker
    stand = Stand(here, broker, tmp_path)
    assert stand.knock(here.claim(MINE).write(tmp_path / "good.pem")) == "in"
    said, certificate = strangers(here, tmp_path)[kind]
    assert said in stand.knock(certificate)


def test_without_tls_nobody_is_heard(office_and_broker: tuple[Office, SecureBroker]) -> None:
    _, broker = office_and_broker
    with socket.create_connection(("127.0.0.1", broker.port), 5) as plain:
        plain.sendall(CONNECT)
        said = b""
        with suppress(ConnectionResetError):
            while more := plain.recv(64):
                said += more
        assert ACCEPTED not in said


def test_a_revoked_one_stays_outside_and_its_neighbour_notices_nothing(
    office_and_broker: tuple[Office, SecureBroker], tmp_path: Path
) -> None:
    stand = Stand(*office_and_broker, tmp_path)
    mine, theirs = stand.here.claim(MINE), stand.here.claim(THEIRS)
    file, other = mine.write(tmp_path / "mine.pem"), theirs.write(tmp_path / "theirs.pem")
    assert stand.knock(file) == "in"
    stand.here.desk.revoke(MINE, "stolen")
    wait_for("the broker to know", lambda: "certificate revoked" in stand.knock(file))
    assert stand.knock(other) == "in"
    stand.broker.stop(signal.SIGTERM)
    stand.broker.start()
    assert "certificate revoked" in stand.knock(file)
    assert stand.knock(other) == "in"


async def test_a_revoked_one_loses_the_connection_that_it_has(stand: Stand) -> None:
    mine = stand.here.claim(MINE)
    async with stand.agent(mine).connect() as session:
        await session.subscribe(topic(MINE, ACK))
        stand.here.desk.revoke(MINE, "stolen")
        await eventually(lambda: stand.broker.said().count("Reloading config") > 0)
        await session.publish(topic(MINE, UP), b"after")
        await stand.tell(MINE, ACK, b"secret")
        await stand.quiet()
        assert (topic(MINE, UP), b"after") not in stand.heard
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(session.messages()), 0.5)


async def test_revoked_and_claimed_again_it_is_back_and_the_old_key_is_not(stand: Stand, tmp_path: Path) -> None:
    old = stand.here.claim(MINE)
    stand.here.desk.revoke(MINE, "stolen")
    file = old.write(tmp_path / "old.pem")
    await eventually(lambda: "certificate revoked" in stand.knock(file))
    new = stand.here.claim(MINE, again=True)
    async with stand.agent(new).connect() as session:
        await session.publish(topic(MINE, UP), b"back")
        await eventually(lambda: (topic(MINE, UP), b"back") in stand.heard)
    assert "certificate revoked" in stand.knock(file)


async def test_revocations_of_one_second_all_hold(stand: Stand, tmp_path: Path) -> None:
    """Of several lists the broker takes the newest, and their dates count whole seconds."""
    holders = [stand.here.claim(f"site-{number}") for number in range(10, 16)]
    for holder in holders:
        stand.here.desk.revoke(holder.device, "")
    for holder in holders:
        file = holder.write(tmp_path / f"{holder.device}.pem")
        await eventually(lambda file=file: "certificate revoked" in stand.knock(file))  # type: ignore[misc]


async def test_after_a_renewal_both_certificates_come_in(stand: Stand, tmp_path: Path) -> None:
    holder = stand.here.claim(MINE)
    after = Holder(MINE, keys.make_key())
    after.take(stand.here.desk.renew(holder.renewal(after.key)))
    assert stand.knock(holder.write(tmp_path / "before.pem")) == "in"
    assert stand.knock(after.write(tmp_path / "after.pem")) == "in"


def test_the_broker_runs_what_is_shipped(office_and_broker: tuple[Office, SecureBroker], tmp_path: Path) -> None:
    """Only the address to listen on, and the three lines that a test needs, are different."""
    _, broker = office_and_broker
    shipped = listener(tmp_path / "identity", broker.port).splitlines()
    used = (tmp_path / "broker" / "mosquitto.conf").read_text().splitlines()
    assert [line for line in shipped if line not in used] == [f"listener {broker.port}"]
    assert len(used) == len(shipped) + 3
