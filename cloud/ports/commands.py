"""What commands need of the store, and API, pages and command line of commands."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from agent.domain.commands import Reply


class CommandRow(msgspec.Struct, frozen=True):
    """One command and what came of it.

    `state` is queued (the device has not been there), sent, or its outcome: done, failed, refused, expired,
    interrupted, unsupported. `sent_since_ms` is since when the device was connected as it was sent last.
    """

    id: str
    device: str
    name: str
    args: dict[str, Any]
    who: str
    state: str
    created_ms: int
    expires_ms: int
    sends: int
    sent_ms: int | None
    sent_since_ms: int | None
    ended_ms: int | None
    reason: str
    result: dict[str, Any]


class OpenCommand(msgspec.Struct, frozen=True):
    """One that has no outcome yet, and whether its device is there and since when."""

    row: CommandRow
    online: bool | None
    since_ms: int | None


class CommandBook(Protocol):
    """What commands need of the store. Each call that writes is one transaction."""

    def add(self, row: CommandRow) -> None:
        """Raises `BadInput` for an unknown device."""
        ...

    def open(self) -> list[OpenCommand]:
        """Without an outcome, oldest first."""
        ...

    def sent(self, identifier: str, since_ms: int | None, now_ms: int) -> None: ...

    def expire(self, now_ms: int) -> int:
        """End those whose time is over without a reply; how many."""
        ...

    def replied(self, device: str, identifier: str, reply: Reply, now_ms: int) -> bool:
        """Keep the outcome; False when no such command was ever given to that device. The first reply counts."""
        ...

    def commands(self, device: str | None = None, *, limit: int = 100) -> list[CommandRow]:
        """Newest first."""
        ...

    def command(self, identifier: str) -> CommandRow | None: ...


class CommandDesk(Protocol):
    """What API, pages and command line need of commands. Unknown ids give None or nothing."""

    def order(self, device: str, name: str, args: Mapping[str, Any], who: str, life_s: float) -> CommandRow:
        """Raises `BadInput` for an unknown device, name or argument."""
        ...

    def commands(self, device: str | None = None, *, limit: int = 100) -> list[CommandRow]: ...

    def command(self, identifier: str) -> CommandRow | None: ...
