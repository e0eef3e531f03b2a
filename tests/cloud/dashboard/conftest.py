from dataclasses import dataclass

import pytest

from tests.helpers.fleet import HandClock, InMemoryFleet, demo_fleet
from tests.helpers.web import Client
from tests.helpers.webapp import compose


@dataclass
class Pages(Client):
    """The pages over the eight sites, with their fleet and clock at hand."""

    fleet: InMemoryFleet
    clock: HandClock

    def __post_init__(self) -> None:
        super().__init__(compose(self.fleet, self.clock))

    def text(self, path: str) -> str:
        """The page. Fails unless the status is 200."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture
def pages() -> Pages:
    return Pages(demo_fleet(), HandClock())
