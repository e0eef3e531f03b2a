"""Heat that comes and goes too often: the burner's starts, and a flow that swings by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from agent.domain.begun import KnowsBegin
from agent.domain.blocks import Block, RowByRow, Verdict
from agent.domain.faults import FaultCode
from agent.domain.signals import BURNER_ON, FLOW_TEMPERATURE, PUMP_ON, Reading, SignalName
from agent.domain.timeline import Move

_MINUTE_MS: Final = 60_000
_CALM_MS: Final = 10 * _MINUTE_MS
_MOVES: Final = 0.35  # of a swing: more than the last digit of a coarse sensor


@dataclass(frozen=True, slots=True)
class CycleLimits:
    """Starts per hour: from `most_starts` on it fails, up to `healthy_starts` it is well.

    The pace is that of the last `starts` starts. Samples further apart than `most_step_s` miss starts.
    """

    most_starts: float = 8.0
    healthy_starts: float = 6.0
    starts: int = 4
    most_step_s: float = 150.0


class ShortCycling(RowByRow, KnowsBegin):
    """The burner starts far too often."""

    code = FaultCode.SHORT_CYCLING
    needs = (frozenset({BURNER_ON}),)
    watched: SignalName | None = None

    def __init__(self, limits: CycleLimits) -> None:
        self._limits = limits
        self._most_step_ms = round(limits.most_step_s * 1000)
        self._kept = int(limits.starts) + 1
        self._starts: list[int] = []
        self._on: bool | None = None
        self._last_ms = 0

    @property
    def since_ms(self) -> int | None:
        return self._starts[0] if self._starts else None

    def judge(self, reading: Reading) -> Verdict:
        burner = reading.values.get(BURNER_ON)
        if burner is None:
            return None
        at_ms, on = reading.at_ms, burner >= 0.5
        if self._on is None or not 0 < at_ms - self._last_ms <= self._most_step_ms:
            self._starts.clear()
        elif on and not self._on:
            self._starts.append(at_ms)
            del self._starts[: -self._kept]
        self._on, self._last_ms = on, at_ms
        return self._by_pace(at_ms)

    def judge_all(self, block: Block) -> list[Verdict]:
        burners, verdicts = block.column(BURNER_ON), list[Verdict]()
        if burners is None:
            return [None] * len(block)
        starts, healthy = self._starts, self._limits.healthy_starts
        for row, (at_ms, burner) in enumerate(zip(block.times, burners, strict=True)):
            on = burner >= 0.5
            if on == self._on and 0 < at_ms - self._last_ms <= self._most_step_ms:
                self._last_ms = at_ms
                if not starts or (at_ms - starts[-1]) * healthy > 60 * _MINUTE_MS:
                    verdicts.append(False)
                    continue
                verdicts.append(self._by_pace(at_ms))
            else:
                verdicts.append(self.judge(block.readings[row]))
            if verdicts[-1]:
                break
        return verdicts

    def _by_pace(self, at_ms: int) -> Verdict:
        if not self._starts:
            return False
        limits = self._limits
        if (at_ms - self._starts[-1]) * limits.healthy_starts > 60 * _MINUTE_MS:
            return False
        if len(self._starts) < self._kept:
            return None
        pace = self.pace()
        if pace >= limits.most_starts:
            return True
        # The last start may be the first of many: whatever the pace was before, that is not known yet.
        is_early = (at_ms - self._starts[-1]) * limits.most_starts < 60 * _MINUTE_MS
        return False if pace <= limits.healthy_starts and not is_early else None

    def pace(self) -> float:
        """Starts per hour over the last few."""
        if len(self._starts) < 2:
            return 0.0
        return (len(self._starts) - 1) * 60 * _MINUTE_MS / (self._starts[-1] - self._starts[0])

    def seen(self) -> dict[str, float]:
        """Starts per hour."""
        return {"starts_per_hour": round(self.pace(), 1)}

    def move(self, move: Move, /) -> None:
        self._starts = [move(start_ms) for start_ms in self._starts]
        self._last_ms = move(self._last_ms)

    def state(self) -> list[Any]:
        return [self._starts, self._on, self._last_ms]

    def restore(self, state: Sequence[Any]) -> None:
        if state:
            self._starts, self._on, self._last_ms = list(state[0]), state[1], state[2]


@dataclass(frozen=True, slots=True)
class HuntingLimits:
    """K, s. A turn counts when the flow went `swing` back; `turns` of them within `within_s` are hunting.

    Turns that follow the burner's own switching are none: of the last legs between them, those of one whole swing more,
    at least `own` must go against it.
    """

    swing: float = 3.0
    turns: int = 4
    within_s: float = 2700.0
    own: int = 2
    most_step_s: float = 200.0


class Hunting(RowByRow, KnowsBegin):
    """The flow temperature swings around its set point while the pump runs, and not because the burner switches."""

    code = FaultCode.HUNTING
    needs = (frozenset({FLOW_TEMPERATURE, PUMP_ON}),)
    watched: SignalName | None = None

    def __init__(self, limits: HuntingLimits) -> None:
        self._limits = limits
        self._most_step_ms = round(limits.most_step_s * 1000)
        self._within_ms = round(limits.within_s * 1000)
        self._last_ms = 0
        self._running = False
        self._memory = Memory()

    @property
    def since_ms(self) -> int | None:
        turns, calm_ms = self._memory.turns, self._memory.calm_ms
        if not turns:
            return None
        # Before the first turn the flow was already on its way, but not for longer than between two of them.
        return max(calm_ms, turns[0][0] - round(self._within_ms / max(1, self._limits.turns - 1)))

    def judge(self, reading: Reading) -> Verdict:
        values = reading.values
        flow, pump = values.get(FLOW_TEMPERATURE), values.get(PUMP_ON)
        if flow is None or pump is None:
            return None
        at_ms, running = reading.at_ms, pump >= 0.5
        step_ms = at_ms - self._last_ms
        if not running or not self._running or not 0 < step_ms <= self._most_step_ms:
            self._memory = Memory(extreme=flow)
        else:
            burner = values.get(BURNER_ON)
            self._memory.follow(at_ms, flow, self._limits, burner, step_ms)
        self._running, self._last_ms = running, at_ms
        return self._by_turns(at_ms) if running else None

    def judge_all(self, block: Block) -> list[Verdict]:
        flows, pumps, verdicts = block.column(FLOW_TEMPERATURE), block.column(PUMP_ON), list[Verdict]()
        if flows is None or pumps is None:
            return [None] * len(block)
        burners, last_ms = block.column(BURNER_ON), self._last_ms
        for row, (at_ms, flow, pump) in enumerate(zip(block.times, flows, pumps, strict=True)):
            running, step_ms, last_ms = pump >= 0.5, at_ms - last_ms, at_ms
            if running and self._running and 0 < step_ms <= self._most_step_ms:
                self._memory.follow(at_ms, flow, self._limits, burners[row] if burners else None, step_ms)
            elif running or self._running or row == 0:
                self._memory = Memory(extreme=flow)
            self._running = running
            if not running:
                self._memory.extreme = self._memory.level = flow
                verdicts.append(None)
                continue
            verdicts.append(self._by_turns(at_ms))
            if verdicts[-1]:
                break
        self._last_ms = last_ms
        return verdicts

    def _by_turns(self, at_ms: int) -> Verdict:
        turns, limits = self._memory.turns, self._limits
        if not turns or at_ms - turns[-1][0] > self._within_ms / 2:
            return None if at_ms - self._memory.moved_ms <= _CALM_MS else False
        if len(turns) < int(limits.turns):
            return None
        span_ms, own = turns[-1][0] - turns[-int(limits.turns)][0], sum(own for _, own in turns)
        if span_ms > 1.5 * self._within_ms or own < min(1, limits.own):
            return False
        return True if span_ms <= self._within_ms and own >= limits.own else None

    def seen(self) -> dict[str, float]:
        """Minutes of a whole swing."""
        turns = self._memory.turns
        if len(turns) < 2:
            return {}
        return {"swing_minutes": round(2 * (turns[-1][0] - turns[0][0]) / (len(turns) - 1) / _MINUTE_MS, 1)}

    def move(self, move: Move, /) -> None:
        self._last_ms = move(self._last_ms)
        memory = self._memory
        memory.turns = [(move(at_ms), own) for at_ms, own in memory.turns]
        memory.moved_ms, memory.calm_ms = move(memory.moved_ms), move(memory.calm_ms)

    def state(self) -> list[Any]:
        return [self._last_ms, self._running, self._memory.state()]

    def restore(self, state: Sequence[Any]) -> None:
        if state:
            self._last_ms, self._running = state[:2]
            self._memory = Memory.from_state(state[2])


class Memory:
    """The flow's way: where it turned last, and whether the burner explains the leg in between.

    A leg goes from one extreme to the next; that it was one is only known once the flow has gone back far enough.
    """

    __slots__ = ("calm_ms", "extreme", "leg", "level", "moved_ms", "rising", "since", "turns")

    def __init__(self, extreme: float = 0.0) -> None:
        self.extreme = extreme
        self.rising: bool | None = None
        self.turns: list[tuple[int, bool]] = []  # when, and whether its leg went against the burner
        self.leg = [0, 0]  # ms, and ms with the burner on, up to the extreme
        self.since = [0, 0]  # the same since then
        self.level = extreme  # where it was when it had moved last
        self.moved_ms = self.calm_ms = 0  # when that was, and until when it was calm before

    def follow(self, at_ms: int, flow: float, limits: HuntingLimits, burner: float | None, step_ms: int) -> None:
        """Take in a sample that follows the last one."""
        if abs(flow - self.level) >= _MOVES * limits.swing:
            if at_ms - self.moved_ms > _CALM_MS:
                self.calm_ms = at_ms - step_ms
            self.level, self.moved_ms = flow, at_ms
        self.since[0] += step_ms
        if burner is not None and burner >= 0.5:
            self.since[1] += step_ms
        if self.rising is None:
            if abs(flow - self.extreme) >= limits.swing:
                self.rising, self.extreme = flow > self.extreme, flow
            return
        ahead = flow - self.extreme if self.rising else self.extreme - flow
        if ahead >= 0:
            self.extreme = flow
            self.leg = [before + more for before, more in zip(self.leg, self.since, strict=True)]
            self.since = [0, 0]
        elif -ahead >= limits.swing:
            self._turn(at_ms, flow, limits, known=burner is not None)

    def _turn(self, at_ms: int, flow: float, limits: HuntingLimits, *, known: bool) -> None:
        share = self.leg[1] / self.leg[0] if self.leg[0] else 0.5
        explained = known and (share >= 0.5 if self.rising else share <= 0.5) and self._follows_burner()
        if self.turns and at_ms - self.turns[-1][0] > limits.within_s * 500:
            self.turns.clear()  # It was calm in between.
        self.turns.append((at_ms, not explained))
        del self.turns[: -int(limits.turns) - 2]
        self.rising, self.extreme = not self.rising, flow
        self.leg, self.since = self.since, [0, 0]

    def _follows_burner(self) -> bool:
        """Whether the burner ran at all since the flow rises, or stood since it falls."""
        gone_ms, on_ms = self.since
        return on_ms < gone_ms if self.rising else on_ms > 0

    def state(self) -> list[Any]:
        turns = [list(turn) for turn in self.turns]
        return [self.extreme, self.rising, turns, self.leg, self.since, self.level, self.moved_ms, self.calm_ms]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "Memory":
        memory = cls(state[0])
        memory.rising, turns, leg, since = state[1:5]
        if len(state) > 5:
            memory.level, memory.moved_ms, memory.calm_ms = state[5:8]
        memory.turns = [(at_ms, own) for at_ms, own in turns]
        memory.leg, memory.since = list(leg), list(since)
        return memory
