"""Through a stretch of readings in which nothing begins or ends, each part of the diagnosis at one go.

The parts depend on one another only where a cause comes or goes. Until then each may follow the whole stretch by
itself, which spares all the questions whether anything is to be done. Where something does come or go in one of them,
the others are put back to where they were, and all follow up to there.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from agent.diagnosis.channel import Channel
from agent.domain.blocks import Block
from agent.domain.signals import Reading

MOST_ROWS: Final = 480
_FEW_ROWS: Final = 24
_LONGEST_WAIT: Final = 64


class Pace:
    """How many readings are to be taken one by one after a stretch that did not get far."""

    def __init__(self) -> None:
        self._wait = 1
        self._left = 0

    def told(self, rows: int) -> None:
        """A stretch went over so many rows."""
        self._wait = 1 if rows >= _FEW_ROWS else min(_LONGEST_WAIT, 2 * self._wait)
        self._left = self._wait

    def is_due(self) -> bool:
        """Whether another stretch is worth trying; asked once for each reading."""
        self._left -= 1
        return self._left < 0


def alike(before: Reading, readings: Sequence[Reading], at: int, max_gap_ms: int) -> Sequence[Reading]:
    """The readings from `at` on that follow `before` as if nothing happened: same signals, all good, no gap."""
    names, last_ms, end = tuple(before.values), before.at_ms, at
    for reading in readings[at : at + MOST_ROWS]:
        at_ms = reading.at_ms
        if not 0 < at_ms - last_ms <= max_gap_ms or reading.bad or tuple(reading.values) != names:
            break
        last_ms, end = at_ms, end + 1
    return readings[at:end]


def follow(channels: Sequence[tuple[Channel, bool]], block: Block) -> int:
    """Take the channels, each with whether it is silenced, over as much of the block as all of them pass calmly.

    Returns the number of rows.
    """
    rows = len(block)
    kept = [msgspec.msgpack.encode(channel.state()) for channel, _ in channels]
    while rows:
        passed = rows
        for number, (channel, silenced) in enumerate(channels):
            passed = channel.pass_over(block, silenced=silenced)
            if passed < rows:
                _put_back(channels[: number + 1], kept)
                break
        if passed == rows:
            return rows
        rows, block = passed, block.head(passed)
    return 0


def _put_back(channels: Sequence[tuple[Channel, bool]], kept: Sequence[bytes]) -> None:
    for (channel, _), state in zip(channels, kept, strict=False):
        decoded: list[Any] = msgspec.msgpack.decode(state)
        channel.restore(decoded)
