"""Whether a device is of a profile's family, by what its registers say. Pure."""

from collections.abc import Sequence

from agent.sources.decode import raw_of, text_of
from agent.sources.profile import Fingerprint, Profile


def matches(entry: Fingerprint, words: Sequence[int], order: str = "hi") -> bool:
    """Whether these words are what the family answers.

    >>> matches(Fingerprint(address=0, values=(3, 0x300)), [0x300])
    True
    """
    if entry.contains:
        return entry.contains in text_of(words)
    return raw_of(words, 0, entry.width, order == "lo") in entry.values


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
