"""Every way in which a 1-Wire thermometer is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sources.w1_text import Sample, is_believable, parse_slave, parse_temperature
from tests.helpers.serial_meters import w1_slave

# From the kernel's documentation: 23.125 °C.
KERNEL = "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n"


def test_the_kernels_own_example() -> None:
    assert parse_slave(KERNEL) == Sample(23.125)


@given(st.integers(-55 * 16, 125 * 16).filter(lambda raw: raw != 85 * 16))
def test_every_temperature(raw: int) -> None:
    assert parse_slave(w1_slave(raw / 16)) == Sample(round(raw / 16 * 1000) / 1000)


def test_a_wrong_checksum_repeats_an_old_value() -> None:
    assert parse_slave(w1_slave(21.0, right=False)) is None
    assert parse_slave(KERNEL.replace("72 01 4b 46 7f ff 0e 10 57 :", "73 01 4b 46 7f ff 0e 10 57 :")) is None


def test_a_short_circuit_reads_as_zeros_with_a_right_checksum() -> None:
    zeros = "00 00 00 00 00 00 00 00 00"
    assert parse_slave(f"{zeros} : crc=00 YES\n{zeros} t=0\n") is None


def test_a_sensor_that_has_not_measured() -> None:
    assert parse_slave(w1_slave(85.0, spare=0x0C)) is None
    assert parse_slave(w1_slave(85.0)) == Sample(85.0, power_on=True)
    assert parse_slave(w1_slave(84.9375, spare=0x0C)) == Sample(84.938)


@pytest.mark.parametrize("text", ["", "garbage", KERNEL[:40], KERNEL.replace("23125", "x"), KERNEL.replace("0e ", "")])
def test_what_is_no_such_file(text: str) -> None:
    assert parse_slave(text) is None


def test_the_plain_file() -> None:
    assert parse_temperature("23125\n") == Sample(23.125)
    assert parse_temperature("85000") == Sample(85.0, power_on=True)
    assert parse_temperature("127937") is None
    assert parse_temperature("-127000") is None
    assert parse_temperature("") is None


def test_eighty_five_degrees_are_believed_only_near_the_last_value() -> None:
    power_on = Sample(85.0, power_on=True)
    assert is_believable(power_on, 83.0, None)
    assert not is_believable(power_on, 20.0, 85.0)
    assert not is_believable(power_on, None, None)


def test_a_lone_spike_must_come_twice() -> None:
    assert not is_believable(Sample(83.0), 19.0, None)
    assert is_believable(Sample(82.5), 19.0, 83.0)
    assert is_believable(Sample(83.0), 70.0, None)
    assert is_believable(Sample(83.0), None, None)
    assert is_believable(Sample(55.0), 19.0, None)
