"""The battery's state of charge against its energy, and surplus that passes it by."""

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
    Reading,
    SignalName,
)
from agent.domain.timeline import Move

_MS_PER_HOUR: Final = 3_600_000
_SWINGS_TO_TRUST: Final = 2
_ZEROS_TO_BELIEVE: Final = 3
# Ends of the state of charge, in %.
_FULL: Final = 99.5
_EMPTY: Final = 0.5


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
        self._held_wh = 0.0  # the same energy, each power taken as lasting until the next sample
        self._spilt_wh = 0.0  # of that what flowed beyond the ends of the state of charge
        self._power = 0.0
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
            hours = (at_ms - self._last_ms) / _MS_PER_HOUR
            self._energy_wh += power * hours
            self._held_wh += self._power * hours
            self._spilt_wh += _spilt(self._soc, power) * hours
        self._last_ms, self._power = at_ms, power
        return None if soc is None else self._compare(at_ms, soc)

    def capacity_wh(self) -> float | None:
        """What the battery holds, None until it is known."""
        return self._capacity.value() if self._capacity.swings >= _SWINGS_TO_TRUST else None

    def judge_all(self, block: Block) -> list[Verdict]:
        charge, powers = block.column(BATTERY_SOC), block.column(BATTERY_POWER)
        if charge is None or powers is None or min(charge) <= 0.0 or self._soc_ms is None:
            return super().judge_all(block)
        if longest_step_ms((self._soc_ms, *block.times)) > self._hold_ms:
            return super().judge_all(block)
        self._zeros = 0
        verdicts, energy_wh, last_ms = list[Verdict](), self._energy_wh, self._last_ms
        held_wh, held = self._held_wh, self._power
        update, before = self._capacity.update, self._soc
        for at_ms, soc, power in zip(block.times, charge, powers, strict=True):
            update(at_ms, soc, power)
            hours = (at_ms - last_ms) / _MS_PER_HOUR
            energy_wh += power * hours
            held_wh += held * hours
            if not _EMPTY < before < _FULL:
                self._spilt_wh += _spilt(before, power) * hours
            last_ms, held = at_ms, power
            if soc == before:
                verdicts.append(False)
                continue
            verdicts.append(self._jumped(soc - before, energy_wh, held_wh))
            before, energy_wh, held_wh = soc, 0.0, 0.0
            if verdicts[-1]:
                break
        self._soc, self._soc_ms, self._last_ms = before, last_ms, last_ms
        self._energy_wh, self._held_wh, self._power = energy_wh, held_wh, held
        return verdicts

    def _lost(self, soc: float) -> bool:
        """A zero out of nowhere is a lost telegram until it repeats itself."""
        if soc > 0.0 or self._soc_ms is None or self._soc < 15.0:
            self._zeros = 0
            return False
        self._zeros += 1
        return self._zeros < _ZEROS_TO_BELIEVE

    def _compare(self, at_ms: int, soc: float) -> Verdict:
        before_ms, change, energies = self._soc_ms, soc - self._soc, (self._energy_wh, self._held_wh)
        self._soc_ms = at_ms
        if before_ms is None or not 0 < at_ms - before_ms <= self._hold_ms:
            self._soc, self._energy_wh, self._held_wh, self._spilt_wh = soc, 0.0, 0.0, 0.0
            return None
        if not change:
            return False  # what it will show later may hold this energy too
        self._soc, self._energy_wh, self._held_wh = soc, 0.0, 0.0
        return self._jumped(change, *energies)

    def _jumped(self, change: float, energy_wh: float, held_wh: float) -> bool:
        """Between two samples the power was that of the one, of the other, or in between."""
        shares = [*self._explained(energy_wh), *self._explained(held_wh)]
        if self._spilt_wh:
            shares += self._explained(energy_wh - self._spilt_wh)
            self._spilt_wh = 0.0
        low, high = min(shares), max(shares)
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

    def seen(self) -> dict[str, float]:
        """The last jump in %, and the capacity in Wh as far as it is known."""
        return {"jump": round(self._jump, 1), "capacity_wh": round(self._capacity.value() or 0.0)}

    def move(self, move: Move, /) -> None:
        self._capacity.move(move)
        self._soc_ms, self._last_ms = move.maybe(self._soc_ms), move(self._last_ms)

    def state(self) -> list[Any]:
        parts = [self._soc, self._soc_ms, self._last_ms, self._energy_wh, self._zeros, self._jump]
        return [*parts, self._capacity.state(), self._held_wh, self._power, self._spilt_wh]

    def restore(self, state: Sequence[Any]) -> None:
        if state:
            self._soc, self._soc_ms, self._last_ms, self._energy_wh, self._zeros, self._jump = state[:6]
            self._capacity.restore(state[6])
            # What earlier versions did not remember.
            self._held_wh, self._power = state[7:9] if len(state) > 7 else (self._energy_wh, 0.0)
            self._spilt_wh = state[9] if len(state) > 9 else 0.0


def _spilt(soc: float, power: float) -> float:
    """What the state of charge may not show of a power: beyond its ends it counts nothing."""
    return power if (soc >= _FULL and power > 0.0) or (soc <= _EMPTY and power < 0.0) else 0.0


@dataclass(frozen=True, slots=True)
class ExportLimits:
    """W, %, °C. More than `export_w` goes out while the battery, below `full_soc`, takes less than `least_share`.

    Of what it has shown that it can take; above `healthy_share` it is well. `dead_band_w` and less is not charging at
    all, which is another fault. A battery colder than `coldest` charges slowly by design.
    """

    export_w: float = 300.0
    full_soc: float = 88.0
    least_share: float = 0.8
    healthy_share: float = 0.88
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
