"""What a rule is, and the rules of the power side: each judges one reading.

A verdict is True (failing), False (healthy) or None (not exposed: this reading says nothing about this fault). Rules
that must remember something between readings carry it in `state`, a list of numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final, Protocol

from agent.domain.blocks import Block, RowByRow, Verdict
from agent.domain.faults import FaultCode
from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    GRID_POWER,
    INVERTER_ALARM,
    INVERTER_STATE,
    LOAD_POWER,
    PV_POWER,
    InverterState,
    Reading,
    SignalName,
)
from agent.domain.timeline import Move

Values = Mapping[SignalName, float]
_HOUR_MS: Final = 3_600_000
# A state of charge that moved so often, and then stood while so much went in or out, proves nothing.
_MOVES_TO_KNOW: Final = 20
_MOST_WH: Final = 1500.0
# More than this between two samples, and not by what flows, is a jump of the counting, in %.
_SOC_STEP: Final = 8.0
_AT_ONCE_MS: Final = 300_000
# Of a small surplus that the battery does not take, this much is seen at the grid's meter, less what an inverter loses
# of the panels' power; a large one shows in the balance of all powers. A meter may be off by `_METER_W`.
_SMALL_W: Final = 500.0
_REACHES: Final = 0.5
_LOSSES: Final = 0.06
_METER_W: Final = -50.0


class Rule(Protocol):
    """Judges readings for one fault code, in the order of their time."""

    @property
    def code(self) -> FaultCode: ...

    @property
    def needs(self) -> tuple[frozenset[SignalName], ...]:
        """Any one of these sets of signals is enough to judge."""
        ...

    @property
    def watched(self) -> SignalName | None:
        """The signal whose lowest value shows the fault at its worst."""
        ...

    def judge(self, reading: Reading) -> Verdict: ...

    def judge_all(self, block: Block, /) -> list[Verdict]:
        """`judge` of each reading, up to the first that fails."""
        ...

    def loss_w(self, values: Values, /) -> float | None:
        """Power lost while failing, None where it cannot be told."""
        ...

    def seen(self) -> Mapping[str, float]:
        """What it knows besides the values themselves that belongs into the evidence."""
        ...

    def move(self, move: Move, /) -> None:
        """The clock was set: every time it remembers is put right."""
        ...

    def state(self) -> list[Any]: ...

    def restore(self, state: Sequence[Any]) -> None: ...


class Memoryless(RowByRow):
    """What rules share that judge each reading by itself."""

    watched: SignalName | None = None

    def move(self, move: Move, /) -> None:
        """Nothing to put right."""

    def state(self) -> list[float]:
        return []

    def restore(self, state: Sequence[float]) -> None:
        """Nothing to carry over."""


@dataclass(frozen=True, slots=True)
class BatteryLimits:
    """W, % and s. A surplus up to `margin_w` is no promise of charging: inverters leave that much to the grid.

    `dead_band_w` around 0 is idle. Above `full_soc` the battery may rest until it is `soc_hysteresis` lower. A state of
    charge stays good for `soc_hold_s`, since many devices give it more rarely than powers. `charge_limit_w` bounds what
    is counted as lost.
    """

    margin_w: float = 200.0
    dead_band_w: float = 50.0
    full_soc: float = 97.0
    soc_hysteresis: float = 3.0
    soc_hold_s: float = 900.0
    charge_limit_w: float = 5000.0


class ChargePulse:
    """Whether the state of charge still follows what flows: one that used to move and stands proves nothing."""

    __slots__ = ("_last_ms", "_moves", "_soc", "_through_wh")

    def __init__(self) -> None:
        self._soc = 0.0
        self._moves = 0
        self._through_wh = 0.0  # since it moved last
        self._last_ms = 0

    def beats(self, at_ms: int, soc: float | None, battery: float) -> bool:
        """Take in a sample."""
        if soc is not None and soc != self._soc:
            self._soc, self._moves, self._through_wh = soc, self._moves + 1, 0.0
        elif 0 < at_ms - self._last_ms <= _HOUR_MS:
            self._through_wh += abs(battery) * (at_ms - self._last_ms) / _HOUR_MS
        self._last_ms = at_ms
        return self._moves <= _MOVES_TO_KNOW or self._through_wh < _MOST_WH

    def move(self, move: Move) -> None:
        """The clock was set."""
        self._last_ms = move(self._last_ms)

    def state(self) -> list[Any]:
        return [self._soc, self._moves, self._through_wh, self._last_ms]

    def restore(self, state: Sequence[Any]) -> None:
        self._soc, self._moves, self._through_wh, self._last_ms = state


class BatteryNotCharging(RowByRow):
    """Scenario 1 for engineers: a real surplus, a battery with room, and its power is idle or negative."""

    code = FaultCode.BATTERY_NOT_CHARGING
    needs = (frozenset({PV_POWER, LOAD_POWER, BATTERY_POWER, BATTERY_SOC}),)
    watched = BATTERY_POWER

    def __init__(self, limits: BatteryLimits) -> None:
        self._limits = limits
        self._hold_ms = round(limits.soc_hold_s * 1000)
        self._full = False
        self._soc_ms: int | None = None
        self._soc = 0.0
        self._uncounted = 0.0
        self._pulse = ChargePulse()

    def judge(self, reading: Reading) -> Verdict:
        at_ms, values = reading.at_ms, reading.values
        soc, battery = values.get(BATTERY_SOC), values.get(BATTERY_POWER)
        if soc is not None:
            self._follow(at_ms, soc, battery or 0.0)
            self._soc_ms = at_ms
        if battery is not None and not self._pulse.beats(at_ms, soc, battery):
            return None
        pv, load = values.get(PV_POWER), values.get(LOAD_POWER)
        if pv is None or load is None or battery is None or pv - load <= self._limits.margin_w:
            return None
        if self._full or self._soc_ms is None or not 0 <= at_ms - self._soc_ms <= self._hold_ms:
            return None
        if battery > self._limits.dead_band_w:
            return False
        # Who draws power has no surplus, and a small one has to be seen going out: panels or load may be wrong.
        return None if -values.get(GRID_POWER, -inf) < _least_export_w(pv, load, battery) else True

    def judge_all(self, block: Block) -> list[Verdict]:
        charge, powers = block.column(BATTERY_SOC), block.column(BATTERY_POWER)
        suns, loads, meter = block.column(PV_POWER), block.column(LOAD_POWER), block.optional(GRID_POWER, -inf)
        if charge is None or powers is None or suns is None or loads is None:
            return super().judge_all(block)
        limits, verdicts = self._limits, list[Verdict]()
        margin_w, dead_band_w = limits.margin_w, limits.dead_band_w
        full_from, full_to = limits.full_soc, limits.full_soc - limits.soc_hysteresis
        before, moves, through_wh, last_ms = self._pulse.state()
        rows = zip(block.times, charge, powers, suns, loads, meter, strict=True)
        for at_ms, soc, battery, pv, load, grid in rows:
            steady = not self._uncounted and abs(soc - self._soc) <= _SOC_STEP
            if steady and (soc >= full_to if self._full else soc < full_from):
                self._soc = soc
            else:
                self._follow(at_ms, soc, battery)
            self._soc_ms = at_ms
            if soc != before:
                before, moves, through_wh = soc, moves + 1, 0.0
            elif 0 < at_ms - last_ms <= _HOUR_MS:
                through_wh += abs(battery) * (at_ms - last_ms) / _HOUR_MS
            last_ms = at_ms
            surplus = pv - load
            if surplus <= margin_w or self._full or (moves > _MOVES_TO_KNOW and through_wh >= _MOST_WH):
                verdicts.append(None)
            elif battery > dead_band_w:
                verdicts.append(False)
            elif -grid < _least_export_w(pv, load, battery):
                verdicts.append(None)
            else:
                verdicts.append(True)
                break
        self._pulse.restore((before, moves, through_wh, last_ms))
        return verdicts

    def _follow(self, at_ms: int, soc: float, battery: float) -> None:
        """Whether it is full: what a jump of the counting took away may still be in it, until it proves room."""
        limits, fell = self._limits, self._soc - soc
        at_once = self._soc_ms is not None and 0 <= at_ms - self._soc_ms <= _AT_ONCE_MS
        if fell < -_SOC_STEP or (fell > _SOC_STEP and (at_once or battery >= -limits.dead_band_w)):
            self._uncounted += fell
        self._uncounted = 0.0 if soc >= limits.full_soc else min(max(0.0, self._uncounted), 100.0 - soc)
        full_soc = limits.full_soc - (limits.soc_hysteresis if self._full else 0.0)
        self._full = soc + self._uncounted >= full_soc
        self._soc = soc

    def loss_w(self, values: Values, /) -> float | None:
        surplus = min(values[PV_POWER] - values[LOAD_POWER], self._limits.charge_limit_w)
        return max(0.0, surplus - max(0.0, values[BATTERY_POWER]))

    def move(self, move: Move, /) -> None:
        self._soc_ms = move.maybe(self._soc_ms)
        self._pulse.move(move)

    def state(self) -> list[Any]:
        return [int(self._full), self._soc_ms, self._soc, self._pulse.state(), self._uncounted]

    def restore(self, state: Sequence[Any]) -> None:
        if len(state) > 3:
            self._pulse.restore(state[3])
        elif not state:
            self._full, self._soc_ms, self._soc, self._pulse = False, None, 0.0, ChargePulse()
            self._uncounted = 0.0
        if state:
            self._full, self._soc_ms = bool(state[0]), state[1]
            self._soc = state[2] if len(state) > 2 else 0.0
            self._uncounted = state[4] if len(state) > 4 else 0.0


def _least_export_w(pv: float, load: float, battery: float) -> float:
    """What at least goes to the grid beside an idle battery, losses and errors of the meters allowed for."""
    least_w = _METER_W - battery
    return least_w if pv - load > _SMALL_W else max(least_w, _REACHES * (pv - load - battery) - _LOSSES * pv)


class InverterAlarmRule(Memoryless):
    """The inverter says so itself, by an alarm or by its state."""

    code = FaultCode.INVERTER_ALARM
    needs = (frozenset({INVERTER_ALARM}), frozenset({INVERTER_STATE}))

    def judge(self, reading: Reading) -> Verdict:
        values = reading.values
        if INVERTER_ALARM not in values and INVERTER_STATE not in values:
            return None
        return has_stopped(values)

    def judge_all(self, block: Block) -> list[Verdict]:
        if block.column(INVERTER_ALARM) is None and block.column(INVERTER_STATE) is None:
            return [None] * len(block)
        return super().judge_all(block) if may_have_stopped(block) else [False] * len(block)


def may_have_stopped(block: Block) -> bool:
    """Whether the inverter says anywhere in the block that it stands still."""
    return any(block.column(INVERTER_ALARM) or ()) or InverterState.FAULT in (block.column(INVERTER_STATE) or ())


def has_stopped(values: Values) -> bool:
    """Whether the inverter stands still by its own word."""
    return bool(values.get(INVERTER_ALARM)) or values.get(INVERTER_STATE) == InverterState.FAULT
