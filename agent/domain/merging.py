"""Windows joined into longer ones: what a device gives up when its journal is full is resolution, never history.

Means are weighted by their samples and rounded once, halves upwards; extremes, the last value and the counts are exact.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from agent.domain.records import SignalSummary, Summary
from agent.domain.streaming import quantised

HOUR_S: Final = 3_600
DAY_S: Final = 86_400


def bucket_ms(summary: Summary, window_s: int) -> int | None:
    """Start of the window of `window_s` (aligned in UTC) that `summary` lies in; None when it is as long, or straddles.

    >>> bucket_ms(Summary(4_500_000, 900, []), 3600), bucket_ms(Summary(3_600_000, 3600, []), 3600)
    (3600000, None)
    """
    if not 0 < summary.window_s < window_s:
        return None
    start_ms = summary.start_ms - summary.start_ms % (window_s * 1000)
    fits = summary.start_ms + summary.window_s * 1000 <= start_ms + window_s * 1000
    return start_ms if fits else None


def join(summaries: Sequence[Summary], start_ms: int, window_s: int) -> Summary:
    """One summary over `start_ms` … `start_ms` + `window_s` of all `summaries`, at least one, in the order of time."""
    parts: dict[str, list[SignalSummary]] = {}
    for summary in summaries:
        for each in summary.signals:
            parts.setdefault(each.signal, []).append(each)
    signals = [_joined(name, parts[name]) for name in sorted(parts)]
    return Summary(start_ms, window_s, signals, sum(summary.merged for summary in summaries))


def _joined(name: str, parts: Sequence[SignalSummary]) -> SignalSummary:
    decimals = max(part.decimals for part in parts)
    bad = [sum(counts) for counts in zip(*((p.stale, p.missing, p.invalid, p.estimated) for p in parts), strict=True)]
    good = [_finer(part, decimals) for part in parts if part.n > 0]
    if not good:
        return SignalSummary(name, decimals, 0, 0, 0, 0, 0, *bad)
    n = sum(part.n for part in good)
    mean = quantised(sum(part.n * part.mean for part in good), n)
    low = min(part.mean - part.below for part in good)
    high = max(part.mean + part.above for part in good)
    last = good[-1].mean + good[-1].last
    return SignalSummary(name, decimals, mean, mean - low, high - mean, last - mean, n, *bad)


def _finer(part: SignalSummary, decimals: int) -> SignalSummary:
    """The same with more decimals."""
    scale = 10 ** (decimals - part.decimals)
    if scale == 1:
        return part
    mean, below, above, last = (scale * value for value in (part.mean, part.below, part.above, part.last))
    return msgspec.structs.replace(part, decimals=decimals, mean=mean, below=below, above=above, last=last)
