"""A book of commands in memory."""

import msgspec

from agent.domain.commands import Reply
from cloud.ports import CommandRow, OpenCommand


class Book:
    """A `CommandBook` in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, CommandRow] = {}
        self.replies: list[tuple[str, str, Reply]] = []
        self.there: dict[str, int] = {}
        self.sent_: list[str] = []

    def add(self, row: CommandRow) -> None:
        self.rows[row.id] = row

    def open(self) -> list[OpenCommand]:
        rows = [row for row in self.rows.values() if row.ended_ms is None]
        return [OpenCommand(row, row.device in self.there, self.there.get(row.device)) for row in rows]

    def sent(self, identifier: str, since_ms: int | None, now_ms: int) -> None:
        self.sent_.append(identifier)

    def expire(self, now_ms: int) -> int:
        over = [row for row in self.rows.values() if row.ended_ms is None and row.expires_ms <= now_ms]
        for row in over:
            self.rows[row.id] = msgspec.structs.replace(row, state="expired", ended_ms=now_ms)
        return len(over)

    def replied(self, device: str, identifier: str, reply: Reply, now_ms: int) -> bool:
        if identifier not in self.rows:
            return False
        self.replies.append((device, identifier, reply))
        return True

    def commands(self, device: str | None = None, *, limit: int = 100) -> list[CommandRow]:
        return [row for row in self.rows.values() if device in (None, row.device)][:limit]

    def command(self, identifier: str) -> CommandRow | None:
        return self.rows.get(identifier)
