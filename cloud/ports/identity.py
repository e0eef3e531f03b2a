"""What identity needs of the store, and the listener for devices of identity.

The listener asks `Identities.identity_of` for the device behind a client certificate, on every request, and mounts the
application of `cloud.identity.app.make_identity_app(desk, clock)` under `agent.domain.identity.IDENTITY_PATH`. The
certificate and key it listens with are both in the file `IdentityDesk.server_file`, the authority in
`IdentityDesk.ca_file`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from agent.domain.errors import BadInput
from agent.domain.identity import ClaimRequest, Issued, RenewRequest

# `IdentityRefused.code`
UNREADABLE = "unreadable"
UNKNOWN_ISSUER = "unknown_issuer"
NOT_A_DEVICE = "not_a_device"
NOT_YET_VALID = "not_yet_valid"
EXPIRED = "expired"
REVOKED = "revoked"
REPLACED = "replaced"
TOKEN_UNKNOWN = "token_unknown"
TOKEN_USED = "token_used"
TOKEN_EXPIRED = "token_expired"
WRONG_DEVICE = "wrong_device"
BAD_REQUEST = "bad_request"


class IdentityRefused(BadInput):
    """Who asks is not who it must be. `code` is one of the above, the text says it to a person."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class CertificateRow(msgspec.Struct, frozen=True):
    """A certificate that was given out. `serial` is hexadecimal, `key` the SHA-256 of its public key.

    `via` is claim or renewal; `replaced_ms` is set by the renewal that followed it.
    """

    serial: str
    device: str
    key: str
    pem: str
    via: str
    issued_ms: int
    not_after_ms: int
    replaced_ms: int | None = None
    revoked_ms: int | None = None
    reason: str = ""


class ClaimRow(msgspec.Struct, frozen=True):
    """An invitation. `token` is the SHA-256 of what the installer has; with `device` empty any new id may use it."""

    token: str
    device: str
    who: str
    created_ms: int
    expires_ms: int
    used_ms: int | None = None
    serial: str | None = None


class RevokedRow(msgspec.Struct, frozen=True):
    """An entry of the revocation list. It stays when the certificate itself is not in the store any more."""

    serial: str
    device: str
    revoked_ms: int
    reason: str


class IdentityBook(Protocol):
    """What identity needs of the store. Each call that writes is one transaction. Raises `Transient`."""

    def invite(self, claim: ClaimRow) -> None:
        """Keep an invitation; an earlier one for the same device that is still open is withdrawn."""
        ...

    def invitation(self, token: str) -> ClaimRow | None: ...

    def invitations(self) -> list[ClaimRow]:
        """Newest first, used ones included."""
        ...

    def redeem(self, token: str, certificate: CertificateRow, now_ms: int) -> CertificateRow:
        """Use an invitation up, keep the certificate, revoke all others of the device.

        An invitation that was used with the same key already gives the certificate of that time. Raises
        `IdentityRefused`.
        """
        ...

    def renew(self, before: str, certificate: CertificateRow, now_ms: int) -> None:
        """Keep a certificate that follows the one with the serial `before`.

        Raises `IdentityRefused` when that is revoked.
        """
        ...

    def certificate(self, serial: str) -> CertificateRow | None: ...

    def certificates(self, device: str | None = None) -> list[CertificateRow]:
        """Of one device or of all, newest first."""
        ...

    def revoke(self, device: str, reason: str, now_ms: int) -> list[CertificateRow]:
        """Revoke all of a device that are not yet, and withdraw its open invitations; what was revoked is returned."""
        ...

    def revoked(self) -> list[RevokedRow]: ...

    def is_revoked(self, serial: str) -> bool: ...

    def shut_out(self) -> list[str]:
        """Devices that had certificates, all of them revoked."""
        ...

    def adopt(self, rows: Sequence[RevokedRow]) -> int:
        """Take over revocations that this database does not know, because it was restored; how many were new."""
        ...

    def remember(self, rows: Sequence[CertificateRow]) -> int:
        """The same for certificates; how many were new."""
        ...


class Identities(Protocol):
    """Who is behind a certificate."""

    def identity_of(self, certificate_der: bytes) -> str:
        """The device id.

        Looks into the store each time, so that a revocation holds from the next request on. Raises `IdentityRefused`:
        unreadable, unknown_issuer, not_a_device, not_yet_valid, expired or revoked; `Transient` when the store is
        away.
        """
        ...


class IdentityDesk(Identities, Protocol):
    """What the application for devices needs. All calls may come from any thread."""

    @property
    def ca_file(self) -> Path: ...

    @property
    def server_file(self) -> Path:
        """Certificate and key in one file."""
        ...

    def ca_pem(self) -> str: ...

    def claim(self, request: ClaimRequest) -> Issued:
        """Raises `IdentityRefused`."""
        ...

    def renew(self, request: RenewRequest) -> Issued:
        """Raises `IdentityRefused`."""
        ...
