"""What strangers show: certificates, signing requests, signatures. Nothing of it is believed before it is checked."""

import base64
import binascii
import hashlib
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.domain.identity import renewal_statement
from agent.domain.wire import is_device_id
from cloud.identity.authority import Authority, to_ms
from cloud.ports import IdentityRefused
from cloud.ports.identity import BAD_REQUEST, EXPIRED, NOT_A_DEVICE, NOT_YET_VALID, UNKNOWN_ISSUER, UNREADABLE

# What the library raises for bytes that are none of what they should be.
_UNUSABLE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class Request:
    """A signing request that was made by the owner of its key."""

    def __init__(self, device: str, key: ec.EllipticCurvePublicKey, der: bytes) -> None:
        self.device = device
        self.key = key
        self.der = der


def read_request(text: str) -> Request:
    """Raises `IdentityRefused` unless it asks for exactly one device id, with a key on P-256, and is signed by it."""
    try:
        csr = x509.load_pem_x509_csr(text.encode())
        key, subject, valid = csr.public_key(), list(csr.subject), csr.is_signature_valid
        der = csr.public_bytes(serialization.Encoding.DER)
    except (*_UNUSABLE, InvalidSignature) as error:
        raise IdentityRefused(BAD_REQUEST, f"csr: not a signing request in PEM ({error})") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise IdentityRefused(BAD_REQUEST, "csr: expected a key on the elliptic curve P-256")
    if not valid:
        raise IdentityRefused(BAD_REQUEST, "csr: its signature is not by its own key")
    names = [str(each.value) for each in subject if each.oid == NameOID.COMMON_NAME]
    if len(subject) != 1 or len(names) != 1 or not is_device_id(names[0]):
        raise IdentityRefused(BAD_REQUEST, "csr: expected a common name of 3 to 40 of a-z, 0-9 and -, and nothing else")
    return Request(names[0], key, der)


def read_certificate(data: bytes) -> x509.Certificate:
    """From PEM or DER. Raises `IdentityRefused`."""
    try:
        if data.lstrip().startswith(b"-----"):
            return x509.load_pem_x509_certificate(data)
        return x509.load_der_x509_certificate(data)
    except _UNUSABLE as error:
        raise IdentityRefused(UNREADABLE, f"not a certificate ({error})") from error


def device_of(authority: Authority, certificate: x509.Certificate) -> str:
    """Whose certificate it is, whatever the time. Raises `IdentityRefused` unless `authority` gave it to a device."""
    try:
        certificate.verify_directly_issued_by(authority.certificate)
    except (*_UNUSABLE, InvalidSignature) as error:
        raise IdentityRefused(UNKNOWN_ISSUER, "the certificate is not from this aggregator's authority") from error
    try:
        names = [str(each.value) for each in certificate.subject]
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except _UNUSABLE as error:
        raise IdentityRefused(NOT_A_DEVICE, f"not the certificate of a device ({error})") from error
    if len(names) != 1 or not is_device_id(names[0]) or ExtendedKeyUsageOID.CLIENT_AUTH not in uses:
        raise IdentityRefused(NOT_A_DEVICE, "the certificate is not that of a device")
    return names[0]


def check_times(certificate: x509.Certificate, now_ms: int) -> None:
    """Raises `IdentityRefused` outside of its validity."""
    start_ms, end_ms = to_ms(certificate.not_valid_before_utc), to_ms(certificate.not_valid_after_utc)
    if now_ms < start_ms:
        raise IdentityRefused(NOT_YET_VALID, f"the certificate is valid from {day(start_ms)} on")
    if now_ms > end_ms:
        raise IdentityRefused(EXPIRED, f"the certificate expired on {day(end_ms)}")


def check_statement(certificate: x509.Certificate, request: Request, signature: str) -> None:
    """Raises `IdentityRefused` unless the certificate's key signed for the request."""
    key = certificate.public_key()
    try:
        raw = base64.b64decode(signature, validate=True)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise InvalidSignature
        key.verify(raw, renewal_statement(request.der), ec.ECDSA(hashes.SHA256()))
    except (binascii.Error, ValueError, InvalidSignature) as error:
        raise IdentityRefused(BAD_REQUEST, "signature: not by the key of the present certificate") from error


def key_hash(key: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 of a public key as certificates hold it, in hexadecimal."""
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, kind)).hexdigest()


def day(at_ms: int) -> str:
    """The date, UTC.

    >>> day(0)
    '1970-01-01'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")
