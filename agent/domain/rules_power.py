"""The battery's state of charge against its energy, surplus that passes it by, and the balance of the powers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from agent.domain.blocks import Block, RowByRow, Verdict
from agent.domain.episodes import longest_step_ms
from agent.domain.expectation_battery import BatteryCapacity, ChargeAbility
from agent.domain.faults import FaultCode
from agent.domain.rules import Values, has_stopped, may_have_stopped
from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    BATTERY_TEMPERATURE,
    GRID_POWER,
    LOAD_POWER,
    PV_POWER,
    Reading,
    SignalName,
)
from agent.domain.timeline import Move

_MS_PER_HOUR: Final = 3_600_000
_SWINGS_TO_TRUST: Final = 2
_ZEROS_TO_BELIEVE: Final = 3


@dataclass(frozen=True, slots=True)
class SocJumpLimits:
    """%, Wh and s. A change that the energy leaves unexplained by more than `jump` fails.

    `smallest_wh` stands in for the capacity until it is learned. Samples of the state of charge further apart than
    `soc_hold_s` are not compared.
    """

    jump: float = 5.0
    smallest_wh: float = 1500.0
    soc_hold_s: float = 1900.0


class SocJump(RowByRow):
    """The state of charge changes without the energy for it: cells out of balance, or a lost calibration."""

    code = FaultCode.BATTERY_IMBALANCE_SOC_JUMP
    needs = (frozenset({BATTERY_SOC, BATTERY_POWER}),)
    watched: SignalName | None = None

    def __init__(self, limits: SocJumpLimits) -> None:
        self._limits = limits
        self._hold_ms = round(limits.soc_hold_s * 1000)
        self._capacity = BatteryCapacity()
        self._soc = 0.0
        self._soc_ms: int | None = None
        self._last_ms = 0
        self._energy_wh = 0.0
        self._zeros = 0
        self._jump = 0.0

    def judge(self, reading: Reading) -> Verdict:
        at_ms, values = reading.at_ms, reading.values
        soc, power = values.get(BATTERY_SOC), values.get(BATTERY_POWER)
        if power is None:
            return None
        if soc is not None and self._lost(soc):
            soc = None
        self._capacity.update(at_ms, soc, power)
        if self._soc_ms is not None:
            self._energy_wh += power * (at_ms - self._last_ms) / _MS_PER_HOUR
        self._last_ms = at_ms
        return None if soc is None else self._compare(at_ms, soc)

    def capacity_wh(self) -> float | None:
        """What the battery holds, None until it is known."""
        return self._capacity.value() if self._capacity.swings >= _SWINGS_TO_TRUST else None

    def judge_all(self, block: Block) -> list[Verdict]:
        charge, powers = block.column(BATTERY_SOC), block.column(BATTERY_POWER)
        if charge is None or powers is None or min(charge) <= 0.0 or self._soc_ms is None:
            return super().judge_all(block)
        self._zeros = 0
        verdicts, energy_wh, last_ms = list[Verdict](), self._energy_wh, self._last_ms
        longest = block.times[0] - self._soc_ms > self._hold_ms or longest_step_ms(block.times) > self._hold_ms
        if longest:
            return super().judge_all(block)
        update, before = self._capacity.update, self._soc
        for at_ms, soc, power in zip(block.times, charge, powers, strict=True):
            update(at_ms, soc, power)
            energy_wh += power * (at_ms - last_ms) / _MS_PER_HOUR
            last_ms = at_ms
            if soc == before:
                verdicts.append(False)
                continue
            verdicts.append(self._jumped(soc - before, energy_wh))
            before, energy_wh = soc, 0.0
            if verdicts[-1]:
                break
        self._soc, self._soc_ms, self._last_ms, self._energy_wh = before, last_ms, last_ms, energy_wh
        return verdicts

    def _lost(self, soc: float) -> bool:
        """A zero out of nowhere is a lost telegram until it repeats itself."""
        if soc > 0.0 or self._soc_ms is None or self._soc < 15.0:
            self._zeros = 0
            return False
        self._zeros += 1
        return self._zeros < _ZEROS_TO_BELIEVE

    def _compare(self, at_ms: int, soc: float) -> Verdict:
        before_ms, change, energy = self._soc_ms, soc - self._soc, self._energy_wh
        self._soc_ms = at_ms
        if before_ms is None or not 0 < at_ms - before_ms <= self._hold_ms:
            self._soc, self._energy_wh = soc, 0.0
            return None
        if not change:
            return False  # what it will show later may hold this energy too
        self._soc, self._energy_wh = soc, 0.0
        return self._jumped(change, energy)

    def _jumped(self, change: float, energy: float) -> bool:
        low, high = sorted(self._explained(energy))
        unexplained = max(low - change, change - high, 0.0)
        if unexplained > self._limits.jump:
            self._jump = change
            return True
        return False

    def _explained(self, energy_wh: float) -> tuple[float, float]:
        """Least and most change in % that this energy can make."""
        capacity = self._capacity.value()
        if capacity is None or self._capacity.swings < _SWINGS_TO_TRUST:
            return 0.0, energy_wh / self._limits.smallest_wh * 100.0
        percent = energy_wh / capacity * 100.0
        return 0.5 * percent, 1.6 * percent

    def loss_w(self, _values: Values, /) -> float | None:
        return None

    def seen(self) -> dict[str, float]:
        """The last jump in %, and the capacity in Wh as far as it is known."""
        return {"jump": round(self._jump, 1), "capacity_wh": round(self._capacity.value() or 0.0)}

    def move(self, move: Move, /) -> None:
        self._capacity.move(move)
        self._soc_ms, self._last_ms = move.maybe(self._soc_ms), move(self._last_ms)

    def state(self) -> list[Any]:
        parts = [self._soc, self._soc_ms, self._last_ms, self._energy_wh, self._zeros, self._jump]
        return [*parts, self._capacity.state()]

    def restore(self, state: Sequence[Any]) -> None:
        if state:
            self._soc, self._soc_ms, self._last_ms, self._energy_wh, self._zeros, self._jump = state[:6]
            self._capacity.restore(state[6])


@dataclass(frozen=True, slots=True)
class ExportLimits:
    """W, %, °C. More than `export_w` goes out while the battery, below `full_soc`, takes less than `least_share`.

    Of what it has shown that it can take; above `healthy_share` it is well. `dead_band_w` and less is not charging at
    all, which is another fault. A battery colder than `coldest` charges slowly by design.
    """

    export_w: float = 300.0
    full_soc: float = 88.0
    least_share: float = 0.5
    healthy_share: float = 0.7
    least_ability_w: float = 600.0
    dead_band_w: float = 50.0
    coldest: float = 8.0
    soc_hold_s: float = 900.0


class ExportPastBattery(RowByRow):
    """Surplus goes to the grid past a battery that has room and could take it."""

    code = FaultCode.EXPORT_WHILE_BATTERY_COULD_CHARGE
    needs = (frozenset({GRID_POWER, BATTERY_POWER, BATTERY_SOC}),)
    watched: SignalName | None = BATTERY_POWER

    def __init__(self, limits: ExportLimits) -> None:
        self._limits = limits
        self._hold_ms = round(limits.soc_hold_s * 1000)
        self._ability = ChargeAbility()
        self._soc = 0.0
        self._soc_ms: int | None = None

    def judge(self, reading: Reading) -> Verdict:
        at_ms, values = reading.at_ms, reading.values
        soc, battery, grid = values.get(BATTERY_SOC), values.get(BATTERY_POWER), values.get(GRID_POWER)
        if soc is not None:
            self._soc, self._soc_ms = soc, at_ms
        if battery is None:
            return None
        self._ability.update(at_ms, battery)
        if grid is None or self._soc_ms is None or not 0 <= at_ms - self._soc_ms <= self._hold_ms:
            return None
        limits = self._limits
        if self._soc >= limits.full_soc or battery <= limits.dead_band_w or has_stopped(values):
            return None
        if values.get(BATTERY_TEMPERATURE, limits.coldest) < limits.coldest:
            return None
        return self._by_ability(battery, -grid)

    def judge_all(self, block: Block) -> list[Verdict]:
        charge, powers, meter = block.column(BATTERY_SOC), block.column(BATTERY_POWER), block.column(GRID_POWER)
        if charge is None or powers is None or meter is None or may_have_stopped(block):
            return super().judge_all(block)
        limits, verdicts = self._limits, list[Verdict]()
        warmth, soc = block.optional(BATTERY_TEMPERATURE, limits.coldest), self._soc
        update, full, dead_band_w, coldest = self._ability.update, limits.full_soc, limits.dead_band_w, limits.coldest
        for at_ms, soc, battery, grid, warm in zip(block.times, charge, powers, meter, warmth, strict=True):
            update(at_ms, battery)
            if soc >= full or battery <= dead_band_w or warm < coldest:
                verdicts.append(None)
                continue
            verdicts.append(self._by_ability(battery, -grid))
            if verdicts[-1]:
                break
        self._soc, self._soc_ms = soc, block.times[len(verdicts) - 1]
        return verdicts

    def _by_ability(self, battery: float, export: float) -> Verdict:
        limits, ability = self._limits, self._ability.value()
        if ability < limits.least_ability_w:
            return None
        if battery >= limits.healthy_share * ability:
            return False
        if export < limits.export_w / 3:
            return None
        return True if export > limits.export_w and battery < limits.least_share * ability else None

    def loss_w(self, values: Values, /) -> float | None:
        room = self._ability.value() - values[BATTERY_POWER]
        return max(0.0, min(-values[GRID_POWER], room))

    def seen(self) -> dict[str, float]:
        """What the battery has shown that it can take, in W."""
        return {"could_charge_w": round(self._ability.value())}

    def move(self, move: Move, /) -> None:
        self._ability.move(move)
        self._soc_ms = move.maybe(self._soc_ms)

    def state(self) -> list[Any]:
        return [self._soc, self._soc_ms, self._ability.state()]

    def restore(self, state: Sequence[Any]) -> None:
        if state:
            self._soc, self._soc_ms = state[:2]
            self._ability.restore(state[2])


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
_PARTS: Final = (PV_POWER, LOAD_POWER, GRID_POWER, BATTERY_POWER)


class Balance(RowByRow):
    """What comes in against what goes out: a reversed clamp, a wrong sign or factor leaves a difference of its own.

    It fails when one signal's sign or factor alone explains the difference, and the same one each time; a meter that
    stands or a flow that nobody measures does not.
    """

    code = FaultCode.SIGN_OR_SCALE_ERROR
    needs = (frozenset({PV_POWER, LOAD_POWER, GRID_POWER}),)
    watched: SignalName | None = None

    def __init__(self, limits: BalanceLimits) -> None:
        self._limits = limits
        self._has_battery = False
        self._blamed: tuple[str, float] | None = None
        self._difference = 0.0
        self._run = 0  # samples that the same fault explained, lately

    def judge(self, reading: Reading) -> Verdict:
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
        incoming = pv + (grid if grid > 0.0 else 0.0) - (battery if battery < 0.0 else 0.0)
        difference = pv + grid - load - battery
        flow = max(incoming, incoming - difference)
        limits = self._limits
        if flow < limits.least_w:
            return None
        off = abs(difference)
        if off > limits.wrong_w + limits.wrong_share * flow:
            return self._explained(values, difference)
        return False if off < limits.right_w + limits.right_share * flow else None

    def judge_all(self, block: Block) -> list[Verdict]:
        suns, loads, meter = block.column(PV_POWER), block.column(LOAD_POWER), block.column(GRID_POWER)
        powers, limits, verdicts = block.column(BATTERY_POWER), self._limits, list[Verdict]()
        if suns is None or loads is None or meter is None or powers is None:
            return super().judge_all(block)
        self._has_battery = True
        least_w, wrong_w, wrong_share = limits.least_w, limits.wrong_w, limits.wrong_share
        right_w, right_share = limits.right_w, limits.right_share
        for row, (pv, load, grid, battery) in enumerate(zip(suns, loads, meter, powers, strict=True)):
            incoming = pv + (grid if grid > 0.0 else 0.0) - (battery if battery < 0.0 else 0.0)
            difference = pv + grid - load - battery
            flow = incoming - difference if difference < 0.0 else incoming
            off = abs(difference)
            if flow < least_w:
                verdicts.append(None)
            elif off < right_w + right_share * flow and off <= wrong_w + wrong_share * flow:
                verdicts.append(False)
            else:
                verdicts.append(self.judge(block.readings[row]))
                if verdicts[-1]:
                    break
        return verdicts

    def _explained(self, values: Values, difference: float) -> Verdict:
        """Whether one wrong sign or factor is behind it."""
        blamed = self._culprit(values)
        if blamed is None or blamed != self._blamed:
            certain = self._run >= _RUN
            self._run //= 2
            if blamed is not None and not certain:
                self._blamed, self._run = blamed, 0
            return None if certain else False
        self._run = min(self._run + 1, 2 * _RUN)
        self._difference = difference
        return True

    def _culprit(self, values: Values) -> tuple[str, float] | None:
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

    def loss_w(self, _values: Values, /) -> float | None:
        return None

    def seen(self) -> dict[str, float]:
        """The difference in W, and the factor that would put a signal right."""
        told = {"difference_w": round(self._difference, 1)}
        if self._blamed is not None:
            told[f"factor_of_{self._blamed[0]}"] = self._blamed[1]
        return told

    def move(self, move: Move, /) -> None:
        """Nothing to put right."""

    def state(self) -> list[Any]:
        return [self._has_battery, self._difference, self._run, *(self._blamed or ())]

    def restore(self, state: Sequence[Any]) -> None:
        if state:
            self._has_battery, self._difference, self._run, *blamed = state
            self._blamed = (blamed[0], blamed[1]) if blamed else None
