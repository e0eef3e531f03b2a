from collections.abc import AsyncIterator

import anyio
import httpx

from cloud.api.app import make_api
from cloud.api.limits import MAX_BODY_BYTES
from tests.helpers.fleet import HandClock, demo_fleet


def test_a_body_of_unknown_length_is_bounded_too() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 1000 + 2):
            yield b"x" * 1000

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(make_api(demo_fleet(), HandClock()))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.put("/devices/ember-101/twin/desired", content=endless())

    answer = anyio.run(send)
    assert answer.status_code == 413
    assert answer.json()["error"]["field"] == "body"
