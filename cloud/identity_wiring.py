"""Identity put together from the aggregator's file: folder, book, broker, desk, and what looks after them."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from agent.domain.errors import BadSetup, Transient
from cloud.config import Loaded
from cloud.identity.broker import Broker
from cloud.identity.desk import Desk
from cloud.identity.folder import Folder
from cloud.ports import Clock
from cloud.store.database import Database
from cloud.store.identity import SqlIdentities

log: Final = logging.getLogger("emberwatt.cloud")

Work = Callable[[], Coroutine[Any, Any, None]]

_AGAIN_S: Final = 24 * 3600.0


def folder_of(loaded: Loaded) -> Folder:
    """Where the authority lies, whether there is one or not."""
    path = loaded.file(loaded.settings.identity.folder)
    assert path is not None
    return Folder(path)


def open_desk(loaded: Loaded, database: Database, clock: Clock) -> Desk:
    """Raises `BadSetup` when there is no authority."""
    table = loaded.settings.identity
    broker = Broker(table.reload, loaded.file(table.reload_pid))
    return Desk(SqlIdentities(database), folder_of(loaded), broker, clock, table)


def desk_if_any(loaded: Loaded, database: Database, clock: Clock) -> Desk | None:
    """None where `emberwatt-cloud identity init` was never run. Raises `BadSetup` for an authority that is broken."""
    return open_desk(loaded, database, clock) if folder_of(loaded).exists() else None


def caretaker_if_any(loaded: Loaded, database: Database, clock: Clock) -> list[tuple[str, Work]]:
    """Name and work of what runs beside the rest; nothing without an authority."""
    desk = desk_if_any(loaded, database, clock)
    return [] if desk is None else [("identity", lambda: look_after(desk))]


async def look_after(desk: Desk) -> None:
    """At the start and once a day: renew the aggregator's own certificates, write the list of revoked ones."""
    while True:
        try:
            for file in await asyncio.to_thread(desk.settle):
                log.info("renewed %s", file)
        except (BadSetup, Transient) as error:
            log.error("identity: %s", error)
        await asyncio.sleep(_AGAIN_S)
