"""The only place that knows all parts of the aggregator: it opens them, wires them, and stops them in order."""

import asyncio
import errno
import logging
import random
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Any

import uvicorn
from fastapi import FastAPI

from agent.domain.errors import BadSetup
from agent.domain.twin import Twin
from cloud.access_wiring import gated
from cloud.api.app import make_api
from cloud.clock import make_clock
from cloud.commands_wiring import wire_commands
from cloud.config import Loaded
from cloud.dashboard.app import make_dashboard
from cloud.devices.listener import QuietServer
from cloud.devices_wiring import devices_if_any
from cloud.identity_wiring import caretaker_if_any
from cloud.incidents.desk import Desk
from cloud.ingest.subscriber import Subscriber, SubscriberSettings
from cloud.jobs_wiring import check, wire
from cloud.ports import BrokerLine, Clock, CommandDesk, FleetReader, IncidentDesk, JobDesk
from cloud.store.database import Database
from cloud.store.incidents import SqlIncidents
from cloud.store.reader import SqlFleetReader
from cloud.store.writer import SqlFleetWriter

log = logging.getLogger("emberwatt.cloud")


def make_app(
    reader: FleetReader,
    clock: Clock,
    incidents: IncidentDesk,
    jobs: JobDesk,
    commands: CommandDesk | None = None,
    broker: BrokerLine = lambda: None,
) -> FastAPI:
    """API and pages as one application."""
    app = FastAPI(title="emberwatt", docs_url=None, redoc_url=None, openapi_url=None)
    api = make_api(reader, clock, incident_desk=incidents, job_desk=jobs, command_desk=commands, broker=broker)
    app.mount("/api/v1", api)
    app.mount("/", make_dashboard(reader, clock, incident_desk=incidents, job_desk=jobs, broker=broker))
    return app


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `BadSetup` when the address is taken or not ours."""
    try:
        return socket.create_server((host, port), backlog=256)
    except OSError as error:
        host_hint = "http.host: expected a name or an IPv4 address of this machine, or 0.0.0.0 for all it has"
        port_hint = "choose another: --port 0 takes any"
        hint = port_hint if error.errno in (errno.EADDRINUSE, errno.EACCES) else host_hint
        raise BadSetup(f"http {host}:{port}", error.strerror or str(error), hint=hint) from error


class _Reader(SqlFleetReader):
    """The reader that API and pages stand on; a wish written there goes out to the device at once."""

    def __init__(self, database: Database, clock: Clock, tell: Callable[[str, Twin], None]) -> None:
        super().__init__(database, clock)
        self._tell = tell

    def desire(self, device: str, patch: Mapping[str, Any], expected: int) -> Twin:
        twin = super().desire(device, patch, expected)
        self._tell(device, twin)
        return twin


async def serve(loaded: Loaded, *, port: int | None = None) -> None:
    """Run until SIGTERM or SIGINT. `port` overrides the file's; 0 takes any free one."""
    http, clock = loaded.settings.http, make_clock(loaded)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with (
        listen(http.host, http.port if port is None else port) as listening,
        Database(loaded.database_url, clock, alone=True) as database,
    ):
        subscriber = Subscriber(_broker(loaded), SqlFleetWriter(database), clock, random.Random())
        works, care = wire(loaded, database, clock), caretaker_if_any(loaded, database, clock)
        check(loaded, works)
        incidents, orders = Desk(SqlIncidents(database), clock), wire_commands(database, clock, subscriber)
        heard = (lambda: subscriber.stats.connected) if loaded.settings.broker.host else (lambda: None)
        reader = _Reader(database, clock, subscriber.desire)
        app = make_app(reader, clock, incidents, works.scheduler, orders.desk, heard)
        door = gated(loaded, app, clock)
        server = QuietServer(uvicorn.Config(door, log_level="warning", lifespan="off", timeout_graceful_shutdown=3))
        host, bound = listening.getsockname()[:2]
        log.info("pages on http://%s:%d/  API on http://%s:%d/api/v1/docs", host, bound, host, bound)
        with devices_if_any(loaded, database, clock, subscriber) as doors:
            async with asyncio.TaskGroup() as group:
                web = group.create_task(server.serve([listening]), name="web")
                others = [
                    *([group.create_task(subscriber.run(), name="ingest")] if loaded.settings.broker.host else []),
                    group.create_task(works.scheduler.run_forever(), name="jobs"),
                    group.create_task(orders.courier.run(), name="commands"),
                    *(group.create_task(work(), name=name) for name, work in [*doors, *care]),
                ]
                await stop.wait()
                server.should_exit = True
                for task in others:
                    task.cancel()
                await web


def _broker(loaded: Loaded) -> SubscriberSettings:
    table = loaded.settings.broker
    return SubscriberSettings(
        host=table.host,
        port=table.port,
        username=table.username,
        password=table.password,
        ca_file=loaded.file(table.cafile),
        cert_file=loaded.file(table.certfile),
        key_file=loaded.file(table.keyfile),
    )
