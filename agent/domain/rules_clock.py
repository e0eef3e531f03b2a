"""A clock that cannot be right: the panels give power while the sun is far below the horizon."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import radians, sin

from agent.domain.blocks import Block, Verdict
from agent.domain.faults import FaultCode
from agent.domain.rules import Memoryless
from agent.domain.signals import PV_POWER, Reading
from agent.domain.sun import Height


@dataclass(frozen=True, slots=True)
class ClockLimits:
    """Power above `night_w` with the sun lower than `deepest` degrees fails; with it above `lit` degrees it is well."""

    night_w: float = 60.0
    deepest: float = -5.0
    lit: float = 3.0


class ClockError(Memoryless):
    """Power from the panels by night: the clock, the time zone of a source or the site's place is wrong.

    A power that stands still is no sign of the sun.
    """

    code = FaultCode.CLOCK_ERROR
    needs = (frozenset({PV_POWER}),)

    def __init__(self, limits: ClockLimits, place: tuple[float, float]) -> None:
        self._limits = limits
        self._sun = Height(*place)
        self._deepest = sin(radians(limits.deepest))
        self._lit = sin(radians(limits.lit))
        self._before = 0.0

    def judge(self, reading: Reading) -> Verdict:
        pv = reading.values.get(PV_POWER)
        if pv is None:
            return None
        before, self._before = self._before, pv
        if pv <= self._limits.night_w or pv == before:
            return None
        sine = self._sun.sine(reading.at_ms)
        if sine < self._deepest:
            return True
        return False if sine > self._lit else None

    def judge_all(self, block: Block) -> list[Verdict]:
        powers, verdicts = block.column(PV_POWER), list[Verdict]()
        if powers is None:
            return [None] * len(block)
        night_w, before = self._limits.night_w, self._before
        for pv, sine in zip(powers, block.sines(), strict=True):
            if pv <= night_w or pv == before or self._deepest <= sine <= self._lit:
                verdicts.append(None)
            else:
                verdicts.append(sine < self._deepest)
            before = pv
            if verdicts[-1]:
                break
        self._before = before
        return verdicts

    def state(self) -> list[float]:
        return [self._before]

    def restore(self, state: Sequence[float]) -> None:
        if state:
            self._before = state[0]
