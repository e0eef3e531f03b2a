"""Passwords as they are kept: salted, and slow to guess."""

import base64
import hashlib
import hmac
import secrets
from typing import Final

from agent.domain.errors import BadInput

LEAST_LENGTH: Final = 10
MOST_LENGTH: Final = 200
_KIND: Final = "scrypt"
# 32 MiB and some 80 ms a guess: C. Percival, S. Josefsson, RFC 7914.
_COST: Final = 1 << 15
_BLOCK: Final = 8
_MEMORY: Final = 64 * 1024 * 1024


def kept(password: str) -> str:
    """What is written down of a password. Raises `BadInput` for one that is too short or too long."""
    if not LEAST_LENGTH <= len(password) <= MOST_LENGTH:
        raise BadInput(f"a password of {len(password)} characters: expected {LEAST_LENGTH} to {MOST_LENGTH}")
    salt = secrets.token_bytes(16)
    return "$".join((_KIND, _text(salt), _text(_derived(password, salt))))


def matches(password: str, kept_one: str) -> bool:
    """Whether it is the one that was written down; what nobody wrote like that matches nothing."""
    kind, _, rest = kept_one.partition("$")
    salt, _, derived = rest.partition("$")
    try:
        wanted = base64.b64decode(derived, validate=True)
        found = _derived(password[:MOST_LENGTH], base64.b64decode(salt, validate=True))
    except ValueError:
        return False
    return kind == _KIND and hmac.compare_digest(found, wanted)


def _derived(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCK, p=1, maxmem=_MEMORY, dklen=32)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
