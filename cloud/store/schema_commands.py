"""The table of version 4: commands to devices, who asked for them, what came of it. Times and keys as in `schema`."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from cloud.store.schema_identity import TABLES as EARLIER

# `args` and `result` are JSON. `sent_since_ms` is the device's connection over which it was sent last. The columns are
# those of `cloud.ports.CommandRow`, in its order.
commands: Final = Table(
    "commands",
    EARLIER,
    Column("id", String, primary_key=True),
    Column("device", String, nullable=False),
    Column("name", Text, nullable=False),
    Column("args", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("sends", Integer, nullable=False),
    Column("sent_ms", BigInteger),
    Column("sent_since_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("reason", Text, nullable=False),
    Column("result", Text, nullable=False),
    Index("commands_by_device", "device", "created_ms"),
    Index("commands_by_state", "state"),
)

# Every table there is, those of earlier versions included.
TABLES: Final = EARLIER
