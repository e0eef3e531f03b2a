"""What the Linux kernel writes about a 1-Wire thermometer. Pure.

Source: the kernel's documentation of w1_therm; data sheets of DS18B20 and DS18S20 (scratchpad, power-on value 85 °C).
"""

import re
from typing import Final

import msgspec

from agent.sources.checksums import crc8

_SLAVE: Final = re.compile(r"((?:[0-9a-f]{2} ){9}): crc=[0-9a-f]{2} (YES|NO)\s+(?:[0-9a-f]{2} ){9}t=(-?\d+)\s*")
_POWER_ON: Final = 85_000
_POWER_ON_BYTE: Final = (6, 0x0C)
_LOWEST, _HIGHEST = -55_000, 125_000

# Brown-outs and broken parts show up as lone values here, far from what was measured before.
_SPIKES: Final = (80.0, 90.0)
_JUMP_K: Final = 20.0
_NEAR_K: Final = 5.0


class Sample(msgspec.Struct, frozen=True):
    """Degrees Celsius; `power_on` if it is exactly what a sensor shows that has not measured yet."""

    celsius: float
    power_on: bool = False


def parse_slave(text: str) -> Sample | None:
    """The file `w1_slave`; None where the sensor gave no right value.

    The kernel repeats the last right value behind a wrong checksum, and a short circuit reads as zeros, whose checksum
    is right.
    """
    found = _SLAVE.fullmatch(text)
    if found is None or found[2] == "NO":
        return None
    scratchpad = bytes.fromhex(found[1])
    if crc8(scratchpad) or not any(scratchpad):
        return None
    milli = int(found[3])
    place, value = _POWER_ON_BYTE
    if milli == _POWER_ON and scratchpad[place] == value:
        return None
    return _sample(milli)


def parse_temperature(text: str) -> Sample | None:
    """The file `temperature`, in thousandths of a degree; None where there is no number in it."""
    try:
        return _sample(int(text))
    except ValueError:
        return None


def is_believable(sample: Sample, before: float | None, refused: float | None) -> bool:
    """Whether a value may be taken, after the last one that was taken and the one that was refused since.

    The power-on value is one only close to what was measured before. A value where broken sensors have theirs, far from
    the one before, must come twice.
    """
    if sample.power_on:
        return before is not None and abs(sample.celsius - before) <= _NEAR_K
    low, high = _SPIKES
    if low <= sample.celsius <= high and before is not None and abs(sample.celsius - before) > _JUMP_K:
        return refused is not None and abs(sample.celsius - refused) <= _NEAR_K
    return True


def _sample(milli: int) -> Sample | None:
    if not _LOWEST <= milli <= _HIGHEST:
        return None
    return Sample(milli / 1000, milli == _POWER_ON)
