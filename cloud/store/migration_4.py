"""From version 3 to 4: commands to devices. The statements stay as they are, whatever the table becomes later."""

from typing import Final

from sqlalchemy import Connection

_COMMANDS: Final = """
CREATE TABLE commands (
  id VARCHAR NOT NULL, device VARCHAR NOT NULL, name TEXT NOT NULL, args TEXT NOT NULL, who TEXT NOT NULL,
  state TEXT NOT NULL, created_ms BIGINT NOT NULL, expires_ms BIGINT NOT NULL, sends INTEGER NOT NULL, sent_ms BIGINT,
  sent_since_ms BIGINT, ended_ms BIGINT, reason TEXT NOT NULL, result TEXT NOT NULL, PRIMARY KEY (id)
)"""
_INDEXES: Final = (
    "CREATE INDEX commands_by_device ON commands (device, created_ms)",
    "CREATE INDEX commands_by_state ON commands (state)",
)


def to_version_4(connection: Connection) -> None:
    """Add the table; what was there stays as it is."""
    for statement in (_COMMANDS, *_INDEXES):
        connection.exec_driver_sql(statement)
