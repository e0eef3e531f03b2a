"""The requests of devices: `POST /device/1/{device}/{leaf}` and `GET /device/1/{device}/messages`.

Each is answered with an envelope (`agent.domain.envelope`), or with a status and one line of text: 401 without a
certificate, 403 with one that does not do, 410 when the box is gone, 413, 429 or 503 with `Retry-After`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from agent.domain.envelope import CONTENT_TYPE, Envelope, Letter, encode_envelope
from agent.domain.errors import BadInput, BadMessage, Transient
from agent.domain.wire import STATUS, Status, decode_status, is_device_id
from cloud.devices.mailboxes import Gone, Mailbox, Mailboxes
from cloud.devices.peer import PEER
from cloud.ports.carriers import Busy, Door, Greeter
from cloud.ports.identity import Identities, IdentityRefused

_log: Final = logging.getLogger(__name__)

PREFIX: Final = "/device/1"
MESSAGES: Final = "messages"
MAX_BODY_BYTES: Final = 1024 * 1024
MOST_WAIT_S: Final = 300.0
_BODY_S: Final = 60.0
_RETRY_S: Final = 30
_USUAL_AGAIN_S: Final = 60.0
_MOST_AGAIN_S: Final = 86_400.0


class _Refused(Exception):
    def __init__(self, status: int, text: str, retry_s: float = 0.0) -> None:
        super().__init__(text)
        self.status = status
        self.retry_s = retry_s


class DeviceRequests:
    """Answers devices. With `identities` None every name is believed, which is for loopback addresses only."""

    def __init__(self, door: Door, boxes: Mailboxes, greeter: Greeter, identities: Identities | None) -> None:
        self._door = door
        self._boxes = boxes
        self._greeter = greeter
        self._identities = identities

    def routes(self) -> list[BaseRoute]:
        """For an application; whoever mounts something below `PREFIX` puts it before these."""
        return [
            Route(f"{PREFIX}/{{device}}/{MESSAGES}", _guarded(self._messages), methods=["GET"]),
            Route(f"{PREFIX}/{{device}}/{{leaf:path}}", _guarded(self._post), methods=["POST"]),
        ]

    async def _messages(self, request: Request) -> Response:
        """What waits for a device. Without `box` a new one is opened: that is how a device connects."""
        device = await self._device(request)
        name, again_s = request.query_params.get("box"), _number(request, "again", _USUAL_AGAIN_S, _MOST_AGAIN_S)
        if not name:
            return await self._connect(device, again_s)
        box = self._boxes.find(device, name)
        box.again_s = again_s
        number, wait_s = round(_number(request, "after", 0.0, 2.0**53)), _number(request, "wait", 0.0, MOST_WAIT_S)
        letters = box.after(number) or await _wait(box, number, wait_s)
        if not self._boxes.is_open(device, box):
            raise Gone(f"the box of {device} was closed")
        return self._answer(box, letters)

    async def _connect(self, device: str, again_s: float) -> Response:
        box = self._boxes.open(device, again_s)
        greetings = await asyncio.to_thread(self._greeter.greet, device)
        for letter in greetings:
            box.keep(letter)
        return self._answer(box, box.after(0))

    async def _post(self, request: Request) -> Response:
        device, leaf = await self._device(request), request.path_params["leaf"]
        name = request.query_params.get("box")
        box = self._boxes.find(device, name) if name else None
        payload = await _body(request)
        direct = await self._door.take(device, leaf, payload)
        if box is None:
            return _enveloped(Envelope("", direct, self._door.pause_s))
        letters = box.after(round(_number(request, "after", 0.0, 2.0**53)))
        if leaf == STATUS and _offline(payload):
            self._boxes.close(device)
        return self._answer(box, direct + letters)

    def _answer(self, box: Mailbox, letters: list[Letter]) -> Response:
        return _enveloped(Envelope(box.name, letters, self._door.pause_s))

    async def _device(self, request: Request) -> str:
        """The device of the path, which must be the one of the certificate."""
        device = str(request.path_params["device"])
        if not is_device_id(device):
            raise _Refused(404, f"{device[:40]!r} is not a device id")
        if self._identities is None:
            return device
        certificate: bytes | None = getattr(request.state, PEER, None)
        if certificate is None:
            raise _Refused(401, "a client certificate is needed")
        known = await asyncio.to_thread(self._identities.identity_of, certificate)
        if known != device:
            raise _Refused(403, f"the certificate is that of {known}, not of {device}")
        return device


async def _wait(box: Mailbox, number: int, wait_s: float) -> list[Letter]:
    """What comes until it has been long enough."""
    if wait_s > 0:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await box.news.wait()
    return box.after(number)


_Handler = Callable[[Request], Awaitable[Response]]


def _guarded(handler: _Handler) -> _Handler:
    """The handler, with what it raises turned into answers."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except _Refused as refused:
            return _refuse(refused.status, str(refused), refused.retry_s)
        except IdentityRefused as refused:
            _log.warning("%s refused: %s", request.url.path, refused)
            return _refuse(403, str(refused))
        except Gone:
            return _refuse(410, "connect again")
        except Busy as busy:
            return _refuse(503, str(busy), busy.retry_after_s)
        except BadInput as error:
            return _refuse(400, str(error))
        except Transient as error:
            _log.error("%s: %s", request.url.path, error)
            return _refuse(503, "the aggregator cannot take this now", _RETRY_S)
        except ClientDisconnect:
            return _refuse(400, "the request was not sent to its end")

    return answer


def make_device_app(requests: DeviceRequests, before: list[BaseRoute] | None = None) -> Starlette:
    """The application of the listener; `before` are routes of others."""
    app = Starlette(routes=[*(before or []), *requests.routes()])
    # A device follows no redirection.
    app.router.redirect_slashes = False
    return app


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise _Refused(413, f"more than {MAX_BODY_BYTES} bytes")
    except TimeoutError as error:
        raise _Refused(408, f"the body took longer than {_BODY_S:g} s") from error
    return bytes(body)


def _number(request: Request, name: str, usual: float, most: float) -> float:
    text = request.query_params.get(name)
    if text is None:
        return usual
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        raise BadInput(f"{name} {text[:40]!r}, expected a number from 0 to {most:g}")
    return value


def _offline(payload: bytes) -> bool:
    try:
        return decode_status(payload) == Status("offline")
    except BadMessage:
        return False


def _enveloped(envelope: Envelope) -> Response:
    return Response(encode_envelope(envelope), media_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


def _refuse(status: int, text: str, retry_s: float = 0.0) -> Response:
    headers = {"Retry-After": str(round(retry_s))} if retry_s else None
    return PlainTextResponse(f"{text}\n", status_code=status, headers=headers)
