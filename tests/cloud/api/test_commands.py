"""Commands over the API: asked, listed, looked at; and what cannot be asked."""

from typing import Any

import pytest
from fastapi import FastAPI

from cloud.api.app import make_api
from cloud.commands.desk import Desk
from tests.helpers.command_book import Book
from tests.helpers.fleet import HandClock, demo_fleet
from tests.helpers.web import Client

PATH = "/devices/ember-102/commands"


class Api(Client):
    """The API over the eight sites, with a book of commands."""

    def __init__(self) -> None:
        clock, self.book = HandClock(), Book()
        app = FastAPI(openapi_url=None)
        app.mount("/api/v1", make_api(demo_fleet(), clock, command_desk=Desk(self.book, clock)))
        super().__init__(app, "/api/v1")


@pytest.fixture
def api() -> Api:
    return Api()


def test_a_command_is_asked_and_seen(api: Api) -> None:
    asked = {"name": "interval", "args": {"interval_s": 5, "for_s": 60}, "by": "anna", "expires_in_s": 60}
    answer = api.call("POST", PATH, json=asked)
    assert answer.status_code == 201
    row = answer.json()
    assert (row["state"], row["by"], row["args"], row["ended"]) == ("queued", "anna", asked["args"], None)
    assert api.json(f"{PATH}/{row['id']}") == row
    assert api.json(PATH)["items"] == [row]
    assert api.json("/devices/ember-101/commands")["items"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"name": "explode", "by": "anna"},
        {"name": "interval", "by": "anna"},
        {"name": "logs", "by": ""},
        {"name": "logs"},
        {"name": "logs", "by": "anna", "expires_in_s": 0},
        {"name": "logs", "by": "anna", "args": {"depth": 5}},
        {"name": "logs", "by": "anna", "more": 5},
    ],
)
def test_what_cannot_be_asked(api: Api, body: dict[str, Any]) -> None:
    api.problem(PATH, 422, "POST", json=body)
    assert api.book.rows == {}


@pytest.mark.parametrize(
    "path", ["/devices/nobody/commands", f"{PATH}/feedbeef01", "/devices/nobody/commands/feedbeef01"]
)
def test_what_is_not_there(api: Api, path: str) -> None:
    api.problem(path, 404)


def test_a_command_of_another_device_is_not_shown(api: Api) -> None:
    row = api.call("POST", PATH, json={"name": "identify", "by": "anna"}).json()
    api.problem(f"/devices/ember-101/commands/{row['id']}", 404)
