"""Checksums against bit-by-bit reckoning."""

from hypothesis import given
from hypothesis import strategies as st

from agent.sources.checksums import crc8, crc16
from tests.helpers.rtu_slaves import crc
from tests.helpers.serial_meters import arc_crc, w1_crc


@given(st.binary(max_size=300))
def test_they_are_what_the_specifications_say(data: bytes) -> None:
    assert crc16(data) == arc_crc(data)
    assert crc16(data, 0xFFFF).to_bytes(2, "little") == crc(data)
    assert crc8(data) == w1_crc(data)
    assert crc8(data + bytes([crc8(data)])) == 0
