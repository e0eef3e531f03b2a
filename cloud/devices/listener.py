"""The listener for devices: TLS that asks for a client certificate, and the requests behind it."""

import asyncio
import ipaddress
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import uvicorn
from starlette.routing import BaseRoute

from agent.domain.errors import BadSetup, Transient
from agent.domain.wire import STATUS, Status, encode_status
from cloud.devices.app import DeviceRequests, make_device_app
from cloud.devices.mailboxes import GRACE_S, Mailboxes
from cloud.devices.peer import FIRST_S, PeerProtocol
from cloud.ports.carriers import Door, Greeter
from cloud.ports.identity import Identities

_log: Final = logging.getLogger(__name__)

# X509_V_FLAG_NO_CHECK_TIME of OpenSSL. Whether a client's certificate has ended is judged for each request, with a
# reason that the device can show; a handshake that fails tells it nothing.
_NO_CHECK_TIME: Final = 0x200000
_KEEP_S: Final = 150
_LOOK_S: Final = 5.0
_STOP_S: Final = 3


@dataclass(frozen=True, slots=True)
class ListenerFiles:
    """PEM files; `key` None when it is in the same file as the certificate. `authority` signs the devices'."""

    certificate: Path
    key: Path | None
    authority: Path


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for a device that is overdue, and for a connection to make its first request."""

    grace_s: float = GRACE_S
    first_s: float = FIRST_S


class QuietServer(uvicorn.Server):
    """Leaves signals to the program: it stops all its parts, not one of them alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class DeviceListener:
    """Listens from `with` on; `run` serves. Without `files` it is plain HTTP, on this machine only."""

    def __init__(
        self,
        address: tuple[str, int],
        files: ListenerFiles | None,
        door: Door,
        greeter: Greeter,
        identities: Identities | None,
        before: list[BaseRoute] | None = None,
        patience: Patience = Patience(),
    ) -> None:
        self._address = address
        self._files = files
        self._door = door
        self._patience = patience
        self.boxes = Mailboxes(lambda: asyncio.get_running_loop().time(), patience.grace_s)
        self._app = make_device_app(DeviceRequests(door, self.boxes, greeter, identities), before)
        self._open: tuple[socket.socket, ssl.SSLContext | None] | None = None

    @property
    def port(self) -> int:
        """The port that is really used."""
        return 0 if self._open is None else int(self._open[0].getsockname()[1])

    def __enter__(self) -> "DeviceListener":
        """Raises `BadSetup` for an address or files that cannot be used."""
        context = None if self._files is None else _context(self._files)
        if context is None and not _loopback(self._address[0]):
            problem = "without TLS only an address of this machine can be used"
            raise BadSetup(f"devices {self._address[0]}", problem, hint="name a certfile, or make an [identity]")
        try:
            family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
            self._open = socket.create_server(self._address, family=family, backlog=1024), context
        except OSError as error:
            where = f"devices {self._address[0]}:{self._address[1]}"
            raise BadSetup(where, error.strerror or str(error), hint="choose another port") from error
        return self

    def __exit__(self, *exc: object) -> None:
        if self._open is not None:
            self._open[0].close()
            self._open = None

    async def run(self) -> None:
        """Serve until cancelled; then whoever is being answered has a few seconds more."""
        assert self._open is not None
        listening, context = self._open
        config = uvicorn.Config(
            self._app,
            http=partial(PeerProtocol, first_s=self._patience.first_s),  # type: ignore[arg-type]
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_S,
            timeout_graceful_shutdown=_STOP_S,
        )
        config.load()
        config.ssl = context
        server = QuietServer(config)
        serving = asyncio.create_task(server.serve([listening]), name="devices")
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(self._watch(context))
                await asyncio.shield(serving)
                watching.cancel()
        finally:
            server.should_exit = True
            self.boxes.close_all()
            await serving

    async def _watch(self, context: ssl.SSLContext | None) -> None:
        """The last will of devices that fell silent, and certificates that were renewed."""
        seen = _written(self._files)
        while True:
            await asyncio.sleep(min(_LOOK_S, self._patience.grace_s))
            for device in self.boxes.close_silent():
                await self._say_offline(device)
            now = _written(self._files)
            if context is not None and self._files is not None and now != seen:
                seen = now
                _reload(context, self._files)

    async def _say_offline(self, device: str) -> None:
        try:
            await self._door.take(device, STATUS, encode_status(Status("offline")))
        except Transient as error:
            _log.warning("%s fell silent, which could not be written down: %s", device, error)


def _context(files: ListenerFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(files.certificate, files.key)
        context.load_verify_locations(files.authority)
    except (OSError, ValueError) as error:
        names = ", ".join(str(file) for file in (files.certificate, files.key, files.authority) if file)
        raise BadSetup(names, f"cannot be used for TLS ({error})") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A device without a certificate may come to get one; every other route asks for it.
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= _NO_CHECK_TIME
    return context


def _reload(context: ssl.SSLContext, files: ListenerFiles) -> None:
    """New connections get the new certificate."""
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (OSError, ValueError) as error:
        _log.error("%s cannot be used, the certificate of before stays: %s", files.certificate, error)
    else:
        _log.info("%s was renewed and is in use", files.certificate)


def _written(files: ListenerFiles | None) -> tuple[int, ...]:
    if files is None:
        return ()
    try:
        return tuple(file.stat().st_mtime_ns for file in (files.certificate, files.key) if file)
    except OSError:
        return ()


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
