"""The certificate authority: keys and certificates, without files and without a clock.

Elliptic curve P-256 and SHA-256 (RFC 5480, RFC 5280). The authority and what servers show are valid from 2010
on, whenever they were made: a device whose clock starts at the date of its image must be able to check them. Nothing is
gained by a later date, because only this authority signs with this key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.domain.errors import BadSetup
from cloud.ports import RevokedRow

Key = ec.EllipticCurvePrivateKey

# The aggregator's own name at the broker. The dot keeps it from ever being a device id.
AGGREGATOR: Final = "emberwatt.aggregator"

_ALWAYS: Final = datetime(2010, 1, 1, tzinfo=UTC)
_CA_DAYS: Final = 30 * 365
SERVER_DAYS: Final = 5 * 365
_SKEW: Final = timedelta(hours=1)
# A revocation list that has expired would shut everybody out. Ours is trusted because of the disk that it lies on.
_LIST_DAYS: Final = 30 * 365
DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate and the key that signs for it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> str:
        return pem(self.certificate)

    @property
    def key_pem(self) -> str:
        return key_pem(self.key)


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode("ascii")


def make_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def make_authority(now_ms: int) -> Authority:
    """A new one. Its name holds a random part: two authorities are never taken for each other."""
    key = make_key()
    name = _name(f"emberwatt authority {x509.random_serial_number() & 0xFFFFFFFF:08x}")
    uses = _key_usage(signs_certificates=True)
    builder = (
        _builder(name, name, key.public_key(), _ALWAYS, _at(now_ms) + timedelta(days=_CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(uses, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Authority(builder.sign(key, hashes.SHA256()), key)


def load_authority(text: bytes, where: str) -> Authority:
    """From a file that holds both. Raises `BadSetup`."""
    try:
        certificate = x509.load_pem_x509_certificate(text)
        key = serialization.load_pem_private_key(text, password=None)
    except (ValueError, TypeError) as error:
        raise BadSetup(where, f"holds no certificate and key of an authority ({error})") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        raise BadSetup(where, "the key does not belong to the certificate")
    return Authority(certificate, key)


def issue_device(
    authority: Authority, device: str, key: ec.EllipticCurvePublicKey, now_ms: int, days: float
) -> x509.Certificate:
    """A certificate with which a device logs in; it can be no server."""
    start = _at(now_ms)
    end = min(start + timedelta(days=days), authority.certificate.not_valid_after_utc)
    builder = _builder(authority.certificate.subject, _name(device), key, start - _SKEW, end)
    return _sign(authority, builder, key, ExtendedKeyUsageOID.CLIENT_AUTH)


def issue_aggregator(authority: Authority, key: ec.EllipticCurvePublicKey, now_ms: int) -> x509.Certificate:
    """The certificate with which the aggregator logs in at the broker."""
    return issue_device(authority, AGGREGATOR, key, now_ms, SERVER_DAYS)


def issue_server(
    authority: Authority, hosts: Sequence[str], key: ec.EllipticCurvePublicKey, now_ms: int, days: float = SERVER_DAYS
) -> x509.Certificate:
    """The certificate that broker and web server show under the names and addresses `hosts`."""
    end = min(_at(now_ms) + timedelta(days=days), authority.certificate.not_valid_after_utc)
    names: list[x509.GeneralName] = []
    for host in hosts:
        address = _address(host)
        names.append(x509.DNSName(host) if address is None else x509.IPAddress(address))
    # A common name has 64 characters at most (RFC 5280, appendix A.1), and nobody reads it any more.
    builder = _builder(authority.certificate.subject, _name("emberwatt server"), key, _ALWAYS, end)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return _sign(authority, builder, key, ExtendedKeyUsageOID.SERVER_AUTH)


def hosts_of(certificate: x509.Certificate) -> list[str]:
    """Names and addresses that a server's certificate is good for."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName) + [str(each) for each in names.get_values_for_type(x509.IPAddress)]


def revocation_list(
    authority: Authority, rows: Sequence[RevokedRow], now_ms: int, before: x509.CertificateRevocationList | None
) -> x509.CertificateRevocationList:
    """The list of `rows`, newer than the one `before`.

    A broker that reads it again still remembers the earlier one, and of two it takes the one with the later date, which
    counts whole seconds. The date lies an hour back, so that several lists in one second are in order and none of them
    is from the future.
    """
    made = _at(now_ms) - _SKEW
    if before is not None:
        made = max(made, before.last_update_utc + timedelta(seconds=1))
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(made)
        .next_update(_at(now_ms) + timedelta(days=_LIST_DAYS))
        .add_extension(x509.CRLNumber(_number(before) + 1), critical=False)
        .add_extension(_authority_key(authority), critical=False)
    )
    for row in rows:
        entry = x509.RevokedCertificateBuilder().serial_number(int(row.serial, 16))
        builder = builder.add_revoked_certificate(entry.revocation_date(_at(row.revoked_ms)).build())
    return builder.sign(authority.key, hashes.SHA256())


def read_revocation_list(text: bytes, authority: Authority) -> x509.CertificateRevocationList | None:
    """A list that this authority signed; None for anything else: it will be written anew."""
    try:
        found = x509.load_pem_x509_crl(text)
    except ValueError:
        return None
    key = authority.certificate.public_key()
    ours = isinstance(key, ec.EllipticCurvePublicKey) and found.is_signature_valid(key)
    return found if ours else None


def revoked_rows(entries: x509.CertificateRevocationList) -> list[RevokedRow]:
    """What a list says; it does not know the devices' names."""
    return [
        RevokedRow(f"{entry.serial_number:x}", "", to_ms(entry.revocation_date_utc), "found in the revocation list")
        for entry in entries
    ]


def is_address(host: str) -> bool:
    """Whether it is an address, and not a name."""
    return _address(host) is not None


def to_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _number(entries: x509.CertificateRevocationList | None) -> int:
    if entries is None:
        return 0
    return entries.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def _sign(
    authority: Authority, builder: x509.CertificateBuilder, key: ec.EllipticCurvePublicKey, use: x509.ObjectIdentifier
) -> x509.Certificate:
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_authority_key(authority), critical=False)
        .sign(authority.key, hashes.SHA256())
    )


def _authority_key(authority: Authority) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())


def _builder(
    issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _at(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, UTC)
