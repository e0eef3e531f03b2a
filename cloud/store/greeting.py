"""What a device hears first: what is wished of it."""

from agent.domain.envelope import Letter
from agent.domain.twin import TwinMessage, encode_twin
from agent.domain.wire import TWIN_DESIRED
from cloud.store import schema
from cloud.store.database import Database
from cloud.store.twins import read_twin


class SqlGreeter:
    """`cloud.ports.carriers.Greeter`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def greet(self, device: str) -> list[Letter]:
        """See `cloud.ports.carriers.Greeter`."""
        with self._database.read() as connection:
            desired = read_twin(connection, device, schema.DESIRED)
        if desired.version == 0:
            return []
        message = TwinMessage(desired.version, doc=desired.doc)
        return [Letter(TWIN_DESIRED, encode_twin(message), retained=True)]
