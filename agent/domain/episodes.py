"""Verdicts, sample by sample, into episodes with a start and an end, and exposure into up and down.

A sample's verdict holds until the next sample, unless that is further away than `max_gap_s`: what lies between is not
observed and counts nowhere. Failing samples make an episode once they have lasted `debounce_s` in a row; before that
they are a blip, and blips are up time. Whoever knows only now since when it fails says so, and that counts as far back
as nothing else was said. An episode ends when healthy samples have lasted `clear_s`; it then ended at the first of
them. Shorter healthy stretches belong to the episode. Time without exposure neither ends nor extends it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from operator import sub
from typing import Any, Final, Protocol

from agent.domain.reliability import EpisodeReliability
from agent.domain.timeline import Move

_MINUTE_MS: Final = 60_000
_W_MS_PER_WH: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. A suspicion that gets no evidence for `forget_s` is dropped."""

    debounce_s: float
    clear_s: float
    max_gap_s: float = 900.0
    forget_s: float = 3600.0


class Phase(IntEnum):
    """Where a tracker stands."""

    WELL = 0
    SUSPECT = 1
    ACTIVE = 2


@dataclass(frozen=True, slots=True)
class Episode:
    """An episode as far as it is known; `end_ms` is None while it lasts. `failing_ms` is what was seen failing."""

    start_ms: int
    end_ms: int | None
    failing_ms: int
    lost_wh: float | None


def longest_step_ms(times: Sequence[int]) -> int:
    """Between two neighbours; 0 where there are none."""
    return max(map(sub, times[1:], times), default=0)


class Tracker(Protocol):
    """Turns the verdicts of one rule on one component into episodes."""

    @property
    def reliability(self) -> EpisodeReliability: ...

    @property
    def quiet(self) -> bool:
        """Whether a sample without exposure would change nothing."""
        ...

    @property
    def suspected_ms(self) -> int | None:
        """Start of the present episode or suspicion."""
        ...

    @property
    def active(self) -> bool: ...

    def update(
        self, at_ms: int, verdict: bool | None, loss_w: float | None = None, since_ms: int | None = None, /
    ) -> Sequence[Episode]:
        """Take in a sample; returns the episodes that ended or began with it, in this order.

        `since_ms` is since when a verdict that fails could have been given, had one known.
        """
        ...

    def passes(self, at_ms: int, /) -> bool:
        """Take in a healthy sample if nothing can come of it; otherwise false, and `update` has to."""
        ...

    def episode(self) -> Episode:
        """The present (or, when there is none, the last) episode."""
        ...

    def move(self, move: Move, /) -> None:
        """The clock was set: every time it remembers is put right."""
        ...

    def state(self) -> list[Any]: ...

    def restore(self, state: Sequence[Any]) -> None: ...


class EpisodeTracker:
    """Follows one fault on one component, with debounce.

    >>> tracker = EpisodeTracker(Timing(debounce_s=120, clear_s=60))
    >>> for minute, verdict in enumerate([False, True, True]):
    ...     assert not tracker.update(minute * 60_000, verdict)
    >>> tracker.update(180_000, True)[0].start_ms
    60000
    """

    def __init__(self, timing: Timing) -> None:
        self._debounce_ms = round(timing.debounce_s * 1000)
        self._clear_ms = round(timing.clear_s * 1000)
        self._max_gap_ms = round(timing.max_gap_s * 1000)
        self._forget_ms = round(timing.forget_s * 1000)
        self.reliability = EpisodeReliability()
        self._phase = Phase.WELL
        self._start_ms = 0
        self._failing_ms = 0
        self._lost_w_ms: float | None = None
        self._well_from_ms: int | None = None  # first sample of a healthy stretch inside an episode
        self._well_ms = 0
        self._last_ms = 0
        self._last_verdict: bool | None = None
        self._last_loss_w: float | None = None
        self._evidence_ms = 0  # last sample with a verdict

    @property
    def quiet(self) -> bool:
        return self._last_verdict is None and self._phase != Phase.SUSPECT

    @property
    def is_well(self) -> bool:
        return self._phase == Phase.WELL

    @property
    def suspected_ms(self) -> int | None:
        return None if self._phase == Phase.WELL else self._start_ms

    @property
    def active(self) -> bool:
        return self._phase == Phase.ACTIVE

    def episode(self) -> Episode:
        return self._episode(None)

    def _episode(self, end_ms: int | None) -> Episode:
        lost_wh = None if self._lost_w_ms is None else self._lost_w_ms / _W_MS_PER_WH
        return Episode(self._start_ms, end_ms, self._failing_ms, lost_wh)

    def update(
        self, at_ms: int, verdict: bool | None, loss_w: float | None = None, since_ms: int | None = None, /
    ) -> Sequence[Episode]:
        if verdict is None and self.quiet:
            return ()
        silent_ms = at_ms if self._last_verdict is not None else self._last_ms  # from here on nothing was said
        if self._last_verdict is not None:
            duration_ms = at_ms - self._last_ms
            if 0 < duration_ms <= self._max_gap_ms:
                self._hold(duration_ms)
        if self._phase == Phase.SUSPECT and at_ms - self._evidence_ms > self._forget_ms:
            self._drop_suspicion()
        self._last_ms, self._last_verdict, self._last_loss_w = at_ms, verdict, loss_w
        if verdict is None:
            return ()
        self._evidence_ms = at_ms
        if not verdict:
            return self._healthy(at_ms)
        return self._failing(at_ms, at_ms if since_ms is None else min(at_ms, max(since_ms, silent_ms)))

    def passes(self, at_ms: int, /) -> bool:
        if self._phase or self._last_verdict is not False:
            return False
        duration_ms = at_ms - self._last_ms
        if 0 < duration_ms <= self._max_gap_ms:
            self.reliability.up_ms += duration_ms
        self._last_ms = self._evidence_ms = at_ms
        return True

    def pass_all(self, times: Sequence[int], verdicts: Sequence[bool | None]) -> None:
        """`update` with each sample, faster: while it stands well, and for verdicts none of which fails."""
        if None not in verdicts:
            if self._last_verdict is None:
                self.update(times[0], False)
            first_ms, last_ms = self._last_ms, times[-1]
            if longest_step_ms((first_ms, *times)) <= self._max_gap_ms and first_ms <= times[0]:
                self.reliability.up_ms += last_ms - first_ms
                self._last_ms = self._evidence_ms = last_ms
                return
        held, last_ms, up_ms = self._last_verdict is not None, self._last_ms, 0
        if not held and False not in verdicts:
            return
        for at_ms, verdict in zip(times, verdicts, strict=True):
            if held:
                if 0 < at_ms - last_ms <= self._max_gap_ms:
                    up_ms += at_ms - last_ms
                last_ms, held = at_ms, verdict is not None
            elif verdict is not None:
                last_ms, held = at_ms, True
            if verdict is not None:
                self._evidence_ms = at_ms
        self._last_verdict, self._last_ms = False if held else None, last_ms
        self.reliability.up_ms += up_ms

    def _hold(self, duration_ms: int) -> None:
        """The last verdict held for `duration_ms` more."""
        if self._last_verdict:
            self._failing_ms += duration_ms
            if self._last_loss_w is not None:
                self._lost_w_ms = (self._lost_w_ms or 0.0) + self._last_loss_w * duration_ms
            if self._phase == Phase.ACTIVE:
                self.reliability.add_down(duration_ms)
        elif self._phase == Phase.ACTIVE:
            self._well_ms += duration_ms
        else:
            self.reliability.add_up(duration_ms)

    def _drop_suspicion(self) -> None:
        self.reliability.add_up(self._failing_ms)
        self._phase = Phase.WELL

    def _failing(self, at_ms: int, since_ms: int) -> Sequence[Episode]:
        if self._phase == Phase.ACTIVE:
            self.reliability.add_down(self._well_ms)
            self._well_from_ms, self._well_ms = None, 0
            return ()
        if self._phase == Phase.WELL:
            self._phase = Phase.SUSPECT
            self._start_ms, self._failing_ms, self._lost_w_ms = since_ms, at_ms - since_ms, None
        if self._failing_ms < self._debounce_ms:
            return ()
        self._phase = Phase.ACTIVE
        self.reliability.add_failure()
        self.reliability.add_down(self._failing_ms)
        self._well_from_ms, self._well_ms = None, 0
        return (self._episode(None),)

    def _healthy(self, at_ms: int) -> Sequence[Episode]:
        if self._phase == Phase.SUSPECT:
            self._drop_suspicion()
        if self._phase == Phase.WELL:
            return ()
        if self._well_from_ms is None:
            self._well_from_ms = at_ms
        if self._well_ms < self._clear_ms:
            return ()
        self._phase = Phase.WELL
        self.reliability.add_up(self._well_ms)
        self.reliability.add_repair()
        return (self._episode(max(self._well_from_ms, self._start_ms)),)

    def move(self, move: Move, /) -> None:
        self._start_ms, self._well_from_ms = move(self._start_ms), move.maybe(self._well_from_ms)
        self._last_ms, self._evidence_ms = move(self._last_ms), move(self._evidence_ms)

    def state(self) -> list[Any]:
        return [
            *(int(self._phase), self._start_ms, self._failing_ms, self._lost_w_ms, self._well_from_ms, self._well_ms),
            *(self._last_ms, self._last_verdict, self._last_loss_w, self._evidence_ms, self.reliability.state()),
        ]

    def restore(self, state: Sequence[Any]) -> None:
        phase, self._start_ms, self._failing_ms, self._lost_w_ms, self._well_from_ms, self._well_ms = state[:6]
        self._last_ms, self._last_verdict, self._last_loss_w, self._evidence_ms = state[6:10]
        self._phase = Phase(phase)
        self.reliability = EpisodeReliability.from_state(state[10])


class MinuteTracker:
    """The published way: each minute stands for itself, and consecutive failing minutes are one episode.

    >>> tracker = MinuteTracker()
    >>> tracker.update(0, True)[0].start_ms
    0
    >>> tracker.update(60_000, False)[0].end_ms
    60000
    """

    def __init__(self) -> None:
        self.reliability = EpisodeReliability()
        self._start_ms = 0
        self._failing_ms = 0
        self._failing_minute: int | None = None  # of the episode that still lasts
        self._counted_minute: int | None = None

    @property
    def quiet(self) -> bool:
        return self._failing_minute is None

    @property
    def suspected_ms(self) -> int | None:
        return None if self._failing_minute is None else self._start_ms

    @property
    def active(self) -> bool:
        return self._failing_minute is not None

    def passes(self, _at_ms: int, /) -> bool:
        return False

    def episode(self) -> Episode:
        return Episode(self._start_ms, None, self._failing_ms, None)

    def update(
        self, at_ms: int, verdict: bool | None, _loss_w: float | None = None, _since_ms: int | None = None, /
    ) -> Sequence[Episode]:
        minute = at_ms // _MINUTE_MS
        if minute == self._counted_minute:
            return ()
        changes = []
        last = self._failing_minute
        # A minute without a verdict so far may still fail.
        if last is not None and not (verdict is not False and minute == last + 1):
            changes.append(Episode(self._start_ms, (last + 1) * _MINUTE_MS, self._failing_ms, None))
            self._failing_minute = None
            self.reliability.add_repair()
        if verdict is None:
            return changes
        self._counted_minute = minute
        if not verdict:
            self.reliability.add_up(_MINUTE_MS)
            return changes
        begun = self._failing_minute is None
        if begun:
            self._start_ms, self._failing_ms = at_ms, 0
            self.reliability.add_failure()
        self._failing_minute = minute
        self._failing_ms += _MINUTE_MS
        self.reliability.add_down(_MINUTE_MS)
        if begun:
            changes.append(self.episode())
        return changes

    def move(self, move: Move, /) -> None:
        self._start_ms = move(self._start_ms)
        self._failing_minute, self._counted_minute = (
            move.minute(m) for m in (self._failing_minute, self._counted_minute)
        )

    def state(self) -> list[Any]:
        return [
            self._start_ms,
            self._failing_ms,
            self._failing_minute,
            self._counted_minute,
            self.reliability.state(),
        ]

    def restore(self, state: Sequence[Any]) -> None:
        self._start_ms, self._failing_ms, self._failing_minute, self._counted_minute = state[:4]
        self.reliability = EpisodeReliability.from_state(state[4])
