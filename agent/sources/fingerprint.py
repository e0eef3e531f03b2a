"""Whether a device is of a profile's family, by what its registers say. Pure."""

import re
import struct
from collections.abc import Sequence

from agent.sources.decode import raw_of, text_of
from agent.sources.profile import Fingerprint, Profile


def matches(entry: Fingerprint, words: Sequence[int], order: str = "hi") -> bool:
    """Whether these words are what the family answers.

    >>> matches(Fingerprint(address=0, values=(3, 0x300)), [0x300])
    True
    """
    if entry.type == "str":
        text = text_of(words)
        return entry.contains in text if entry.contains else re.fullmatch(entry.pattern, text) is not None
    if entry.low is None or entry.high is None:
        return raw_of(words, 0, entry.width, order == "lo") in entry.values
    return entry.low <= number_of(entry, words, order) <= entry.high


def number_of(entry: Fingerprint, words: Sequence[int], order: str = "hi") -> float:
    """The raw number with its sign; what is no number at all is outside of everything.

    >>> number_of(Fingerprint(address=0, type="i16", low=-500, high=500), [0xFFFE])
    -2.0
    """
    raw = raw_of(words, 0, entry.width, order == "lo")
    if entry.type == "f32":
        number: float = struct.unpack(">f", raw.to_bytes(4, "big"))[0]
        return number
    bits = 16 * entry.width
    return float(raw - (1 << bits) if entry.type.startswith("i") and raw >> (bits - 1) else raw)


def mismatch(profile: Profile, entry: Fingerprint, words: Sequence[int]) -> str:
    """Why a device is not read with this profile, in one line."""
    got = repr(text_of(words)) if entry.contains else str(raw_of(words, 0, entry.width, profile.order == "lo"))
    expected = repr(entry.contains) if entry.contains else " or ".join(str(value) for value in entry.values)
    says = f"register {entry.address} says {got}, profile {profile.name} is for {expected}"
    for other in profile.fingerprint:
        fits = (other.function, other.address, other.width) == (entry.function, entry.address, entry.width)
        if fits and not other.required and matches(other, words, profile.order):
            need = (
                f"leave out variant {other.variant[1:]}"
                if other.variant.startswith("!")
                else f"variant {other.variant}"
            )
            return f"{says}; it needs: {need}"
    return f"{says}; is it the right profile?"
