"""One device on one line: what it answers to a request, how late, and with what done to the answer. No I/O.

The order of a request's fate: the line may lose it, a gateway or the device may refuse it, the tables answer it, values
are bent, the answer is delayed. What happens to the frame itself is left to the carrier, which knows its form.
"""

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from firmware_sim.answering import NO_TARGET, answer, exception_pdu
from firmware_sim.bus.faults import BusCode, BusFault, FaultBook, Striking
from firmware_sim.bus.framing import Request
from firmware_sim.bus.values import VALUE_CODES, Read, bent
from firmware_sim.failures import Silence
from firmware_sim.families.family import Clients
from firmware_sim.registers import HOLDING, INPUT, Image

BUSY: Final = 6
# A pause that a reader keeps exactly must never be too short here.
GAP_TOLERANCE: Final = 0.97
WIRE_CODES: Final = (BusCode.NOISE, BusCode.ECHO, BusCode.SPLIT, BusCode.FOREIGN)
_READ: Final = struct.Struct(">BHH")


class Device(Protocol):
    """What stands at the end of the line, now."""

    gap_ms: int
    clients: Clients

    def now_ms(self) -> int:
        """Simulated now."""
        ...

    def image(self) -> Image:
        """All registers now."""
        ...

    def before(self) -> Image:
        """All registers a moment ago."""
        ...

    def silence(self) -> Silence | None:
        """How it is unreachable now, if it is."""
        ...

    def dark(self) -> bool:
        """Whether it is night at the panels."""
        ...


class PlainDevice:
    """A device given by two functions, without manners of its own."""

    gap_ms = 0
    clients = Clients.MANY

    def __init__(self, image: Callable[[], Image], silence: Callable[[], Silence | None]) -> None:
        self.image = image
        self.before = image
        self.silence = silence

    def now_ms(self) -> int:
        """The wall's own time."""
        return time.time_ns() // 1_000_000

    def dark(self) -> bool:
        """Never."""
        return False


@dataclass(slots=True)
class Link:
    """One reader's connection: since when, what it was answered last, and the blocks that it has read."""

    opened_s: float
    last_s: float
    previous: bytes | None = None
    transaction: int = 0
    muted: bool = False
    seen: set[tuple[int, int]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. No `pdu`: nothing does. An answer that does not `block` lets later requests overtake it."""

    pdu: bytes | None
    after_s: float = 0.0
    blocks: bool = True
    transaction: int | None = None
    damage: tuple[BusFault, ...] = ()


NOTHING: Final = Answer(None)


class Bus:
    """A device, the faults of its line, and the time since which it has been asked. One per device."""

    def __init__(
        self, device: Device, book: FaultBook | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.device = device
        self.book = book if book is not None else FaultBook()
        self.monotonic = monotonic
        self._asked_s = float("-inf")
        self._heard_s = float("-inf")
        self._woken: set[tuple[int, int]] = set()

    def link(self) -> Link:
        """A connection that begins now."""
        return Link(self.monotonic(), self.monotonic())

    def knows(self, unit_id: int) -> bool:
        """Whether a device answers to `unit_id` here."""
        return self.device.image().of_unit(unit_id) is not None

    def silence(self) -> Silence | None:
        """How the device is unreachable now, if it is."""
        refused = self.book.holding(BusCode.NIGHT_REFUSE, self.device.now_ms()) is not None and self.device.dark()
        return Silence.REFUSE if refused else self.device.silence()

    def clients(self) -> Clients:
        """What a second client meets now."""
        fault = self.book.holding(BusCode.SECOND_CLIENT, self.device.now_ms())
        return self.device.clients if fault is None else Clients(fault.form)

    def idle_fault(self) -> BusFault | None:
        """The fault that ends idle connections now, if there is one."""
        return self.book.holding(BusCode.IDLE_CLOSE, self.device.now_ms())

    def exchange(self, request: Request, link: Link) -> Answer:
        """What becomes of one request."""
        now_s = self.monotonic()
        slept_s, self._heard_s = now_s - self._heard_s, now_s
        link.last_s = now_s
        if self.silence() is not None or link.muted:
            return NOTHING
        if now_s - self._asked_s < self.device.gap_ms / 1000.0 * GAP_TOLERANCE:
            return NOTHING
        hindered = self._hindered(request, link, now_s, slept_s)
        if hindered is not None:
            return hindered
        self._asked_s = now_s
        image = self.device.image()
        pdu = answer(image, request.unit_id, request.pdu)
        pdu = self._bent(image, request, link, pdu)
        return self._timed(request, link, self._cut(pdu))

    def _strikes(self, code: BusCode) -> BusFault | None:
        return self.book.strikes(code, self.device.now_ms())

    def _hindered(self, request: Request, link: Link, now_s: float, slept_s: float) -> Answer | None:
        """What keeps the request from the tables, if something does."""
        function = request.pdu[0]
        start = self.book.holding(BusCode.SLOW_START, self.device.now_ms())
        if start is not None and now_s - link.opened_s < start.seconds:
            return Answer(exception_pdu(function, BUSY)) if start.form == "busy" else NOTHING
        sleeper = self.book.holding(BusCode.DROP_FIRST, self.device.now_ms())
        if sleeper is not None and slept_s >= sleeper.seconds:
            return NOTHING
        if self._strikes(BusCode.SILENCE):
            return NOTHING
        gateway = self._strikes(BusCode.GATEWAY_TIMEOUT)
        if gateway is not None:
            return Answer(exception_pdu(function, NO_TARGET), after_s=gateway.seconds)
        return self._refused(request)

    def _refused(self, request: Request) -> Answer | None:
        first, count = _span(request.pdu)
        for striking in self.book.active(self.device.now_ms()):
            fault = striking.fault
            if fault.code is BusCode.EXCEPTION and fault.touches(first, count) and self.book.strike(striking):
                return Answer(exception_pdu(request.pdu[0], fault.exception))
        return None

    def _bent(self, image: Image, request: Request, link: Link, pdu: bytes) -> bytes:
        """The answer with its values bent by every fault that bites."""
        if pdu[0] not in (HOLDING, INPUT):
            return pdu
        device = image.of_unit(request.unit_id)
        if device is None:
            return pdu
        read = Read(device, pdu[0], *_span(request.pdu))
        words = list(struct.unpack(f">{read.count}H", pdu[2:]))
        for striking in self.book.active(self.device.now_ms()):
            if striking.fault.code in VALUE_CODES and self._due(striking.fault, read, link):
                other = self._other(striking, request.unit_id)
                changed = bent(read, striking.fault, other)
                if changed and self.book.strike(striking):
                    for address, word in changed.items():
                        if read.first <= address < read.first + read.count:
                            words[address - read.first] = word
        link.seen.add((read.function, read.first))
        self._woken = set() if self.device.dark() else self._woken | {(read.function, read.first)}
        return pdu[:2] + struct.pack(f">{read.count}H", *words)

    def _due(self, fault: BusFault, read: Read, link: Link) -> bool:
        """Whether the hour has come for a fault that keeps to one."""
        match fault.form:
            case "night":
                return self.device.dark()
            case "wake":
                return not self.device.dark() and (read.function, read.first) not in self._woken
            case "connect":
                return (read.function, read.first) not in link.seen
            case _:
                return True

    def _other(self, striking: Striking, unit_id: int) -> Image | None:
        if striking.fault.code is BusCode.STUCK:
            striking.held = striking.held or self.device.image()
            return striking.held.of_unit(unit_id)
        return self.device.before().of_unit(unit_id) if striking.fault.code is BusCode.TORN else None

    def _cut(self, pdu: bytes) -> bytes:
        """One register too few, too many, or all slipped by one."""
        if pdu[0] not in (HOLDING, INPUT):
            return pdu
        fault = self._strikes(BusCode.LENGTH)
        if fault is None:
            return pdu
        data = pdu[2:]
        if fault.form == "short":
            data = data[:-2]
        elif fault.form == "long":
            data = data + data[-2:]
        else:
            data = data[2:] + b"\0\0"
        return bytes([pdu[0], len(data)]) + data

    def _timed(self, request: Request, link: Link, pdu: bytes) -> Answer:
        after_s, blocks, sent = 0.0, True, pdu
        slow = self._strikes(BusCode.SLOW)
        if slow is None and self.device.dark():
            slow = self._strikes(BusCode.NIGHT_SLOW)
        if slow is not None:
            after_s = slow.seconds
        late = self._strikes(BusCode.LATE)
        if late is not None and late.form == "delayed":
            after_s, blocks = after_s + late.seconds, False
        previous, link.previous = link.previous, pdu
        if late is not None and late.form == "previous":
            if previous is None:
                return NOTHING
            sent = previous
        odd = self._strikes(BusCode.TRANSACTION)
        transaction = None if odd is None else 0 if odd.form == "zero" else link.transaction
        link.transaction = request.transaction
        damage = tuple(fault for code in WIRE_CODES if (fault := self._strikes(code)) is not None)
        return Answer(sent, after_s, blocks, transaction, damage)


def _span(pdu: bytes) -> tuple[int, int]:
    """First address and count of a read; nothing where it is none."""
    if len(pdu) != _READ.size:
        return 0, 0
    _, first, count = _READ.unpack(pdu)
    return first, count
