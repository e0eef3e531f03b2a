"""Which sensors of a heating system are exchanged, stuck or off, from a few minutes in which heat was asked for."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Final

from agent.domain.proof_change import Change
from agent.domain.proof_model import Finding, Mistake, Trial
from agent.domain.proof_words import finding_of
from agent.domain.signals import (
    FLOW_TEMPERATURE,
    OUTDOOR_TEMPERATURE,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    Reading,
    SignalName,
)

TEMPERATURES: Final = (FLOW_TEMPERATURE, RETURN_TEMPERATURE, OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE)
# What a connected sensor can show, °C; broken wires and short circuits lie outside.
# A room has the range of outside: the two may be exchanged.
_PLAUSIBLE: Final = {
    FLOW_TEMPERATURE: (1.0, 110.0),
    RETURN_TEMPERATURE: (1.0, 110.0),
    OUTDOOR_TEMPERATURE: (-45.0, 55.0),
    ROOM_TEMPERATURE: (-45.0, 55.0),
}
_STEADY_MS: Final = 60_000
_SPREAD_K: Final = 1.0
_MOVES_K: Final = 4.0
_STILL_K: Final = 0.25
_FOLLOWS_K: Final = 1.0
_FAR_K: Final = 8.0
_APART_K: Final = 4.0
_NEARER_K: Final = 1.0
_COLD: Final = 12.0
_WARM: Final = 15.0

Opens = dict[SignalName, str]


def heat_findings(trial: Trial) -> tuple[list[Finding], Opens]:
    """Mistakes of the four temperatures, and why one could not be told; what is in neither is right."""
    levels = {name: values for name in TEMPERATURES if (values := _values(trial.readings, name))}
    findings = [
        finding_of(Mistake.DISCONNECTED, [name], 0.97)
        for name, values in levels.items()
        if not _PLAUSIBLE[name][0] <= median(values) <= _PLAUSIBLE[name][1]
    ]
    for finding in findings:
        del levels[finding.signals[0]]
    opens: Opens = {}
    findings += [*_water(trial, levels, opens), *_air(trial, levels, opens)]
    return findings, opens


def _values(readings: Sequence[Reading], name: SignalName) -> list[float]:
    return [reading.values[name] for reading in readings if name in reading.values]


def _water(trial: Trial, levels: Mapping[SignalName, list[float]], opens: Opens) -> Iterator[Finding]:
    both = [name for name in (FLOW_TEMPERATURE, RETURN_TEMPERATURE) if name in levels]
    if trial.heat_on_ms is None:
        opens.update(dict.fromkeys(both, "ask for heat while it is watched"))
        return
    moves = {name: max(levels[name]) - min(levels[name]) for name in both}
    still = [name for name in both if moves[name] <= _STILL_K]
    if moves.get(FLOW_TEMPERATURE) == 0.0 and moves.get(RETURN_TEMPERATURE, 0.0) >= _FOLLOWS_K:
        # Water that comes back warmer went out warmer.
        yield finding_of(Mistake.STUCK, [FLOW_TEMPERATURE], 0.9)
        opens[RETURN_TEMPERATURE] = "cannot be told without flow_temperature"
    elif len(both) < 2 or max(moves.values()) < _MOVES_K:
        opens.update(dict.fromkeys(both, "no heat came: the water stayed as warm as it was"))
    elif still:
        yield finding_of(Mistake.STUCK, still, 0.95)
    else:
        yield from _direction(trial, trial.heat_on_ms, opens)


def _direction(trial: Trial, on_ms: int, opens: Opens) -> Iterator[Finding]:
    """Flow is the warmer one once heat is on its way."""
    spreads = [
        reading.values[FLOW_TEMPERATURE] - reading.values[RETURN_TEMPERATURE]
        for reading in trial.readings
        if reading.at_ms >= on_ms + _STEADY_MS and {FLOW_TEMPERATURE, RETURN_TEMPERATURE} <= reading.values.keys()
    ]
    spread = median(spreads) if spreads else 0.0
    if spread < -_SPREAD_K:
        change = Change(exchange=((FLOW_TEMPERATURE, RETURN_TEMPERATURE),))
        sure = min(0.99, 0.8 + 0.05 * abs(spread))
        yield finding_of(Mistake.FLOW_RETURN_EXCHANGED, (FLOW_TEMPERATURE, RETURN_TEMPERATURE), sure, change=change)
    elif spread <= _SPREAD_K:
        why = f"flow and return are within {_SPREAD_K:g} °C of each other"
        opens.update({FLOW_TEMPERATURE: why, RETURN_TEMPERATURE: why})


def _air(trial: Trial, levels: Mapping[SignalName, list[float]], opens: Opens) -> Iterator[Finding]:
    both = (OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE)
    if not all(name in levels for name in both):
        opens.update({name: "there is no other air temperature to compare it with" for name in both if name in levels})
        return
    outdoor, room, said = median(levels[both[0]]), median(levels[both[1]]), trial.outdoor_about
    if said is None:
        exchanged, told = room < _COLD and outdoor > _WARM, outdoor < _COLD and room > _WARM
    else:
        exchanged = abs(room - said) + _NEARER_K < abs(outdoor - said) and abs(outdoor - room) > _APART_K
        told = abs(outdoor - said) + _NEARER_K < abs(room - said) and abs(outdoor - room) > _APART_K
    elsewhere = said is not None and abs(outdoor - said) > _FAR_K
    if exchanged:
        sure = min(0.99, 0.8 + 0.02 * abs(outdoor - room))
        yield finding_of(Mistake.OUTDOOR_ROOM_EXCHANGED, both, sure, change=Change(exchange=(both,)))
    elif elsewhere:
        opens[OUTDOOR_TEMPERATURE] = f"it shows {outdoor:.0f} °C, and you said {said:.0f} °C: look where its sensor is"
    elif not told:
        opens.update(
            dict.fromkeys(both, "inside and outside are too much alike, or nobody said how warm it is outside")
        )
