"""`cloud.ports.IdentityBook` over SQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, delete, insert, select, update

from cloud.ports import CertificateRow, ClaimRow, IdentityRefused, RevokedRow
from cloud.ports.identity import REVOKED, TOKEN_EXPIRED, TOKEN_UNKNOWN, TOKEN_USED, WRONG_DEVICE
from cloud.store.database import Database
from cloud.store.schema_identity import identity_certificates as certificates
from cloud.store.schema_identity import identity_claims as claims
from cloud.store.schema_identity import identity_revocations as revocations

_CLAIMED_AGAIN = "claimed again"


class SqlIdentities:
    """See `cloud.ports.IdentityBook`. Raises `Transient` when the database cannot be reached."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def invite(self, claim: ClaimRow) -> None:
        """See `cloud.ports.IdentityBook`."""
        with self._database.write() as connection:
            _withdraw(connection, claim.device)
            connection.execute(insert(claims).values(_values(claim)))

    def invitation(self, token: str) -> ClaimRow | None:
        """See `cloud.ports.IdentityBook`."""
        with self._database.read() as connection:
            return _invitation(connection, token)

    def invitations(self) -> list[ClaimRow]:
        """See `cloud.ports.IdentityBook`."""
        query = select(claims).order_by(claims.c.created_ms.desc(), claims.c.token)
        with self._database.read() as connection:
            return [ClaimRow(*row) for row in connection.execute(query)]

    def redeem(self, token: str, certificate: CertificateRow, now_ms: int) -> CertificateRow:
        """See `cloud.ports.IdentityBook`."""
        with self._database.write() as connection:
            claim = _invitation(connection, token)
            if claim is None:
                raise IdentityRefused(TOKEN_UNKNOWN, "this claim code is not known here, or was withdrawn")
            if claim.serial is not None:
                return _of_that_time(connection, claim.serial, certificate)
            known = _of(connection, certificate.device)
            _check_open(claim, certificate.device, bool(known), now_ms)
            _revoke(connection, [row for row in known if row.revoked_ms is None], _CLAIMED_AGAIN, now_ms)
            connection.execute(insert(certificates).values(_certificate_values(certificate)))
            used = {"used_ms": now_ms, "serial": certificate.serial}
            connection.execute(update(claims).where(claims.c.token == token).values(used))
        return certificate

    def renew(self, before: str, certificate: CertificateRow, now_ms: int) -> None:
        """See `cloud.ports.IdentityBook`."""
        with self._database.write() as connection:
            if _is_revoked(connection, before):
                raise IdentityRefused(REVOKED, f"the certificate of {certificate.device} is revoked")
            connection.execute(insert(certificates).values(_certificate_values(certificate)))
            earlier = (certificates.c.device == certificate.device) & (certificates.c.serial != certificate.serial)
            still = earlier & certificates.c.replaced_ms.is_(None)
            connection.execute(update(certificates).where(still).values(replaced_ms=now_ms))

    def certificate(self, serial: str) -> CertificateRow | None:
        """See `cloud.ports.IdentityBook`."""
        with self._database.read() as connection:
            return _certificate(connection, serial)

    def certificates(self, device: str | None = None) -> list[CertificateRow]:
        """See `cloud.ports.IdentityBook`."""
        with self._database.read() as connection:
            return _of(connection, device)

    def revoke(self, device: str, reason: str, now_ms: int) -> list[CertificateRow]:
        """See `cloud.ports.IdentityBook`."""
        with self._database.write() as connection:
            live = [row for row in _of(connection, device) if row.revoked_ms is None]
            _revoke(connection, live, reason, now_ms)
            _withdraw(connection, device)
        return live

    def revoked(self) -> list[RevokedRow]:
        """See `cloud.ports.IdentityBook`."""
        query = select(revocations).order_by(revocations.c.revoked_ms, revocations.c.serial)
        with self._database.read() as connection:
            return [RevokedRow(*row) for row in connection.execute(query)]

    def is_revoked(self, serial: str) -> bool:
        """See `cloud.ports.IdentityBook`."""
        with self._database.read() as connection:
            return _is_revoked(connection, serial)

    def shut_out(self) -> list[str]:
        """See `cloud.ports.IdentityBook`."""
        gone = select(revocations.c.serial)
        live = select(certificates.c.device).where(certificates.c.serial.not_in(gone))
        query = select(certificates.c.device).where(certificates.c.device.not_in(live)).distinct()
        with self._database.read() as connection:
            return sorted(connection.execute(query).scalars())

    def adopt(self, rows: Sequence[RevokedRow]) -> int:
        """See `cloud.ports.IdentityBook`."""
        with self._database.write() as connection:
            new = [row for row in rows if not _is_revoked(connection, row.serial)]
            if new:
                connection.execute(insert(revocations), [_values(row) for row in new])
        return len(new)

    def remember(self, rows: Sequence[CertificateRow]) -> int:
        """See `cloud.ports.IdentityBook`."""
        with self._database.write() as connection:
            known = set(connection.execute(select(certificates.c.serial)).scalars())
            new = {row.serial: _certificate_values(row) for row in rows if row.serial not in known}
            if new:
                connection.execute(insert(certificates), list(new.values()))
        return len(new)


def _check_open(claim: ClaimRow, device: str, known: bool, now_ms: int) -> None:
    if claim.expires_ms <= now_ms:
        raise IdentityRefused(TOKEN_EXPIRED, "this claim code has expired", hint="ask for a new one")
    if claim.device and claim.device != device:
        problem = f"this claim code is not for a device called {device}"
        raise IdentityRefused(WRONG_DEVICE, problem, hint="compare device.id in the site file with the invitation")
    if not claim.device and known:
        problem = f"{device} has a certificate already; a code for any new device does not replace it"
        raise IdentityRefused(WRONG_DEVICE, problem, hint=f"emberwatt-cloud identity reclaim {device}")


def _of_that_time(connection: Connection, serial: str, asked: CertificateRow) -> CertificateRow:
    """The same key asks again, because the answer was lost: it gets the same certificate."""
    before = _certificate(connection, serial)
    if before is None or (before.key, before.device) != (asked.key, asked.device):
        raise IdentityRefused(
            TOKEN_USED, "this claim code was used already", hint="a code works once: ask for a new one"
        )
    if before.revoked_ms is not None:
        raise IdentityRefused(REVOKED, f"the certificate that {asked.device} got for this claim code is revoked")
    return before


def _invitation(connection: Connection, token: str) -> ClaimRow | None:
    row = connection.execute(select(claims).where(claims.c.token == token)).first()
    return None if row is None else ClaimRow(*row)


def _with_revocation() -> "Select[Any]":
    joined = certificates.outerjoin(revocations, certificates.c.serial == revocations.c.serial)
    columns = (revocations.c.revoked_ms, revocations.c.reason)
    return select(*certificates.c, *columns).select_from(joined)


def _row(found: RowMapping) -> CertificateRow:
    return CertificateRow(**{**found, "reason": found["reason"] or ""})


def _certificate(connection: Connection, serial: str) -> CertificateRow | None:
    found = connection.execute(_with_revocation().where(certificates.c.serial == serial)).mappings().first()
    return None if found is None else _row(found)


def _of(connection: Connection, device: str | None) -> list[CertificateRow]:
    query = _with_revocation().order_by(certificates.c.issued_ms.desc(), certificates.c.serial)
    if device is not None:
        query = query.where(certificates.c.device == device)
    return [_row(found) for found in connection.execute(query).mappings()]


def _is_revoked(connection: Connection, serial: str) -> bool:
    query = select(revocations.c.serial).where(revocations.c.serial == serial)
    return connection.execute(query).first() is not None


def _revoke(connection: Connection, rows: Sequence[CertificateRow], reason: str, now_ms: int) -> None:
    entries = [_values(RevokedRow(row.serial, row.device, now_ms, reason)) for row in rows]
    if entries:
        connection.execute(insert(revocations), entries)


def _withdraw(connection: Connection, device: str) -> None:
    """Open invitations of one device; those for any device stay."""
    if device:
        connection.execute(delete(claims).where(claims.c.device == device, claims.c.used_ms.is_(None)))


def _values(row: ClaimRow | RevokedRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def _certificate_values(row: CertificateRow) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in certificates.c}
