"""A certificate authority for tests, and certificates of every kind that must be refused."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """Certificate and key in PEM files."""

    certificate: Path
    key: Path


class Pki:
    """`Pki(folder).issue("site-01")`; the authority is in `ca`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        now = dt.datetime.now(dt.UTC)
        subject = _name(name)
        builder = _builder(subject, subject, self._key, now - 20 * 365 * DAY, now + 20 * 365 * DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())
        self.ca = folder / f"{name}.pem"
        self.ca.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self,
        name: str,
        *,
        begins: dt.datetime | None = None,
        ends: dt.datetime | None = None,
        hosts: tuple[str, ...] = ("localhost", "127.0.0.1"),
    ) -> Pair:
        """A certificate for a server or a device; by default it was valid yesterday and is for 30 days more."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = dt.datetime.now(dt.UTC)
        begins, ends = begins or now - DAY, ends or now + 30 * DAY
        builder = _builder(_name(name), self._certificate.subject, key, begins, ends)
        alternatives = x509.SubjectAlternativeName([_general(host) for host in hosts])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(alternatives, critical=False).add_extension(usage, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        stem = f"{self._name}-{name}-{certificate.serial_number:x}"
        pair = Pair(self._folder / f"{stem}.crt", self._folder / f"{stem}.key")
        pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        pair.key.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain),
        )
        return pair


def common_name(certificate_der: bytes) -> str:
    """The CN of a certificate."""
    subject = x509.load_der_x509_certificate(certificate_der).subject
    return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begins: dt.datetime, ends: dt.datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(begins).not_valid_after(ends)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
