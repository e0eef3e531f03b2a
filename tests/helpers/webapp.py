"""API and pages over a fleet, in one application, as the aggregator serves them."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from cloud.api.app import make_api
from cloud.dashboard.app import make_dashboard
from cloud.ports import Clock, FleetReader


def compose(reader: FleetReader, clock: Clock) -> FastAPI:
    """`make_api` under /api/v1 and the pages under /."""
    app = FastAPI(openapi_url=None)
    app.mount("/api/v1", make_api(reader, clock))
    app.mount("/", make_dashboard(reader, clock))
    return app


@contextmanager
def served(app: ASGIApp, *, certificate: Path | None = None) -> Iterator[str]:
    """The application on a free port of 127.0.0.1; gives its address. With `certificate`, which holds its key, TLS."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=2, ssl_certfile=certificate)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="webapp")
        thread.start()
        try:
            deadline = time.monotonic() + 20
            while not server.started and time.monotonic() < deadline:
                time.sleep(0.02)
            assert server.started, "the web server did not start"
            scheme = "http" if certificate is None else "https"
            yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
