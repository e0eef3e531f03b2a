"""Whole numbers in two strings of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.columns import pack, unpack
from agent.domain.errors import BadMessage


@given(st.lists(st.one_of(st.integers(-200, 200), st.integers(-(2**63), 2**64))))
def test_numbers_come_back(numbers: list[int]) -> None:
    low, high = pack(numbers)
    assert unpack(low, high) == numbers
    assert len(low) == len(numbers)


@pytest.mark.parametrize("value", [-128, -1, 0, 1, 127])
def test_small_numbers_have_nothing_above_their_byte(value: int) -> None:
    assert pack([value])[1] == b"\0"


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (b"\0", b"", "1 low bytes"),
        (b"", b"\0", "0 low bytes"),
        (b"\0", b"\x80", "cut off"),
        (b"\0", b"\xff" * 11 + b"\0", "more than 70 bits"),
    ],
)
def test_strings_that_do_not_belong_together_are_refused(low: bytes, high: bytes, says: str) -> None:
    with pytest.raises(BadMessage, match=says):
        unpack(low, high)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_noise_is_numbers_or_refused(low: bytes, high: bytes) -> None:
    try:
        numbers = unpack(low, high)
    except BadMessage:
        return
    assert len(numbers) == len(low)
