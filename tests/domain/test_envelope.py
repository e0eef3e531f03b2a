"""Envelopes: what goes in comes out, and rubbish is refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.envelope import MAX_ENVELOPE_BYTES, Envelope, Letter, decode_envelope, encode_envelope
from agent.domain.errors import BadMessage

letters = st.builds(Letter, st.text(max_size=40), st.binary(max_size=300), st.booleans(), st.integers(0, 2**63 - 1))
envelopes = st.builds(Envelope, st.text(max_size=20), st.lists(letters, max_size=5), st.floats(0, 1e6))


@given(envelopes)
def test_what_goes_in_comes_out(envelope: Envelope) -> None:
    assert decode_envelope(encode_envelope(envelope)) == envelope


@given(envelopes, st.data())
def test_damaged_ones_are_read_or_refused_and_nothing_else(envelope: Envelope, data: st.DataObject) -> None:
    raw = bytearray(encode_envelope(envelope))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BadMessage):
        assert isinstance(decode_envelope(bytes(raw[: data.draw(st.integers(0, len(raw)))])), Envelope)


def test_fields_of_a_later_version_are_passed_over_and_missing_ones_are_usual() -> None:
    assert decode_envelope(b"\x91\xa1b") == Envelope("b")
    assert decode_envelope(b"\x94\xa1b\x90\x00\xa5later") == Envelope("b")


@pytest.mark.parametrize("rubbish", [b"", b"\xc1", b"\x90", b"\x93" * 10_000, bytes(MAX_ENVELOPE_BYTES + 1)])
def test_rubbish_is_refused(rubbish: bytes) -> None:
    with pytest.raises(BadMessage, match="envelope"):
        decode_envelope(rubbish)
