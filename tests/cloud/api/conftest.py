from dataclasses import dataclass

import pytest
from fastapi import FastAPI

from cloud.api.app import make_api
from tests.helpers.fleet import HandClock, InMemoryFleet, demo_fleet
from tests.helpers.web import Client


@dataclass
class Api(Client):
    """The API over the eight sites, with its fleet and its clock at hand."""

    fleet: InMemoryFleet
    clock: HandClock

    def __post_init__(self) -> None:
        app = FastAPI(openapi_url=None)
        app.mount("/api/v1", make_api(self.fleet, self.clock))
        super().__init__(app, "/api/v1")


@pytest.fixture
def api() -> Api:
    return Api(demo_fleet(), HandClock())
