"""The `[proxy]` table of the site file; what it needs is loaded where there is one."""

import msgspec


class UnitMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Masters ask for `unit`; that is unit `to` (unset: the same number) of the device `source`."""

    unit: int
    source: str
    to: int | None = None


class ProxySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to listen, and for whom.

    allow: networks that may ask; empty lets everybody who can reach `host`. max_age_s: how old an answer may be.
    answer_s: how long a request may wait for its turn. away_s: how long a device that did not answer is left alone.
    idle_s: a client that says nothing so long is let go. writes: functions 6 and 16 are passed on, too.
    """

    unit: list[UnitMap]
    host: str = "127.0.0.1"
    port: int = 1502
    allow: list[str] = []
    clients: int = 4
    max_age_s: float = 2.0
    answer_s: float = 10.0
    away_s: float = 5.0
    idle_s: float = 300.0
    writes: bool = False
