"""The checksums of serial protocols."""

from typing import Final


def _table(polynomial: int) -> tuple[int, ...]:
    entries = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        entries.append(value)
    return tuple(entries)


_CRC16: Final = _table(0xA001)
_CRC8: Final = _table(0x8C)


def crc16(data: bytes, start: int = 0) -> int:
    """CRC-16, polynomial x¹⁶ + x¹⁵ + x² + 1, least significant bit first. DSMR starts at 0, Modbus at 0xFFFF.

    >>> hex(crc16(b"123456789")), hex(crc16(b"123456789", 0xFFFF))
    ('0xbb3d', '0x4b37')
    """
    crc = start
    for byte in data:
        crc = crc >> 8 ^ _CRC16[(crc ^ byte) & 0xFF]
    return crc


def crc8(data: bytes) -> int:
    """CRC-8 of 1-Wire, polynomial x⁸ + x⁵ + x⁴ + 1, least significant bit first; 0 over data with its own CRC behind.

    >>> hex(crc8(b"123456789"))
    '0xa1'
    """
    crc = 0
    for byte in data:
        crc = _CRC8[crc ^ byte]
    return crc
