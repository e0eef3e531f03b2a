"""VE.Direct text: blocks of label and value, each with a checksum over all of its bytes. Pure.

Source: Victron, "VE.Direct Protocol" and its frame handler: a block is lines of CR LF, label, tab, value; the last
label is `Checksum` with one raw byte, which makes the sum of all bytes a multiple of 256. HEX messages, from a colon to
a line feed, may come at any place between and are not part of it.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

_CHECKSUM: Final = b"Checksum"
_LONGEST_LINE: Final = 80
_MOST_LINES: Final = 40

Block = Mapping[str, str]


class _At(Enum):
    LINE = 0
    CHECKSUM = 1
    HEX = 2


class BlockSplitter:
    """Takes bytes as they come and gives the blocks that are whole; `damaged` counts the others."""

    def __init__(self) -> None:
        self.damaged = 0
        self._at = _At.LINE
        self._sum = 0
        self._line = bytearray()
        self._lines: list[bytes] = []

    def feed(self, data: bytes) -> list[Block]:
        """The blocks that end in these bytes."""
        found = []
        for byte in data:
            if self._at is _At.CHECKSUM:
                block = self._finish(byte)
                if block is not None:
                    found.append(block)
            elif self._at is _At.HEX:
                if byte == 0x0A:
                    self._at = _At.LINE
            elif byte == 0x3A:
                self._at = _At.HEX
            else:
                self._text(byte)
        return found

    def _text(self, byte: int) -> None:
        self._sum += byte
        if byte == 0x0A:
            if self._line:
                self._lines.append(bytes(self._line))
                self._line.clear()
        elif byte == 0x09 and self._line == _CHECKSUM:
            self._at = _At.CHECKSUM
        elif byte != 0x0D:
            self._line.append(byte)
        if len(self._line) > _LONGEST_LINE or len(self._lines) > _MOST_LINES:
            self._drop()

    def _finish(self, byte: int) -> Block | None:
        total, lines = self._sum + byte, self._lines
        self._at, self._sum, self._lines = _At.LINE, 0, []
        self._line.clear()
        block = _block_of(lines) if total % 256 == 0 and lines else None
        self.damaged += block is None
        return block

    def _drop(self) -> None:
        self.damaged += 1
        self._sum, self._lines = 0, []
        self._line.clear()


def _block_of(lines: list[bytes]) -> Block | None:
    """The fields; None where a line is not one, which a checksum of one byte lets through now and then."""
    fields: dict[str, str] = {}
    for line in lines:
        label, tab, value = line.partition(b"\t")
        if not tab or not label or not line.isascii() or label.decode() in fields:
            return None
        fields[label.decode()] = value.decode()
    return fields


def whole_number(text: str) -> int | None:
    """A value of the protocol, which knows no fractions; None for `---` and for what is none.

    >>> whole_number("-7625"), whole_number("0xA042"), whole_number("---")
    (-7625, 41026, None)
    """
    try:
        return int(text, 16) if text[:2] in ("0x", "0X") else int(text)
    except ValueError:
        return None


def version_text(text: str) -> str:
    """The firmware as the maker writes it.

    >>> version_text("150"), version_text("0308"), version_text("C208")
    ('1.50', '3.08', 'C208')
    """
    return f"{int(text) // 100}.{int(text) % 100:02d}" if text.isascii() and text.isdigit() else text
