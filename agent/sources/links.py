"""Modbus RTU on a line: clients that neither retry nor reconnect by themselves."""

from pymodbus.exceptions import ModbusException
from pymodbus.pdu import DecodePDU, ModbusPDU

from agent.sources.bus import Bus, Exchange
from agent.sources.client import Client, OnConnect
from agent.sources.line import Line, SerialPort, TcpPort
from agent.sources.rtu_frame import (
    KNOWN,
    READS,
    SAME,
    frame_of,
    has_echo,
    has_more,
    resembles_answer,
    take_answer,
    wanted_of,
)
from agent.sources.serial_settings import LineLost, SerialSettings

_REPEATS = 2


class RtuLink:
    """Modbus RTU on a bus that other devices may share; give all of them the same `Bus`.

    late_s: seconds after a time-out in which the answer may still come; the device is left alone so long.
    """

    def __init__(self, bus: Bus, *, late_s: float = 4.0) -> None:
        self.bus = bus
        self._late_s = late_s
        self._trouble = ""
        self._echoes: bool | None = None

    def __str__(self) -> str:
        return self._trouble or str(self.bus)

    def client(self, timeout_s: float, on_connect: OnConnect) -> Client:
        return _BusClient(self, timeout_s, on_connect)

    async def join(self, user: object, timeout_s: float) -> Line | None:
        """The open line, or None; `str` then says why."""
        try:
            line = await self.bus.join(user, timeout_s)
        except LineLost as lost:
            self._trouble = str(lost)
            return None
        self._trouble = ""
        return line

    async def exchange(self, line: Line, frame: bytes) -> bytes:
        """The body of the answer to this frame. Raises `OSError`, `ModbusException`."""
        wanted = wanted_of(frame, echo=bool(self._echoes))
        if self._echoes is None and wanted.function in SAME:
            raise ModbusException("whether the adapter echoes is not known before something was read")

        def take(data: bytes) -> bytes | None:
            answer = take_answer(data, wanted)
            if answer is not None and wanted.function in READS:
                self._echoes = has_echo(data, wanted)
            return answer

        exchange = Exchange(
            unit=wanted.unit,
            request=frame,
            take=take,
            resembles=lambda data, alone: resembles_answer(data, wanted, alone),
            doubtful=lambda data: has_more(data, wanted),
            repeats=_REPEATS if wanted.function in READS else 0,
            late_s=self._late_s,
        )
        return await self.bus.exchange(line, exchange)


class RtuSerialLink(RtuLink):
    """Modbus RTU on a serial port with one device; several share a `Bus` and have an `RtuLink` each."""

    def __init__(self, settings: SerialSettings, *, late_s: float = 4.0) -> None:
        super().__init__(Bus(SerialPort(settings)), late_s=late_s)


class RtuOverTcpLink(RtuLink):
    """Modbus RTU through a converter that hands the bytes through, with one device."""

    def __init__(self, host: str, port: int = 502, *, late_s: float = 4.0) -> None:
        super().__init__(Bus(TcpPort(host, port)), late_s=late_s)


class _BusClient(Client):
    """A client that lets the bus do its work."""

    def __init__(self, link: RtuLink, timeout_s: float, on_connect: OnConnect) -> None:
        self._link = link
        self._timeout_s = timeout_s
        self._on_connect = on_connect
        self._line: Line | None = None
        self._decoder = DecodePDU(False)

    def __str__(self) -> str:
        return str(self._link)

    @property
    def connected(self) -> bool:
        return self._line is not None and self._line.is_open

    async def connect(self) -> bool:
        self._line = await self._link.join(self, self._timeout_s)
        if self._line is not None:
            self._on_connect(True)
        return self._line is not None

    def close(self) -> None:
        self._line = None
        self._link.bus.leave(self)

    async def execute(self, request: ModbusPDU) -> ModbusPDU:
        """Send a request and return its answer. Raises `OSError`, `ModbusException`."""
        if request.function_code not in KNOWN:
            raise ModbusException(f"function {request.function_code} cannot be told from noise on a line")
        if self._line is None:
            raise LineLost("the line is closed")
        frame = frame_of(request.dev_id, bytes([request.function_code]) + request.encode())
        answer = self._decoder.decode(await self._link.exchange(self._line, frame))
        if answer is None:
            raise ModbusException("the answer cannot be understood")
        answer.dev_id = request.dev_id
        return answer
