"""The only place that knows all parts of the aggregator: it opens them, wires them, and stops them in order."""

import asyncio
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from agent.domain.errors import BadSetup
from cloud.api.app import make_api
from cloud.clock import SimulatedClock, SystemClock
from cloud.config import Loaded
from cloud.dashboard.app import make_dashboard
from cloud.ingest.subscriber import BrokerSettings, Subscriber
from cloud.ports import Clock, FleetReader
from cloud.store.database import open_database
from cloud.store.reader import Reader
from cloud.store.writer import Writer

log = logging.getLogger("emberwatt.cloud")


def make_app(reader: FleetReader, clock: Clock) -> FastAPI:
    """API and pages as one application."""
    app = FastAPI(title="emberwatt", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/api/v1", make_api(reader, clock))
    app.mount("/", make_dashboard(reader, clock))
    return app


def make_clock(loaded: Loaded) -> Clock:
    table = loaded.settings.clock
    return SystemClock() if table is None else SimulatedClock(table.origin_ms, table.started_ms, table.rate)


class _Server(uvicorn.Server):
    """Leaves signals to the program: it stops all its parts, not the pages alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `BadSetup` when the address is taken or not ours."""
    try:
        return socket.create_server((host, port), backlog=256)
    except OSError as error:
        raise BadSetup(
            f"http {host}:{port}", error.strerror or str(error), hint="choose another: --port 0 takes any"
        ) from error


async def serve(loaded: Loaded, *, port: int | None = None) -> None:
    """Run until SIGTERM or SIGINT. `port` overrides the file's; 0 takes any free one."""
    settings, clock = loaded.settings, make_clock(loaded)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with (
        listen(settings.http.host, settings.http.port if port is None else port) as socket_,
        open_database(loaded.database_url) as engine,
    ):
        app = make_app(Reader(engine), clock)
        server = _Server(uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=3))
        subscriber = Subscriber(_broker(loaded), Writer(engine), Reader(engine), clock)
        host, bound = socket_.getsockname()[:2]
        log.info("pages on http://%s:%d/  API on http://%s:%d/api/v1/docs", host, bound, host, bound)
        async with asyncio.TaskGroup() as group:
            web = group.create_task(server.serve([socket_]), name="web")
            ingest = group.create_task(subscriber.run(), name="ingest")
            await stop.wait()
            server.should_exit = True
            ingest.cancel()
            await web


def _broker(loaded: Loaded) -> BrokerSettings:
    table = loaded.settings.broker

    def file(name: str | None) -> Path | None:
        return None if name is None else (loaded.path.parent if loaded.path else Path()) / name

    return BrokerSettings(
        host=table.host,
        port=table.port,
        username=table.username,
        password=table.password,
        ca_file=file(table.cafile),
        cert_file=file(table.certfile),
        key_file=file(table.keyfile),
    )
