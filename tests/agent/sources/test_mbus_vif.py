"""The tables of value information, against the standard's own examples."""

import pytest

from agent.sources.mbus_vif import Quantity, meaning_of


@pytest.mark.parametrize(
    ("block", "quantity", "factor"),
    [
        ("00", Quantity.ENERGY, 0.001),
        ("07", Quantity.ENERGY, 10_000),
        ("0e", Quantity.ENERGY, 1e6 / 3600),
        ("13", Quantity.VOLUME, 0.001),
        ("2b", Quantity.POWER, 1),
        ("2d", Quantity.POWER, 100),
        ("33", Quantity.POWER, 1000 / 3600),
        ("3b", Quantity.VOLUME_FLOW, 0.001),
        ("44", Quantity.VOLUME_FLOW, 0.06),
        ("49", Quantity.VOLUME_FLOW, 3.6e-5),
        ("5a", Quantity.FLOW_TEMPERATURE, 0.1),
        ("5f", Quantity.RETURN_TEMPERATURE, 1),
        ("61", Quantity.TEMPERATURE_DIFFERENCE, 0.01),
        ("65", Quantity.EXTERNAL_TEMPERATURE, 0.01),
        ("6a", Quantity.PRESSURE, 0.1),
        ("fb01", Quantity.ENERGY, 1e6),
        ("fb08", Quantity.ENERGY, 1e8 / 3600),
        ("fb28", Quantity.POWER, 1e5),
        ("fd48", Quantity.VOLTAGE, 0.1),
        ("fd59", Quantity.CURRENT, 0.001),
        ("6d", Quantity.OTHER, 1),
        ("7f", Quantity.OTHER, 1),
        ("fd17", Quantity.OTHER, 1),
        ("fb", Quantity.OTHER, 1),
        ("867d", Quantity.ENERGY, 1e6),
        ("8675", Quantity.ENERGY, 100),
    ],
)
def test_unit_and_factor(block: str, quantity: Quantity, factor: float) -> None:
    meaning = meaning_of(bytes.fromhex(block))
    assert (meaning.quantity, meaning.factor) == (quantity, pytest.approx(factor))


def test_what_further_bytes_say() -> None:
    assert meaning_of(b"\x86\x3b").direction == 1
    assert meaning_of(b"\x86\x3c").direction == -1
    assert meaning_of(b"\xda\x79").offset == pytest.approx(0.01)
    assert meaning_of(b"\xda\x15").error
    assert not meaning_of(b"\xda\x00").error
    assert not meaning_of(b"\x86\x2a").plain
    own = meaning_of(b"\xab\xff\x81\x00")
    assert not own.plain
    assert not own.error
