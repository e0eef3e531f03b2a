"""A password is known again, and is not what is written down."""

import pytest

from agent.domain.errors import BadInput
from cloud.access.passwords import kept, matches


def test_a_password_is_known_again_and_written_down_differently_each_time() -> None:
    first, second = kept("correct horse"), kept("correct horse")
    assert matches("correct horse", first)
    assert matches("correct horse", second)
    assert first != second
    assert "correct" not in first
    assert not matches("correct hors", first)


@pytest.mark.parametrize("password", ["", "short", "x" * 201])
def test_too_short_and_too_long(password: str) -> None:
    with pytest.raises(BadInput, match=f"{len(password)} characters: expected 10 to 200"):
        kept(password)


@pytest.mark.parametrize("written", ["", "correct horse", "scrypt$", "scrypt$?$?", "scrypt$AAAA$AAAA", "md5$AAAA$AAAA"])
def test_what_nobody_wrote_like_that_matches_nothing(written: str) -> None:
    assert not matches("correct horse", written)


def test_letters_of_every_kind() -> None:
    assert matches("pässwörter ßind gut", kept("pässwörter ßind gut"))
