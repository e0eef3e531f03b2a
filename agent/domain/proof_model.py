"""What the proof of an installation works on, and what it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import msgspec

from agent.domain.proof_change import NO_CHANGE, Change
from agent.domain.signals import BATTERY_POWER, GRID_POWER, LOAD_POWER, PV_POWER, Reading, SignalName

POWERS: Final = (PV_POWER, LOAD_POWER, BATTERY_POWER, GRID_POWER)


class Mistake(StrEnum):
    """What can be wrong between a device and the agent."""

    BATTERY_REVERSED = "battery_reversed"
    GRID_REVERSED = "grid_reversed"
    PHASE_MISSING = "phase_missing"
    SCALE = "scale"
    WORDS_SWAPPED = "words_swapped"
    PV_TWICE = "pv_twice"
    LOAD_HAS_BATTERY = "load_has_battery"
    FLOW_RETURN_EXCHANGED = "flow_return_exchanged"
    OUTDOOR_ROOM_EXCHANGED = "outdoor_room_exchanged"
    STUCK = "stuck"
    DISCONNECTED = "disconnected"
    COUNTER_SCALE = "counter_scale"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class LoadStep:
    """A load that a person has switched at about `at_ms`: `watts` more, or less if negative; its phase if known."""

    at_ms: int
    watts: float
    phase: int | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """How a signal's number is made: its smallest step in its unit, how many words carry it, the sign it was given."""

    resolution: float = 1.0
    words: int = 1
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Trial:
    """A few minutes of readings and what was done meanwhile.

    Values may lie outside a signal's range: a wrong scale is seen by that. load_follows_grid: the house load is not
    measured but computed from the grid's power. outdoor_about: what a person says it is outside, °C. heat_on_ms: when
    heat was asked for. promised: what the devices' profiles can give, whether or not it ever came.
    """

    readings: Sequence[Reading]
    steps: Sequence[LoadStep] = ()
    channels: Mapping[SignalName, Channel] = field(default_factory=dict)
    load_follows_grid: bool = False
    outdoor_about: float | None = None
    heat_on_ms: int | None = None
    promised: frozenset[SignalName] = frozenset()


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake: which signals, how sure (0 to 1), in words, what a person must do, and what the site file can do."""

    mistake: Mistake
    signals: tuple[SignalName, ...]
    confidence: float
    says: str
    advice: str
    change: Change = NO_CHANGE
    phase: int | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """The verdict: `proven` signals are right; `open` says of others why it could not be told."""

    findings: tuple[Finding, ...]
    proven: tuple[SignalName, ...]
    open: Mapping[SignalName, str]

    @property
    def right(self) -> bool:
        """Nothing wrong was found, and something was proven."""
        return not self.findings and bool(self.proven)

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "right": self.right,
            "findings": [_plain(finding) for finding in self.findings],
            "proven": list(self.proven),
            "open": dict(self.open),
        }


def _plain(finding: Finding) -> dict[str, Any]:
    told: dict[str, Any] = {
        "mistake": finding.mistake.value,
        "signals": list(finding.signals),
        "confidence": round(finding.confidence, 3),
        "says": finding.says,
        "advice": finding.advice,
    }
    if finding.change:
        told["change"] = msgspec.to_builtins(finding.change)
    if finding.phase is not None:
        told["phase"] = finding.phase
    return told
