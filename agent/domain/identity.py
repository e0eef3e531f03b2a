"""What a device and the aggregator say to each other about keys: claim code, requests, answers. Bodies are JSON.

A claim code is what an installer types: the one-time token, which proves to the aggregator that this device was
invited, and the first 120 bits of the fingerprint of the aggregator's certificate authority, which prove to the device
that it talks to the right aggregator. 42 letters of Crockford's base 32 in seven groups; the last two are a checksum.
"""

import hashlib
import zlib
from typing import Final

import msgspec

from agent.domain.errors import BadInput

# Where the aggregator answers, behind scheme, host and port.
IDENTITY_PATH: Final = "/device/1/identity"
CLAIM: Final = "/claim"
RENEW: Final = "/renew"
CA: Final = "/ca"

TOKEN_LETTERS: Final = 16
_PRINT_LETTERS: Final = 24
_CHECK_LETTERS: Final = 2
_GROUP: Final = 6
_CODE_LETTERS: Final = TOKEN_LETTERS + _PRINT_LETTERS + _CHECK_LETTERS
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": "", "\n": ""})
_FINGERPRINT_HEX: Final = 64
_STATEMENT: Final = b"emberwatt renewal 1\n"


class ClaimRequest(msgspec.Struct, frozen=True):
    """`token` without its code, `csr` in PEM."""

    token: str
    csr: str


class RenewRequest(msgspec.Struct, frozen=True):
    """`certificate` is the present one, `signature` the base64 of its key's word for `renewal_statement(csr)`."""

    csr: str
    certificate: str
    signature: str


class Issued(msgspec.Struct, frozen=True):
    """The answer to both: certificate and authority in PEM, and where the broker is."""

    device: str
    certificate: str
    ca: str
    not_before_ms: int
    not_after_ms: int
    broker_host: str = ""
    broker_port: int = 0


class Refusal(msgspec.Struct, frozen=True):
    """Why not: `code` for programs, `message` for people."""

    code: str
    message: str
    hint: str = ""


class RefusalBody(msgspec.Struct, frozen=True):
    """The body of every answer with a status of 400 or above."""

    error: Refusal


class ClaimCode(msgspec.Struct, frozen=True):
    """`token` is 16 letters, `print_letters` the beginning of the authority's fingerprint in the same alphabet."""

    token: str
    print_letters: str

    def vouches_for(self, certificate_der: bytes) -> bool:
        """Whether the code was made for the authority with this certificate."""
        return self.print_letters == print_letters(certificate_der)


def fingerprint(certificate_der: bytes) -> str:
    """SHA-256 of a certificate in hexadecimal."""
    return hashlib.sha256(certificate_der).hexdigest()


def read_fingerprint(text: str) -> str:
    """A fingerprint as people write it: capitals and colons are allowed. Raises `BadInput`."""
    plain = text.strip().lower().replace(":", "").removeprefix("sha256")
    if len(plain) != _FINGERPRINT_HEX or set(plain) - set("0123456789abcdef"):
        raise BadInput(f"fingerprint {text!r}: expected the 64 hexadecimal digits of a SHA-256")
    return plain


def print_letters(certificate_der: bytes) -> str:
    """The first 120 bits of a certificate's SHA-256 in base 32."""
    return letters(hashlib.sha256(certificate_der).digest(), _PRINT_LETTERS)


def letters(data: bytes, count: int) -> str:
    """The first `count` × 5 bits of `data`.

    >>> letters(bytes([0xFF, 0x00]), 3)
    'ZW0'
    """
    number = int.from_bytes(data, "big") >> (len(data) * 8 - count * 5)
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(count)))


def write_claim_code(code: ClaimCode) -> str:
    """As it is shown to a person."""
    body = code.token + code.print_letters
    whole = body + _check(body)
    return "-".join(whole[start : start + _GROUP] for start in range(0, _CODE_LETTERS, _GROUP))


def read_claim_code(text: str) -> ClaimCode:
    """As a person typed it: small letters, spaces, and O, I, L for 0 and 1 are understood. Raises `BadInput`."""
    plain = text.strip().upper().translate(_MISREAD)
    foreign = sorted(set(plain) - set(_ALPHABET))
    if foreign:
        raise BadInput(f"claim code: {foreign[0]!r} is not one of its letters")
    if len(plain) != _CODE_LETTERS:
        raise BadInput(f"claim code has {len(plain)} letters, expected {_CODE_LETTERS}")
    body, check = plain[:-_CHECK_LETTERS], plain[-_CHECK_LETTERS:]
    if _check(body) != check:
        raise BadInput("claim code has a typing mistake: its checksum is wrong")
    return ClaimCode(body[:TOKEN_LETTERS], body[TOKEN_LETTERS:])


def _check(body: str) -> str:
    return letters(zlib.crc32(body.encode()).to_bytes(4, "big"), _CHECK_LETTERS)


def renewal_statement(csr_der: bytes) -> bytes:
    """What the old key signs, so that the new key is known to be the device's own."""
    return _STATEMENT + hashlib.sha256(csr_der).digest()
