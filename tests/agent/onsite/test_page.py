"""The page lets in who knows the PIN, does only what its own forms ask, and shows text as text."""

import asyncio
import re
from collections.abc import AsyncIterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlencode

import pytest

from agent.clock import SystemClock
from agent.domain.errors import BadSetup
from agent.domain.signals import GRID_POWER, PV_POWER
from agent.onsite.keeping import Draft
from agent.onsite.page import Page, PageSettings
from agent.onsite.wizard import Place, Wizard
from tests.helpers.onsite_bench import PlainBench

PIN = "271828"


class Phone:
    """A browser without a screen."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = ""
        self.token = ""

    async def get(self, path: str) -> tuple[HTTPResponse, str]:
        return await self._ask("GET", path, None)

    async def post(self, path: str, **fields: str) -> tuple[HTTPResponse, str]:
        return await self._ask("POST", path, {"token": self.token, **fields})

    async def _ask(self, method: str, path: str, fields: dict[str, str] | None) -> tuple[HTTPResponse, str]:
        answer, body = await asyncio.to_thread(self._now, method, path, fields)
        if cookie := answer.getheader("Set-Cookie"):
            self.cookie = cookie.split(";")[0]
        if found := re.search(r'name="token" value="([^"]+)"', body):
            self.token = found[1]
        return answer, body

    def _now(self, method: str, path: str, fields: dict[str, str] | None) -> tuple[HTTPResponse, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            headers = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
            connection.request(method, path, urlencode(fields) if fields is not None else None, headers)
            answer = connection.getresponse()
            return answer, answer.read().decode()
        finally:
            connection.close()

    async def enter(self) -> None:
        answer, _ = await self.post("/login", pin=PIN)
        assert answer.status == 303
        await self.get("/")


@pytest.fixture
def wizard(tmp_path: Path) -> Wizard:
    place = Place(tmp_path / "site.toml", tmp_path / "state")
    return Wizard(place, PlainBench(), SystemClock(), Draft())


@pytest.fixture
async def page(wizard: Wizard) -> AsyncIterator[Page]:
    async with Page(wizard, PageSettings("127.0.0.1", 0, PIN)) as page:
        yield page
    await wizard.stop()


@pytest.fixture
async def phone(page: Page) -> Phone:
    phone = Phone(page.port)
    await phone.enter()
    return phone


@pytest.mark.parametrize("path", ["/", "/read", "/prove", "/write", "/nothing"])
async def test_without_the_pin_nothing_is_shown(page: Page, wizard: Wizard, path: str) -> None:
    wizard.name_site("mill", {"name": "Secret Mill"})
    answer, body = await Phone(page.port).get(path)
    assert answer.status == 200
    assert 'name="pin"' in body
    assert "Secret Mill" not in body


async def test_without_the_pin_nothing_is_done(page: Page, wizard: Wizard) -> None:
    await Phone(page.port).post("/site", device="mill")
    assert wizard.draft.device == ""


async def test_who_guesses_is_kept_out(page: Page) -> None:
    phone = Phone(page.port)
    for _ in range(5):
        answer, _ = await phone.post("/login", pin="000000")
        assert answer.status == 403
    _, body = await phone.post("/login", pin=PIN)
    assert "Too many wrong PINs" in body
    assert phone.cookie == ""


async def test_a_form_of_somebody_else_does_nothing(phone: Phone, wizard: Wizard) -> None:
    phone.token = "other"
    answer, _ = await phone.post("/site", device="mill")
    assert answer.status == 403
    assert wizard.draft.device == ""


async def test_every_answer_forbids_scripts_and_strangers(phone: Phone) -> None:
    answer, body = await phone.get("/")
    policy = answer.getheader("Content-Security-Policy") or ""
    assert "default-src 'none'" in policy
    assert "script" not in body
    assert answer.getheader("X-Frame-Options") == "DENY"
    assert answer.getheader("Cache-Control") == "no-store"
    nonce = re.search(r"nonce-([\w-]+)", policy)
    assert nonce is not None
    assert f'nonce="{nonce[1]}"' in body


async def test_a_site_is_named_and_a_device_added_and_removed(phone: Phone, wizard: Wizard) -> None:
    _, body = await phone.post("/site", device="No Good")
    assert "must be 3 to 40" in body
    await phone.post("/site", device="mill", name="Mill", latitude="52,5", longitude="13.4", timezone="")
    assert wizard.draft.site == {"name": "Mill", "timezone": "UTC", "latitude": 52.5, "longitude": 13.4}
    body = await looked(phone, "10.0.0.9")
    assert "a thing at 10.0.0.9" in body
    assert "any &lt;SunSpec&gt;" in body
    fields = {"name": "roof", "profile": "sunspec", "host": "10.0.0.9", "port": "502", "unit": "1"}
    _, body = await phone.post("/add", **fields)
    assert "the meter counts the other way" in body, "a profile that was not guessed is asked for its variants"
    assert 'name="host" value="10.0.0.9"' in body
    assert wizard.draft.sources == ()
    await phone.post("/add", **fields, asked="sunspec", variants="other_way")
    expected = {"name": "roof", "profile": "sunspec", "host": "10.0.0.9", "port": 502, "unit": 1}
    assert wizard.draft.sources[0].table == {**expected, "variants": ["other_way"]}
    _, body = await phone.get("/read")
    assert "A &lt;thing&gt;" in body
    assert "40000: 0190" in body
    await phone.post("/remove", name="roof")
    assert wizard.draft.sources == ()
    body = await looked(phone, "nowhere")
    assert "Nobody answers at nowhere" in body


async def looked(phone: Phone, where: str) -> str:
    """What a search there ends with."""
    answer, _ = await phone.post("/scan", where=where)
    assert answer.getheader("Location") == "/scan"
    _, body = await phone.get("/scan")
    while "Looking at" in body:
        _, body = await phone.get("/scan")
    return body


async def test_a_long_search_tells_how_far_it_is_and_can_be_given_up(phone: Phone, wizard: Wizard) -> None:
    bench = wizard.bench
    assert isinstance(bench, PlainBench)
    bench.gate = asyncio.Event()
    await phone.post("/scan", where="10.0.0.0/24")
    _, body = await phone.get("/scan")
    assert "Looking at 10.0.0.0/24" in body
    assert "1 of 1 addresses" in body
    assert 'http-equiv="refresh"' in body
    await phone.post("/scan/stop")
    assert wizard.searching is None
    answer, _ = await phone.get("/scan")
    assert answer.getheader("Location") == "/"


async def test_a_search_that_fails_is_told_once(phone: Phone, wizard: Wizard) -> None:
    body = await looked(phone, "broken")
    assert "no such range" in body
    assert wizard.searching is None


async def test_a_device_without_a_profile_is_not_added(phone: Phone, wizard: Wizard) -> None:
    _, body = await phone.post("/add", name="roof", host="10.0.0.9")
    assert "none was chosen" in body
    assert wizard.draft.sources == ()


async def test_what_two_devices_give_is_asked_for(phone: Phone, wizard: Wizard) -> None:
    bench = wizard.bench
    assert isinstance(bench, PlainBench)
    bench.gives = {"roof": (GRID_POWER, PV_POWER), "meter": (GRID_POWER,)}
    fields = {"profile": "sunspec", "asked": "sunspec", "host": "10.0.0.9"}
    await phone.post("/add", name="roof", **fields)
    _, body = await phone.post("/add", name="meter", **fields)
    assert "gives grid power, and so does roof" in body
    assert len(wizard.draft.sources) == 1
    await phone.post("/add", name="meter", **fields, prefer="new")
    assert [source.table.get("signals") for source in wizard.draft.sources] == [[PV_POWER], None]


async def test_what_is_typed_is_never_html(phone: Phone) -> None:
    body = await looked(phone, '"><script>alert(1)</script>')
    assert "<script" not in body
    assert "&lt;script" in body


async def test_a_proof_begins_and_can_be_stopped(phone: Phone, wizard: Wizard) -> None:
    await phone.post("/add", name="roof", profile="sunspec", host="10.0.0.9", asked="sunspec")
    _, body = await phone.post("/prove/start", watts="2000")
    _, body = await phone.get("/prove")
    assert "Leave everything as it is" in body
    assert 'http-equiv="refresh"' in body
    await phone.post("/prove/press")
    await phone.post("/prove/stop")
    assert wizard.run is None
    _, body = await phone.post("/prove/start", watts="1")
    assert "expected 500 to 12000" in body


async def test_the_file_is_replaced_only_when_that_was_said(phone: Phone, wizard: Wizard) -> None:
    wizard.place.config.write_text('[device]\nid = "mill"\n')
    await phone.post("/add", name="roof", profile="sunspec", host="10.0.0.9", asked="sunspec")
    _, body = await phone.get("/write")
    assert "roof" in body
    _, body = await phone.post("/write")
    assert "tick that it may be replaced" in body
    _, body = await phone.post("/write", replace="yes")
    assert "Written" in body
    assert "roof" in wizard.place.config.read_text()


async def test_there_is_no_other_page(phone: Phone) -> None:
    answer, _ = await phone.get("/../etc/passwd")
    assert answer.status == 404


@pytest.mark.parametrize(
    "raw",
    [
        b"PUT / HTTP/1.1\r\n\r\n",
        b"GET nothing HTTP/1.1\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_not_a_request_is_refused(page: Page, raw: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
    writer.write(raw)
    assert b" 400 " in (await reader.read()).split(b"\r\n")[0] + b" "
    writer.close()


async def test_it_closes_by_itself_and_says_when_it_cannot_open(wizard: Wizard, page: Page) -> None:
    async with Page(wizard, PageSettings("127.0.0.1", 0, PIN, open_s=0.01)) as short:
        await short.until_closed()
    with pytest.raises(BadSetup, match="cannot listen"):
        async with Page(wizard, PageSettings("127.0.0.1", page.port, PIN)):
            pass
