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
from agent.sources.profile_file import load_profile, profile_names

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
SUNSPEC_MAKERS: Final = {"fronius": "fronius-gen24", "solaredge": "solaredge-storedge"}


@dataclass(frozen=True, slots=True)
class Probe:
    """One read that tells a family, and the profile that it belongs to."""

    profile: str
    maker: str
    entry: Fingerprint
    order: str = "hi"
    unit: int | None = None

    @property
    def at(self) -> tuple[int, int, int]:
        """Function, address and count."""
        return self.entry.function, self.entry.address, self.entry.width


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


# Families whose profiles have no fingerprint of their own. TROVIS: github.com/Tom-Bom-badil/samson_trovis_557x.
_MORE: Final = (
    ("samson-trovis-557x", Fingerprint(address=0, values=(5573, 5576, 5578, 5579)), None),
    ("goodwe-et", Fingerprint(address=35011, type="str", words=5, contains="GW"), 247),
)


def shipped_probes() -> tuple[Probe, ...]:
    """The reads of all shipped profiles, the lowest address first; profiles that share a read stand together."""
    known = set(profile_names())
    profiles = [load_profile(name) for name in sorted(known)]
    probes = [probe for profile in profiles for probe in probes_of(profile)]
    for name, entry, unit in _MORE:
        if name in known and not any(probe.profile == name for probe in probes):
            maker = next(profile.maker for profile in profiles if profile.name == name)
            probes.append(Probe(name, maker, entry, unit=unit))
    return tuple(
        sorted(probes, key=lambda probe: (probe.entry.address >= HIGH_FROM, probe.entry.address, probe.profile))
    )


def probes_of(profile: Profile) -> Iterator[Probe]:
    """The reads of one profile."""
    for entry in profile.fingerprint:
        yield Probe(profile.name, profile.maker, entry, profile.order)


def match(probes: Iterable[Probe], words: Sequence[int]) -> Identity | None:
    """The first of these probes of one place that the words fit."""
    for probe in probes:
        if matches(probe.entry, words, probe.order):
            model = text_of(words) if probe.entry.contains else ""
            return Identity(maker=probe.maker, model=model, profile=probe.profile, how="fingerprint")
    return None


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
        function, address, count = probe.at
        if function == 3 and address + count <= len(low):
            found = match([probe], low[address : address + count])
            if found is not None:
                return found
    return None


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
    note = "its meter usually answers as unit 200 or 240" if "fronius" in maker.casefold() else ""
    return Identity(
        maker, text_of(common[16:32]), text_of(common[48:64]), text_of(common[40:48]), profile, "sunspec", note
    )
