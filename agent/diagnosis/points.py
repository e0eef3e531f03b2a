"""Faults that are known only when they are over: hours without a sample, a clock that was set."""

from collections.abc import Mapping
from typing import Any

from agent.domain.faults import FAULTS, FaultCode
from agent.domain.reliability import EpisodeReliability
from agent.domain.wire import Fault


class Told:
    """Tells a fault with its start and its end at once, and keeps its reliability."""

    def __init__(self, code: FaultCode) -> None:
        self.code = code
        self.reliability = EpisodeReliability()

    def tell(self, start_ms: int, end_ms: int, evidence: Mapping[str, float]) -> list[Fault]:
        """Its whole life: two steps."""
        self.reliability.add_failure()
        self.reliability.add_repair()
        self.reliability.add_down(end_ms - start_ms)
        return [self._fault(phase, start_ms, end_ms, evidence) for phase in ("start", "end")]

    def _fault(self, phase: str, start_ms: int, end_ms: int, evidence: Mapping[str, float]) -> Fault:
        return Fault(
            id=f"{self.code}.{start_ms}",
            code=self.code,
            phase=phase,
            severity=FAULTS[self.code].severity,
            component="",
            start_ms=start_ms,
            end_ms=end_ms if phase == "end" else None,
            failing_s=(end_ms - start_ms) / 1000,
            evidence=dict(evidence),
        )

    def state(self) -> Mapping[str, Any]:
        return self.reliability.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        self.reliability = EpisodeReliability.from_state(state)
