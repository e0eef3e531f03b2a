"""One file names every signal."""

import pytest

from agent.domain.signals import FLOW_TEMPERATURE, SIGNALS, Equipment, Kind, Quality, Reading, signal_name, spec_of


def test_every_signal_has_a_range_and_a_unit() -> None:
    for name, spec in SIGNALS.items():
        assert spec.name == name
        assert spec.low < spec.high
        assert spec.unit
        assert spec.meaning
        assert 0 <= spec.decimals <= 3


def test_counters_start_at_zero_and_flags_are_bits() -> None:
    assert all(spec.low == 0 for spec in SIGNALS.values() if spec.kind is Kind.COUNTER)
    assert all((spec.low, spec.high) == (0, 1) for spec in SIGNALS.values() if spec.kind is Kind.FLAG)


@pytest.mark.parametrize("number", ["2", "3", "17"])
def test_a_further_circuit_has_its_number_behind_the_name(number: str) -> None:
    assert spec_of(f"{FLOW_TEMPERATURE}_{number}") is SIGNALS[FLOW_TEMPERATURE]
    assert signal_name(f"{FLOW_TEMPERATURE}_{number}") == f"{FLOW_TEMPERATURE}_{number}"


@pytest.mark.parametrize("suffix", ["_1", "_0", "_02", "_-2", "_x", "_", "_²", "_2_2"])
def test_no_other_suffix_is_taken(suffix: str) -> None:
    assert spec_of(FLOW_TEMPERATURE + suffix) is None


def test_an_unknown_name_is_told_with_its_neighbours() -> None:
    with pytest.raises(ValueError, match=rf"did you mean.*{FLOW_TEMPERATURE}"):
        signal_name("flow_temprature")
    with pytest.raises(ValueError, match=r"unknown signal 'zzz'$"):
        signal_name("zzz")


def test_readings_do_not_share_their_bad_map() -> None:
    one, other = Reading(0, {}), Reading(0, {})
    assert one.bad is not other.bad


def test_qualities_travel_as_numbers() -> None:
    assert [quality.value for quality in Quality] == [0, 1, 2, 3, 4]


def test_unknown_equipment_is_empty() -> None:
    assert Equipment() == Equipment("", "", "", "")
