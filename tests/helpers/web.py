"""Calls to an application without a socket, in a thread of its own, over httpx."""

from typing import Any

import anyio
import httpx
from starlette.types import ASGIApp


class Client:
    """A synchronous client of an ASGI application."""

    def __init__(self, app: ASGIApp, prefix: str = "") -> None:
        self._app = app
        self._prefix = prefix

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request, its answer read whole."""

        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, self._prefix + path, **options)

        return anyio.run(once)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.call("GET", path, **options)

    def json(self, path: str, **options: Any) -> Any:
        """The answer's document. Fails unless the status is 200."""
        answer = self.get(path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def problem(self, path: str, status: int, method: str = "GET", **options: Any) -> Any:
        """The error of an answer with `status`."""
        answer = self.call(method, path, **options)
        assert answer.status_code == status, answer.text
        error = answer.json()["error"]
        assert {"field", "value", "expected", "message"} <= error.keys()
        assert error["expected"]
        assert error["message"]
        return error
