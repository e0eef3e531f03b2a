"""The wizard as a page for a phone: off unless asked for, behind a PIN, on one address, and closed after a while."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from agent.domain.errors import BadSetup, EmberwattError
from agent.domain.wire import is_device_id
from agent.onsite import views
from agent.onsite.cues import ProofPlan
from agent.onsite.doorkeeper import Doorkeeper
from agent.onsite.http import HttpServer, Request, Response
from agent.onsite.sharing import Overlap, Prefer
from agent.onsite.views import Frame
from agent.onsite.wizard import Wizard, is_zone

_COOKIE: Final = "emberwatt_setup"
_NUMBERS: Final = ("port", "baud", "unit")
_POLICY: Final = "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class PageSettings:
    """Where to listen, what lets in, and after how many seconds the page closes."""

    host: str
    port: int
    pin: str
    open_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who is let in, and what every page of the answer has."""

    frame: Frame
    request: Request


_Act = Callable[["Page", Visit], Awaitable[Response]]


class Page:
    """Opened with `async with`; `until_closed` returns when its time is over or the site file was written."""

    def __init__(self, wizard: Wizard, settings: PageSettings) -> None:
        self._wizard = wizard
        self._settings = settings
        self._door = Doorkeeper(settings.pin, wizard.clock)
        self._http = HttpServer(settings.host, settings.port, self._answer)
        self._one_at_a_time = asyncio.Lock()

    @property
    def port(self) -> int:
        return self._http.port

    async def __aenter__(self) -> "Page":
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._http.__aexit__(*exc)

    async def until_closed(self) -> None:
        """Real seconds: how fast the agent's clock runs does not matter here."""
        await asyncio.sleep(self._settings.open_s)

    async def _answer(self, request: Request) -> Response:
        nonce = secrets.token_urlsafe(12)
        response = await self._routed(request, nonce)
        policy = f"default-src 'none'; style-src 'nonce-{nonce}'; {_POLICY}"
        return Response(
            response.body, response.status, {"Content-Security-Policy": policy, **response.headers}, response.to
        )

    async def _routed(self, request: Request, nonce: str) -> Response:
        session = request.cookies.get(_COOKIE, "")
        token = self._door.token(session)
        site = self._wizard.draft
        frame = Frame(token or "", nonce, str(site.site.get("name") or site.device) if token else "")
        if token is None:
            return self._login(frame, request)
        if request.method == "POST" and not secrets.compare_digest(request.form.get("token", ""), token):
            return Response(views.page(frame, "", "This form is no longer good."), HTTPStatus.FORBIDDEN)
        act = _ROUTES.get((request.method, request.path))
        if act is None:
            return Response(views.page(frame, "", "There is no such page."), HTTPStatus.NOT_FOUND)
        async with self._one_at_a_time:
            try:
                return await act(self, Visit(frame, request))
            except (EmberwattError, ValueError) as error:
                troubled = Frame(frame.token, frame.nonce, frame.site, str(error))
                return Response(views.choose(troubled, self._wizard.draft.sources, named=self._named))

    def _login(self, frame: Frame, request: Request) -> Response:
        wrong = ""
        if request.method == "POST" and request.path == "/login":
            session = self._door.enter(request.form.get("pin", ""))
            if session is not None:
                cookie = f"{_COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict"
                return Response(headers={"Set-Cookie": cookie}, to="/")
            wrong = "That is not the PIN."
        shown = views.login(Frame(frame.token, frame.nonce, "", wrong), self._door.pause_s())
        return Response(shown, HTTPStatus.FORBIDDEN if wrong else HTTPStatus.OK)

    @property
    def _named(self) -> bool:
        return bool(self._wizard.draft.device)

    async def _choose(self, visit: Visit) -> Response:
        return Response(views.choose(visit.frame, self._wizard.draft.sources, named=self._named))

    async def _site(self, visit: Visit) -> Response:
        device = visit.request.form.get("device", "")
        if not is_device_id(device):
            raise BadSetup("name at the broker", f"{device!r} must be 3 to 40 of a-z, 0-9 and -")
        site: dict[str, Any] = {"name": visit.request.form.get("name") or device}
        site["timezone"] = zone = visit.request.form.get("timezone") or "UTC"
        if not is_zone(zone):
            raise BadSetup("time zone", f"got {zone!r}, expected a name such as Europe/Berlin")
        latitude, longitude = (visit.request.form.get(key, "").replace(",", ".") for key in ("latitude", "longitude"))
        if latitude and longitude:
            site |= {"latitude": float(latitude), "longitude": float(longitude)}
        self._wizard.name_site(device, site)
        return Response(to="/")

    async def _scan(self, visit: Visit) -> Response:
        await self._wizard.search(visit.request.form.get("where", "").strip())
        return Response(to="/scan")

    async def _searching(self, visit: Visit) -> Response:
        search = self._wizard.searching
        if search is None:
            return Response(to="/")
        try:
            candidates = search.found()
        except EmberwattError:
            await self._wizard.give_up()
            raise
        if candidates is None:
            return Response(views.looking(visit.frame, search.where, search.says))
        return Response(views.found(visit.frame, candidates, self._wizard.bench.profiles(), search.where))

    async def _give_up(self, _: Visit) -> Response:
        await self._wizard.give_up()
        return Response(to="/")

    async def _add(self, visit: Visit) -> Response:
        given = visit.request.form
        chosen = next((each for each in self._wizard.bench.profiles() if each.name == given.get("profile")), None)
        if chosen is None:
            raise BadSetup("profile", "none was chosen; look again and choose the one that the device is of")
        if chosen.variants and given.get("asked") != chosen.name:
            kept = {key: value for key, value in given.items() if key not in ("asked", "variants")}
            return Response(views.ask_variants(visit.frame, chosen, kept))
        table: dict[str, Any] = {key: given[key] for key in ("name", "profile", *views.PLACE) if given.get(key)}
        table |= {key: int(value) for key, value in table.items() if key in _NUMBERS and value.isdigit()}
        variants = [value for key, value in visit.request.forms if key == "variants"]
        prefer: Prefer | None = "new" if given.get("prefer") == "new" else "old" if "prefer" in given else None
        try:
            self._wizard.add({**table, "variants": variants} if variants else table, prefer=prefer)
        except Overlap as overlap:
            rest = [(key, value) for key, value in visit.request.forms if key not in ("token", "prefer")]
            return Response(views.overlap(visit.frame, overlap.names, overlap.others, rest))
        return Response(to="/")

    async def _remove(self, visit: Visit) -> Response:
        self._wizard.remove(visit.request.form.get("name", ""))
        return Response(to="/")

    async def _read(self, visit: Visit) -> Response:
        return Response(views.read(visit.frame, await self._wizard.look()))

    async def _prove(self, visit: Visit) -> Response:
        wizard = self._wizard
        if wizard.run is not None:
            cue = wizard.run.cue()
            if cue is not None:
                return Response(views.proving(visit.frame, cue, wizard.run.latest))
            await wizard.conclude()
        if wizard.proof is not None:
            can_apply = [wizard.can_apply(finding) for finding in wizard.proof.findings]
            return Response(views.verdict(visit.frame, wizard.proof, can_apply, changed=wizard.changed))
        load, heat = wizard.provable()
        return Response(views.prepare(visit.frame, load=load, heat=heat))

    async def _start(self, visit: Visit) -> Response:
        load, heat = self._wizard.provable()
        watts = float(visit.request.form.get("watts") or 2000)
        if not 100 <= watts <= 50_000:
            raise BadSetup("watts", f"got {watts:g}, expected 500 to 12000")
        said = visit.request.form.get("outdoor", "").replace(",", ".")
        plan = ProofPlan(watts, 3 if "phases" in visit.request.form else 1, load, heat, float(said) if said else None)
        await self._wizard.start(plan)
        return Response(to="/prove")

    async def _press(self, _: Visit) -> Response:
        if self._wizard.run is not None:
            self._wizard.run.press()
        return Response(to="/prove")

    async def _again(self, _: Visit) -> Response:
        await self._wizard.stop()
        self._wizard.proof = None
        return Response(to="/prove")

    async def _apply(self, visit: Visit) -> Response:
        proof, which = self._wizard.proof, visit.request.form.get("which", "")
        if proof is not None and which.isdigit() and int(which) < len(proof.findings):
            self._wizard.apply(proof.findings[int(which)])
        return Response(to="/prove")

    async def _preview(self, visit: Visit) -> Response:
        proof = self._wizard.draft.proof
        exists = self._wizard.place.config.exists()
        return Response(
            views.write(visit.frame, self._wizard.text(), exists=exists, proven=bool(proof and proof.get("right")))
        )

    async def _write(self, visit: Visit) -> Response:
        if self._wizard.place.config.exists() and "replace" not in visit.request.form:
            raise BadSetup(str(self._wizard.place.config), "exists; tick that it may be replaced")
        backup = self._wizard.write()
        return Response(
            views.written(visit.frame, str(self._wizard.place.config), "" if backup is None else str(backup))
        )


_ROUTES: Final[Mapping[tuple[str, str], _Act]] = {
    ("GET", "/"): Page._choose,
    ("POST", "/site"): Page._site,
    ("POST", "/scan"): Page._scan,
    ("GET", "/scan"): Page._searching,
    ("POST", "/scan/stop"): Page._give_up,
    ("POST", "/add"): Page._add,
    ("POST", "/remove"): Page._remove,
    ("GET", "/read"): Page._read,
    ("GET", "/prove"): Page._prove,
    ("POST", "/prove/start"): Page._start,
    ("POST", "/prove/press"): Page._press,
    ("POST", "/prove/stop"): Page._again,
    ("POST", "/prove/again"): Page._again,
    ("POST", "/prove/apply"): Page._apply,
    ("GET", "/write"): Page._preview,
    ("POST", "/write"): Page._write,
}
