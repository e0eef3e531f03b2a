"""Many statuses in one transaction: the last word of each device holds."""

from collections.abc import Iterator

import pytest

from agent.domain.wire import Status, encode_status
from cloud.ports import Arrival, Told
from cloud.store.database import Database
from cloud.store.reader import SqlFleetReader
from cloud.store.writer import SqlFleetWriter
from tests.helpers.uplinks import START_MS, SetClock


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with Database(database_url, SetClock()) as opened:
        yield opened


def arrival(device: str, status: Status, at_ms: int, *, retained: bool = False) -> Arrival:
    return Arrival(device, encode_status(status), at_ms, retained)


def test_of_many_the_last_word_of_each_holds(database: Database) -> None:
    told = SqlFleetWriter(database).statuses(
        [
            arrival("site-01", Status("online", START_MS), START_MS + 1),
            arrival("site-02", Status("online", START_MS), START_MS + 2),
            Arrival("site-03", b"rubbish", START_MS + 3),
            arrival("site-01", Status("offline"), START_MS + 4),
            arrival("site-02", Status("offline"), START_MS + 5),
            arrival("site-02", Status("online", START_MS + 6), START_MS + 7),
            arrival("site-04", Status("offline"), START_MS + 8),
            arrival("site-05", Status("online", -1), START_MS + 9),
        ]
    )
    assert told == Told(["site-01", "site-02"], 2)
    reader = SqlFleetReader(database, SetClock())
    assert [(site.device, site.online, site.last_contact_ms) for site in reader.sites()] == [
        ("site-01", False, START_MS + 1),
        ("site-02", True, START_MS + 7),
    ]
    assert {row.device for row in reader.quarantined()} == {"site-03", "site-05"}


def test_a_retained_status_is_a_contact_of_its_own_time_at_most(database: Database) -> None:
    writer, reader = SqlFleetWriter(database), SqlFleetReader(database, SetClock())
    writer.statuses([arrival("site-01", Status("online", START_MS - 900), START_MS, retained=True)])
    assert reader.sites()[0].last_contact_ms == START_MS - 900
    writer.statuses([arrival("site-01", Status("online", START_MS + 900), START_MS, retained=True)])
    assert reader.sites()[0].last_contact_ms == START_MS
    assert writer.statuses([]) == Told([], 0)
