"""Who may see pages and API, as the aggregator's file says."""

import ipaddress
import logging

from starlette.types import ASGIApp

from cloud.access.gate import Gate
from cloud.access.people import People
from cloud.access.settings import AccessTable
from cloud.config import Loaded
from cloud.ports import Clock

log = logging.getLogger("emberwatt.cloud")


def people_of(loaded: Loaded) -> People:
    """The file of those who may log in; without a table `[access]` where it would be."""
    path = loaded.file((loaded.settings.access or AccessTable()).people)
    assert path is not None
    return People(path)


def gated(loaded: Loaded, app: ASGIApp, clock: Clock) -> ASGIApp:
    """`app` behind a login where the file has a table `[access]`. Raises `BadSetup` where nobody could log in."""
    access, host = loaded.settings.access, loaded.settings.http.host
    if access is not None:
        people = people_of(loaded)
        people.check()
        return Gate(app, people, clock, access.session_h)
    if not _is_own(host):
        log.warning("whoever reaches %s may change everything: a table [access] asks for a login", host or "0.0.0.0")
    return app


def _is_own(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
