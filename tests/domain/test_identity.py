"""The claim code: what people type is understood, and what is wrong is said."""

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.errors import BadInput
from agent.domain.identity import (
    ClaimCode,
    fingerprint,
    letters,
    print_letters,
    read_claim_code,
    read_fingerprint,
    renewal_statement,
    write_claim_code,
)

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
codes = st.builds(
    ClaimCode, st.text(LETTERS, min_size=16, max_size=16), st.binary(min_size=1, max_size=50).map(print_letters)
)


@given(codes)
def test_a_code_is_read_as_it_was_written(code: ClaimCode) -> None:
    text = write_claim_code(code)
    assert [len(group) for group in text.split("-")] == [6] * 7
    assert read_claim_code(text) == code


@given(codes)
def test_a_code_is_read_as_people_type_it(code: ClaimCode) -> None:
    text = write_claim_code(code).lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert read_claim_code(f"  {text}\n") == code


@given(codes, st.integers(0, 41), st.sampled_from(LETTERS))
def test_a_wrong_letter_never_gives_the_same_code(code: ClaimCode, place: int, letter: str) -> None:
    plain = write_claim_code(code).replace("-", "")
    wrong = plain[:place] + letter + plain[place + 1 :]
    if wrong == plain:
        return
    with suppress(BadInput):
        assert read_claim_code(wrong) != code


def test_nearly_every_typing_mistake_is_noticed() -> None:
    plain = write_claim_code(ClaimCode("0123456789ABCDEF", print_letters(b"x"))).replace("-", "")
    wrong = [plain[:at] + ("7" if plain[at] != "7" else "8") + plain[at + 1 :] for at in range(42)]
    wrong += [plain[:at] + plain[at + 1] + plain[at] + plain[at + 2 :] for at in range(41)]
    passed = 0
    for text in set(wrong) - {plain}:
        with suppress(BadInput):
            read_claim_code(text)
            passed += 1
    assert passed <= 1


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "0 letters, expected 42"), ("ABC", "3 letters"), ("A" * 43, "43 letters"), ("?" * 42, "'?' is not one")],
)
def test_what_is_no_code_is_told(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said.replace("?", r"\?")):
        read_claim_code(text)


def test_a_code_vouches_for_its_own_authority_only() -> None:
    code = ClaimCode("0" * 16, print_letters(b"ours"))
    assert code.vouches_for(b"ours")
    assert not code.vouches_for(b"theirs")
    assert len(code.print_letters) * 5 == 120
    assert code.print_letters == letters(hashlib.sha256(b"ours").digest(), 24)


def test_a_fingerprint_is_read_as_tools_print_it() -> None:
    plain = fingerprint(b"x")
    pairs = ":".join(plain[at : at + 2].upper() for at in range(0, 64, 2))
    assert read_fingerprint(f" sha256:{plain}\n") == read_fingerprint(pairs) == plain
    for wrong in ("", plain[:-1], plain[:-1] + "g", plain + "0"):
        with pytest.raises(BadInput, match="64 hexadecimal digits"):
            read_fingerprint(wrong)


def test_the_statement_is_of_one_request() -> None:
    assert renewal_statement(b"a") != renewal_statement(b"b")
    assert renewal_statement(b"a").startswith(b"emberwatt renewal 1\n")
