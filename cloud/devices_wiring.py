"""The listener for devices put together from the aggregator's file: who may come in, and where it leads."""

import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

from starlette.routing import BaseRoute, Mount

from agent.domain.errors import BadSetup
from agent.domain.identity import IDENTITY_PATH
from cloud.config import Loaded
from cloud.devices.listener import DeviceListener, ListenerFiles
from cloud.devices.settings import DevicesTable
from cloud.identity.app import make_identity_app
from cloud.identity_wiring import desk_if_any
from cloud.ingest.door import GroupDoor
from cloud.ingest.subscriber import Subscriber
from cloud.ports import Clock, IdentityDesk
from cloud.store.database import Database
from cloud.store.greeting import SqlGreeter

log: Final = logging.getLogger("emberwatt.cloud")

Work = Callable[[], Coroutine[Any, Any, None]]


@contextmanager
def devices_if_any(
    loaded: Loaded, database: Database, clock: Clock, subscriber: Subscriber
) -> Iterator[list[tuple[str, Work]]]:
    """Names and work of everything to be run; nothing where the file has no `[devices]`. Raises `BadSetup`."""
    table = loaded.settings.devices
    if table is None:
        yield []
        return
    desk = desk_if_any(loaded, database, clock)
    door = GroupDoor(subscriber.applier)
    identities = None if table.insecure_loopback else _needed(loaded, desk)
    before: list[BaseRoute] = [] if desk is None else [Mount(IDENTITY_PATH, make_identity_app(desk, clock))]
    address, greeter = (table.host, table.port), SqlGreeter(database)
    with DeviceListener(address, _files(loaded, table, desk), door, greeter, identities, before) as listener:
        subscriber.also.append(listener.boxes.send)
        log.info("devices on %s port %d", table.host, listener.port)
        yield [("door", door.run), ("devices", listener.run)]


def _needed(loaded: Loaded, desk: IdentityDesk | None) -> IdentityDesk:
    if desk is None:
        problem = "[devices] could let nobody in: there is no authority that signs certificates"
        raise BadSetup(str(loaded.path), problem, hint="emberwatt-cloud identity init")
    return desk


def _files(loaded: Loaded, table: DevicesTable, desk: IdentityDesk | None) -> ListenerFiles | None:
    """What is not named is that of the identity's own authority."""
    if table.insecure_loopback:
        return None
    known = _needed(loaded, desk)
    authority = loaded.file(table.cafile) or known.ca_file
    certificate = loaded.file(table.certfile)
    if certificate is None:
        return ListenerFiles(known.server_file, None, authority)
    return ListenerFiles(certificate, loaded.file(table.keyfile), authority)
