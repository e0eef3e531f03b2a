"""Where one is after logging in."""

from typing import Any

import pytest
from starlette.requests import Request

from cloud.access.login_page import login_address, login_page, name_and_password, next_of


def request(query: str = "", path: str = "/incidents", body: bytes = b"") -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": [],
        "scheme": "http",
    }
    return Request({**scope, "server": ("fleet.example", 80), "root_path": ""}, receive)


@pytest.mark.parametrize(
    ("query", "leads_to"),
    [
        ("next=/incidents%3Fshow%3Dall", "/incidents?show=all"),
        ("", "/"),
        ("next=https://evil.example/", "/"),
        ("next=//evil.example/", "/"),
        ("next=/%5Cevil.example", "/"),
        ("next=/a%0d%0aSet-Cookie:x", "/"),
    ],
)
def test_nobody_is_led_elsewhere(query: str, leads_to: str) -> None:
    assert next_of(request(query)) == leads_to


def test_the_form_leads_back_to_what_was_asked_for() -> None:
    address = login_address(request("show=all&device=a b"))
    assert address.startswith("/login?next=%2Fincidents%3F")
    assert next_of(request(address.partition("?")[2], "/login")) == "/incidents?show=all&device=a b"


def test_what_was_typed_is_escaped() -> None:
    page = bytes(login_page(request(), name='"><script>', problem="<b>no</b>").body).decode()
    assert "<script>" not in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b"name=anna+&password=a%26b", ("anna", "a&b")),
        (b"", ("", "")),
        (b"\xff\xfe", ("", "")),
        (b"name=" + b"x" * 5000, ("", "")),
        (b"&".join(b"a=1" for _ in range(9)), ("", "")),
    ],
)
async def test_only_a_short_form_is_read(body: bytes, read: tuple[str, str]) -> None:
    assert await name_and_password(request(body=body)) == read
