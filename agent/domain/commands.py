"""Commands and replies: the bytes of `cmd/{id}` and `cmd/{id}/reply`.

A command is JSON. A reply is JSON, or, because it may hold a log, the byte 1 and then the same JSON compressed.
"""

import re
import zlib
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec

from agent.domain.errors import BadInput, BadMessage
from agent.domain.wire import parse_topic, topic

MAX_COMMAND_BYTES: Final = 8 * 1024
MAX_REPLY_BYTES: Final = 128 * 1024
MAX_REPLY_TEXT: Final = 1024 * 1024
MAX_LIFE_MS: Final = 366 * 86_400_000
MAX_MS: Final = 2**53
CMD: Final = "cmd"
REPLY: Final = "reply"
_ID: Final = re.compile(r"[a-z0-9-]{8,40}")
_SQUEEZED: Final = b"\x01"
_HOUR_S: Final = 3600
_DAY_MS: Final = 86_400_000


class CommandName(StrEnum):
    """What a device can be asked to do."""

    READ_NOW = "read-now"
    RESEND = "resend"
    INTERVAL = "interval"
    LOGS = "logs"
    RESTART = "restart"
    IDENTIFY = "identify"
    UPDATE = "update"


class Outcome(StrEnum):
    """How a command ended. Only `INTERRUPTED` leaves open whether it was carried out."""

    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    EXPIRED = "expired"
    INTERRUPTED = "interrupted"
    UNSUPPORTED = "unsupported"


class Command(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to do, who asked and when, and until when it may begin. Times in ms since 1970."""

    name: str
    by: str
    issued_ms: int
    expires_ms: int
    args: dict[str, Any] = {}


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """How it ended, by the device's clock, why not, and what it gave."""

    state: Outcome
    at_ms: int
    reason: str = ""
    result: dict[str, Any] = {}


def is_command_id(text: str) -> bool:
    """Whether `text` may name a command: `[a-z0-9-]{8,40}`."""
    return _ID.fullmatch(text) is not None


def command_topic(device: str, identifier: str) -> str:
    """Where a device hears a command.

    >>> command_topic("site-01", "3f2a9c1e")
    'ew/1/site-01/cmd/3f2a9c1e'
    """
    return topic(device, f"{CMD}/{identifier}")


def reply_topic(device: str, identifier: str) -> str:
    """Where it answers."""
    return topic(device, f"{CMD}/{identifier}/{REPLY}")


def command_of(leaf: str) -> str | None:
    """The id in the leaf of a command's topic; None for another leaf.

    >>> command_of("cmd/3f2a9c1e"), command_of("cmd/3f2a9c1e/reply"), command_of("ack")
    ('3f2a9c1e', None, None)
    """
    head, _, identifier = leaf.partition("/")
    return identifier if head == CMD and is_command_id(identifier) else None


def replied_of(leaf: str) -> str | None:
    """The id in the leaf of a reply's topic; None for another leaf."""
    head, _, tail = leaf.rpartition("/")
    return command_of(head) if tail == REPLY else None


def parse_reply_topic(text: str) -> tuple[str, str]:
    """`(device, id)` of a reply's topic. Raises `BadMessage`."""
    device, leaf = parse_topic(text)
    identifier = replied_of(leaf)
    if identifier is None:
        raise BadMessage(f"topic {text!r} is not that of a reply")
    return device, identifier


def encode_command(command: Command) -> bytes:
    return msgspec.json.encode(command)


def decode_command(data: bytes) -> Command:
    """Raises `BadMessage` for what is no command; whether its name is known is another question."""
    if len(data) > MAX_COMMAND_BYTES:
        raise BadMessage(f"command of {len(data)} bytes, at most {MAX_COMMAND_BYTES} allowed")
    command = _decoded(data, Command, "command")
    for field, value in (("issued_ms", command.issued_ms), ("expires_ms", command.expires_ms)):
        if not 0 <= value <= MAX_MS:
            raise BadMessage(f"command: {field} {value}, expected a time in ms since 1970")
    if not 1 <= len(command.by) <= 100:
        raise BadMessage(f"command: by of {len(command.by)} characters, expected 1 to 100")
    return command


def encode_reply(reply: Reply) -> bytes:
    """Compressed; a result that would be too large is left out, and the reason says so."""
    text = msgspec.json.encode(reply)
    data = _squeezed(text)
    if len(data) <= MAX_REPLY_BYTES and len(text) <= MAX_REPLY_TEXT:
        return data
    reason = f"{reply.reason}; the result of {len(data)} bytes was too large to send".removeprefix("; ")
    return _squeezed(msgspec.json.encode(Reply(reply.state, reply.at_ms, reason)))


def decode_reply(data: bytes) -> Reply:
    """Raises `BadMessage`."""
    if len(data) > MAX_REPLY_BYTES:
        raise BadMessage(f"reply of {len(data)} bytes, at most {MAX_REPLY_BYTES} allowed")
    reply = _decoded(_unsqueezed(data[1:]) if data[:1] == _SQUEEZED else data, Reply, "reply")
    if not 0 <= reply.at_ms <= MAX_MS:
        raise BadMessage(f"reply: at_ms {reply.at_ms}, expected a time in ms since 1970")
    return reply


_T = TypeVar("_T")


def _decoded(data: bytes, kind: type[_T], word: str) -> _T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadMessage(f"{word}: {error}") from error


def _squeezed(text: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return _SQUEEZED + packer.compress(text) + packer.flush()


def _unsqueezed(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(-15)
    try:
        text = unpacker.decompress(data, MAX_REPLY_TEXT + 1)
    except zlib.error as error:
        raise BadMessage(f"reply: {error}") from error
    if len(text) > MAX_REPLY_TEXT or not unpacker.eof or unpacker.unused_data:
        raise BadMessage(f"reply: not one compressed message of at most {MAX_REPLY_TEXT} bytes")
    return text


# Argument → (whether it must be there, what holds of it, in words).
_Argument = tuple[bool, Callable[[Any], bool], str]


def _number(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _time(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_MS


def _text(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 200


_ARGUMENTS: Final[dict[CommandName, dict[str, _Argument]]] = {
    CommandName.READ_NOW: {"source": (False, _text, "a source's name")},
    CommandName.RESEND: {
        "from_ms": (True, _time, "a time in ms since 1970"),
        "to_ms": (True, _time, "a time in ms since 1970"),
    },
    CommandName.INTERVAL: {
        "interval_s": (True, _number(1, _HOUR_S), "1 to 3600 seconds"),
        "for_s": (False, _number(1, 24 * _HOUR_S), "1 to 86400 seconds"),
    },
    CommandName.LOGS: {"lines": (False, _number(1, 2000), "1 to 2000 lines")},
    CommandName.RESTART: {},
    CommandName.IDENTIFY: {},
    CommandName.UPDATE: {"version": (False, _text, "a version")},
}


def check_command(name: str, args: Mapping[str, Any]) -> CommandName:
    """The known name. Raises `BadInput` that says which name or argument is wrong and what was expected."""
    if name not in set(CommandName):
        raise BadInput(f"command {name[:40]!r}, expected one of {', '.join(CommandName)}")
    known = _ARGUMENTS[CommandName(name)]
    for key in args:
        if key not in known:
            raise BadInput(f"{name}: unknown argument {key[:40]!r}, expected {', '.join(known) or 'none'}")
    for key, (needed, is_right, expected) in known.items():
        if key in args and not is_right(args[key]):
            raise BadInput(f"{name}: {key} is {str(args[key])[:40]!r}, expected {expected}")
        if needed and key not in args:
            raise BadInput(f"{name}: {key} is missing, expected {expected}")
    if name == CommandName.RESEND and not 0 < args["to_ms"] - args["from_ms"] <= 31 * _DAY_MS:
        raise BadInput(f"{name}: to_ms is {args['to_ms']}, expected more than from_ms and at most 31 days after it")
    return CommandName(name)
