"""How often the proof names a mistake right, over random homes."""

from agent.domain.proof import prove
from agent.domain.proof_model import Finding, Mistake
from tests.helpers.trial_homes import Fault, heat_trial, power_trial

POWER_MISTAKES = (
    Mistake.BATTERY_REVERSED,
    Mistake.GRID_REVERSED,
    Mistake.PHASE_MISSING,
    Mistake.SCALE,
    Mistake.WORDS_SWAPPED,
    Mistake.PV_TWICE,
    Mistake.LOAD_HAS_BATTERY,
    Mistake.STUCK,
    Mistake.DISCONNECTED,
)
HEAT_MISTAKES = (
    Mistake.FLOW_RETURN_EXCHANGED,
    Mistake.OUTDOOR_ROOM_EXCHANGED,
    Mistake.STUCK,
    Mistake.DISCONNECTED,
)
OF_ONE_SIGNAL = {Mistake.SCALE, Mistake.WORDS_SWAPPED, Mistake.STUCK, Mistake.DISCONNECTED}


def named_right(findings: tuple[Finding, ...], fault: Fault) -> bool:
    """Exactly this mistake, of the right signal, by the right factor, on the right phase."""
    if fault.mistake is None:
        return not findings
    if len(findings) != 1 or findings[0].mistake is not fault.mistake:
        return False
    found = findings[0]
    if fault.mistake in OF_ONE_SIGNAL and fault.signal not in found.signals:
        return False
    if fault.mistake is Mistake.SCALE and abs(found.change.times[fault.signal] * fault.factor - 1) > 1e-9:
        return False
    return fault.mistake is not Mistake.PHASE_MISSING or found.phase == fault.phase + 1


def count_power(mistake: Mistake | None, homes: range) -> int:
    """How many of these homes are named right."""
    trials = [power_trial(seed, mistake) for seed in homes]
    return sum(named_right(prove(trial).findings, fault) for trial, fault in trials)


def count_heat(mistake: Mistake | None, homes: range) -> int:
    trials = [heat_trial(seed, mistake) for seed in homes]
    return sum(named_right(prove(trial).findings, fault) for trial, fault in trials)
