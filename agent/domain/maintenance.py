"""A record that says what will need somebody, and when: kind `maintenance`, journalled like every other.

It travels as a body of its own kind, which an aggregator that does not know it keeps as it is.
"""

from typing import Final

import msgspec

from agent.domain.errors import BadMessage
from agent.domain.records import Unknown

MAINTENANCE: Final = "maintenance"


class Maintenance(msgspec.Struct, array_like=True, frozen=True):
    """`code` is what wears. It stands at `value`, changes by `per_day` and must not pass `limit`.

    It will in `days_low` to `days_high` days; both are None once that is no longer to be expected.
    """

    code: str
    value: float
    limit: float
    per_day: float
    days_low: float | None = None
    days_high: float | None = None


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Maintenance)


def maintenance_body(told: Maintenance) -> Unknown:
    """As the body of a record."""
    return Unknown(MAINTENANCE, _encoder.encode(told))


def maintenance_of(raw: bytes) -> Maintenance:
    """Out of a record's body. Raises `BadMessage`."""
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadMessage(f"{MAINTENANCE} record: {error}") from error
