"""One HTTP/1.1 connection, against servers that a test scripts byte by byte."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.domain.errors import BadSetup, UplinkUnavailable
from agent.uplink.http_line import HttpLine, proxy_for
from agent.uplink.tls import Tls, TlsFiles
from tests.helpers.broker import free_port
from tests.helpers.http_talk import Talk, head, serving
from tests.helpers.pki import Pki

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def answering(*answers: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await head(reader)
            writer.write(answer)
            await writer.drain()

    return talk


def line(port: int, **more: object) -> HttpLine:
    return HttpLine("127.0.0.1", port, tls=None, timeout_s=2, **more)  # type: ignore[arg-type]


async def test_requests_follow_each_other_on_one_connection() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            request = await head(reader)
            words = request.split(b" ")[1]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(words), words))

    async with serving(talk) as port:
        one = line(port)
        answers = await asyncio.gather(*(one.request("POST", f"/{number}", b"x" * number) for number in range(5)))
        assert [answer.body for answer in answers] == [b"/0", b"/1", b"/2", b"/3", b"/4"]
        one.close()
    assert connections == 1


async def test_answers_in_chunks_and_what_comes_before_the_answer() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;note\r\nabc\r\n1\r\nd\r\n0\r\nTrailer: x\r\n\r\n"
    async with serving(answering(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + chunked, OK)) as port:
        one = line(port)
        assert (await one.request("GET", "/")).body == b"abcd"
        assert (await one.request("GET", "/")).body == b"ok"
        one.close()


async def test_a_connection_closed_in_the_pause_is_made_again() -> None:
    async with serving(answering(OK)) as port:
        one = line(port)
        for _ in range(3):
            assert (await one.request("POST", "/", b"again")).status == 200
            await asyncio.sleep(0.02)
        one.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "closed"),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\n", "bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "many"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n", "bytes"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "zz"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100 + b"\r\n", "headers"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 20_000, "limit"),
    ],
)
async def test_answers_that_are_none(answer: bytes, words: str) -> None:
    async with serving(answering(answer)) as port:
        with pytest.raises(UplinkUnavailable, match=words):
            await line(port, max_body=1000).request("GET", "/")


async def test_silence_has_an_end_and_the_next_request_is_not_given_the_late_answer() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await head(reader)
        if b"/slow" in request:
            await asyncio.sleep(0.3)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
        else:
            writer.write(OK)

    async with serving(talk) as port:
        one = HttpLine("127.0.0.1", port, tls=None, timeout_s=0.1)
        with pytest.raises(UplinkUnavailable, match=r"no answer within 0\.1 s"):
            await one.request("GET", "/slow")
        assert (await one.request("GET", "/")).body == b"ok"
        assert (await one.request("GET", "/slow", patience_s=1.0)).body == b"late"
        one.close()


async def test_nobody_there_is_said() -> None:
    port = free_port()
    with pytest.raises(UplinkUnavailable, match=f"http 127.0.0.1:{port}"):
        await line(port).request("GET", "/")


class Proxy:
    """A proxy that knows CONNECT."""

    def __init__(self, *, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> None:
        self.asked: list[bytes] = []
        self._answer = answer

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await head(reader)
        self.asked.append(request)
        writer.write(self._answer)
        if b" 200 " not in self._answer:
            await writer.drain()
            return
        host, port = request.split(b" ")[1].decode().rsplit(":", 1)
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def secure(pki: Pki) -> AsyncIterator[int]:
    pair = pki.issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK, OK)(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def test_a_proxy_is_asked_for_a_tunnel_and_sees_nothing(tmp_path: Path) -> None:
    pki, proxy = Pki(tmp_path), Proxy()
    async with secure(pki) as port, serving(proxy.talk) as through:
        address = f"http://user:p%40ss@127.0.0.1:{through}"
        one = HttpLine("127.0.0.1", port, tls=Tls(TlsFiles(pki.ca)).context(), proxy=address, timeout_s=5)
        assert (await one.request("POST", "/secret", b"x" * 100_000)).body == b"ok"
        assert (await one.request("POST", "/secret", b"y")).body == b"ok"
        one.close()
    assert len(proxy.asked) == 1
    assert proxy.asked[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % port)
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"user:p@ss") in proxy.asked[0]


async def test_behind_a_proxy_the_far_end_is_still_checked(tmp_path: Path) -> None:
    proxy = Proxy()
    async with secure(Pki(tmp_path / "theirs", "theirs")) as port, serving(proxy.talk) as through:
        tls = Tls(TlsFiles(Pki(tmp_path / "ours").ca)).context()
        with pytest.raises(UplinkUnavailable, match="verify failed"):
            await HttpLine("127.0.0.1", port, tls=tls, proxy=f"127.0.0.1:{through}", timeout_s=5).request("GET", "/")


async def test_a_proxy_that_says_no(tmp_path: Path) -> None:
    for answer, kind in (
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", BadSetup),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", UplinkUnavailable),
    ):
        async with serving(Proxy(answer=answer).talk) as through:
            with pytest.raises(kind, match=f"proxy 127.0.0.1:{through}"):
                await line(1, proxy=f"http://127.0.0.1:{through}").request("GET", "/")


@pytest.mark.parametrize("address", ["https://proxy:1", "http://", "http://proxy:99999", "socks5://proxy:1"])
async def test_a_proxy_that_is_none(address: str) -> None:
    with pytest.raises(BadSetup, match="is not an address"):
        await line(1, proxy=address).request("GET", "/")


def test_the_environment_names_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert proxy_for("cloud.example.org") is None
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "local.example.org")
    assert proxy_for("cloud.example.org") == "http://proxy:3128"
    assert proxy_for("local.example.org") is None
