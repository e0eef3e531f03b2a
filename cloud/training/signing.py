"""Keys that models are signed with: Ed25519, in PEM files."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.domain.errors import BadSetup
from agent.domain.learned_artifact import Artifact, packed, sealed


def new_key(path: Path) -> Ed25519PrivateKey:
    """Makes a key and writes it, for its owner only. Raises `BadSetup` where there is a file already."""
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(text)
    except FileExistsError as error:
        raise BadSetup(
            str(path), "is there already and stays as it is", hint=f"use --key {path} to sign with it"
        ) from error
    except OSError as error:
        raise BadSetup(str(path), f"cannot be written: {error.strerror}") from error
    return key


def read_key(path: Path) -> Ed25519PrivateKey:
    """The key in a PEM file. Raises `BadSetup`."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise BadSetup(str(path), f"cannot be read: {error.strerror}", hint="--new-key makes one") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadSetup(str(path), f"is no private key in PEM: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadSetup(str(path), "is no Ed25519 key; --new-key makes one")
    return key


def public_of(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes that sites trust."""
    return key.public_key().public_bytes_raw()


def signed(artifact: Artifact, key: Ed25519PrivateKey) -> bytes:
    """The content of the artifact's file."""
    body = packed(artifact)
    return sealed(body, public_of(key), key.sign(body))
