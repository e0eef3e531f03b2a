"""The lines of a site: those who share a place share a bus. Loaded where a site has a line."""

from agent.domain.errors import BadSetup
from agent.sources.bus import Bus
from agent.sources.carrier_tables import NETWORK_PORT, RtuOverTcpTable, SerialTable, serial_settings
from agent.sources.line import Port, SerialPort, TcpPort
from agent.sources.serial_settings import SerialSettings


class Lines:
    """Every line by its place, made when its first user comes."""

    def __init__(self) -> None:
        self._lines: dict[str, tuple[str, str, str, Bus]] = {}

    def of(self, table: SerialTable | RtuOverTcpTable, *, shared: bool) -> Bus:
        """The line of this table, the same for all that share it. Raises `BadSetup` where they cannot."""
        kind = str(table.__struct_config__.tag)
        if isinstance(table, RtuOverTcpTable):
            place, settings, port = f"tcp://{table.host}:{table.port}", "", _network(table.host, table.port)
        else:
            serial = serial_settings(table)
            place, settings, port = table.port, str(serial), _port(serial)
        if place not in self._lines:
            self._lines[place] = table.name, kind, settings, Bus(port)
        owner, its_kind, its_settings, bus = self._lines[place]
        if owner != table.name and not (shared and its_kind == kind):
            raise BadSetup(f"source {table.name}", f"port: got {place!r}, which source {owner} has for {its_kind}")
        if its_settings != settings:
            problem = f"port: got {place!r} with {settings}, but source {owner} has it with {its_settings}"
            raise BadSetup(f"source {table.name}", problem)
        return bus


def _port(settings: SerialSettings) -> Port:
    network = NETWORK_PORT.fullmatch(settings.path)
    if network is None:
        return SerialPort(settings)
    return _network(network[1].strip("[]"), int(network[2]), settings.char_s)


def _network(host: str, port: int, char_s: float = 0.0) -> Port:
    return TcpPort(host, port, char_s)
