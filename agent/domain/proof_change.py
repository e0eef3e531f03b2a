"""What a proof may change in the site file: all that the running agent needs to know of proofs."""

from typing import Final

import msgspec


class Change(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the site file can put right about one source, in the order in which it is applied.

    swap: signals whose two words change places. exchange: pairs of signals whose registers change places.
    times: factors. flip: signs that are turned. less: of the first signal the second is taken off.
    """

    swap: tuple[str, ...] = ()
    exchange: tuple[tuple[str, str], ...] = ()
    times: dict[str, float] = {}
    flip: tuple[str, ...] = ()
    less: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self.swap or self.exchange or self.times or self.flip or self.less)


NO_CHANGE: Final = Change()
