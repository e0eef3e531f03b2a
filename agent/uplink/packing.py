"""Which records travel together: pure."""

from collections.abc import Sequence

from agent.domain.wire import Batch, Record
from agent.ports import Position

# What a record costs beside its body, at most: kind, time, number, clock.
_RECORD_OVERHEAD = 40


def pack(device: str, position: Position, first: int, records: Sequence[Record], max_bytes: int) -> Batch:
    """The batch that starts at `first`, with as many of `records` as `max_bytes` of bodies allow, at least one.

    Where the journal holds nothing behind `first` any more, an empty batch covers the range, so that it counts as sent.
    """
    size, count = 0, 0
    for record in records:
        size += len(bytes(record.body)) + _RECORD_OVERHEAD
        if count and size > max_bytes:
            break
        count += 1
    chosen = list(records[:count])
    last = chosen[-1].seq if chosen else max(first, position.last)
    return Batch(device, position.epoch, first, last, chosen)
