"""Tables of the site file: what is right is read, what is wrong is named with what was expected."""

import tomllib
from typing import Any

import pytest

from agent.domain.errors import BadSetup
from agent.sources.carrier_tables import MbusTable, RtuTable, TcpTable, read_table, serial_settings
from tests.helpers.source_tables import PORT, RIGHT


@pytest.mark.parametrize("carrier", RIGHT)
def test_the_least_that_each_carrier_needs(carrier: str) -> None:
    read = read_table({"name": "unit", "carrier": carrier, **RIGHT[carrier]})
    assert read.name == "unit"
    assert read.__struct_config__.tag == carrier


def test_without_a_carrier_it_is_modbus_tcp() -> None:
    assert read_table({"name": "inverter", "profile": "sunspec", "host": "h"}) == TcpTable(
        name="inverter", profile="sunspec", host="h", port=502
    )


def test_as_it_stands_in_the_file() -> None:
    text = f"""
        [[source]]
        name = "meter"
        carrier = "rtu"
        profile = "sunspec"
        port = "{PORT}"
        baud = 19200
        parity = "E"
        unit = 3

        [[source]]
        name = "heat"
        carrier = "mbus"
        port = "tcp://192.168.1.8:10001"
        serial = "12345678"
        role = "heat"
    """
    first, second = (read_table(table) for table in tomllib.loads(text)["source"])
    assert first == RtuTable(name="meter", profile="sunspec", port=PORT, baud=19200, parity="E", unit=3)
    assert isinstance(second, MbusTable)
    assert str(serial_settings(second)) == "2400 baud 8E1"


@pytest.mark.parametrize(
    ("carrier", "changes", "message"),
    [
        ("tcp", {"host": " "}, "host: got ' ', expected a name or an address"),
        ("tcp", {"host": "192.168.1.20:5920"}, "expected a name or an address alone; a port goes into `port`"),
        ("tcp", {"timeout_s": float("inf")}, "timeout_s: got inf, expected more than 0 s and at most an hour"),
        ("tcp", {"timeout_s": float("nan")}, "timeout_s: got nan"),
        ("tcp", {"correct": {"times": {"grid_power": 0}}}, "correct.times: got {'grid_power': 0.0}, expected a factor"),
        ("tcp", {"carrier": "rtuu"}, "carrier: got 'rtuu', expected tcp or rtu or rtu-over-tcp or vedirect or p1"),
        ("tcp", {"port": "502"}, "port: got '502', expected a whole number"),
        ("rtu", {"late_s": float("inf")}, "late_s: got inf, expected 0 s or more and at most an hour"),
        ("mbus", {"every_s": float("inf")}, "every_s: got inf, expected 0 s or more and at most a week"),
        ("tcp", {"port": 0}, "port: got 0, expected 1 to 65535"),
        ("tcp", {"unit": 256}, "unit: got 256, expected a station number up to 255"),
        ("tcp", {"timeout_s": 0}, "timeout_s: got 0.0, expected more than 0 s"),
        ("tcp", {"signals": ["grid_powr"]}, "signals: got 'grid_powr', expected a signal"),
        ("tcp", {"baud": 9600}, "unknown field `baud`"),
        ("tcp", {"name": ""}, "name: got '', expected a name"),
        ("rtu", {"port": "ttyUSB0"}, "port: got 'ttyUSB0', expected a path such as /dev/serial/by-id"),
        ("rtu", {"port": "tcp://h:99999"}, "port: got 'tcp://h:99999', expected a path"),
        ("rtu", {"baud": 96}, "baud: got 96, expected 300 to 4000000"),
        ("rtu", {"parity": "even"}, "parity: got 'even', expected one of N, E, O"),
        ("rtu", {"stop_bits": 3}, "stop_bits: got 3, expected 1 or 2"),
        ("rtu", {"unit": 0}, "unit: got 0, expected a station number up to 247"),
        ("rtu", {"more_units": [1, 248]}, "unit: got 248, expected a station number up to 247"),
        ("rtu", {"late_s": -1}, "late_s: got -1.0, expected 0 s or more"),
        ("rtu-over-tcp", {"port": 70_000}, "port: got 70000, expected 1 to 65535"),
        ("p1", {"bits": 9}, "bits: got 9, expected 7 or 8"),
        ("mbus", {"role": "hot"}, "role: got 'hot', expected one of heat, grid"),
        ("mbus", {"serial": "12345678"}, "address: got 5, expected either an address or a serial"),
        ("mbus", {"address": None}, "address: got None, expected either an address or a serial"),
        ("mbus", {"address": 251}, "address: got 251, expected 1 to 250"),
        ("mbus", {"address": None, "serial": "1234"}, "serial: got '1234', expected eight digits"),
        ("mbus", {"circuit": 100}, "circuit: got 100, expected 1 or more and at most 99"),
        ("mbus", {"circuit": 0}, "circuit: got 0, expected 1 or more"),
        ("mbus", {"every_s": -5}, "every_s: got -5.0, expected 0 s or more"),
        ("onewire", {"sensors": {}}, "sensors: got {}, expected at least one"),
        ("onewire", {"sensors": {"29-1": "flow_temperature"}}, "sensors: got '29-1', expected a number such as"),
        ("onewire", {"sensors": {"28-00000a1b2c3d": "warmth"}}, "sensors: got 'warmth', expected a signal"),
        (
            "onewire",
            {"sensors": {"28-00000a1b2c3d": "flow_temperature", "28-00000a1b2c3e": "flow_temperature"}},
            "expected each signal from one sensor",
        ),
        ("pigeon", {}, "pigeon"),
    ],
)
def test_what_is_wrong_is_named(carrier: str, changes: dict[str, Any], message: str) -> None:
    table = {"name": "unit", "carrier": carrier, **RIGHT.get(carrier, {}), **changes}
    with pytest.raises(BadSetup) as caught:
        read_table({key: value for key, value in table.items() if value is not None})
    assert str(caught.value).startswith(f"source {table['name']}: ")
    assert message in str(caught.value)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(BadSetup, match=r"source unit: .*`port`"):
        read_table({"name": "unit", "carrier": "p1"})
    with pytest.raises(BadSetup, match=r"source \?: .*`name`"):
        read_table({"carrier": "p1", "port": PORT})
