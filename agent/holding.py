"""Records that the disk does not take now: held in memory, bounded, by the rules of a full journal."""

from typing import Final

from agent.domain.merging import DAY_S, HOUR_S, bucket_ms, join
from agent.domain.wire import Body, Energy, Reliability, Summary

MOST_HELD: Final = 2_000

Held = list[tuple[int, Body]]


def within(held: Held, most: int = MOST_HELD) -> Held:
    """At most `most` records: windows become hours, then days; then the oldest counters and states go, windows last.

    Of counters and states the newest says what the older ones said. Faults and events go only when nothing else is
    left.
    """
    for window_s in (HOUR_S, DAY_S):
        if len(held) > most:
            held = _joined(held, window_s)
    for kinds in ((Energy,), (Reliability,), (Summary,), (object,)):
        excess = len(held) - most
        if excess > 0:
            held = _without_oldest(held, kinds, excess)
    return held


def _joined(held: Held, window_s: int) -> Held:
    """Windows that lie in the same longer one, as one, at the place of the newest."""
    places: dict[int, int] = {}
    buckets: dict[int, list[Summary]] = {}
    for place, (_, body) in enumerate(held):
        bucket = bucket_ms(body, window_s) if isinstance(body, Summary) else None
        if bucket is not None and isinstance(body, Summary):
            buckets.setdefault(bucket, []).append(body)
            places[bucket] = place
    new: dict[int, tuple[int, Body]] = {
        places[bucket]: (bucket + window_s * 1000, join(bodies, bucket, window_s)) for bucket, bodies in buckets.items()
    }
    kept: Held = []
    for place, (at_ms, body) in enumerate(held):
        if place in new:
            kept.append(new[place])
        elif not (isinstance(body, Summary) and bucket_ms(body, window_s) is not None):
            kept.append((at_ms, body))
    return kept


def _without_oldest(held: Held, kinds: tuple[type, ...], excess: int) -> Held:
    kept: Held = []
    for record in held:
        if excess > 0 and isinstance(record[1], kinds):
            excess -= 1
        else:
            kept.append(record)
    return kept
