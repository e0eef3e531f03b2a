"""The `[proxy]` table of the site file; what it needs is loaded where there is one."""

from typing import Final

import msgspec

from agent.domain.errors import BadSetup
from agent.domain.misfit import Bounds, outside

_DAY_S: Final = 86_400


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


def check(settings: ProxySettings) -> None:
    """Raises `BadSetup` whose `where` is the field, and whose `problem` says its value and what was expected."""
    rows: list[Bounds] = [
        ("port", settings.port, 1, 65_535),
        ("clients", settings.clients, 1, 1000),
        ("max_age_s", settings.max_age_s, 0, _DAY_S),
        ("answer_s", settings.answer_s, 0.01, _DAY_S),
        ("away_s", settings.away_s, 0, _DAY_S),
        ("idle_s", settings.idle_s, 0.01, _DAY_S),
    ]
    for entry in settings.unit:
        rows += [("unit.unit", entry.unit, 0, 255), ("unit.to", entry.unit if entry.to is None else entry.to, 0, 255)]
    for field, value, low, high in outside(rows):
        raise BadSetup(f"proxy.{field}", f"got {value}, expected {low:g} to {high:g}")
