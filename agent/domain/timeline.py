"""Times of a clock that was wrong, put right: pure.

A device without a battery for its clock starts in 1970 and is set hours later. While it runs, its wall clock and its
monotonic clock together tell by how much the wall clock was set, so everything of that boot can be moved by exactly
that. Of a boot that ended before its clock was set only its length is known, and that it lies between its neighbours.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

import msgspec

from agent.domain.errors import BadMessage
from agent.domain.records import Body, Energy, Event, Fault, Reliability, Summary, decode_body, encode_body

# 2010: no device of this kind is older, and no clock chip starts later.
EARLIEST_MS: Final = 1_262_304_000_000
STEP_MS: Final = 500
AHEAD_MS: Final = 60_000
DAY_MS: Final = 86_400_000
_MINUTE_MS: Final = 60_000
_MINUTES: Final = ("published_first", "published_last")


class Mark(IntEnum):
    """A record's `clock`."""

    KNOWN = 0
    CORRECTED = 1
    ESTIMATED = 2


class Move(msgspec.Struct, frozen=True):
    """Times from `first_ms` to `last_ms` were shown by the wrong clock and move by `by_ms`; others stay.

    >>> move = Move(1000, 0, 50)
    >>> move(10), move(51), move.minute(0)
    (1010, 51, 0)
    """

    by_ms: int
    first_ms: int
    last_ms: int

    def __call__(self, at_ms: int) -> int:
        return at_ms + self.by_ms if self.first_ms <= at_ms <= self.last_ms else at_ms

    def window(self, start_ms: int, length_ms: int) -> int:
        """The start of a window: it may lie before the first wrong time, its end does not."""
        return self(start_ms + length_ms) - length_ms

    def maybe(self, at_ms: int | None) -> int | None:
        """A time that may be missing."""
        return None if at_ms is None else self(at_ms)

    def minute(self, minute: int | None) -> int | None:
        """A time in whole minutes since 1970, which may be missing."""
        return None if minute is None else (self(minute * _MINUTE_MS) + _MINUTE_MS // 2) // _MINUTE_MS


class Correction(msgspec.Struct, frozen=True):
    """What becomes of the records of one boot. With `rename` a fault's id, which holds its start, moves with it."""

    boot: bytes
    move: Move
    mark: Mark
    rename: bool


def moved(body: Body, move: Move, *, rename: bool) -> Body:
    """The body with every time of the wrong clock put right; what this version does not know stays as it is."""
    if isinstance(body, Summary):
        return msgspec.structs.replace(body, start_ms=move.window(body.start_ms, body.window_s * 1000))
    if isinstance(body, Energy | Event):
        return msgspec.structs.replace(body, at_ms=move(body.at_ms))
    if isinstance(body, Reliability):
        minutes = {key: move.minute(_minute(body.state[key])) for key in _MINUTES if key in body.state}
        return msgspec.structs.replace(body, at_ms=move(body.at_ms), state={**body.state, **minutes})
    if isinstance(body, Fault):
        start_ms = move(body.start_ms)
        name = _renamed(body.id, body.start_ms, start_ms) if rename else body.id
        return msgspec.structs.replace(body, id=name, start_ms=start_ms, end_ms=move.maybe(body.end_ms))
    return body


def moved_raw(kind: str, raw: bytes, move: Move, *, rename: bool) -> bytes:
    """`moved` for a body as the journal holds it; one that cannot be read stays as it is."""
    try:
        body = decode_body(kind, raw)
    except BadMessage:
        return raw
    return encode_body(moved(body, move, rename=rename))[1]


def _minute(value: float | int | None) -> int | None:
    return None if value is None else int(value)


def _renamed(name: str, before_ms: int, after_ms: int) -> str:
    head, dot, tail = name.rpartition(".")
    return f"{head}{dot}{after_ms}" if tail == str(before_ms) else name


class Span(NamedTuple):
    """Records of one boot, as its clocks showed them: wall time of the first and the last, monotonic of both.

    `open` tells whether any of them is not acknowledged yet, so that something can still be put right.
    """

    boot: bytes
    first_ms: int
    last_ms: int
    first_mono_ms: int
    last_mono_ms: int
    open: bool = True


def plausible(at_ms: int, now_ms: int) -> bool:
    """Whether a time can be one of the past, seen from `now_ms`."""
    return EARLIEST_MS <= at_ms <= now_ms + AHEAD_MS


def estimate(spans: Sequence[Span], boot_ms: int, now_ms: int) -> list[Correction]:
    """Corrections for boots that ended before their clock was set, given all earlier boots in their order.

    `boot_ms` is when the present boot began. Boots in a row share the room between their neighbours evenly: each pause
    between two of them is taken as equally long.
    """
    corrections: list[Correction] = []
    known_ms, row = None, list[Span]()
    for span in spans:
        if plausible(span.first_ms, now_ms) and plausible(span.last_ms, now_ms):
            corrections += _spread(row, known_ms, span.first_ms - span.first_mono_ms)
            known_ms, row = span.last_ms, []
        else:
            row.append(span)
    corrections += _spread(row, known_ms, boot_ms)
    still_open = {span.boot for span in spans if span.open}
    return [correction for correction in corrections if correction.boot in still_open]


def _spread(row: Sequence[Span], from_ms: int | None, to_ms: int) -> list[Correction]:
    lengths = [span.last_mono_ms for span in row]
    room_ms = 0 if from_ms is None else max(0, to_ms - from_ms - sum(lengths))
    pause_ms = room_ms // (len(row) + 1)
    corrections, end_ms = [], to_ms
    for span, length_ms in zip(reversed(row), reversed(lengths), strict=True):
        end_ms -= pause_ms
        by_ms = end_ms - span.last_ms
        if from_ms is not None:
            by_ms = max(by_ms, from_ms - span.first_ms)
        # The end of a window that was open lies behind the last record.
        move = Move(by_ms, span.first_ms - span.first_mono_ms, span.last_ms + DAY_MS)
        corrections.append(Correction(span.boot, move, Mark.ESTIMATED, rename=span.last_ms < EARLIEST_MS))
        end_ms -= length_ms
    return corrections[::-1]
