"""An answer as the pieces of bytes that really go out, with what a bad wire makes of them. Pure but for its dice.

Over Modbus TCP a checksum protects what a person sees, so noise is on the RS-485 side of a gateway, which then says
exception 11, and there are no echoes.
"""

import random
from dataclasses import dataclass
from typing import Final

from firmware_sim.answering import NO_TARGET, exception_pdu
from firmware_sim.bus.bus import Answer
from firmware_sim.bus.faults import BusCode, BusFault
from firmware_sim.bus.framing import Request, mbap_frame, rtu_frame
from firmware_sim.registers import HOLDING

STRAY: Final = (0x00, 0xFF)
FOREIGN_UNIT: Final = 99


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes, and the pause before them in seconds."""

    data: bytes
    after_s: float = 0.0


def mbap_pieces(request: Request, reply: Answer, dice: random.Random) -> list[Piece]:
    """What goes out over Modbus TCP."""
    if reply.pdu is None:
        return []
    codes = {fault.code for fault in reply.damage}
    pdu = exception_pdu(request.pdu[0], NO_TARGET) if BusCode.NOISE in codes else reply.pdu
    transaction = request.transaction if reply.transaction is None else reply.transaction
    frame = mbap_frame(transaction, request.unit_id, pdu)
    return _split(frame, dice) if BusCode.SPLIT in codes else [Piece(frame)]


def rtu_pieces(request: Request, reply: Answer, dice: random.Random) -> list[Piece]:
    """What goes out as RTU: an echo and foreign talk before the answer, the answer noisy or in pieces."""
    if reply.pdu is None:
        return []
    faults = {fault.code: fault for fault in reply.damage}
    asked, frame = rtu_frame(request.unit_id, request.pdu), rtu_frame(request.unit_id, reply.pdu)
    before = b""
    if BusCode.FOREIGN in faults:
        before += foreign_talk(dice)
    if BusCode.ECHO in faults:
        before += asked if faults[BusCode.ECHO].form == "whole" else asked[: dice.randint(1, len(asked) - 1)]
    if BusCode.NOISE in faults:
        frame = noisy(frame, faults[BusCode.NOISE], dice)
    pieces = _split(frame, dice) if BusCode.SPLIT in faults else [Piece(frame)]
    return [Piece(before), *pieces] if before else pieces


def noisy(frame: bytes, fault: BusFault, dice: random.Random) -> bytes:
    """A frame with one bit turned, a stray byte before it, or its last byte lost."""
    if fault.form == "before":
        return bytes([dice.choice(STRAY)]) + frame
    if fault.form == "tail":
        return frame[:-1]
    place = dice.randrange(8 * len(frame))
    damaged = bytearray(frame)
    damaged[place // 8] ^= 1 << place % 8
    return bytes(damaged)


def foreign_talk(dice: random.Random) -> bytes:
    """Another master's request and another device's answer to it."""
    request = rtu_frame(FOREIGN_UNIT, bytes([HOLDING, 0, dice.randrange(100), 0, 1]))
    return request + rtu_frame(FOREIGN_UNIT, bytes([HOLDING, 2, dice.randrange(256), dice.randrange(256)]))


def _split(frame: bytes, dice: random.Random) -> list[Piece]:
    """A frame in two or three pieces, 1 to 20 ms apart."""
    cuts = sorted(dice.sample(range(1, len(frame)), min(dice.randint(1, 2), len(frame) - 1)))
    parts = [frame[start:end] for start, end in zip([0, *cuts], [*cuts, len(frame)], strict=True)]
    return [Piece(part, dice.uniform(0.001, 0.02) if number else 0.0) for number, part in enumerate(parts)]
