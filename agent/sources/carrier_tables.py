"""What a `[[source]]` table of the site file may say, checked before anything is made of it.

`carrier` says how the values travel: `tcp` (the default), `rtu`, `rtu-over-tcp`, `vedirect`, `p1`, `mbus` or `onewire`.
A serial `port` is a path, best one below /dev/serial/by-id, or `tcp://host:port` of a converter that hands bytes on.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from agent.domain.errors import BadSetup
from agent.domain.misfit import misfit
from agent.domain.proof_change import NO_CHANGE, Change
from agent.domain.signals import signal_name
from agent.sources.serial_settings import SerialSettings
from agent.sources.w1_names import DEVICES, FAMILIES

NETWORK_PORT: Final = re.compile(r"tcp://([^/:\s]+|\[[0-9a-fA-F:]+\]):(\d{1,5})")
_SENSOR: Final = re.compile(rf"({'|'.join(FAMILIES)})-[0-9a-f]{{12}}")
_PARITIES: Final = ("N", "E", "O")
_BAUDS: Final = (300, 4_000_000)
_HOUR_S: Final = 3600
_WEEK_S: Final = 7 * 86_400
_CIRCUITS: Final = 99
_FACTOR: Final = 1e9
HOST: Final = "a name or an address alone; a port goes into `port`"


class SourceTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="carrier"):
    """What every carrier knows. `signals` limits it to some of what it gives; `timeout_s` in real seconds."""

    name: str
    signals: list[str] | None = None
    timeout_s: float | None = None


class ModbusTable(SourceTable, frozen=True, kw_only=True):
    """A profile says what the registers mean.

    `variants` answer what a profile leaves open, such as the sign of a meter; `correct` is what a proof found wrong;
    `more_units` are further stations of the same device.
    """

    profile: str
    unit: int | None = None
    more_units: list[int] = []
    variants: list[str] = []
    correct: Change = NO_CHANGE


class TcpTable(ModbusTable, frozen=True, kw_only=True, tag="tcp"):
    """Modbus TCP."""

    host: str
    port: int = 502


class RtuTable(ModbusTable, frozen=True, kw_only=True, tag="rtu"):
    """Modbus RTU at a serial port. `late_s`: how long after a time-out an answer may still come."""

    port: str
    baud: int = 9600
    parity: str = "N"
    stop_bits: int = 1
    late_s: float = 4.0


class RtuOverTcpTable(ModbusTable, frozen=True, kw_only=True, tag="rtu-over-tcp"):
    """Modbus RTU frames through a converter."""

    host: str
    port: int = 502
    late_s: float = 4.0


class VeDirectTable(SourceTable, frozen=True, kw_only=True, tag="vedirect"):
    """A Victron device on its VE.Direct cable."""

    port: str
    baud: int = 19_200


class P1Table(SourceTable, frozen=True, kw_only=True, tag="p1"):
    """A grid meter's P1 port. Versions 4 and 5 have 115200 8N1, version 2 has 9600 7E1."""

    port: str
    baud: int = 115_200
    bits: int = 8
    parity: str = "N"


class MbusTable(SourceTable, frozen=True, kw_only=True, tag="mbus"):
    """A meter on the M-Bus: either its primary `address` or the eight digits of its number in `serial`."""

    port: str
    role: str
    baud: int = 2400
    parity: str = "E"
    address: int | None = None
    serial: str | None = None
    circuit: int = 1
    every_s: float = 0.0


class OneWireTable(SourceTable, frozen=True, kw_only=True, tag="onewire"):
    """Thermometers: the number of each, and the signal it measures."""

    sensors: dict[str, str]
    folder: str = str(DEVICES)


AnyTable = TcpTable | RtuTable | RtuOverTcpTable | VeDirectTable | P1Table | MbusTable | OneWireTable
SerialTable = RtuTable | VeDirectTable | P1Table | MbusTable


def read_table(table: Mapping[str, Any]) -> AnyTable:
    """The checked table. Raises `BadSetup` naming the source, the field, the value and what was expected."""
    where = f"source {table.get('name', '?')}"
    try:
        read: AnyTable = msgspec.convert({"carrier": "tcp", **table}, AnyTable)
    except msgspec.ValidationError as error:
        raise BadSetup(where, misfit(error, {"carrier": "tcp", **table}, AnyTable)) from error
    for field, value, is_right, expected in _checks(read):
        if not is_right:
            raise BadSetup(where, f"{field}: got {value!r}, expected {expected}")
    return read


def serial_settings(table: SerialTable) -> SerialSettings:
    """How the port is to be opened."""
    match table:
        case RtuTable():
            return SerialSettings(table.port, table.baud, parity=table.parity, stop_bits=table.stop_bits)
        case P1Table():
            return SerialSettings(table.port, table.baud, bits=table.bits, parity=table.parity)
        case MbusTable():
            return SerialSettings(table.port, table.baud, parity=table.parity)
        case VeDirectTable():
            return SerialSettings(table.port, table.baud)


def is_host(text: str) -> bool:
    """Whether it is a name or an address and nothing more.

    >>> is_host("inverter.lan"), is_host("fe80::1"), is_host("192.168.1.20:5920"), is_host("[::1]:502")
    (True, True, False, False)
    """
    return bool(text.strip()) and text.count(":") != 1 and not set(text) & set("[]/ ")


def _may_wait(timeout_s: float | None) -> bool:
    return timeout_s is None or 0 < timeout_s <= _HOUR_S


_Check = tuple[str, object, bool, str]


def _checks(table: AnyTable) -> Iterable[_Check]:
    yield "name", table.name, bool(table.name.strip()), "a name"
    yield "timeout_s", table.timeout_s, _may_wait(table.timeout_s), "more than 0 s and at most an hour"
    yield from _signal_checks("signals", table.signals or [])
    if isinstance(table, ModbusTable):
        top = 255 if isinstance(table, TcpTable) else 247
        for unit in (*([] if table.unit is None else [table.unit]), *table.more_units):
            yield "unit", unit, (0 if top == 255 else 1) <= unit <= top, f"a station number up to {top}"
        for name, factor in table.correct.times.items():
            is_factor = factor != 0 and abs(factor) <= _FACTOR
            yield "correct.times", {name: factor}, is_factor, f"a factor other than 0, from -{_FACTOR:g} to {_FACTOR:g}"
    if isinstance(table, TcpTable | RtuOverTcpTable):
        yield "host", table.host, is_host(table.host), HOST
        yield "port", table.port, 1 <= table.port <= 65_535, "1 to 65535"
    if isinstance(table, RtuTable | RtuOverTcpTable):
        yield "late_s", table.late_s, 0 <= table.late_s <= _HOUR_S, "0 s or more and at most an hour"
    if isinstance(table, RtuTable | VeDirectTable | P1Table | MbusTable):
        yield from _serial_checks(table)
    if isinstance(table, MbusTable):
        yield from _mbus_checks(table)
    if isinstance(table, OneWireTable):
        yield from _onewire_checks(table)


def _serial_checks(table: SerialTable) -> Iterable[_Check]:
    settings = serial_settings(table)
    low, high = _BAUDS
    network = NETWORK_PORT.fullmatch(table.port)
    is_place = int(network[2]) in range(1, 65_536) if network else table.port.startswith("/")
    yield "port", table.port, is_place, "a path such as /dev/serial/by-id/…, or tcp://host:port"
    yield "baud", settings.baud, low <= settings.baud <= high, f"{low} to {high}"
    yield "bits", settings.bits, settings.bits in (7, 8), "7 or 8"
    yield "parity", settings.parity, settings.parity in _PARITIES, f"one of {', '.join(_PARITIES)}"
    yield "stop_bits", settings.stop_bits, settings.stop_bits in (1, 2), "1 or 2"


def _mbus_checks(table: MbusTable) -> Iterable[_Check]:
    from agent.sources.serial_mbus import ROLES

    address, serial = table.address, table.serial
    yield "role", table.role, table.role in ROLES, f"one of {', '.join(ROLES)}"
    yield "address", address, (address is None) != (serial is None), "either an address or a serial"
    yield "address", address, address is None or 1 <= address <= 250, "1 to 250"
    yield "serial", serial, serial is None or re.fullmatch(r"[0-9]{8}", serial) is not None, "eight digits"
    yield "circuit", table.circuit, 1 <= table.circuit <= _CIRCUITS, f"1 or more and at most {_CIRCUITS}"
    yield "every_s", table.every_s, 0 <= table.every_s <= _WEEK_S, "0 s or more and at most a week"


def _onewire_checks(table: OneWireTable) -> Iterable[_Check]:
    yield "sensors", table.sensors, bool(table.sensors), "at least one"
    for sensor in table.sensors:
        yield "sensors", sensor, _SENSOR.fullmatch(sensor) is not None, "a number such as 28-00000a1b2c3d"
    names = list(table.sensors.values())
    yield from _signal_checks("sensors", names)
    for name in names:
        yield "sensors", name, names.count(name) == 1, "each signal from one sensor"


def _signal_checks(field: str, names: Iterable[str]) -> Iterable[_Check]:
    for name in names:
        try:
            signal_name(name)
        except ValueError as error:
            yield field, name, False, f"a signal ({error})"
