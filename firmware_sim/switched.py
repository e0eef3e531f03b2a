"""Loads switched by hand while a home runs, per phase: what an installer does to see whether a meter follows. Pure."""

from bisect import insort
from dataclasses import dataclass
from itertools import pairwise

PHASES = 3


@dataclass(frozen=True, slots=True)
class Switching:
    """From `at_ms` on, `watts` hang on `phase` (1 to 3), besides what the household does."""

    at_ms: int
    phase: int
    watts: float


class Switched:
    """All switchings, in order of time; of two at one instant the later given holds."""

    def __init__(self) -> None:
        self._all: list[Switching] = []

    def add(self, switching: Switching) -> None:
        """Remembers one. Raises `ValueError` for a phase or power that cannot be."""
        if not 1 <= switching.phase <= PHASES:
            raise ValueError(f"phase {switching.phase}: expected 1 to {PHASES}")
        if not 0.0 <= switching.watts <= 50_000.0:
            raise ValueError(f"{switching.watts:g} W: expected 0 to 50000")
        insort(self._all, switching, key=lambda one: one.at_ms)

    def at(self, at_ms: int) -> tuple[float, float, float]:
        """W per phase at an instant."""
        watts = [0.0] * PHASES
        for switching in self._all:
            if switching.at_ms > at_ms:
                break
            watts[switching.phase - 1] = switching.watts
        return watts[0], watts[1], watts[2]

    def cuts(self, after_ms: int, until_ms: int) -> list[int]:
        """Instants of switching behind `after_ms` and not behind `until_ms`."""
        return sorted({switching.at_ms for switching in self._all if after_ms < switching.at_ms <= until_ms})

    def energy_wh(self, at_ms: int) -> float:
        """What all of them have taken until an instant."""
        instants = [*self.cuts(-1, at_ms), at_ms]
        return sum(sum(self.at(start)) * (end - start) / 3_600_000.0 for start, end in pairwise(instants))
