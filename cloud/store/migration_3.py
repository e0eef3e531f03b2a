"""From version 2 to 3: who may be whom. The statements stay as they are, whatever the tables become later."""

from typing import Final

from sqlalchemy import Connection

_CLAIMS: Final = """
CREATE TABLE identity_claims (
  token VARCHAR NOT NULL, device TEXT NOT NULL, who TEXT NOT NULL, created_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL, used_ms BIGINT, serial VARCHAR, PRIMARY KEY (token)
)"""
_CERTIFICATES: Final = """
CREATE TABLE identity_certificates (
  serial VARCHAR NOT NULL, device VARCHAR NOT NULL, key TEXT NOT NULL, pem TEXT NOT NULL, via TEXT NOT NULL,
  issued_ms BIGINT NOT NULL, not_after_ms BIGINT NOT NULL, replaced_ms BIGINT, PRIMARY KEY (serial)
)"""
_REVOCATIONS: Final = """
CREATE TABLE identity_revocations (
  serial VARCHAR NOT NULL, device TEXT NOT NULL, revoked_ms BIGINT NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (serial)
)"""
_INDEX: Final = "CREATE INDEX identity_certificates_by_device ON identity_certificates (device)"


def to_version_3(connection: Connection) -> None:
    """Add the tables; what was there stays as it is."""
    for statement in (_CLAIMS, _CERTIFICATES, _REVOCATIONS, _INDEX):
        connection.exec_driver_sql(statement)
