"""How a serial port is set, and that a line is lost: what those need to know who have no line."""

import msgspec


class LineLost(OSError):
    """There is no line, or no longer. The text says why."""


class SerialSettings(msgspec.Struct, frozen=True):
    """A serial port. `path` under /dev/serial/by-id stays the same when the adapter is plugged in again."""

    path: str
    baud: int = 9600
    bits: int = 8
    parity: str = "N"
    stop_bits: int = 1

    def __str__(self) -> str:
        return f"{self.baud} baud {self.bits}{self.parity}{self.stop_bits}"

    @property
    def char_s(self) -> float:
        """Seconds that one character takes: a start bit, the bits, parity and stop bits."""
        return (1 + self.bits + (self.parity != "N") + self.stop_bits) / self.baud
