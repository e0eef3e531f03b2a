"""Panels that give less than this roof has shown under a clear sky."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from agent.domain.blocks import Block, RowByRow, Verdict
from agent.domain.expectation_pv import PvExpectation, PvMoment
from agent.domain.faults import FaultCode
from agent.domain.rules import Values, has_stopped, may_have_stopped
from agent.domain.signals import (
    BATTERY_POWER,
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

    Under `overcast_share` a steady sky is a closed one, which proves nothing. With a battery at `full_soc` and no more
    than `export_w` to or from the grid the inverter may be holding back.
    """

    least_share: float = 0.8
    healthy_share: float = 0.88
    overcast_share: float = 0.42
    full_soc: float = 95.0
    export_w: float = 50.0


# Once a steady sky has shown how much less it is, what comes within this share of it between clouds is the same; what
# holds above it was under a clearer sky, and so was what is far above it for two samples.
_SAME: Final = 0.1
_FAR_ABOVE: Final = 1.3
# Of what a roof usually gives a closed sky may leave so much, wherever the sun stands.
_CLOSED: Final = 0.3
_STUCK: Final = 12


class PvUnderperformance(RowByRow):
    """Under a steady sky, clearly less than this roof gave before at the same hour of the sun.

    After that the gaps between clouds count as well, as far as they show the same share.
    """

    code = FaultCode.PV_UNDERPERFORMANCE
    needs = (frozenset({PV_POWER}),)
    watched: SignalName | None = None

    def __init__(self, limits: UnderperformanceLimits, place: tuple[float, float]) -> None:
        self._limits = limits
        self._roof = PvExpectation(place)
        self._expected_w = 0.0
        self._seen = 0.0  # the share that a steady sky showed, while nothing speaks against it
        self._above = False
        self._power_w = 0.0
        self._same = 0  # samples for which it stands

    def judge(self, reading: Reading) -> Verdict:
        values = reading.values
        pv = values.get(PV_POWER)
        if pv is None or self._stands(pv) or _held_back(values, self._limits):
            return None
        return self._by_share(pv, self._roof.update(reading.at_ms, pv))

    def _stands(self, pv: float) -> bool:
        """Whether the power stands still, as it never does under a sun that moves on."""
        self._same = self._same + 1 if pv == self._power_w else 0
        self._power_w = pv
        return self._same >= _STUCK

    def _by_share(self, pv: float, moment: PvMoment | None) -> Verdict:
        if moment is None:
            return None
        self._expected_w = moment.expected_w
        healthy = self._limits.healthy_share - moment.tolerance
        if moment.smooth >= healthy or (moment.holds and moment.share >= healthy):
            self._seen = 0.0
            return False if moment.is_open else None
        return True if moment.is_open and self._is_less(pv / moment.expected_w, moment) else None

    def _is_less(self, now: float, moment: PvMoment) -> bool:
        above, self._above = self._above, now > _FAR_ABOVE * self._seen
        if (above and self._above) or (moment.holds and moment.share > (1.0 + _SAME) * self._seen):
            self._seen = 0.0
        lowest = max(self._limits.overcast_share, _CLOSED * moment.leaning)
        most = self._limits.least_share - moment.tolerance
        if moment.steady and lowest <= moment.share < most:
            self._seen = moment.share
            return True
        return moment.fine and lowest <= now < most and abs(now - self._seen) <= _SAME * self._seen

    def judge_all(self, block: Block) -> list[Verdict]:
        powers, verdicts, limits = block.column(PV_POWER), list[Verdict](), self._limits
        if powers is None:
            return [None] * len(block)
        stopped = may_have_stopped(block) or InverterState.THROTTLED in block.optional(INVERTER_STATE, 0.0)
        full, charge = limits.full_soc, block.optional(BATTERY_SOC, 0.0)
        roof, rows = self._roof, zip(block.readings, powers, block.sines(), charge, strict=True)
        for reading, pv, sine, soc in rows:
            stands = self._stands(pv)
            if stands or ((stopped or soc >= full) and _held_back(reading.values, limits)) or roof.is_dark(sine, pv):
                verdicts.append(None)
            else:
                verdicts.append(self._by_share(pv, roof.update(reading.at_ms, pv, sine)))
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
        return [self._expected_w, self._roof.state(), self._seen, self._above, self._power_w, self._same]

    def restore(self, state: Sequence[Any]) -> None:
        if state:
            self._expected_w = state[0]
            self._roof.restore(state[1])
            # What earlier versions did not remember.
            self._seen, self._above, self._power_w, self._same = state[2:6] if len(state) > 2 else (0.0, False, 0.0, 0)


def _held_back(values: Values, limits: UnderperformanceLimits) -> bool:
    """Whether the inverter stands still, or turns the panels down because nobody takes their power."""
    if has_stopped(values) or values.get(INVERTER_STATE) == InverterState.THROTTLED:
        return True
    if values.get(BATTERY_SOC, 0.0) < limits.full_soc or GRID_POWER not in values:
        return False
    # A house that draws from the grid or the battery would take all that the panels can give.
    drawn_w = values[GRID_POWER] + max(0.0, -values.get(BATTERY_POWER, 0.0))
    return abs(drawn_w) <= limits.export_w
