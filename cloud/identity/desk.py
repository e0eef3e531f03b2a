"""`cloud.ports.IdentityDesk`: invites, issues, renews, revokes, and says who is behind a certificate."""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography import x509

from agent.domain.errors import BadInput, BadSetup
from agent.domain.identity import (
    TOKEN_LETTERS,
    ClaimCode,
    ClaimRequest,
    Issued,
    RenewRequest,
    letters,
    print_letters,
    write_claim_code,
)
from agent.domain.wire import is_device_id
from cloud.identity import authority as ca
from cloud.identity import evidence
from cloud.identity.authority import DAY_MS, Authority
from cloud.identity.broker import Broker
from cloud.identity.folder import Folder
from cloud.identity.mosquitto import access
from cloud.identity.settings import IdentityTable
from cloud.ports import CertificateRow, ClaimRow, Clock, IdentityBook, IdentityRefused
from cloud.ports.identity import BAD_REQUEST, EXPIRED, REPLACED, REVOKED, TOKEN_UNKNOWN, WRONG_DEVICE

log: Final = logging.getLogger(__name__)

HOUR_MS: Final = 3_600_000
# A certificate that was followed by another may renew once more in this time: the device may have lost the newer one.
_OVERLAP_MS: Final = 30 * DAY_MS
# Where devices talk over HTTPS, this is a place and not a device: see `agent.domain.identity.IDENTITY_PATH`.
RESERVED: Final = "identity"
CLAIMED: Final = "claim"
RENEWED: Final = "renewal"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What an installer is given. `code` exists nowhere else: only its hash is kept."""

    code: str
    device: str
    expires_ms: int
    fingerprint: str


class Desk:
    """Over a book and the folder of an authority. All calls may come from any thread."""

    def __init__(self, book: IdentityBook, folder: Folder, broker: Broker, clock: Clock, table: IdentityTable) -> None:
        """Reads the authority's key. Raises `BadSetup` when there is none."""
        self._book = book
        self._folder = folder
        self._broker = broker
        self._clock = clock
        self._table = table
        self._authority: Authority = folder.load()

    @property
    def ca_file(self) -> Path:
        """See `cloud.ports.IdentityDesk`."""
        return self._folder.ca

    @property
    def server_file(self) -> Path:
        """See `cloud.ports.IdentityDesk`."""
        return self._folder.server

    @property
    def tells_broker(self) -> bool:
        """Whether there is a way to let the broker read its files again."""
        return self._broker.known

    def ca_pem(self) -> str:
        """See `cloud.ports.IdentityDesk`."""
        return self._authority.pem

    def invite(self, device: str, who: str, hours: float | None = None, *, again: bool = False) -> Invitation:
        """A claim code for `device`, or for any new one when that is empty. Raises `BadInput`.

        `again` says that the device may have had a certificate: those it has are revoked once the code is used.
        """
        if device and (not is_device_id(device) or device == RESERVED):
            raise BadInput(f"device {device!r}: expected 3 to 40 of a-z, 0-9 and -, and not {RESERVED!r}")
        if device and not again and self._book.certificates(device):
            hint = f"emberwatt-cloud identity reclaim {device}"
            raise BadInput(f"{device} had a certificate before; a new one takes its place only on purpose", hint=hint)
        now_ms = self._clock.now_ms()
        expires_ms = now_ms + round((self._table.invite_hours if hours is None else hours) * HOUR_MS)
        token = letters(secrets.token_bytes(TOKEN_LETTERS), TOKEN_LETTERS)
        self._book.invite(ClaimRow(_hashed(token), device, who, now_ms, expires_ms))
        code = write_claim_code(ClaimCode(token, print_letters(self._authority.der)))
        return Invitation(code, device, expires_ms, sha256(self._authority.der).hexdigest())

    def claim(self, request: ClaimRequest) -> Issued:
        """See `cloud.ports.IdentityDesk`."""
        token = _hashed(request.token)
        if self._book.invitation(token) is None:
            raise IdentityRefused(
                TOKEN_UNKNOWN, "this claim code is not known here, or was withdrawn", hint="ask for another"
            )
        asked = evidence.read_request(request.csr)
        if asked.device == RESERVED:
            raise IdentityRefused(WRONG_DEVICE, f"no device can be called {RESERVED}")
        row = self._book.redeem(token, self._issue(asked, CLAIMED), self._clock.now_ms())
        self._quietly("note what was issued", lambda: self._folder.note(row))
        if len(self._book.certificates(row.device)) > 1:
            self._quietly("tell the broker what is revoked", self.publish)
        return self._answer(row)

    def renew(self, request: RenewRequest) -> Issued:
        """See `cloud.ports.IdentityDesk`."""
        asked = evidence.read_request(request.csr)
        certificate = evidence.read_certificate(request.certificate.encode(errors="replace"))
        device = evidence.device_of(self._authority, certificate)
        if device != asked.device:
            raise IdentityRefused(WRONG_DEVICE, f"the certificate is that of {device}, the request of {asked.device}")
        evidence.check_statement(certificate, asked, request.signature)
        serial = _serial(certificate)
        self._check_revoked(serial, device)
        key = evidence.key_hash(asked.key)
        after = next((row for row in self._book.certificates(device) if row.key == key), None)
        if after is not None and after.revoked_ms is not None:
            raise IdentityRefused(REVOKED, f"the certificate that followed this one of {device} is revoked")
        if after is not None and after.serial == serial:
            raise IdentityRefused(BAD_REQUEST, "csr: expected a new key, this one is in use already")
        now_ms = self._clock.now_ms()
        if after is not None and after.pem and now_ms < after.not_after_ms:
            return self._answer(after)
        self._check_grace(certificate, after, now_ms)
        row = self._issue(asked, RENEWED)
        self._book.renew(serial, row, now_ms)
        self._quietly("note what was issued", lambda: self._folder.note(row))
        return self._answer(row)

    def identity_of(self, certificate_der: bytes) -> str:
        """See `cloud.ports.Identities`."""
        certificate = evidence.read_certificate(certificate_der)
        device = evidence.device_of(self._authority, certificate)
        evidence.check_times(certificate, self._clock.now_ms())
        self._check_revoked(_serial(certificate), device)
        return device

    def revoke(self, device: str, reason: str) -> list[CertificateRow]:
        """Revoke what `device` has, withdraw what it was offered, and tell the broker. Raises `BadInput`."""
        if not self._book.certificates(device):
            self.remember()
        if not self._book.certificates(device):
            known = any(row.device == device for row in self._book.invitations())
            if not known:
                raise BadInput(f"{device} never had a certificate", hint="emberwatt-cloud identity list")
        revoked = self._book.revoke(device, reason, self._clock.now_ms())
        self.publish()
        return revoked

    def publish(self) -> None:
        """Write list and rules for the broker, and let it read them."""
        self.write_list()
        self._broker.reload()

    def write_list(self) -> bool:
        """List and rules for the broker, where they change; whether they did. What only the list knows is taken over.

        A database that was restored from an older copy has forgotten revocations; the list on the disk has not.
        """
        with self._folder.locked():
            before = self._folder.revocations(self._authority)
            if before is not None:
                self._book.adopt(ca.revoked_rows(before))
            rows, rules = self._book.revoked(), access(self._book.shut_out())
            if self._folder.says(before, {row.serial for row in rows}, rules):
                return False
            entries = ca.revocation_list(self._authority, rows, self._clock.now_ms(), before)
            self._folder.write_revocations(entries, rules)
            return True

    def settle(self) -> list[Path]:
        """Put right what time and a restored database have changed; which certificates of the aggregator are new.

        The broker is told only if there is something to tell: while it starts, SIGHUP would end it.
        """
        self.remember()
        files = self.refresh()
        if self.write_list() or files:
            self._broker.reload()
        return files

    def remember(self) -> int:
        """Take over certificates that the folder knows and the store not: it was restored from an older copy."""
        return self._book.remember(self._folder.noted())

    def _quietly(self, what: str, action: Callable[[], None]) -> None:
        """A device need not wait until somebody has put right what is not its own."""
        try:
            action()
        except BadSetup as error:
            log.error("cannot %s: %s", what, error)

    def refresh(self) -> list[Path]:
        """Renew the aggregator's own certificates where they are due; which files were written.

        The broker shows the new ones once it was told: `publish`.
        """
        return self._folder.refresh(self._authority, self._clock.now_ms())

    def _issue(self, asked: evidence.Request, via: str) -> CertificateRow:
        now_ms = self._clock.now_ms()
        certificate = ca.issue_device(self._authority, asked.device, asked.key, now_ms, self._table.lifetime_days)
        return CertificateRow(
            serial=_serial(certificate),
            device=asked.device,
            key=evidence.key_hash(asked.key),
            pem=ca.pem(certificate),
            via=via,
            issued_ms=now_ms,
            not_after_ms=ca.to_ms(certificate.not_valid_after_utc),
        )

    def _answer(self, row: CertificateRow) -> Issued:
        return Issued(
            device=row.device,
            certificate=row.pem,
            ca=self._authority.pem,
            not_before_ms=row.issued_ms,
            not_after_ms=row.not_after_ms,
            broker_host=self._table.broker_host,
            broker_port=self._table.broker_port,
        )

    def _check_revoked(self, serial: str, device: str) -> None:
        if self._book.is_revoked(serial):
            raise IdentityRefused(REVOKED, f"the certificate of {device} is revoked")

    def _check_grace(self, certificate: x509.Certificate, after: CertificateRow | None, now_ms: int) -> None:
        """Whether a certificate may still be renewed; `after` is the one that followed it, when its key asks."""
        end_ms = ca.to_ms(certificate.not_valid_after_utc)
        before = self._book.certificate(_serial(certificate))
        if after is not None:
            end_ms = max(end_ms, after.not_after_ms)
        elif before is not None and before.replaced_ms is not None and now_ms - before.replaced_ms > _OVERLAP_MS:
            problem = f"the certificate was replaced on {evidence.day(before.replaced_ms)}"
            raise IdentityRefused(REPLACED, problem, hint=f"emberwatt-cloud identity reclaim {before.device}")
        if now_ms > end_ms + self._table.grace_days * DAY_MS:
            problem = (
                f"the certificate expired on {evidence.day(end_ms)}, more than {self._table.grace_days:g} days ago"
            )
            raise IdentityRefused(EXPIRED, problem, hint="claim the device again")


def _serial(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:x}"


def _hashed(token: str) -> str:
    return sha256(token.strip().upper().encode(errors="replace")).hexdigest()
