"""What the aggregator's file may say about identity."""

from typing import Annotated

import msgspec

# The authority itself lasts thirty years: nothing that it gives out lasts longer.
_LONGEST_DAYS = 30 * 365
_Days = Annotated[float, msgspec.Meta(gt=0, le=_LONGEST_DAYS)]
_Hours = Annotated[float, msgspec.Meta(gt=0, le=24 * _LONGEST_DAYS)]


class IdentityTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`folder` is relative to the file. What devices get lasts `lifetime_days`; for `grace_days` more they may renew.

    `broker_host` and `broker_port` are what devices are told at their claim; without a host it is the one they claimed
    at. When revocations change, `reload` is run, or the process whose number is in `reload_pid` gets SIGHUP.
    """

    folder: str = "identity"
    lifetime_days: _Days = 365.0
    grace_days: Annotated[float, msgspec.Meta(ge=0, le=_LONGEST_DAYS)] = 365.0
    invite_hours: _Hours = 168.0
    broker_host: str = ""
    broker_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 8883
    reload: tuple[str, ...] = ()
    reload_pid: str | None = None
