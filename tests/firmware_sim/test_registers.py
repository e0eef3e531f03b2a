import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.registers import tenths, words16, words32, words_text


@given(st.integers(-0x8000, 0xFFFF))
def test_sixteen_bits(value: int) -> None:
    assert words16(value) == [int.from_bytes(value.to_bytes(3, "big", signed=True)[1:], "big")]


@given(st.integers(-0x8000_0000, 0xFFFF_FFFF))
def test_thirty_two_bits_high_word_first(value: int) -> None:
    high, low = words32(value)
    assert ((high << 16) | low) == value % 2**32


@pytest.mark.parametrize("value", [0x1_0000, -0x8001])
def test_what_does_not_fit_is_not_bent(value: int) -> None:
    with pytest.raises(OverflowError, match="16 bits"):
        words16(value)
    with pytest.raises(OverflowError, match="32 bits"):
        words32(value << 16)


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=20), st.integers(1, 8))
def test_texts_are_padded_and_cut(text: str, length: int) -> None:
    raw = b"".join(word.to_bytes(2, "big") for word in words_text(text, length))
    assert raw == text.encode()[: 2 * length].ljust(2 * length, b"\0")


def test_tenths_of_a_degree() -> None:
    assert [tenths(value) for value in (-12.34, 0.0, 21.06)] == [-123, 0, 211]
