"""What a device hears first."""

from agent.domain.envelope import Letter
from agent.domain.twin import TwinMessage, encode_twin
from agent.domain.wire import TWIN_DESIRED
from cloud.store.database import Database
from cloud.store.greeting import SqlGreeter
from cloud.store.reader import SqlFleetReader
from cloud.store.writer import SqlFleetWriter
from tests.helpers.batches import DEVICE, arrival, batch
from tests.helpers.uplinks import SetClock, summary


def test_a_wish_is_told_and_nothing_where_there_is_none(database_url: str) -> None:
    with Database(database_url, SetClock()) as database:
        greeter = SqlGreeter(database)
        SqlFleetWriter(database).apply([arrival(batch(1, [summary(1)]))])
        assert greeter.greet(DEVICE) == []
        assert greeter.greet("site-99") == []
        SqlFleetReader(database, SetClock()).desire(DEVICE, {"interval_s": 60}, 0)
        expected = encode_twin(TwinMessage(1, doc={"interval_s": 60}))
        assert greeter.greet(DEVICE) == [Letter(TWIN_DESIRED, expected, retained=True)]
