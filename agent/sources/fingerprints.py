"""Who a device is, by what it answers to a few harmless reads. Pure.

The first read is always the lowest 45 holding registers: some Growatt models restart when 30000 and above is read
(github.com/0xAHA/Growatt_ModbusTCP at 64434f9), so what looks like one is asked nothing more.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from agent.sources.decode import text_of
from agent.sources.fingerprint import matches
from agent.sources.profile import Fingerprint, Profile
from agent.sources.profile_file import ProfileShelf, profile_names

LOW_WORDS: Final = 45
HIGH_FROM: Final = 30000
SUNSPEC_BASES: Final = (40000, 50000)
COMMON_WORDS: Final = 66

# Unit numbers in the order of how often they are met: most devices, SMA, Victron's system, GoodWe and TROVIS, TROVIS,
# then others. 0 is not asked: on a line it speaks to all.
TCP_UNITS: Final = (1, 3, 100, 247, 246, 255, 126, 2, 200, 240)

# Where devices stand on a serial line when nobody was asked to look everywhere.
SERIAL_UNITS: Final = (*range(1, 33), 100, *range(240, 248))

# Maker in SunSpec's model 1 → profiles that know more of it than the plain one.
_METER: Final = "where the grid's values are missing its meter is a unit of its own: more_units = [200], or 240"
SUNSPEC_MAKERS: Final = {"fronius": "fronius-gen24", "solaredge": "solaredge-storedge"}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answered. `profile` is empty where none of those that ship is for it."""

    maker: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    profile: str = ""
    how: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """Reads that together tell a family, and the profile that they belong to."""

    profile: str
    maker: str
    entries: tuple[Fingerprint, ...]
    order: str = "hi"

    @property
    def unit(self) -> int | None:
        """The only unit to ask, if there is one."""
        return next((entry.unit for entry in self.entries if entry.unit is not None), None)

    @property
    def highest(self) -> int:
        """The highest address of its reads."""
        return max(entry.address for entry in self.entries)

    def fits(self, entry: Fingerprint, words: Sequence[int]) -> bool:
        """Whether the words are what the family answers there."""
        return matches(entry, words, self.order)

    def identity(self, words: Sequence[int]) -> Identity:
        """Who it is, where all of it fits; `words` are those of the last read."""
        named = self.entries[-1].contains
        return Identity(
            maker=self.maker, model=text_of(words) if named else "", profile=self.profile, how="fingerprint"
        )


def place_of(entry: Fingerprint) -> tuple[int, int, int]:
    """Function, address and count."""
    return entry.function, entry.address, entry.width


def shipped_probes() -> tuple[Probe, ...]:
    """The reads of all shipped profiles."""
    return probes_from(ProfileShelf().sound()[0])


def probes_from(profiles: Iterable[Profile]) -> tuple[Probe, ...]:
    """The reads of these profiles: low addresses first, and among them what asks for more before what asks for less."""
    probes = [probe for profile in profiles for probe in probes_of(profile)]

    def order(probe: Probe) -> tuple[bool, int, int, str]:
        return probe.highest >= HIGH_FROM, -len(probe.entries), probe.highest, probe.profile

    return tuple(sorted(probes, key=order))


def probes_of(profile: Profile) -> Iterator[Probe]:
    """The reads of one profile: each fingerprint by itself, those of one portrait together."""
    portraits: dict[str, list[Fingerprint]] = {}
    for entry in profile.fingerprint:
        if entry.portrait:
            portraits.setdefault(entry.portrait, []).append(entry)
        else:
            yield Probe(profile.name, profile.maker, (entry,), profile.order)
    for entries in portraits.values():
        yield Probe(profile.name, profile.maker, tuple(entries), profile.order)


def match_low(probes: Iterable[Probe], low: Sequence[int]) -> Identity | None:
    """Who has these lowest holding registers. A Growatt is told by the texts in its own places."""
    if looks_like_growatt(low):
        return Identity(
            maker="Growatt",
            serial=text_of(low[23:28]),
            firmware=text_of(low[9:12]),
            how="fingerprint",
            note=f"type code {low[43]}; profile growatt-sph or growatt-tl-xh, by the name on the device",
        )
    for probe in probes:
        words = [_within(low, entry) for entry in probe.entries]
        if all(there and probe.fits(entry, there) for entry, there in zip(probe.entries, words, strict=True)):
            return probe.identity(words[-1])
    return None


def _within(low: Sequence[int], entry: Fingerprint) -> Sequence[int]:
    """The words of a fingerprint, if they are among the lowest holding registers."""
    function, address, count = place_of(entry)
    return low[address : address + count] if function == 3 and address + count <= len(low) else ()


def looks_like_growatt(low: Sequence[int]) -> bool:
    """A serial number of ten letters and digits in 23 to 27 and a firmware text in 9 to 11."""
    if len(low) < LOW_WORDS:
        return False
    serial, firmware = _ascii(low[23:28]), _ascii(low[9:12])
    return len(serial) == 10 and serial.isalnum() and len(firmware) >= 4 and firmware.replace(".", "").isalnum()


def _ascii(words: Sequence[int]) -> str:
    data = b"".join(word.to_bytes(2, "big") for word in words).rstrip(b"\0 ")
    return data.decode("ascii") if all(32 < byte < 127 for byte in data) else ""


def sunspec_identity(common: Sequence[int]) -> Identity:
    """Out of model 1: maker, model, firmware and serial number; `common` begins behind its header."""
    maker = text_of(common[0:16])
    known = set(profile_names())
    profile = next(
        (name for key, name in SUNSPEC_MAKERS.items() if key in maker.casefold() and name in known), "sunspec"
    )
    note = _METER if "fronius" in maker.casefold() else ""
    return Identity(
        maker, text_of(common[16:32]), text_of(common[48:64]), text_of(common[40:48]), profile, "sunspec", note
    )
