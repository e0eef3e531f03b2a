"""Takes orders and keeps what devices reply. See `cloud.ports.CommandDesk`."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from agent.domain.commands import (
    MAX_COMMAND_BYTES,
    MAX_LIFE_MS,
    Command,
    check_command,
    decode_reply,
    encode_command,
    replied_of,
)
from agent.domain.errors import BadInput, BadMessage
from cloud.ports import Clock, CommandBook, CommandRow

LIFE_S: Final = 86_400.0
QUEUED: Final = "queued"


class Desk:
    """Over a book. Nothing is sent from here: the courier looks into the same book, at once where `wake` calls it."""

    def __init__(self, book: CommandBook, clock: Clock, wake: Callable[[], None] = lambda: None) -> None:
        self._book = book
        self._clock = clock
        self._wake = wake

    def order(self, device: str, name: str, args: Mapping[str, Any], who: str, life_s: float = LIFE_S) -> CommandRow:
        """See `cloud.ports.CommandDesk`."""
        known = check_command(name, args)
        if not 0 < life_s * 1000 <= MAX_LIFE_MS:
            raise BadInput(f"a life of {life_s:g} s, expected more than 0 and at most {MAX_LIFE_MS // 1000}")
        if not 1 <= len(who) <= 100:
            raise BadInput(f"who of {len(who)} characters, expected 1 to 100")
        now_ms = self._clock.now_ms()
        expires_ms = now_ms + round(life_s * 1000)
        row = CommandRow(
            id=secrets.token_hex(8),
            device=device,
            name=str(known),
            args=dict(args),
            who=who,
            state=QUEUED,
            created_ms=now_ms,
            expires_ms=expires_ms,
            sends=0,
            sent_ms=None,
            sent_since_ms=None,
            ended_ms=None,
            reason="",
            result={},
        )
        size = len(payload_of(row))
        if size > MAX_COMMAND_BYTES:
            raise BadInput(f"a command of {size} bytes, at most {MAX_COMMAND_BYTES} allowed")
        self._book.add(row)
        self._wake()
        return row

    def commands(self, device: str | None = None, *, limit: int = 100) -> list[CommandRow]:
        """See `cloud.ports.CommandDesk`."""
        return self._book.commands(device, limit=limit)

    def command(self, identifier: str) -> CommandRow | None:
        """See `cloud.ports.CommandDesk`."""
        return self._book.command(identifier)

    def hear(self, device: str, leaf: str, payload: bytes) -> None:
        """A reply has come. Raises `BadMessage` for one that is none, or to a command that was never given."""
        identifier = replied_of(leaf)
        if identifier is None:
            raise BadMessage(f"topic {leaf[:60]!r} does not name a command")
        if not self._book.replied(device, identifier, decode_reply(payload), self._clock.now_ms()):
            raise BadMessage(f"a reply to command {identifier}, which {device} was never given")


def payload_of(row: CommandRow) -> bytes:
    """The command as it travels."""
    return encode_command(Command(row.name, row.who, row.created_ms, row.expires_ms, row.args))
