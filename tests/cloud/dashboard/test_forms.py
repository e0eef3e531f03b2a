from pathlib import Path

import pytest

from cloud.dashboard.forms import whole_number
from tests.helpers.works import Works, demo_works

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def works(tmp_path: Path) -> Works:
    return demo_works(tmp_path)


def status(works: Works, headers: dict[str, str], body: bytes = b"by=anna") -> int:
    return works.call("POST", "/jobs/mine/run", content=body, headers={"Content-Type": FORM, **headers}).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://test"},
        {"Referer": "http://test/jobs"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"},
    ],
)
def test_a_form_of_these_pages_is_taken(works: Works, headers: dict[str, str]) -> None:
    assert status(works, headers) == 303
    assert works.jobs.wishes == [("mine", "anna")]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://test.evil.example"},
        {"Referer": "http://evil.example/http://test"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://test"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_form_from_elsewhere_is_not(works: Works, headers: dict[str, str]) -> None:
    assert status(works, headers) == 403
    assert works.jobs.wishes == []


def test_a_form_that_is_none(works: Works) -> None:
    here = {"Origin": "http://test"}
    assert status(works, {**here, "Content-Type": "text/plain"}) == 415
    assert status(works, here, b"by=" + b"x" * 20_000) == 413
    assert status(works, here, b"\xff\xfe") == 422
    assert status(works, here, b"&".join(b"a=1" for _ in range(30))) == 422


def test_numbers() -> None:
    assert whole_number({"a": " 7 "}, "a", 1) == 7
    for text in ("", "x", "-3", "1e3", "٣", "9" * 30):
        assert whole_number({"a": text}, "a", 1) == 1
