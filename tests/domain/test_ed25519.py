"""Signatures against the vectors of RFC 8032, section 7.1, and against another implementation."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain.ed25519 import _L, verify

VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da0"
        "85ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac1"
        "8ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_the_vectors_of_the_standard(public: str, message: str, signature: str) -> None:
    key, text, sign = (bytes.fromhex(each) for each in (public, message, signature))
    assert verify(key, text, sign)
    assert not verify(key, text + b"x", sign)
    for place in (0, 31, 32, 63):
        assert not verify(key, text, bytes(b ^ (i == place) for i, b in enumerate(sign)))


@settings(max_examples=15, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 10_000))
def test_it_agrees_with_another_implementation(seed: bytes, message: bytes, turned: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verify(public, message, signature)
    bit = turned % 512
    assert not verify(public, message, bytes(b ^ ((1 << bit % 8) * (i == bit // 8)) for i, b in enumerate(signature)))


def test_malformed_signatures_are_no_signatures() -> None:
    public, message, signature = VECTORS[0][0], b"", bytes.fromhex(VECTORS[0][2])
    key = bytes.fromhex(public)
    assert not verify(key[:31], message, signature)
    assert not verify(key, message, signature[:63])
    # A second form of the same number, which the standard forbids.
    grown = int.from_bytes(signature[32:], "little") + _L
    assert not verify(key, message, signature[:32] + grown.to_bytes(32, "little"))
    assert not verify(b"\xff" * 32, message, signature)
