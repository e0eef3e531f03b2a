"""A finding in a person's words: what is seen, and what to do about it."""

from collections.abc import Sequence
from typing import Final

from agent.domain.proof_change import NO_CHANGE, Change
from agent.domain.proof_model import Finding, Mistake
from agent.domain.signals import SignalName

_PLAIN: Final = {
    Mistake.BATTERY_REVERSED: (
        "the battery's sign is turned: it shows discharging while it charges",
        "turn the sign in the site file",
    ),
    Mistake.GRID_REVERSED: (
        "the grid meter's sign is turned: it shows export while the house draws",
        "turn the clamp round (arrow towards the house); if only the reading is turned, the site file can turn it back",
    ),
    Mistake.PV_TWICE: (
        "solar power is counted twice, on the DC side and on the AC side",
        "leave one of the two out of the profile; until then the site file halves the sum, right within 3 %",
    ),
    Mistake.LOAD_HAS_BATTERY: (
        "house load has the battery's power in it",
        "take the battery off in the site file",
    ),
    Mistake.FLOW_RETURN_EXCHANGED: (
        "flow and return sensors are exchanged: return is the warmer one while heat is made",
        "exchange the two wires, or the two names in the site file",
    ),
    Mistake.OUTDOOR_ROOM_EXCHANGED: (
        "outdoor and room sensors are exchanged",
        "exchange the two wires, or the two names in the site file",
    ),
    Mistake.UNEXPLAINED: (
        "solar + grid = house + battery does not hold, and no single mistake explains it",
        "check the variants of the profile and the wiring, then prove again",
    ),
}

IN_THE_DEVICE: Final = (
    "set the ratio of the meter's current transformers right in the device's own menu: it computes the house with it"
)


def finding_of(
    mistake: Mistake,
    signals: Sequence[SignalName],
    confidence: float,
    *,
    change: Change | None = None,
    phase: int | None = None,
    factor: float = 1.0,
) -> Finding:
    """With its words. `factor` is what the value must be multiplied by."""
    says, advice = _words(mistake, ", ".join(signals), phase, factor)
    return Finding(mistake, tuple(signals), confidence, says, advice, change or NO_CHANGE, phase)


def _words(mistake: Mistake, names: str, phase: int | None, factor: float) -> tuple[str, str]:
    if mistake in _PLAIN:
        return _PLAIN[mistake]
    if mistake is Mistake.PHASE_MISSING:
        return (
            f"the grid meter does not see phase {phase}",
            f"check the clamp and the voltage tap of phase {phase}: closed, plugged in, not on another's conductor",
        )
    if mistake in (Mistake.SCALE, Mistake.COUNTER_SCALE):
        size = f"{factor:g} times too small" if factor > 1 else f"{1 / factor:g} times too large"
        return f"{names} is {size}", f"multiply it by {factor:g} in the site file"
    if mistake is Mistake.WORDS_SWAPPED:
        return f"the two words of {names} are exchanged", "exchange them in the site file"
    if mistake is Mistake.STUCK:
        return (
            f"{names} does not move, though it must",
            "check that its meter, clamp or sensor is connected and sits where it should; then prove again",
        )
    return (
        f"{names} gives no usable value",
        "check its wires; if the site has no such thing, leave the signal out in the site file",
    )
