"""The parts of the commands, wired: for the aggregator and for its command line."""

from dataclasses import dataclass

from agent.domain.commands import CMD, REPLY
from cloud.commands.courier import Courier
from cloud.commands.desk import Desk
from cloud.ingest.subscriber import Subscriber
from cloud.ports import Clock
from cloud.store.commands import SqlCommands
from cloud.store.database import Database


@dataclass(frozen=True, slots=True)
class Orders:
    """`desk` takes orders, `courier` brings them."""

    desk: Desk
    courier: Courier


def wire_commands(database: Database, clock: Clock, subscriber: Subscriber) -> Orders:
    """Before anything is connected: replies are listened for."""
    book = SqlCommands(database)
    courier = Courier(book, clock, subscriber.send, lambda: _connection(subscriber))
    desk = Desk(book, clock, courier.wake)
    subscriber.applier.listen(f"{CMD}/+/{REPLY}", desk.hear)
    return Orders(desk, courier)


def _connection(subscriber: Subscriber) -> int | None:
    """Devices may be there over HTTPS while the broker is away: then it is connection 0."""
    if subscriber.stats.connected:
        return subscriber.stats.connections
    return 0 if subscriber.also else None
