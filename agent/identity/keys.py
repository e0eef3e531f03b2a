"""Keys, signing requests and signatures. The only file of the agent that loads `cryptography`: never while it runs."""

import base64
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent.domain.errors import BadSetup, UplinkUnavailable
from agent.domain.identity import Issued, renewal_statement

_PEM: Final = serialization.Encoding.PEM
_DER: Final = serialization.Encoding.DER


def make_key() -> str:
    """A new private key on P-256, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(_PEM, kind, serialization.NoEncryption()).decode("ascii")


def is_key(text: str) -> bool:
    """Whether a key can be read from it."""
    try:
        return isinstance(serialization.load_pem_private_key(text.encode(), password=None), ec.EllipticCurvePrivateKey)
    except (ValueError, TypeError):
        return False


def make_request(key: str, device: str) -> str:
    """A signing request for `device`, in PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(_load(key), hashes.SHA256())
    return request.public_bytes(_PEM).decode("ascii")


def vouch(key: str, request: str) -> str:
    """The word of an old key for a new one's request, in base64."""
    der = x509.load_pem_x509_csr(request.encode()).public_bytes(_DER)
    return base64.b64encode(_load(key).sign(renewal_statement(der), ec.ECDSA(hashes.SHA256()))).decode("ascii")


def certificate_der(text: str, where: str) -> bytes:
    """The first certificate of a PEM text. Raises `BadSetup` naming `where`."""
    try:
        return x509.load_pem_x509_certificate(text.encode()).public_bytes(_DER)
    except ValueError as error:
        raise BadSetup(where, f"holds no certificate ({error})") from error


def check_issued(issued: Issued, key: str, device: str, ca: str) -> None:
    """Raises `UplinkUnavailable` unless the answer is a certificate for `device` and `key`, given by `ca`.

    What does not fit is not kept; the present pair goes on.
    """
    problem = ""
    try:
        certificate = x509.load_pem_x509_certificate(issued.certificate.encode())
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(ca.encode()))
        if certificate.public_key() != _load(key).public_key():
            problem = "it is for another key"
        if [each.value for each in certificate.subject] != [device]:
            problem = f"it is not for {device}"
    except (ValueError, TypeError, InvalidSignature) as error:
        problem = f"its authority is not the one that is believed here ({error})"
    if problem:
        raise UplinkUnavailable(f"the aggregator answered with a certificate that cannot be used: {problem}")


def _load(key: str) -> ec.EllipticCurvePrivateKey:
    loaded = serialization.load_pem_private_key(key.encode(), password=None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    return loaded
