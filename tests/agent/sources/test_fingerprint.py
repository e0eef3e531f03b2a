"""What tells one family from another."""

import pytest

from agent.sources.fingerprint import matches, mismatch
from agent.sources.profile import Fingerprint
from agent.sources.profile_file import load_profile


def test_numbers_in_the_profiles_word_order() -> None:
    entry = Fingerprint(address=0, type="u32", values=(8001,))
    assert matches(entry, [0, 8001])
    assert matches(entry, [8001, 0], "lo")
    assert not matches(entry, [8001, 0])


def test_texts() -> None:
    entry = Fingerprint(address=0, type="str", words=2, contains="UN2")
    assert matches(entry, [0x5355, 0x4E32])
    assert not matches(entry, [0x5355, 0x4E33])


def test_numbers_within_bounds() -> None:
    entry = Fingerprint(address=0, type="i16", low=-500, high=550)
    assert matches(entry, [0xFFFF])
    assert matches(entry, [550])
    assert not matches(entry, [0x8000])
    entry = Fingerprint(address=0, type="f32", low=90, high=300)
    assert matches(entry, [0x4366, 0x3333])
    assert matches(entry, [0x3333, 0x4366], "lo")
    assert not matches(entry, [0x7FC0, 0x0000]), "NaN is no number"


def test_texts_by_a_pattern() -> None:
    entry = Fingerprint(address=0, type="str", words=2, pattern="[A-Z0-9]{4}")
    assert matches(entry, [0x5355, 0x4E32])
    assert not matches(entry, [0x5355, 0x4E2D])
    assert not matches(entry, [0, 0])


def test_the_wrong_profile_is_named() -> None:
    profile = load_profile("deye-sunsynk-1p")
    text = mismatch(profile, profile.fingerprint[0], [5])
    assert text == "register 0 says 5, profile deye-sunsynk-1p is for 3 or 768; is it the right profile?"


@pytest.mark.parametrize(
    ("variants", "word", "need"), [((), 6, "it needs: variant hv"), (("hv",), 5, "it needs: leave out variant hv")]
)
def test_the_variant_that_is_needed_is_named(variants: tuple[str, ...], word: int, need: str) -> None:
    profile = load_profile("deye-sunsynk-3p", variants)
    [entry] = [entry for entry in profile.fingerprint if entry.required]
    assert not matches(entry, [word])
    assert mismatch(profile, entry, [word]).endswith(need)
