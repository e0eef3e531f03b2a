"""Claim and renewal over HTTPS: a small application that the listener for devices mounts."""

import logging
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from agent.domain.errors import BadSetup, Transient
from agent.domain.identity import CA, CLAIM, RENEW, ClaimRequest, Issued, Refusal, RefusalBody, RenewRequest
from cloud.identity.evidence import day
from cloud.identity.limits import LimitSettings, Refusals
from cloud.ports import Clock, IdentityDesk, IdentityRefused
from cloud.ports.identity import BAD_REQUEST, UNREADABLE

log: Final = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 16 * 1024
TOO_LARGE: Final = "too_large"
TOO_OFTEN: Final = "too_often"
AWAY: Final = "away"
_RETRY_S: Final = 30
_T = TypeVar("_T", ClaimRequest, RenewRequest)


class _TooLarge(Exception):
    """A body that nobody needs to read."""


def make_identity_app(desk: IdentityDesk, clock: Clock, limits: LimitSettings | None = None) -> Starlette:
    """`POST /claim`, `POST /renew`, `GET /ca`. Refusals are JSON: `{"error": {"code", "message", "hint"}}`."""
    refusals = Refusals(limits or LimitSettings())

    async def claim(request: Request) -> Response:
        return await _serve(request, ClaimRequest, desk.claim, refusals, clock)

    async def renew(request: Request) -> Response:
        return await _serve(request, RenewRequest, desk.renew, refusals, clock)

    async def authority(_request: Request) -> Response:
        return PlainTextResponse(desk.ca_pem(), media_type="application/x-pem-file")

    return Starlette(
        routes=[
            Route(CLAIM, claim, methods=["POST"]),
            Route(RENEW, renew, methods=["POST"]),
            Route(CA, authority, methods=["GET"]),
        ]
    )


async def _serve(
    request: Request, kind: type[_T], action: Callable[[_T], Issued], refusals: Refusals, clock: Clock
) -> Response:
    address = request.client.host if request.client else ""
    wait_s = refusals.wait_s(address, clock.now_ms())
    if wait_s > 0:
        text = f"too many refused requests from {address}; wait {wait_s:.0f} s"
        return _refuse(429, Refusal(TOO_OFTEN, text), retry_s=round(wait_s) + 1)
    try:
        asked = msgspec.json.decode(await _body(request), type=kind)
        issued = await run_in_threadpool(action, asked)
    except _TooLarge:
        return _refuse(413, Refusal(TOO_LARGE, f"body: expected at most {MAX_BODY_BYTES} bytes"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        refusals.refused(address, clock.now_ms())
        return _refuse(400, Refusal(BAD_REQUEST, f"body: {error}"))
    except IdentityRefused as refused:
        refusals.refused(address, clock.now_ms())
        log.warning("%s from %s refused: %s", request.url.path, address, refused)
        status = 400 if refused.code in (BAD_REQUEST, UNREADABLE) else 403
        return _refuse(status, Refusal(refused.code, str(refused), refused.hint))
    except (Transient, BadSetup) as error:
        log.error("%s: %s", request.url.path, error)
        return _refuse(503, Refusal(AWAY, "the aggregator cannot do that now"), retry_s=_RETRY_S)
    log.info("%s: a certificate for %s until %s", request.url.path, issued.device, day(issued.not_after_ms))
    return Response(msgspec.json.encode(issued), media_type="application/json")


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise _TooLarge
    return body


def _refuse(status: int, refusal: Refusal, retry_s: int = 0) -> Response:
    headers = {"Retry-After": str(retry_s)} if retry_s else None
    body = msgspec.json.encode(RefusalBody(refusal))
    return Response(body, status_code=status, media_type="application/json", headers=headers)
