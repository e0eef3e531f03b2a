"""What a device hears first: where it stands, and what is wished of it."""

from sqlalchemy import select

from agent.domain.envelope import Letter
from agent.domain.twin import TwinMessage, encode_twin
from agent.domain.wire import ACK, TWIN_DESIRED, Ack, encode_ack
from cloud.store import schema
from cloud.store.database import Database
from cloud.store.twins import read_twin


class SqlGreeter:
    """`cloud.ports.carriers.Greeter`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def greet(self, device: str) -> list[Letter]:
        """See `cloud.ports.carriers.Greeter`."""
        table = schema.positions
        query = select(table.c.epoch, table.c.through).where(table.c.device == device)
        with self._database.read() as connection:
            position = connection.execute(query.order_by(table.c.updated_ms.desc()).limit(1)).first()
            desired = read_twin(connection, device, schema.DESIRED)
        letters = []
        if position is not None:
            letters.append(Letter(ACK, encode_ack(Ack(position.epoch, position.through))))
        if desired.version > 0:
            message = TwinMessage(desired.version, doc=desired.doc)
            letters.append(Letter(TWIN_DESIRED, encode_twin(message), retained=True))
        return letters
