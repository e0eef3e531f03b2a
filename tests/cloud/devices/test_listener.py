"""The listener as a device meets it: requests made by hand over real TLS, ingest and store played by doubles."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from agent.domain import wire
from agent.domain.envelope import Envelope, Letter, decode_envelope
from agent.domain.errors import BadSetup, Transient
from agent.uplink.http_line import HttpAnswer, HttpLine
from agent.uplink.tls import Tls, TlsFiles
from cloud.devices.app import MAX_BODY_BYTES
from cloud.devices.listener import DeviceListener, ListenerFiles, Patience
from cloud.ports.carriers import Busy
from cloud.ports.identity import EXPIRED, IdentityRefused
from tests.helpers.broker import free_port
from tests.helpers.broker_benches import DEVICE, CommonNames, KeptGreeter, RecordingDoor
from tests.helpers.pki import Pair, Pki
from tests.helpers.uplinks import until

HERE = "127.0.0.1"


class Door(RecordingDoor):
    """Refuses as it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.refusal: Transient | None = None

    async def take(self, device: str, leaf: str, payload: bytes) -> list[Letter]:
        if self.refusal is not None:
            raise self.refusal
        return await super().take(device, leaf, payload)


class Stage:
    """A listener, its doubles, and connections to it."""

    def __init__(self, folder: Path, grace_s: float) -> None:
        self.pki = Pki(folder / "pki")
        self.server = self.pki.issue("server")
        self.door, self.greeter, self.identities = Door(), KeptGreeter(), CommonNames()
        files = ListenerFiles(self.server.certificate, self.server.key, self.pki.ca)
        claim = Mount("/device/1/identity", routes=[Route("/claim", _claim, methods=["POST"])])
        self.listener = DeviceListener(
            (HERE, 0), files, self.door, self.greeter, self.identities, [claim], patience=Patience(grace_s)
        )
        self._lines: list[HttpLine] = []

    def line(self, pair: Pair | None = None, *, bare: bool = False) -> HttpLine:
        chosen = pair or self.pki.issue(DEVICE)
        files = TlsFiles(self.pki.ca) if bare else TlsFiles(self.pki.ca, chosen.certificate, chosen.key)
        self._lines.append(HttpLine(HERE, self.listener.port, tls=Tls(files).context(), timeout_s=5))
        return self._lines[-1]

    async def connect(self, line: HttpLine, query: str = "") -> Envelope:
        return envelope(await line.request("GET", f"/device/1/{DEVICE}/messages{query}"))

    def close(self) -> None:
        for line in self._lines:
            line.close()


async def _claim(request: Request) -> PlainTextResponse:
    return PlainTextResponse("claimed")


@asynccontextmanager
async def stage(folder: Path, *, grace_s: float = 30.0) -> AsyncIterator[Stage]:
    on = Stage(folder, grace_s)
    with on.listener as listener:
        task = asyncio.create_task(listener.run())
        try:
            yield on
        finally:
            on.close()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def envelope(answer: HttpAnswer) -> Envelope:
    assert answer.status == 200, answer
    assert answer.headers["cache-control"] == "no-store"
    return decode_envelope(answer.body)


def said(answer: HttpAnswer) -> tuple[int, str]:
    return answer.status, answer.body.decode().strip()


async def test_a_post_is_answered_with_what_ingest_says(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        on.door.answers = [Letter(wire.ACK, b"ack")]
        line = on.line()
        answer = envelope(await line.request("POST", f"/device/1/{DEVICE}/twin/reported", b"\x00\xff"))
        assert answer == Envelope("", [Letter(wire.ACK, b"ack")])
        assert on.door.heard == [("twin/reported", b"\x00\xff")]


async def test_nobody_comes_in_without_a_certificate_but_to_get_one(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        line = on.line(bare=True)
        for method, leaf in (("GET", "messages"), ("POST", "up")):
            answer = await line.request(method, f"/device/1/{DEVICE}/{leaf}", b"")
            assert said(answer) == (401, "a client certificate is needed")
        assert said(await line.request("POST", "/device/1/identity/claim")) == (200, "claimed")
        assert on.door.heard == []


async def test_a_device_writes_and_reads_under_its_own_name_only(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        line = on.line(on.pki.issue("site-02"))
        for method, leaf in (("GET", "messages"), ("POST", "up"), ("POST", "status")):
            answer = await line.request(method, f"/device/1/{DEVICE}/{leaf}", b"")
            assert said(answer) == (403, "the certificate is that of site-02, not of site-01")
        assert envelope(await line.request("POST", "/device/1/site-02/up", b"")).letters == []
        assert on.door.heard == [("up", b"")]


async def test_what_identity_says_of_a_certificate_holds_from_the_next_request_on(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        line = on.line()
        await on.connect(line)
        on.identities.revoked.add(DEVICE)
        assert said(await line.request("POST", f"/device/1/{DEVICE}/up"))[0] == 403
        assert on.door.heard == []


async def test_an_expired_certificate_is_told_so_instead_of_a_failed_handshake(tmp_path: Path) -> None:
    class Expired(CommonNames):
        def identity_of(self, certificate_der: bytes) -> str:
            raise IdentityRefused(EXPIRED, "the certificate of site-01 has ended")

    now = dt.datetime.now(dt.UTC)
    async with stage(tmp_path) as on:
        old = on.pki.issue(DEVICE, begins=now - dt.timedelta(days=9), ends=now - dt.timedelta(days=1))
        on.identities.identity_of = Expired().identity_of  # type: ignore[method-assign]
        line = on.line(old)
        assert said(await line.request("POST", f"/device/1/{DEVICE}/up")) == (
            403,
            "the certificate of site-01 has ended",
        )


async def test_another_authority_does_not_even_get_through_the_handshake(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        stranger = Pki(tmp_path / "theirs", "theirs").issue(DEVICE)
        with pytest.raises(Transient, match="https 127"):
            await on.line(stranger).request("POST", f"/device/1/{DEVICE}/up")


@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        ("/device/1/NOT-AN-ID/messages", 404, "is not a device id"),
        (f"/device/1/{DEVICE}/messages?box=x&after=many", 410, "connect again"),
        (f"/device/1/{DEVICE}/messages?again=soon", 400, "again 'soon', expected a number from 0 to 86400"),
        (f"/device/1/{DEVICE}/messages?again=nan", 400, "again 'nan'"),
        (f"/device/1/{DEVICE}/messages?again=-1", 400, "again '-1'"),
        ("/device/2/site-01/messages", 404, "Not Found"),
    ],
)
async def test_questions_that_are_none(tmp_path: Path, target: str, status: int, words: str) -> None:
    async with stage(tmp_path) as on:
        answer = await on.line().request("GET", target)
        assert answer.status == status
        assert words in said(answer)[1]


async def test_a_body_has_a_limit_and_ingest_judges_what_is_below_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        line, target = on.line(), f"/device/1/{DEVICE}/up"
        assert (await line.request("POST", target, bytes(wire.MAX_BATCH_BYTES + 1))).status == 200
        answer = await line.request("POST", target, bytes(MAX_BODY_BYTES + 1))
        assert said(answer) == (413, f"more than {MAX_BODY_BYTES} bytes")
        assert len(on.door.heard) == 1


async def test_a_store_that_refuses_and_a_crowd_are_told_apart(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        line, target = on.line(), f"/device/1/{DEVICE}/up"
        on.door.refusal = Busy("5000 messages wait already", 42.0)
        answer = await line.request("POST", target)
        assert (answer.headers["retry-after"], said(answer)) == ("42", (503, "5000 messages wait already"))
        on.door.refusal = Transient("/var/lib/secret/fleet.db: disk full")
        answer = await line.request("POST", target)
        assert (answer.headers["retry-after"], said(answer)) == ("30", (503, "the aggregator cannot take this now"))
        on.door.refusal = None
        assert (await line.request("POST", target)).status == 200


async def test_devices_are_asked_to_come_less_often(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        on.door.pause_s = 300.0
        assert (await on.connect(on.line())).again_s == 300.0


async def test_letters_are_given_until_the_device_says_that_it_has_them(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        on.greeter.kept = {"twin/desired": b"wish"}
        line = on.line()
        first = await on.connect(line)
        assert [(letter.leaf, letter.payload, letter.retained) for letter in first.letters] == [
            ("twin/desired", b"wish", True)
        ]
        on.listener.boxes.send(DEVICE, "cmd/3f2a9c1e", b"1")
        on.listener.boxes.send(DEVICE, "cmd/3f2a9c1f", b"2")
        on.listener.boxes.send("site-02", "cmd/3f2a9c1f", b"not for us")
        number = first.letters[-1].number
        for _ in range(2):
            again = await on.connect(line, f"?box={first.box}&after={number}")
            assert [letter.payload for letter in again.letters] == [b"1", b"2"]
        posted = envelope(await line.request("POST", f"/device/1/{DEVICE}/up?box={first.box}&after={number + 1}"))
        assert [letter.payload for letter in posted.letters] == [b"2"]
        assert (await on.connect(line, f"?box={first.box}&after={number + 2}")).letters == []


async def test_what_was_not_heard_over_one_connection_comes_over_the_next(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        line = on.line()
        before = await on.connect(line)
        on.listener.boxes.send(DEVICE, "cmd/3f2a9c1e", b"1")
        after = await on.connect(line)
        assert [letter.payload for letter in after.letters] == [b"1"]
        answer = await line.request("GET", f"/device/1/{DEVICE}/messages?box={before.box}&after=0")
        assert said(answer) == (410, "connect again")


async def test_a_question_is_held_open_until_there_is_an_answer(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        line = on.line()
        box = (await on.connect(line)).box
        loop = asyncio.get_running_loop()
        began = loop.time()
        waiting = asyncio.create_task(on.connect(line, f"?box={box}&after=0&wait=20"))
        loop.call_later(0.2, on.listener.boxes.send, DEVICE, "cmd/3f2a9c1e", b"1")
        assert [letter.payload for letter in (await waiting).letters] == [b"1"]
        assert 0.15 < loop.time() - began < 5
        assert (await on.connect(line, f"?box={box}&after=1&wait=0.05")).letters == []


async def test_a_goodbye_closes_the_box_and_silence_is_the_last_will(tmp_path: Path) -> None:
    offline = wire.encode_status(wire.Status("offline"))
    async with stage(tmp_path, grace_s=0.1) as on:
        line = on.line()
        box = (await on.connect(line)).box
        await line.request("POST", f"/device/1/{DEVICE}/status?box={box}&after=0", offline)
        assert len(on.listener.boxes) == 0
        await on.connect(line, "?again=0.1")
        await until(lambda: on.door.heard == [("status", offline)] * 2)
        assert len(on.listener.boxes) == 0


async def test_a_certificate_that_was_renewed_is_shown_to_the_next_who_comes(tmp_path: Path) -> None:
    async with stage(tmp_path, grace_s=0.05) as on:
        fresh = on.pki.issue("renewed", hosts=(HERE,))
        on.server.certificate.write_bytes(b"half a certific")
        await asyncio.sleep(0.2)
        assert (await on.line().request("POST", f"/device/1/{DEVICE}/up")).status == 200
        on.server.key.write_bytes(fresh.key.read_bytes())
        on.server.certificate.write_bytes(fresh.certificate.read_bytes())

        def shown() -> str:
            pem = ssl.get_server_certificate((HERE, on.listener.port))
            return ssl.PEM_cert_to_DER_cert(pem).hex()

        expected = ssl.PEM_cert_to_DER_cert(fresh.certificate.read_text()).hex()
        async with asyncio.timeout(10):
            while await asyncio.to_thread(shown) != expected:
                await asyncio.sleep(0.05)


async def test_a_listener_that_stops_lets_nobody_wait(tmp_path: Path) -> None:
    on = Stage(tmp_path, 30.0)
    with on.listener as listener:
        task = asyncio.create_task(listener.run())
        line = on.line()
        box = (await on.connect(line)).box
        waiting = asyncio.create_task(line.request("GET", f"/device/1/{DEVICE}/messages?box={box}&wait=100"))
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (await waiting).status == 410
        assert asyncio.get_running_loop().time() - began < 3
        on.close()


def test_without_tls_only_loopback_and_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    door, greeter = RecordingDoor(), KeptGreeter()
    with pytest.raises(BadSetup, match="without TLS only an address of this machine"):
        DeviceListener(("0.0.0.0", 0), None, door, greeter, None).__enter__()
    missing = ListenerFiles(tmp_path / "server.crt", None, tmp_path / "ca.crt")
    with pytest.raises(BadSetup, match=r"server\.crt.*cannot be used for TLS"):
        DeviceListener((HERE, 0), missing, door, greeter, None).__enter__()
    with DeviceListener((HERE, 0), None, door, greeter, None) as first, pytest.raises(BadSetup, match="in use"):
        DeviceListener((HERE, first.port), None, door, greeter, None).__enter__()


async def test_on_loopback_without_tls_every_name_is_believed() -> None:
    door, port = RecordingDoor(), free_port()
    with DeviceListener((HERE, port), None, door, KeptGreeter(), None) as listener:
        task = asyncio.create_task(listener.run())
        line = HttpLine(HERE, port, tls=None)
        assert (await line.request("POST", f"/device/1/{DEVICE}/up", b"x")).status == 200
        line.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert door.heard == [("up", b"x")]
