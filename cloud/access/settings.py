"""What the aggregator's file may say about who may log in."""

from typing import Annotated

import msgspec


class AccessTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`people` is a file, relative to the aggregator's; a login is good for `session_h` hours."""

    people: str = "people.toml"
    session_h: Annotated[float, msgspec.Meta(gt=0, le=720)] = 12.0
