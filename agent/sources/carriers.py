"""The source that a `[[source]]` table of the site file describes, whatever carries its values.

A carrier's code is loaded when a table asks for it: most sites have one or two.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.domain.errors import BadSetup
from agent.domain.proof_change import NO_CHANGE
from agent.domain.signals import SignalName, signal_name
from agent.ports import Clock, Source
from agent.sources.carrier_tables import (
    AnyTable,
    MbusTable,
    ModbusTable,
    OneWireTable,
    P1Table,
    RtuOverTcpTable,
    RtuTable,
    SerialTable,
    SourceTable,
    TcpTable,
    VeDirectTable,
    read_table,
)
from agent.sources.client import Link
from agent.sources.modbus import ModbusSource
from agent.sources.profile import Profile
from agent.sources.profile_file import load_profile
from agent.sources.tcp_client import TcpLink

if TYPE_CHECKING:
    from agent.sources.bus import Bus
    from agent.sources.lines import Lines


class Carriers:
    """Makes sources; those on one line share it."""

    def __init__(self, clock: Clock, *, load: Callable[[str, Sequence[str]], Profile] = load_profile) -> None:
        self._clock = clock
        self._load = load
        self._lines: Lines | None = None

    def make(self, table: Mapping[str, Any]) -> Source:
        """The source of one table. Raises `BadSetup`."""
        return self.make_from(read_table(table))

    def make_from(self, table: AnyTable) -> Source:
        """The source of one checked table. Raises `BadSetup`."""
        match table:
            case TcpTable():
                return self._modbus(table, self._profile(table), TcpLink(table.host, table.port))
            case RtuTable() | RtuOverTcpTable():
                return self._rtu(table)
            case MbusTable():
                return self._mbus(table)
            case VeDirectTable() | P1Table():
                return self._talker(table)
            case OneWireTable():
                return self._onewire(table)

    def _profile(self, table: ModbusTable) -> Profile:
        try:
            profile = self._load(table.profile, table.variants)
        except BadSetup as error:
            raise BadSetup(f"source {table.name}", str(error), hint=error.hint) from error
        if table.correct == NO_CHANGE:
            return profile
        from agent.sources.corrections import corrected

        return corrected(profile, table.correct)

    def _modbus(self, table: ModbusTable, profile: Profile, link: Link) -> ModbusSource:
        return ModbusSource(
            table.name,
            profile,
            link,
            clock=self._clock,
            unit=table.unit,
            more_units=table.more_units,
            wanted=_wanted(table),
            timeout_s=table.timeout_s,
        )

    def _line(self, table: SerialTable | RtuOverTcpTable, *, shared: bool) -> "Bus":
        from agent.sources.lines import Lines

        self._lines = self._lines or Lines()
        return self._lines.of(table, shared=shared)

    def _rtu(self, table: RtuTable | RtuOverTcpTable) -> Source:
        from agent.sources.in_turn import ModbusInTurn
        from agent.sources.links import RtuLink

        bus = self._line(table, shared=True)
        profile = self._profile(table)
        unit = profile.limits.unit if table.unit is None else table.unit
        source = self._modbus(table, profile, RtuLink(bus, late_s=table.late_s))
        return ModbusInTurn(source, bus, [unit, *table.more_units])

    def _talker(self, table: VeDirectTable | P1Table) -> Source:
        from agent.sources.serial_p1 import P1Source
        from agent.sources.serial_vedirect import VeDirectSource

        port = self._line(table, shared=False).port
        kind = VeDirectSource if isinstance(table, VeDirectTable) else P1Source
        if table.timeout_s is None:
            return kind(table.name, port, clock=self._clock, wanted=_wanted(table))
        return kind(table.name, port, clock=self._clock, wanted=_wanted(table), timeout_s=table.timeout_s)

    def _mbus(self, table: MbusTable) -> Source:
        from agent.sources.serial_mbus import MbusAddress, MbusSource

        return MbusSource(
            table.name,
            self._line(table, shared=True),
            MbusAddress(table.address, table.serial),
            role=table.role,
            clock=self._clock,
            circuit=table.circuit,
            wanted=_wanted(table),
            every_s=table.every_s,
            timeout_s=table.timeout_s,
        )

    def _onewire(self, table: OneWireTable) -> Source:
        from agent.sources.onewire import OneWireSource

        sensors = {sensor: signal_name(signal) for sensor, signal in table.sensors.items()}
        wanted = _wanted(table)
        if wanted is not None:
            sensors = {sensor: signal for sensor, signal in sensors.items() if signal in wanted}
        return OneWireSource(
            table.name, sensors, clock=self._clock, folder=Path(table.folder), timeout_s=table.timeout_s
        )


def _wanted(table: SourceTable) -> frozenset[SignalName] | None:
    return None if table.signals is None else frozenset(map(signal_name, table.signals))
