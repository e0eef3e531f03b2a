"""The aggregator's address, its certificate, its answers: verified, and told in words."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from agent.domain.errors import BadInput, BadSetup, UplinkUnavailable
from agent.domain.identity import CLAIM, IDENTITY_PATH, ClaimRequest
from agent.identity.contact import Aggregator, Refused
from cloud.identity import authority as ca
from cloud.identity.folder import Folder
from tests.helpers.broker import free_port
from tests.helpers.identities import HOSTS, now_ms
from tests.helpers.webapp import served

NOW_MS = now_ms()
ASKED = ClaimRequest("token", "csr")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    made = Folder(tmp_path_factory.mktemp("folder"))
    made.refresh(made.create(NOW_MS), NOW_MS, HOSTS)
    return made


@pytest.fixture(scope="module")
def url(folder: Folder) -> Iterator[str]:
    """A server that answers what the token names."""

    async def claim(request: Request) -> Response:
        said = await request.json()
        status, _, body = said["token"].partition(" ")
        return PlainTextResponse(body, status_code=int(status))

    with served(
        Starlette(routes=[Mount(IDENTITY_PATH, routes=[Route(CLAIM, claim, methods=["POST"])])]),
        certificate=folder.server,
    ) as address:
        yield address


@pytest.mark.parametrize("text", ["", "x", "http://x", "https://", "https://x/y", "https://x?y", "ftp://x", "https:x"])
def test_only_https_and_a_host_is_an_address(text: str) -> None:
    with pytest.raises(BadInput, match="expected https://HOST"):
        Aggregator(text, NOW_MS)


def test_a_slash_at_the_end_does_no_harm() -> None:
    assert Aggregator("https://x.example.org:1/", NOW_MS).url == "https://x.example.org:1"


@pytest.mark.parametrize(
    ("token", "kind", "said"),
    [
        ("200 nonsense", UplinkUnavailable, "an answer that is no certificate"),
        ("404 Not Found", BadSetup, "answers 404 Not Found"),
        ("502 Bad Gateway", UplinkUnavailable, "answers 502 Bad Gateway"),
        ('503 {"error":{"code":"away","message":"not now"}}', UplinkUnavailable, "not now"),
        ('429 {"error":{"code":"too_often","message":"wait"}}', UplinkUnavailable, "wait"),
        ('403 {"error":{"code":"token_used","message":"used","hint":"ask"}}', Refused, "used"),
    ],
)
def test_every_answer_is_told(folder: Folder, url: str, token: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said) as caught:
        Aggregator(url, NOW_MS).ask(CLAIM, ClaimRequest(token, ""), folder.ca.read_text())
    if isinstance(caught.value, Refused):
        assert (caught.value.code, caught.value.hint) == ("token_used", "ask")


def test_nobody_there_is_told() -> None:
    with pytest.raises(UplinkUnavailable, match="Connection refused"):
        Aggregator(f"https://127.0.0.1:{free_port()}", NOW_MS).fetch_ca()


def test_a_server_of_another_authority_hears_nothing(url: str) -> None:
    other = ca.make_authority(NOW_MS)
    with pytest.raises(BadSetup, match="its certificate is not accepted"):
        Aggregator(url, NOW_MS).ask(CLAIM, ASKED, other.pem)


def server_file(path: Path, authority: ca.Authority, hosts: list[str], issued_ms: int, days: float) -> Path:
    key = ca.make_key()
    path.write_text(ca.pem(ca.issue_server(authority, hosts, key.public_key(), issued_ms, days)) + ca.key_pem(key))
    return path


def test_a_server_under_another_name_hears_nothing(tmp_path: Path, folder: Folder) -> None:
    other = server_file(tmp_path / "other.pem", folder.load(), ["b.example.org"], NOW_MS, 5)
    with served(Starlette(), certificate=other) as address:
        with pytest.raises(BadSetup, match="IP address mismatch") as caught:
            Aggregator(address, NOW_MS).ask(CLAIM, ASKED, folder.ca.read_text())
        assert "name the host" in caught.value.hint


def test_a_server_that_expired_makes_one_think_of_the_clock(tmp_path: Path, folder: Folder) -> None:
    authority = folder.load()
    old = server_file(tmp_path / "old.pem", authority, HOSTS, NOW_MS - 10 * ca.DAY_MS, 5)
    with served(Starlette(), certificate=old) as address:
        with pytest.raises(BadSetup, match="certificate has expired") as caught:
            Aggregator(address, 1_262_304_000_000).ask(CLAIM, ASKED, authority.pem)
        assert caught.value.hint == "this device's clock shows 2010-01-01 00:00 UTC; is that right?"


def test_an_authority_that_is_none_is_told(url: str) -> None:
    with pytest.raises(BadSetup, match="certificate authority: cannot be used"):
        Aggregator(url, NOW_MS).ask(CLAIM, ASKED, "nonsense")


def test_the_port_of_the_pages_is_told_apart() -> None:
    with served(Starlette()) as address, pytest.raises(BadSetup, match="speaks no HTTPS there") as caught:
        Aggregator(address.replace("http:", "https:"), NOW_MS).fetch_ca()
    assert "[devices]" in caught.value.hint
