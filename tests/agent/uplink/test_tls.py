"""Certificates of every kind against a real TLS server, with a clock that is right and one that is known wrong."""

import asyncio
import datetime as dt
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent.domain.errors import BadSetup, UplinkUnavailable
from agent.uplink.tls import NO_CHECK_TIME, CheckedContext, ClockTrust, Tls, TlsFiles
from tests.helpers.pki import DAY, Pair, Pki
from tests.helpers.tls_server import WORD, tls_server

NOW = dt.datetime.now(dt.UTC)
YEAR = 365 * DAY
# In its time this certificate was right; by this machine's clock it ended long ago.
PAST = dt.datetime(2012, 1, 1, tzinfo=dt.UTC)


def trust(floor: dt.datetime = NOW, *, right: bool = False) -> ClockTrust:
    return ClockTrust(lambda: right, lambda: round(floor.timestamp() * 1000))


async def by_streams(context: CheckedContext, port: int) -> bytes:
    """As the HTTPS carrier does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="127.0.0.1")
    try:
        return await reader.readline()
    finally:
        writer.close()


async def by_socket(context: CheckedContext, port: int) -> bytes:
    """As the MQTT library does: in a thread, with the handshake asked for."""

    def connect() -> bytes:
        with socket.create_connection(("127.0.0.1", port), 5) as plain:
            wrapped = context.wrap_socket(plain, server_hostname="127.0.0.1", do_handshake_on_connect=False)
            with wrapped:
                wrapped.do_handshake()
                return wrapped.recv(100)

    return await asyncio.to_thread(connect)


Way = Callable[[CheckedContext, int], Awaitable[bytes]]


@pytest.fixture(params=[by_streams, by_socket])
def way(request: pytest.FixtureRequest) -> Way:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("other"), "other")


async def attempt(way: Way, pki: Pki, pair: Pair, judged: ClockTrust) -> bytes:
    async with tls_server(pair) as port:
        return await way(Tls(TlsFiles(pki.ca), judged).context(), port)


async def refused(way: Way, pki: Pki, pair: Pair, judged: ClockTrust) -> str:
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        await attempt(way, pki, pair, judged)
    return str(caught.value)


@pytest.mark.parametrize("right", [True, False])
async def test_a_good_certificate_passes(way: Way, pki: Pki, right: bool) -> None:
    assert await attempt(way, pki, pki.issue("server"), trust(right=right)) == WORD


@pytest.mark.parametrize("right", [True, False])
async def test_another_authority_is_refused_whatever_the_clock(way: Way, pki: Pki, other: Pki, right: bool) -> None:
    assert "verify failed" in await refused(way, pki, other.issue("server"), trust(right=right))


@pytest.mark.parametrize("right", [True, False])
async def test_another_name_is_refused_whatever_the_clock(way: Way, pki: Pki, right: bool) -> None:
    pair = pki.issue("server", hosts=("elsewhere.example.org", "127.0.0.2"))
    assert "127.0.0.1" in await refused(way, pki, pair, trust(right=right))


@pytest.mark.parametrize("right", [True, False])
async def test_one_that_has_ended_is_refused_whatever_the_clock(way: Way, pki: Pki, right: bool) -> None:
    pair = pki.issue("server", begins=NOW - YEAR, ends=NOW - DAY)
    assert "expired" in await refused(way, pki, pair, trust(right=right))


async def test_one_of_the_future_is_refused_by_a_clock_that_is_right(way: Way, pki: Pki) -> None:
    pair = pki.issue("server", begins=NOW + DAY, ends=NOW + YEAR)
    assert "not yet valid" in await refused(way, pki, pair, trust(right=True))


async def test_a_wrong_clock_cannot_say_that_it_has_not_begun(way: Way, pki: Pki) -> None:
    pair = pki.issue("server", begins=NOW + DAY, ends=NOW + YEAR)
    assert await attempt(way, pki, pair, trust()) == WORD


async def test_while_the_clock_is_wrong_only_time_that_has_passed_counts(way: Way, pki: Pki) -> None:
    pair = pki.issue("server", begins=PAST - DAY, ends=PAST + YEAR)
    assert await attempt(way, pki, pair, trust(PAST)) == WORD
    assert await attempt(way, pki, pair, trust(PAST + YEAR)) == WORD
    words = await refused(way, pki, pair, trust(PAST + YEAR + DAY))
    assert "it ended 2012-12-31 00:00 UTC, and it is 2013-01-01 00:00 UTC or later" in words


def test_verification_is_never_off(pki: Pki) -> None:
    for right in (True, False):
        context = Tls(TlsFiles(pki.ca), trust(right=right)).context()
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert bool(context.verify_flags & NO_CHECK_TIME) is not right


def test_a_connection_made_in_doubt_ends_when_the_clock_is_right(pki: Pki) -> None:
    right = False
    context = Tls(TlsFiles(pki.ca), ClockTrust(lambda: right, lambda: 0)).context()
    context.still_fits()
    right = True
    with pytest.raises(UplinkUnavailable, match="the clock is right now"):
        context.still_fits()
    Tls(TlsFiles(pki.ca), ClockTrust(lambda: right, lambda: 0)).context().still_fits()


def test_files_that_cannot_be_used_are_named(tmp_path: Path, pki: Pki) -> None:
    missing = tmp_path / "missing.pem"
    with pytest.raises(BadSetup, match=r"missing\.pem: cannot be used for TLS"):
        Tls(TlsFiles(missing)).context()
    pair, another = pki.issue("site-01"), pki.issue("site-02")
    with pytest.raises(BadSetup, match=r"site-01.*cannot be used for TLS"):
        Tls(TlsFiles(pki.ca, pair.certificate, another.key)).context()
