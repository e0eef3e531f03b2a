"""Who may speak now: a fault whose cause is known, suspected or only just over waits."""

from collections.abc import Iterable
from math import inf
from typing import Any

from agent.diagnosis.channel import Channel
from agent.domain.causes import AFTERMATH_MS, CONSEQUENCES
from agent.domain.faults import FaultCode
from agent.domain.timeline import Move


class Silence:
    """Follows the causes of one site."""

    def __init__(self) -> None:
        self.codes: frozenset[FaultCode] = frozenset()  # those that must be silent now
        self._active: frozenset[FaultCode] = frozenset()
        self._until: dict[FaultCode, int] = {}
        self.others: tuple[FaultCode, ...] = ()

    def look(self, at_ms: int, channels: Iterable[Channel], others: Iterable[FaultCode] = ()) -> None:
        """Some cause came or went, or an aftermath may be over. `others` are causes that no channel follows."""
        causes = [channel for channel in channels if channel.stands]
        self.others = others = tuple(others)
        active = frozenset(channel.code for channel in causes if channel.tracker.active).union(others)
        for cause in self._active - active:
            for code in CONSEQUENCES[cause]:
                if code in AFTERMATH_MS:
                    self._until[code] = max(self._until.get(code, 0), at_ms + AFTERMATH_MS[code])
        self._active = active
        self._until = {code: until_ms for code, until_ms in self._until.items() if until_ms > at_ms}
        self.codes = frozenset(self._until).union(
            *(CONSEQUENCES[channel.code] for channel in causes), *map(CONSEQUENCES.__getitem__, others)
        )

    def is_over(self, at_ms: int) -> bool:
        """Whether the aftermath of some cause has passed."""
        return bool(self._until) and at_ms >= min(self._until.values())

    @property
    def until_ms(self) -> float:
        """When the next aftermath is over."""
        return min(self._until.values(), default=inf)

    def move(self, move: Move) -> None:
        """The clock was set."""
        self._until = {code: move(until_ms) for code, until_ms in self._until.items()}

    def state(self) -> list[Any]:
        return [sorted(self._active), dict(sorted(self._until.items())), sorted(self.codes), list(self.others)]

    def restore(self, state: Iterable[Any]) -> None:
        active, until, codes, others = state
        self.others = tuple(map(FaultCode, others))
        self._active = frozenset(map(FaultCode, active))
        self._until = {FaultCode(code): until_ms for code, until_ms in until.items()}
        self.codes = frozenset(map(FaultCode, codes))
