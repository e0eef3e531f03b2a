"""M-Bus frames (EN 13757-2): the requests of a master, and an answer found among what is on the line. Pure."""

from dataclasses import dataclass
from typing import Final

from agent.domain.errors import BadInput

ACKNOWLEDGED: Final = b"\xe5"
NETWORK: Final = 0xFD
"""The address of whichever meter has been selected by its number."""

_SHORT: Final = 0x10
_LONG: Final = 0x68
_STOP: Final = 0x16
_RESET: Final = 0x40
_SEND: Final = 0x53
_REQUEST: Final = 0x5B
_COUNT_BIT: Final = 0x20
_SELECT: Final = 0x52
_ANSWERS: Final = (0x08, 0x18, 0x28, 0x38)
_OVERHEAD: Final = 6


@dataclass(frozen=True, slots=True)
class Answer:
    """What a meter sent: its address, what kind of data it is (CI field), and the data."""

    address: int
    kind: int
    data: bytes


def reset_frame(address: int) -> bytes:
    """SND_NKE: begin anew; the meter acknowledges."""
    return _short(_RESET, address)


def request_frame(address: int, *, count_bit: bool) -> bytes:
    """REQ_UD2: send your data. The same bit as before asks for a repetition, the other one for what comes next."""
    return _short(_REQUEST | (_COUNT_BIT if count_bit else 0), address)


def select_frame(serial: str) -> bytes:
    """Select the meter with this number of eight digits, of whatever maker, version and medium; it acknowledges."""
    body = bytes([_SEND, NETWORK, _SELECT]) + bytes.fromhex(serial)[::-1] + b"\xff\xff\xff\xff"
    return bytes([_LONG, len(body), len(body), _LONG]) + body + bytes([sum(body) % 256, _STOP])


def take_acknowledge(data: bytes, request: bytes) -> bytes | None:
    """The acknowledgement among the bytes heard, or None."""
    return ACKNOWLEDGED if ACKNOWLEDGED in _without_echo(data, request) else None


def take_answer(data: bytes, request: bytes, address: int) -> bytes | None:
    """The whole frame of an answer from this address, or None if it is not there yet."""
    data = _without_echo(data, request)
    for at in range(len(data) - _OVERHEAD):
        length = data[at + 1]
        if data[at] != _LONG or data[at + 2] != length or data[at + 3] != _LONG or length < 3:
            continue
        body, tail = data[at + 4 : at + 4 + length], data[at + 4 + length : at + 6 + length]
        whole = len(tail) == 2 and tail[1] == _STOP and sum(body) % 256 == tail[0]
        if whole and body[0] in _ANSWERS and (address >= NETWORK or body[1] == address):
            return data[at : at + 6 + length]
    return None


def resembles_answer(data: bytes, request: bytes) -> bool:
    """Whether this began as a long frame."""
    data = _without_echo(data, request)
    return len(data) > _OVERHEAD and _LONG in data[:_OVERHEAD]


def parse_frame(frame: bytes) -> Answer:
    """A frame that `take_answer` has found. Raises `BadInput` for one that it would not find."""
    if take_answer(frame, b"", NETWORK) != frame:
        raise BadInput("M-Bus frame: its length or its checksum is not right")
    return Answer(frame[5], frame[6], frame[7:-2])


def _short(control: int, address: int) -> bytes:
    return bytes([_SHORT, control, address, (control + address) % 256, _STOP])


def _without_echo(data: bytes, request: bytes) -> bytes:
    at = data.find(request) if request else -1
    return data if at < 0 else data[at + len(request) :]
