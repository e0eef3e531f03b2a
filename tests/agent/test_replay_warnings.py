"""Values that cannot be, counted as they pass; one stray value is not worth a word."""

from agent.domain.signals import BATTERY_SOC, PUMP_ON, PV_POWER, Quality, Reading
from agent.replay_warnings import Impossible, switched_off


def told(*readings: Reading) -> list[str]:
    one = Impossible()
    assert list(one.watched(readings)) == list(readings)
    return one.told()


def test_a_stray_value_is_not_worth_a_word() -> None:
    bad = Reading(0, {}, {BATTERY_SOC: Quality.INVALID})
    good = [Reading(n, {BATTERY_SOC: 50.0}) for n in range(1, 100)]
    assert told(bad, *good) == ["battery_soc: 1 of 100 values impossible (0 to 100 %)"]
    assert told(bad, *good, Reading(100, {BATTERY_SOC: 50.0})) == []


def test_what_is_missing_is_no_value() -> None:
    empty = [Reading(n, {}, {PUMP_ON: Quality.MISSING}) for n in range(1000)]
    assert told(*empty) == []
    bad = Reading(1000, {}, {PUMP_ON: Quality.INVALID, PV_POWER: Quality.INVALID})
    assert told(*empty, bad) == ["pump_on: 1 of 1 values impossible (0 to 1)"]


def test_limits_are_written_out() -> None:
    assert told(Reading(0, {}, {PV_POWER: Quality.INVALID})) == [
        "pv_power: 1 of 1 values impossible (0 to 1,000,000 W)"
    ]


def test_only_a_detector_that_is_off_is_told() -> None:
    states = {"Hot": {"use": "my.py:Hot", "state": "on"}, "Bad": {"use": "my.py:Bad", "state": "off: raised 3"}}
    assert switched_off({"detectors": states}) == ["detector Bad is off: raised 3"]
    assert switched_off({}) == []
