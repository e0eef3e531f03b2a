"""The tables of version 3: invitations, certificates and revocations. Times and keys as in `schema`."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from cloud.store.schema_work import TABLES as EARLIER


def _text(name: str) -> "Column[str]":
    return Column(name, Text, nullable=False)


def _ms(name: str) -> "Column[int]":
    return Column(name, BigInteger, nullable=False)


# `token` is the SHA-256 of what the installer was given: who reads the database cannot claim anything with it.
identity_claims: Final = Table(
    "identity_claims",
    EARLIER,
    Column("token", String, primary_key=True),
    _text("device"),
    _text("who"),
    _ms("created_ms"),
    _ms("expires_ms"),
    Column("used_ms", BigInteger),
    Column("serial", String),
)

# The columns are those of `cloud.ports.CertificateRow`, in its order, without what revocations say.
identity_certificates: Final = Table(
    "identity_certificates",
    EARLIER,
    Column("serial", String, primary_key=True),
    Column("device", String, nullable=False),
    _text("key"),
    _text("pem"),
    _text("via"),
    _ms("issued_ms"),
    _ms("not_after_ms"),
    Column("replaced_ms", BigInteger),
    Index("identity_certificates_by_device", "device"),
)

identity_revocations: Final = Table(
    "identity_revocations",
    EARLIER,
    Column("serial", String, primary_key=True),
    _text("device"),
    _ms("revoked_ms"),
    _text("reason"),
)

# Every table there is, those of the earlier versions included.
TABLES: Final = EARLIER
