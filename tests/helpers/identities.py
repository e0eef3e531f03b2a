"""An authority with its desk, and devices that hold keys, for tests of identity."""

import random
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount

from agent.domain.identity import IDENTITY_PATH, ClaimRequest, Issued, RenewRequest, read_claim_code
from agent.identity import keys
from cloud.identity import authority as ca
from cloud.identity.app import make_identity_app
from cloud.identity.broker import Broker
from cloud.identity.desk import Desk
from cloud.identity.folder import Folder
from cloud.identity.limits import LimitSettings
from cloud.identity.settings import IdentityTable
from cloud.ports import CertificateRow, Clock, IdentityDesk
from cloud.store.database import Database
from cloud.store.identity import SqlIdentities
from tests.helpers.uplinks import SetClock
from tests.helpers.webapp import served

DAY_MS = 86_400_000
HOSTS = ["localhost", "127.0.0.1"]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Office:
    """Everything the aggregator has for identity, over a folder and a clock that can be set."""

    desk: Desk
    book: SqlIdentities
    folder: Folder
    clock: SetClock

    @property
    def authority(self) -> ca.Authority:
        return self.folder.load()

    def token(self, device: str, *, again: bool = False, hours: float | None = None) -> str:
        return read_claim_code(self.desk.invite(device, "anna", hours, again=again).code).token

    def claim(self, device: str, *, again: bool = False) -> "Holder":
        """A device that was invited and has its certificate."""
        holder = Holder(device, keys.make_key())
        holder.take(self.desk.claim(holder.claim(self.token(device, again=again))))
        return holder

    def rows(self, device: str) -> list[CertificateRow]:
        return self.book.certificates(device)


class Holder:
    """A device: a key, and perhaps a certificate."""

    def __init__(self, device: str, key: str) -> None:
        self.device = device
        self.key = key
        self.certificate = ""

    def claim(self, token: str) -> ClaimRequest:
        return ClaimRequest(token, keys.make_request(self.key, self.device))

    def take(self, issued: Issued) -> None:
        self.certificate = issued.certificate

    def renewal(self, next_key: str) -> RenewRequest:
        request = keys.make_request(next_key, self.device)
        return RenewRequest(request, self.certificate, keys.vouch(self.key, request))

    @property
    def der(self) -> bytes:
        return ssl.PEM_cert_to_DER_cert(self.certificate)

    def write(self, path: Path) -> Path:
        """Certificate and key in one file."""
        path.write_text(self.certificate + self.key)
        return path


def holder_of(office: Office, device: str, *, issued_ms: int, days: float) -> Holder:
    """A device whose certificate the desk knows nothing of, from any time."""
    key = ca.make_key()
    made = Holder(device, ca.key_pem(key))
    made.certificate = ca.pem(ca.issue_device(office.authority, device, key.public_key(), issued_ms, days))
    return made


@contextmanager
def office(
    path: Path, *, clock: SetClock | None = None, table: IdentityTable | None = None, broker: Broker | None = None
) -> Iterator[Office]:
    """Authority and desk in `path`; the clock is the machine's own at the start and stands until it is set."""
    clock = clock or SetClock(now_ms())
    folder = Folder(path / "identity")
    folder.refresh(folder.create(clock.now_ms()), clock.now_ms(), HOSTS)
    with Database(f"sqlite:///{path / 'fleet.db'}", clock) as database:
        book = SqlIdentities(database)
        desk = Desk(book, folder, broker or Broker(), clock, table or IdentityTable())
        desk.write_list()
        yield Office(desk, book, folder, clock)


@contextmanager
def served_identity(desk: IdentityDesk, clock: Clock, limits: LimitSettings | None = None) -> Iterator[str]:
    """Claim and renewal over HTTPS, as the listener for devices mounts them; gives the address."""
    app = Starlette(routes=[Mount(IDENTITY_PATH, make_identity_app(desk, clock, limits))])
    with served(app, certificate=desk.server_file) as url:
        yield url


def rng() -> random.Random:
    return random.Random(7)
