"""Against guessing: an address that was refused too often has to wait, whatever it asks next."""

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

_REMEMBERED: Final = 10_000
_IPV6_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """`refusals` at once, and then one more every `again_s` seconds."""

    refusals: int = 10
    again_s: float = 30.0


class Refusals:
    """A leaking bucket per address. An IPv6 network has a great many addresses: they are one here."""

    def __init__(self, settings: LimitSettings) -> None:
        self._settings = settings
        self._marks: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_s(self, address: str, now_ms: int) -> float:
        """How long this address has to wait before it is heard again; 0 when it is heard now."""
        level = self._level(network(address), now_ms)
        over = level - (self._settings.refusals - 1)
        return max(0.0, over * self._settings.again_s)

    def refused(self, address: str, now_ms: int) -> None:
        """Count one."""
        name = network(address)
        level = self._level(name, now_ms) + 1
        self._marks[name] = (level, now_ms)
        self._marks.move_to_end(name)
        while len(self._marks) > _REMEMBERED:
            self._marks.popitem(last=False)

    def _level(self, name: str, now_ms: int) -> float:
        level, at_ms = self._marks.get(name, (0.0, now_ms))
        return max(0.0, level - max(0, now_ms - at_ms) / 1000 / self._settings.again_s)


def network(address: str) -> str:
    """What is counted as one: an IPv4 address, the first half of an IPv6 address.

    >>> network("2001:db8::1") == network("2001:db8::2"), network("192.0.2.1")
    (True, '192.0.2.1')
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{int(parsed) >> 128 - _IPV6_BITS:x}::"
