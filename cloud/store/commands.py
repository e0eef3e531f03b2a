"""`cloud.ports.CommandBook` over SQL."""

from typing import Any, Final

import msgspec
from sqlalchemy import insert, select, update

from agent.domain.commands import Reply
from agent.domain.errors import BadInput
from cloud.ports import CommandRow, OpenCommand
from cloud.store import schema
from cloud.store.database import Database
from cloud.store.schema_commands import commands

QUEUED: Final = "queued"
SENT: Final = "sent"
EXPIRED: Final = "expired"
_OPEN: Final = (QUEUED, SENT)
_decoder: Final = msgspec.json.Decoder(dict[str, Any])


class SqlCommands:
    """See `cloud.ports.CommandBook`. Raises `Transient` when the database cannot be reached."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: CommandRow) -> None:
        """See `cloud.ports.CommandBook`."""
        values = {name: getattr(row, name) for name in row.__struct_fields__}
        values |= {name: msgspec.json.encode(values[name]).decode() for name in ("args", "result")}
        known = select(schema.devices.c.device).where(schema.devices.c.device == row.device)
        with self._database.write() as connection:
            if connection.execute(known).first() is None:
                raise BadInput(f"device {row.device[:40]!r} has never been heard of")
            connection.execute(insert(commands).values(values))

    def open(self) -> list[OpenCommand]:
        """See `cloud.ports.CommandBook`."""
        devices = schema.devices
        query = (
            select(commands, devices.c.online, devices.c.status_since_ms)
            .join(devices, devices.c.device == commands.c.device)
            .where(commands.c.state.in_(_OPEN))
            .order_by(commands.c.created_ms, commands.c.id)
        )
        with self._database.read() as connection:
            return [OpenCommand(_row(row[:-2]), row[-2], row[-1]) for row in connection.execute(query)]

    def sent(self, identifier: str, since_ms: int | None, now_ms: int) -> None:
        """See `cloud.ports.CommandBook`."""
        values = {"state": SENT, "sends": commands.c.sends + 1, "sent_ms": now_ms, "sent_since_ms": since_ms}
        same = (commands.c.id == identifier, commands.c.state.in_(_OPEN))
        with self._database.write() as connection:
            connection.execute(update(commands).where(*same).values(values))

    def expire(self, now_ms: int) -> int:
        """See `cloud.ports.CommandBook`."""
        over = (commands.c.state.in_(_OPEN), commands.c.expires_ms <= now_ms)
        with self._database.read() as connection:
            if connection.execute(select(commands.c.id).where(*over).limit(1)).first() is None:
                return 0
        values = {"state": EXPIRED, "ended_ms": now_ms, "reason": "no reply before it expired"}
        with self._database.write() as connection:
            return connection.execute(update(commands).where(*over).values(values)).rowcount

    def replied(self, device: str, identifier: str, reply: Reply, now_ms: int) -> bool:
        """See `cloud.ports.CommandBook`. A late reply is truer than that none had come."""
        values = {
            "state": str(reply.state),
            "ended_ms": now_ms,
            "reason": reply.reason,
            "result": msgspec.json.encode(reply.result).decode(),
        }
        same = (commands.c.id == identifier, commands.c.device == device)
        with self._database.write() as connection:
            if connection.execute(select(commands.c.id).where(*same)).first() is None:
                return False
            unanswered = commands.c.state.in_((*_OPEN, EXPIRED))
            connection.execute(update(commands).where(*same, unanswered).values(values))
        return True

    def commands(self, device: str | None = None, *, limit: int = 100) -> list[CommandRow]:
        """See `cloud.ports.CommandBook`."""
        query = select(commands).order_by(commands.c.created_ms.desc(), commands.c.id).limit(limit)
        if device is not None:
            query = query.where(commands.c.device == device)
        with self._database.read() as connection:
            return [_row(row) for row in connection.execute(query)]

    def command(self, identifier: str) -> CommandRow | None:
        """See `cloud.ports.CommandBook`."""
        with self._database.read() as connection:
            row = connection.execute(select(commands).where(commands.c.id == identifier)).first()
        return None if row is None else _row(row)


def _row(row: Any) -> CommandRow:
    values = dict(zip(CommandRow.__struct_fields__, row, strict=True))
    return CommandRow(**(values | {name: _decoder.decode(values[name]) for name in ("args", "result")}))
