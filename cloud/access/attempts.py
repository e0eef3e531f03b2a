"""Guessing passwords is slow: after some that were wrong, whoever tries has to wait, longer each time."""

from collections import OrderedDict
from typing import Final

_FREE: Final = 5
_LONGEST_MS: Final = 300_000
_FORGOTTEN_MS: Final = 3_600_000
_MOST_KNOWN: Final = 10_000


class Attempts:
    """Of each who tries, as the caller names them: how often it was wrong in a row, and when it was so last.

    >>> attempts = Attempts()
    >>> for second in range(6):
    ...     attempts.failed("anna", second * 1000)
    >>> attempts.wait_ms("anna", 5_500), attempts.wait_ms("ben", 5_500)
    (1500, 0)
    """

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def wait_ms(self, who: str, now_ms: int) -> int:
        """How long until the next attempt is looked at."""
        count, last_ms = self._wrong.get(who, (0, 0))
        if count < _FREE or now_ms - last_ms > _FORGOTTEN_MS:
            return 0
        return max(0, last_ms + min(_LONGEST_MS, 1000 << min(count - _FREE, 20)) - now_ms)

    def failed(self, who: str, now_ms: int) -> None:
        """It was wrong."""
        count, last_ms = self._wrong.pop(who, (0, 0))
        self._wrong[who] = (count + 1 if now_ms - last_ms <= _FORGOTTEN_MS else 1, now_ms)
        while len(self._wrong) > _MOST_KNOWN:
            self._wrong.popitem(last=False)

    def succeeded(self, who: str) -> None:
        """It was right: what was before does not count any more."""
        self._wrong.pop(who, None)
