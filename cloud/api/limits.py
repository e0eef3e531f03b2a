"""A bound on how much a request may bring."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.api.problems import Problem, answer

MAX_BODY_BYTES = 64 * 1024


class BodyLimit:
    """Answers 413 to a request whose body is longer than `limit` bytes, whatever its headers promise."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            more = bool(message.get("more_body", False))
            if len(body) > self._limit:
                await self._refuse(scope, receive, send)
                return
        await self._app(scope, _Replay(body, receive), send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        expected = f"at most {self._limit} bytes"
        problem = Problem(field="body", expected=expected, message="the body is too large")
        await answer(413, problem, {"Connection": "close"})(scope, receive, send)


class _Replay:
    """Hands out the body that was read, then what the connection says next."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}
