"""One minute of a labelled site, as an agent at the site would see it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.domain.signals import SIGNALS, Quality, Reading, SignalName
from firmware_sim.labelled.story import Label

SOURCE = "equipment"
_DECIMALS = {name: spec.decimals for name, spec in SIGNALS.items()}


@dataclass(slots=True)
class Moment:
    """`values` can be changed in place. `shows` is false while the fault `label` cannot be seen by anybody.

    `heard` is false while the agent does not run; `answers` while the equipment does not.
    """

    at_ms: int
    values: dict[SignalName, float]
    bad: dict[SignalName, Quality] = field(default_factory=dict)
    answers: bool = True
    heard: bool = True
    label: Label | None = None
    shows: bool = False

    def reading(self) -> Reading:
        """What the agent reads."""
        return Reading(self.at_ms, self.values, self.bad)

    def lose(self, name: SignalName, quality: Quality) -> None:
        """The signal has no good value."""
        if self.values.pop(name, None) is not None:
            self.bad[name] = quality


Moments = Iterator[Moment]


def rounded(values: dict[SignalName, float]) -> dict[SignalName, float]:
    """With the resolution that devices have."""
    return {name: round(value, _DECIMALS[name]) for name, value in values.items()}
