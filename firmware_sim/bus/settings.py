"""Settings of a serial line, and how long its characters take."""

import re
import termios
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from firmware_sim.errors import BadArgument

BAUDS: Final[Mapping[int, int]] = {
    baud: getattr(termios, f"B{baud}") for baud in (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
}
_FORM: Final = re.compile(r"(\d+)([NEO])([12])")
_GAP_CHARACTERS: Final = 3.5
# Above 19200 Bd the silence has a fixed length (Modbus over Serial Line 1.02, 2.5.1.1).
_FIXED_GAP_S: Final = 0.00175


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """Baud, parity N, E or O, stop bits; always 8 data bits."""

    baud: int
    parity: str = "N"
    stop_bits: int = 1

    @property
    def bits(self) -> int:
        """Bits of one character on the wire, start bit included."""
        return 1 + 8 + (self.parity != "N") + self.stop_bits

    def seconds(self, characters: int) -> float:
        """How long so many characters take.

        >>> round(SerialSettings(9600).seconds(8), 6)
        0.008333
        """
        return characters * self.bits / self.baud

    @property
    def silence_s(self) -> float:
        """The silence between two frames."""
        return _FIXED_GAP_S if self.baud > 19200 else _GAP_CHARACTERS * self.seconds(1)

    def with_baud(self, baud: int) -> "SerialSettings":
        """The same at another speed."""
        return replace(self, baud=baud)

    def __str__(self) -> str:
        return f"{self.baud}{self.parity}{self.stop_bits}"


def parse_settings(text: str) -> SerialSettings:
    """Reads `9600N1`. Raises `BadArgument`.

    >>> parse_settings("19200E1").bits
    11
    """
    match = _FORM.fullmatch(text)
    if match is None or int(match[1]) not in BAUDS:
        speeds = ", ".join(map(str, BAUDS))
        raise BadArgument(f"serial settings {text!r}: expected like 9600N1, with a baud of {speeds} and N, E or O")
    return SerialSettings(int(match[1]), match[2], int(match[3]))
