"""Panels that give less than this roof has shown under a clear sky."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from agent.domain.blocks import Block, RowByRow, Verdict
from agent.domain.expectation_pv import PvExpectation, PvMoment
from agent.domain.faults import FaultCode
from agent.domain.rules import Values, has_stopped, may_have_stopped
from agent.domain.signals import (
    BATTERY_SOC,
    GRID_POWER,
    INVERTER_STATE,
    PV_POWER,
    InverterState,
    Reading,
    SignalName,
)
from agent.domain.timeline import Move


@dataclass(frozen=True, slots=True)
class UnderperformanceLimits:
    """Shares of what is expected. Below `least_share` under a steady sky it fails, above `healthy_share` it is well.

    Under `overcast_share` a steady sky is a closed one, which proves nothing. With a battery at `full_soc` and less
    than `export_w` to the grid the inverter may be holding back.
    """

    least_share: float = 0.8
    healthy_share: float = 0.88
    overcast_share: float = 0.42
    full_soc: float = 95.0
    export_w: float = 50.0


class PvUnderperformance(RowByRow):
    """Under a steady sky, clearly less than this roof gave before at the same hour of the sun."""

    code = FaultCode.PV_UNDERPERFORMANCE
    needs = (frozenset({PV_POWER}),)
    watched: SignalName | None = None

    def __init__(self, limits: UnderperformanceLimits, place: tuple[float, float]) -> None:
        self._limits = limits
        self._roof = PvExpectation(place)
        self._expected_w = 0.0

    def judge(self, reading: Reading) -> Verdict:
        values = reading.values
        pv = values.get(PV_POWER)
        if pv is None or _held_back(values, self._limits):
            return None
        return self._by_share(reading.at_ms, self._roof.update(reading.at_ms, pv))

    def _by_share(self, at_ms: int, moment: PvMoment | None) -> Verdict:
        if moment is None:
            return None
        self._expected_w = moment.expected_w
        limits = self._limits
        if moment.share >= limits.healthy_share - moment.tolerance:
            return False
        if moment.steady and limits.overcast_share <= moment.share < limits.least_share - moment.tolerance:
            return True if self._roof.is_open(at_ms) else None
        return None

    def judge_all(self, block: Block) -> list[Verdict]:
        powers, verdicts, limits = block.column(PV_POWER), list[Verdict](), self._limits
        if powers is None:
            return [None] * len(block)
        stopped = may_have_stopped(block) or InverterState.THROTTLED in block.optional(INVERTER_STATE, 0.0)
        full, taken_w = limits.full_soc, -limits.export_w
        meter, charge = block.optional(GRID_POWER, -inf), block.optional(BATTERY_SOC, 0.0)
        roof, rows = self._roof, zip(block.readings, powers, block.sines(), charge, meter, strict=True)
        for reading, pv, sine, soc, grid in rows:
            if (
                (stopped and _held_back(reading.values, limits))
                or (soc >= full and grid > taken_w)
                or roof.is_dark(sine, pv)
            ):
                verdicts.append(None)
            else:
                verdicts.append(self._by_share(reading.at_ms, roof.update(reading.at_ms, pv, sine)))
                if verdicts[-1]:
                    break
        return verdicts

    def loss_w(self, values: Values, /) -> float | None:
        return max(0.0, self._expected_w - values[PV_POWER])

    def seen(self) -> dict[str, float]:
        """What was expected, as evidence."""
        return {f"expected_{PV_POWER}": round(self._expected_w, 1)}

    def move(self, move: Move, /) -> None:
        self._roof.move(move)

    def state(self) -> list[Any]:
        return [self._expected_w, self._roof.state()]

    def restore(self, state: Sequence[Any]) -> None:
        if state:
            self._expected_w = state[0]
            self._roof.restore(state[1])


def _held_back(values: Values, limits: UnderperformanceLimits) -> bool:
    """Whether the inverter stands still, or turns the panels down because nobody takes their power."""
    if has_stopped(values) or values.get(INVERTER_STATE) == InverterState.THROTTLED:
        return True
    grid = values.get(GRID_POWER)
    return values.get(BATTERY_SOC, 0.0) >= limits.full_soc and grid is not None and grid > -limits.export_w
