"""What comes in against what goes out: a wrong sign or factor shows in the balance of the powers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from agent.domain.blocks import Block, RowByRow, Verdict
from agent.domain.counter_check import CounterCheck
from agent.domain.faults import FaultCode
from agent.domain.rules import Values
from agent.domain.rules_sensors import Pulse
from agent.domain.signals import (
    BATTERY_POWER,
    GRID_EXPORT_TOTAL,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    LOAD_POWER,
    PV_POWER,
    Reading,
    SignalName,
)
from agent.domain.timeline import Move


@dataclass(frozen=True, slots=True)
class BalanceLimits:
    """W and shares of what flows. With less than `least_w` flowing nothing is judged.

    A difference above `wrong_w` + `wrong_share` fails, one below `right_w` + `right_share` is well: some is lost.
    """

    least_w: float = 350.0
    wrong_w: float = 120.0
    wrong_share: float = 0.25
    right_w: float = 60.0
    right_share: float = 0.12


# What a wrong setting makes of a number, and so what would put it right.
_FACTORS: Final = (-1.0, 10.0, 0.1, 1000.0, 0.001)
_RUN: Final = 5
_NOISE: Final = 0.03
# A battery below this rests, and holds no meter at zero.
_AT_REST_W: Final = 20.0
_IN_DOUBT_MS: Final = 3_600_000
_COUNTED: Final = frozenset({GRID_POWER, GRID_IMPORT_TOTAL, GRID_EXPORT_TOTAL})
_PARTS: Final = (PV_POWER, LOAD_POWER, GRID_POWER, BATTERY_POWER)


class Balance(RowByRow):
    """What comes in against what goes out: a reversed clamp, a wrong sign or factor leaves a difference of its own.

    It fails when one signal's sign or factor alone explains the difference, and the same one each time; a meter that
    stands or a flow that nobody measures does not. While one stands, nothing is said of the others.
    """

    code = FaultCode.SIGN_OR_SCALE_ERROR
    needs = (frozenset({PV_POWER, LOAD_POWER, GRID_POWER}),)
    watched: SignalName | None = None

    def __init__(self, limits: BalanceLimits) -> None:
        self._limits = limits
        self._has_battery = False
        self._blamed: tuple[SignalName, float] | None = None
        self._difference = 0.0
        self._run = 0  # samples that the same fault explained, lately
        self._until_ms = 0  # as long it is not well only because what is blamed rests
        self._pulses = (Pulse(), Pulse(), Pulse())  # of panels, load and meter
        self._meter = CounterCheck(_FACTORS)

    def judge(self, reading: Reading) -> Verdict:
        values = reading.values
        if values.keys() >= _COUNTED:
            totals = values[GRID_IMPORT_TOTAL], values[GRID_EXPORT_TOTAL]
            self._meter.follow(reading.at_ms, values[GRID_POWER], *totals)
        return self._by_powers(reading) if self._meter.factor is None else self._by_counter(reading)

    def _by_counter(self, reading: Reading) -> Verdict:
        """A load that is worked out from the meter's power balances, however wrong that is."""
        factor = self._meter.factor
        if factor is None or GRID_POWER not in reading.values:
            return None
        self._blamed = (GRID_POWER, factor)
        self._difference = reading.values[GRID_POWER] * (1.0 - factor)
        return True

    def _by_powers(self, reading: Reading) -> Verdict:
        values = reading.values
        pv, load, grid = values.get(PV_POWER), values.get(LOAD_POWER), values.get(GRID_POWER)
        battery = values.get(BATTERY_POWER)
        if battery is None:
            if self._has_battery:
                return None
            battery = 0.0
        else:
            self._has_battery = True
        if pv is None or load is None or grid is None:
            return None
        fresh = self._fresh(reading.at_ms, pv, load, grid, battery)
        incoming = pv + (grid if grid > 0.0 else 0.0) - (battery if battery < 0.0 else 0.0)
        difference = pv + grid - load - battery
        flow = max(incoming, incoming - difference)
        limits = self._limits
        if flow < limits.least_w:
            return None
        off = abs(difference)
        if off > limits.wrong_w + limits.wrong_share * flow:
            return self._explained(reading.at_ms, values, difference) if fresh else None
        if off >= limits.right_w + limits.right_share * flow:
            return None
        return False if reading.at_ms > self._until_ms else self._cleared(values, flow)

    def _fresh(self, at_ms: int, pv: float, load: float, grid: float, battery: float) -> bool:
        """Whether all of them still move. A zero may stand, but the meter's only while a battery holds it there."""
        sun, used, met = (
            pulse.beats(at_ms, value) for pulse, value in zip(self._pulses, (pv, load, grid), strict=True)
        )
        return (sun or not pv) and (used or not load) and (met or (not grid and abs(battery) > _AT_REST_W))

    def _cleared(self, values: Values, flow: float) -> Verdict:
        """Healthy where what is blamed would leave a difference now: a wrong factor of nearly nothing leaves none."""
        if self._blamed is None:
            return False
        name, factor = self._blamed
        if abs(values.get(name, 0.0) * (factor - 1.0)) <= self._limits.wrong_w + self._limits.wrong_share * flow:
            return None
        return False

    def judge_all(self, block: Block) -> list[Verdict]:
        suns, loads, meter = block.column(PV_POWER), block.column(LOAD_POWER), block.column(GRID_POWER)
        powers, limits, verdicts = block.column(BATTERY_POWER), self._limits, list[Verdict]()
        if suns is None or loads is None or meter is None or powers is None:
            return super().judge_all(block)
        self._has_battery = True
        (sun, sun_ms), (used, used_ms), (met, met_ms) = (pulse.state() for pulse in self._pulses)
        least_w, wrong_w, wrong_share = limits.least_w, limits.wrong_w, limits.wrong_share
        right_w, right_share = limits.right_w, limits.right_share
        bought, sold = block.column(GRID_IMPORT_TOTAL), block.column(GRID_EXPORT_TOTAL)
        counted = bought is not None and sold is not None
        totals = zip(bought or suns, sold or suns, strict=True)
        rows = zip(block.times, suns, loads, meter, powers, totals, strict=True)
        for at_ms, pv, load, grid, battery, (bought_wh, sold_wh) in rows:
            if counted:
                self._meter.follow(at_ms, grid, bought_wh, sold_wh)
                if self._meter.factor is not None:
                    verdicts.append(self._by_counter(block.readings[len(verdicts)]))
                    break
            if pv != sun:
                sun, sun_ms = pv, at_ms
            if load != used:
                used, used_ms = load, at_ms
            if grid != met:
                met, met_ms = grid, at_ms
            incoming = pv + (grid if grid > 0.0 else 0.0) - (battery if battery < 0.0 else 0.0)
            difference = pv + grid - load - battery
            flow = incoming - difference if difference < 0.0 else incoming
            off = abs(difference)
            if flow < least_w:
                verdicts.append(None)
            elif off < right_w + right_share * flow and off <= wrong_w + wrong_share * flow and at_ms > self._until_ms:
                verdicts.append(False)
            else:
                self._keep((sun, sun_ms), (used, used_ms), (met, met_ms))
                verdicts.append(self._by_powers(block.readings[len(verdicts)]))
                if verdicts[-1]:
                    break
        self._keep((sun, sun_ms), (used, used_ms), (met, met_ms))
        return verdicts

    def _keep(self, *seen: tuple[float | None, int]) -> None:
        for pulse, each in zip(self._pulses, seen, strict=True):
            pulse.restore(each)

    def _explained(self, at_ms: int, values: Values, difference: float) -> Verdict:
        """Whether one wrong sign or factor is behind it."""
        blamed = self._culprit(values)
        if blamed is None or blamed != self._blamed:
            certain = self._run >= _RUN
            self._run //= 2
            if blamed is not None and not certain:
                self._blamed, self._run = blamed, 0
            return None if certain else False
        self._run = min(self._run + 1, 2 * _RUN)
        self._difference, self._until_ms = difference, at_ms + _IN_DOUBT_MS
        return True

    def _culprit(self, values: Values) -> tuple[SignalName, float] | None:
        if self._blamed is not None and values.get(self._blamed[0]) and self._balances(values, *self._blamed):
            return self._blamed  # several may explain it, as ten times the load and a tenth of the sun
        for factor in _FACTORS:
            for name in _PARTS:
                if values.get(name) and self._balances(values, name, factor):
                    return name, factor
        # A device that computes its load from a turned clamp shows none, and sells what nobody makes.
        if values[LOAD_POWER] <= 1.0 and -values[GRID_POWER] > self._limits.least_w + 2 * values[PV_POWER]:
            return GRID_POWER, -1.0
        return None

    def _balances(self, values: Values, name: SignalName, factor: float) -> bool:
        """Whether the powers balance with `name` multiplied by `factor`."""
        pv, load, grid, battery = (values.get(part, 0.0) * (factor if part == name else 1.0) for part in _PARTS)
        incoming = pv + max(0.0, grid) + max(0.0, -battery)
        difference = pv + grid - load - battery
        flow = max(incoming, incoming - difference)
        limits = self._limits
        if flow < limits.least_w or pv < 0.0 or load < 0.0:
            return False
        # What is left over is what an inverter loses: more comes in than goes out, and not by much.
        return -limits.right_w - _NOISE * flow < difference < limits.right_w + limits.right_share * flow

    def seen(self) -> dict[str, float]:
        """The difference in W, and the factor that would put a signal right."""
        told = {"difference_w": round(self._difference, 1)}
        if self._blamed is not None:
            told[f"factor_of_{self._blamed[0]}"] = self._blamed[1]
        return told

    def move(self, move: Move, /) -> None:
        self._until_ms = move(self._until_ms)
        self._meter.move(move)
        for pulse in self._pulses:
            pulse.move(move)

    def state(self) -> list[Any]:
        pulses = [pulse.state() for pulse in self._pulses]
        blamed = (*self._blamed, self._until_ms) if self._blamed else ()
        return [self._has_battery, self._difference, self._run, [*pulses, self._meter.state()], *blamed]

    def restore(self, state: Sequence[Any]) -> None:
        if state:
            self._has_battery, self._difference, self._run, *blamed = state
            if blamed and not isinstance(blamed[0], str):  # what earlier versions did not remember
                *pulses, meter = (*blamed.pop(0), None)[:4]
                for pulse, kept in zip(self._pulses, pulses, strict=True):
                    pulse.restore(kept)
                if meter:
                    self._meter.restore(meter)
            self._blamed = (SignalName(blamed[0]), blamed[1]) if blamed else None
            self._until_ms = blamed[2] if len(blamed) > 2 else 0
