"""The proof of an installation: is every value right, and if not, which one is wrong, how, and what to change.

It works on a few minutes of readings in which a person switched a load on and off when asked.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from agent.domain.proof_change import NO_CHANGE
from agent.domain.proof_counters import counter_findings
from agent.domain.proof_heat import TEMPERATURES, heat_findings
from agent.domain.proof_house import answered, calm_sun
from agent.domain.proof_model import POWERS, Finding, Mistake, Proof, Trial
from agent.domain.proof_power import Hypothesis, Judged, judge
from agent.domain.proof_series import Series, at_rest, series_of
from agent.domain.proof_words import IN_THE_DEVICE, finding_of
from agent.domain.signals import (
    BATTERY_POWER,
    FLOW_TEMPERATURE,
    GRID_POWER,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    SignalName,
)

_ABSENT_SHARE: Final = 0.9
_MARGIN: Final = 10.0
_FEWEST: Final = 12
_NOTICED: Final = 0.3
# Without these nothing can be proven; a battery or a thermometer in the room is not everywhere.
_NEEDED: Final = frozenset({PV_POWER, GRID_POWER, FLOW_TEMPERATURE, RETURN_TEMPERATURE, OUTDOOR_TEMPERATURE})
_OPTIONAL: Final = (BATTERY_POWER, ROOM_TEMPERATURE)
_CALM: Final = {PV_POWER: "it did not change by a watt while it was watched; prove again at another time of the day"}
_MAYBE: Final = "the device says that there is none; if there is one, check its wires"

Opens = dict[SignalName, str]


def prove(trial: Trial) -> Proof:
    """What is right, what is wrong, and what could not be told."""
    absent = [name for name in _absent(trial) if not (name == LOAD_POWER and trial.load_follows_grid)]
    findings = [finding_of(Mistake.DISCONNECTED, [name], 0.97) for name in absent]
    lost = {name for finding in findings for name in finding.signals}
    more, opens = heat_findings(trial)
    opens |= dict.fromkeys(_unsure(trial), _MAYBE)
    findings += more
    power, power_opens = _power_findings(trial, lost)
    findings += power
    opens |= power_opens
    counters: list[SignalName] = []
    if not power:
        wrong, counters = counter_findings(trial.readings, trial.channels)
        findings += wrong
    wrong_names = {name for finding in findings for name in finding.signals}
    if trial.load_follows_grid and GRID_POWER in wrong_names:
        wrong_names.add(LOAD_POWER)
    seen = {name for reading in trial.readings for name in reading.values}
    proven = [
        name for name in (*POWERS, *TEMPERATURES) if name in seen and name not in wrong_names and name not in opens
    ]
    return Proof(tuple(findings), (*proven, *counters), opens)


def _absent(trial: Trial) -> list[SignalName]:
    """Powers and temperatures that hardly ever had a value, or that a site must have and this one never showed."""
    readings, found = trial.readings, []
    for name in (*POWERS, *TEMPERATURES):
        bad = sum(1 for reading in readings if name in reading.bad)
        never = name in _NEEDED & trial.promised and not any(name in reading.values for reading in readings)
        if readings and (never or bad >= _ABSENT_SHARE * len(readings)):
            found.append(name)
    return found


def _unsure(trial: Trial) -> list[SignalName]:
    """What a device could give and says itself not to have; many sites have no such thing."""
    seen = {name for reading in trial.readings for name in (*reading.values, *reading.bad)}
    return [name for name in _OPTIONAL if trial.readings and name in trial.promised and name not in seen]


def _power_findings(trial: Trial, lost: Iterable[SignalName]) -> tuple[list[Finding], Opens]:
    series = series_of(trial)
    names = [name for name in POWERS if any(name in reading.values for reading in trial.readings)]
    missing = [name for name in lost if name in (PV_POWER, BATTERY_POWER, GRID_POWER)]
    if missing:
        return [], dict.fromkeys(names, f"cannot be told without {', '.join(sorted(missing))}")
    if series is None:
        return [], dict.fromkeys(names, "cannot be told without the grid's power")
    if len(series.rows) < _FEWEST:
        return [], dict.fromkeys(names, f"only {len(series.rows)} readings; watch for some minutes")
    if not series.steps:
        return [], dict.fromkeys(names, "switch a load on and off while it is watched")
    judged = judge(series)
    best = judged[0]
    if best.hypothesis.mistake is None and best.fits:
        return [], (_CALM if calm_sun(series) else {}) | _open(judged)
    resting = best.hypothesis.mistake is Mistake.STUCK and _rests(series, best.hypothesis.signals[0], judged)
    if resting or _hangs_on_one_step(best, judged):
        return [], dict.fromkeys(names, "the house changed by itself while it was watched; prove again")
    if not best.fits and not _noticed(series):
        return [], dict.fromkeys(names, "no meter noticed the load: is it behind this meter, and large enough?")
    if best.hypothesis.mistake is None or not best.fits:
        return [finding_of(Mistake.UNEXPLAINED, names, 0.5)], {}
    return [_finding(trial, best, judged)], {}


def _rests(series: Series, name: SignalName, judged: Sequence[Judged]) -> bool:
    """Whether a signal stays at 0 and the powers balance with that: it is at rest, whatever the steps looked like.

    A load that is computed with it balances always: then most steps must be answered without it.
    """
    plain = next(each for each in judged if each.hypothesis.mistake is None)
    if not (at_rest(series, name) and plain.balances and series.measures_load):
        return False
    return not series.follows or 2 * answered(series) >= len(series.steps)


def _hangs_on_one_step(best: Judged, judged: Sequence[Judged]) -> bool:
    """Whether nothing is wrong but for one step, beside which the house may have changed by itself."""
    plain = next(each for each in judged if each.hypothesis.mistake is None)
    more = max(ours - theirs for ours, theirs in zip(plain.each, best.each, strict=True))
    return plain.fits and plain is not best and plain.cost - best.cost <= more


def _noticed(series: Series) -> bool:
    """Whether any meter jumped by a good part of a step when it was made."""
    for step in series.steps:
        before, after = series.rows[step.index - 1], series.rows[min(step.index + 1, len(series.rows) - 1)]
        jumps = [abs(b - a) for a, b in zip(before, after, strict=True) if a is not None and b is not None]
        if max(jumps) > _NOTICED * abs(step.watts):
            return True
    return False


def _finding(trial: Trial, best: Judged, judged: Sequence[Judged]) -> Finding:
    hypothesis = best.hypothesis
    assert hypothesis.mistake is not None
    # A device that computes its own load with a wrong meter is not put right by turning what is read of it.
    inside = hypothesis.follows and not trial.load_follows_grid
    names = (*hypothesis.signals, LOAD_POWER) if inside else hypothesis.signals
    finding = finding_of(
        hypothesis.mistake,
        names,
        _confidence(judged),
        change=NO_CHANGE if inside else hypothesis.change,
        phase=hypothesis.phase,
        factor=math.prod(hypothesis.factors),
    )
    return replace(finding, advice=IN_THE_DEVICE) if inside and hypothesis.mistake is Mistake.SCALE else finding


def _confidence(judged: Sequence[Judged]) -> float:
    """The best hypothesis' share of belief, those that a person would not tell apart counted once."""
    least: dict[object, float] = {}
    for each in judged:
        least.setdefault(each.hypothesis.key, each.cost)
    costs = sorted(least.values())
    return 1.0 / sum(math.exp(-min(50.0, (cost - costs[0]) / 2)) for cost in costs)


def _open(judged: Sequence[Judged]) -> Opens:
    """Signals of which a mistake would have looked almost the same."""
    plain = next(each for each in judged if each.hypothesis.mistake is None)
    opens: Opens = {}
    for each in judged:
        if each.cost - plain.cost <= _MARGIN:
            for name in each.hypothesis.signals:
                opens.setdefault(name, _why(each.hypothesis))
    return opens


_WHY: Final[Mapping[SignalName, str]] = {
    BATTERY_POWER: "it hardly moved; prove again while it charges or discharges",
    PV_POWER: "there was hardly any sun; prove again by day",
    GRID_POWER: "it hardly moved: the battery took the load at once; prove again with a larger load",
    LOAD_POWER: "it hardly moved; prove again with a larger load",
}


def _why(hypothesis: Hypothesis) -> str:
    return _WHY[hypothesis.signals[0]]
