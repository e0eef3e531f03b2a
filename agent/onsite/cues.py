"""What a person is asked to do during a proof, and when. Pure: time is passed in."""

from dataclasses import dataclass
from typing import Final

from agent.domain.proof_model import LoadStep

QUIET_S: Final = 20.0
HOLD_S: Final = 30.0
HEAT_S: Final = 240.0


@dataclass(frozen=True, slots=True)
class ProofPlan:
    """watts: of the load. phases: 1, or 3 when the load is carried to a socket of each. heat: ask for heat as well."""

    watts: float = 2000.0
    phases: int = 1
    load: bool = True
    heat: bool = False
    outdoor_about: float | None = None


@dataclass(frozen=True, slots=True)
class Cue:
    """What to do now. `button` is empty while there is only to wait; `left_s` says how long.

    done: how much of all the waiting is over, 0 to 1.
    """

    says: str
    button: str = ""
    left_s: float = 0.0
    step: int = 0
    steps: int = 0
    done: float = 0.0


@dataclass(frozen=True, slots=True)
class _Act:
    ask: str
    button: str
    hold_s: float
    watts: float = 0.0
    phase: int | None = None


class Cues:
    """Walks through the acts of a proof; `press` when the person has done what was asked."""

    def __init__(self, plan: ProofPlan, started_ms: int) -> None:
        self._acts = _acts(plan)
        self._next = 0
        self._ready_ms = started_ms + round(QUIET_S * 1000)
        self.steps: list[LoadStep] = []
        self.heat_on_ms: int | None = None

    def now(self, at_ms: int) -> Cue | None:
        """The cue of this moment, or None at the end."""
        place, count = min(self._next + 1, len(self._acts)), len(self._acts)
        left_s = max(0.0, (self._ready_ms - at_ms) / 1000)
        if left_s > 0:
            return Cue(self._waiting(), "", left_s, place, count, self._done(left_s))
        if self._next == len(self._acts):
            return None
        act = self._acts[self._next]
        return Cue(act.ask, act.button, 0.0, place, count, self._done(0.0))

    def _waiting(self) -> str:
        if self._next == 0:
            return "Leave everything as it is."
        return "Good. Leave it so: the water needs its time." if self.heat_on_ms else "Good. Leave it so for a moment."

    def _done(self, left_s: float) -> float:
        waits = [QUIET_S, *(act.hold_s for act in self._acts)]
        return (sum(waits[: self._next + 1]) - left_s) / sum(waits)

    def press(self, at_ms: int) -> None:
        """The person has done it, just now. Too early it counts for nothing."""
        if at_ms < self._ready_ms or self._next == len(self._acts):
            return
        act = self._acts[self._next]
        self._next += 1
        self._ready_ms = at_ms + round(act.hold_s * 1000)
        if act.watts:
            self.steps.append(LoadStep(at_ms, act.watts, act.phase))
        else:
            self.heat_on_ms = at_ms


def _acts(plan: ProofPlan) -> list[_Act]:
    acts: list[_Act] = []
    if plan.load:
        for phase in range(1, 4) if plan.phases == 3 else (None, None):
            where = "" if phase is None else f", in a socket of phase {phase}"
            acts.append(_Act(f"Switch the load on{where}.", "It is on", HOLD_S, plan.watts, phase))
            acts.append(_Act("Switch the load off.", "It is off", HOLD_S, -plan.watts, phase))
    if plan.heat:
        acts.append(_Act("Ask for heat: turn the room's thermostat up.", "Heat is asked for", HEAT_S))
    return acts
