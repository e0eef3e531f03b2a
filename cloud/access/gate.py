"""Stands before pages and API: whoever comes through has a name, and only managers change anything.

A browser gets a form to log in and keeps a signed cookie. A script sends name and password with each request (HTTP
Basic, RFC 7617). Who came through is in `request.state.person`.
"""

import asyncio
import base64
import hashlib
import logging
import math
from collections import OrderedDict
from functools import cache
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from agent.domain.errors import BadSetup
from cloud.access.attempts import Attempts
from cloud.access.login_page import login_address, login_page, name_and_password, next_of
from cloud.access.passwords import kept, matches
from cloud.access.people import People, Person, Role
from cloud.access.sessions import holder, issued
from cloud.ports import Clock

_log: Final = logging.getLogger(__name__)

COOKIE: Final = "emberwatt_session"
_LOOKS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_STYLE: Final = "/static/"
_HEALTH: Final = "/api/v1/health"
_AT_ONCE: Final = 2
_REMEMBERED: Final = 1000
_REMEMBERED_MS: Final = 300_000


class _Wait(Exception):
    """Too many were wrong."""

    def __init__(self, wait_ms: int) -> None:
        super().__init__()
        self.seconds = math.ceil(wait_ms / 1000)


class Gate:
    """Lets `app` answer those whom `people` names; a login is good for `session_h` hours."""

    def __init__(self, app: ASGIApp, people: People, clock: Clock, session_h: float) -> None:
        self._app = app
        self._people = people
        self._clock = clock
        self._session_ms = round(session_h * 3_600_000)
        self._attempts = Attempts()
        self._guesses = asyncio.Semaphore(_AT_ONCE)
        self._right: OrderedDict[bytes, int] = OrderedDict()  # of names and passwords that scripts sent, until when

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # nothing here speaks anything else
            return
        try:
            answer = await self._answer(Request(scope, receive))
        except BadSetup as error:
            _log.error("nobody can log in: %s", error)
            answer = _problem(503, "a list of people that can be read", "nobody can log in at the moment")
        await (self._app if answer is None else answer)(scope, receive, send)

    async def _answer(self, request: Request) -> Response | None:
        """What there is to say at the gate; None for those who may go through."""
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        if path == _HEALTH or path.startswith(_STYLE):
            return None
        if path == "/login":
            return await self._login(request) if request.method == "POST" else login_page(request)
        if request.method not in _LOOKS and _from_elsewhere(request):
            return _problem(403, "a request of these pages", "this was sent by another site")
        if path == "/logout" and request.method == "POST":
            return self._logout(request)
        try:
            found = await self._who(request)
        except _Wait as wait:
            return _wait(wait)
        if found is None:
            return _who_is_it(request)
        name, person = found
        if request.method not in _LOOKS and person.role is not Role.MANAGER:
            return _problem(403, "a manager", f"{name} may look, and change nothing")
        request.scope["state"] = {**request.scope.get("state", {}), "person": name}
        return None

    async def _who(self, request: Request) -> tuple[str, Person] | None:
        scheme, _, told = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            return await self._script(request, told)
        return holder(self._people, request.cookies.get(COOKIE, ""), self._clock.now_ms())

    async def _script(self, request: Request, told: str) -> tuple[str, Person] | None:
        try:
            name, _, password = base64.b64decode(told, validate=True).decode().partition(":")
        except ValueError:
            return None
        person, now_ms = self._people.find(name), self._clock.now_ms()
        kept_one = "" if person is None else person.password
        digest = hashlib.blake2b(f"{kept_one} {told}".encode(), key=self._people.secret().encode()[:64]).digest()
        if person is not None and now_ms < self._right.get(digest, 0):
            return name, person
        found = await self._checked(request, name, password)
        if found is not None:
            self._right[digest] = now_ms + _REMEMBERED_MS
            while len(self._right) > _REMEMBERED:
                self._right.popitem(last=False)
        return found

    async def _checked(self, request: Request, name: str, password: str) -> tuple[str, Person] | None:
        """Who it is, after the time that it takes whether there is such a person or not. Raises `_Wait`."""
        who = f"{request.client.host if request.client else ''} {name[:64]}"
        wait_ms = self._attempts.wait_ms(who, self._clock.now_ms())
        if wait_ms:
            raise _Wait(wait_ms)
        person = self._people.find(name)
        async with self._guesses:
            right = await asyncio.to_thread(matches, password, (person or _nobody()).password)
        if person is None or not right:
            self._attempts.failed(who, self._clock.now_ms())
            return None
        self._attempts.succeeded(who)
        return name, person

    async def _login(self, request: Request) -> Response:
        if _from_elsewhere(request):
            return login_page(request, problem="Please log in on this page.", status=403)
        name, password = await name_and_password(request)
        try:
            found = await self._checked(request, name, password)
        except _Wait as wait:
            text = f"Too many wrong passwords. Try again in {wait.seconds} s."
            return login_page(request, name=name, problem=text, status=429)
        if found is None:
            return login_page(request, name=name, problem="Name or password is wrong.", status=401)
        answer = RedirectResponse(next_of(request), status_code=303)
        token = issued(self._people, *found, self._clock.now_ms() + self._session_ms)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, token, max_age=self._session_ms // 1000, httponly=True, samesite="lax", secure=secure)
        return answer

    def _logout(self, request: Request) -> Response:
        answer = RedirectResponse(f"{request.scope.get('root_path', '')}/login", status_code=303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return answer


@cache
def _nobody() -> Person:
    """Whose password takes as long to be found wrong as anybody's."""
    return Person(Role.VIEWER, kept("nobody has this one"))


def _from_elsewhere(request: Request) -> bool:
    """Whether another site made a browser send this."""
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


def _who_is_it(request: Request) -> Response:
    """A form for a person who opens a page, a word for everything else."""
    mode, accepted = request.headers.get("sec-fetch-mode"), request.headers.get("accept", "")
    opens = mode == "navigate" if mode else "text/html" in accepted
    if request.method == "GET" and opens:
        return RedirectResponse(login_address(request), status_code=303)
    # A browser would ask for itself what the form asks for.
    headers = {} if mode else {"WWW-Authenticate": 'Basic realm="emberwatt"'}
    tried = "authorization" in request.headers
    return _problem(401, "name and password", "name or password is wrong" if tried else "log in first", headers)


def _wait(wait: _Wait) -> Response:
    text = f"too many wrong passwords, try again in {wait.seconds} s"
    return _problem(429, "the right name and password", text, {"Retry-After": str(wait.seconds)})


def _problem(status: int, expected: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """In the shape of all the API's errors."""
    body = {"error": {"field": "", "value": None, "expected": expected, "message": message}}
    return JSONResponse(body, status_code=status, headers=headers)
