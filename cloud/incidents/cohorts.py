"""Equipment to blame: a fault on more sites of one maker, model and firmware than other sites can explain.

A firmware is compared with other firmware of its model and with the same sites before they were updated; a model with
the rest of the fleet. What one cohort explains is taken away before the next one is judged, so that the battery that
always comes with a bad inverter is not blamed as well.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agent.domain.faults import FaultCode
from cloud.incidents.chance import log_binomial_tail
from cloud.incidents.places import Part, Place
from cloud.incidents.symptoms import Symptom

Key = tuple[str, str, str]
LEAST_SITES: Final = 3
_SURE: Final = -10.0
_RATIO: Final = 2.5
# A register whose sign or scale is wrong is the software's doing wherever several sites of one firmware show it.
_REGISTERS: Final = frozenset({str(FaultCode.SIGN_OR_SCALE_ERROR)})
_REGISTERS_SURE: Final = -5.0
# With fewer sites to compare with, nothing is said.
_LEAST_OTHERS: Final = 5


@dataclass(frozen=True, slots=True)
class Cohort:
    """Blamed equipment; `firmware` is empty when the model is. `log_chance` is ln of the chance that it is innocent."""

    maker: str
    model: str
    firmware: str
    numbers: tuple[int, ...]
    log_chance: float
    why: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    key: Key
    code: str
    log_chance: float
    why: str


def parts_of(symptom: Symptom, place: Place) -> list[Part]:
    """The equipment that a symptom can be about: what its component names, else all of it."""
    known = [part for part in place.parts if part.known]
    named = [part for part in known if part.source == symptom.component]
    return named or known


def after_update(symptom: Symptom, part: Part) -> bool:
    """Whether it shows itself under the firmware that the equipment has now."""
    return (
        symptom.active or symptom.start_ms >= part.since_ms or (not symptom.sudden and symptom.last_ms > part.since_ms)
    )


class _Census:
    """Sites by equipment, and where each fault code was seen, now and before an update."""

    def __init__(self, symptoms: Sequence[Symptom], numbers: Sequence[int], fleet: Mapping[str, Place]) -> None:
        self.sites: dict[Key, set[str]] = defaultdict(set)
        self.updated: dict[Key, set[str]] = defaultdict(set)
        self.seen: dict[tuple[str, Key], set[str]] = defaultdict(set)
        self.before: dict[tuple[str, Key], set[str]] = defaultdict(set)
        self.anywhere: dict[str, set[str]] = defaultdict(set)
        self.all: set[str] = set()
        for place in fleet.values():
            for part in place.parts:
                if part.known:
                    self.all.add(place.device)
                    for key in _keys(part):
                        self.sites[key].add(place.device)
                        if part.since_ms:
                            self.updated[key].add(place.device)
        for n in numbers:
            one = symptoms[n]
            place = fleet[one.device]
            self.anywhere[one.code].add(one.device)
            for part in parts_of(one, place):
                for key in _keys(part):
                    (self.seen if not key[2] or after_update(one, part) else self.before)[one.code, key].add(one.device)


def _keys(part: Part) -> tuple[Key, ...]:
    model = (part.maker, part.model, "")
    return ((part.maker, part.model, part.firmware), model) if part.firmware else (model,)


def blamed(symptoms: Sequence[Symptom], numbers: Sequence[int], fleet: Mapping[str, Place]) -> list[Cohort]:
    """Cohorts with the symptoms that each explains, the surest first. `numbers` are indices into `symptoms`."""
    left = [n for n in numbers if symptoms[n].device in fleet]
    found: dict[Key, list[tuple[_Candidate, list[int]]]] = {}
    while True:
        census = _Census(symptoms, left, fleet)
        candidates = [one for code in sorted(census.anywhere) for one in _candidates(code, census)]
        if not candidates:
            break
        best = min(candidates, key=lambda one: (one.log_chance, one.key, one.code))
        explained = [n for n in left if symptoms[n].code == best.code and _has(symptoms[n], best.key, fleet)]
        found.setdefault(best.key, []).append((best, explained))
        gone = set(explained)
        left = [n for n in left if n not in gone]
    cohorts = [_cohort(key, parts) for key, parts in found.items()]
    return sorted(cohorts, key=lambda one: (one.log_chance, one.maker, one.model, one.firmware))


def _cohort(key: Key, parts: list[tuple[_Candidate, list[int]]]) -> Cohort:
    numbers = tuple(sorted(n for _, explained in parts for n in explained))
    why = "; ".join(candidate.why for candidate, _ in parts)
    return Cohort(*key, numbers, min(candidate.log_chance for candidate, _ in parts), why)


def _has(symptom: Symptom, key: Key, fleet: Mapping[str, Place]) -> bool:
    parts = parts_of(symptom, fleet[symptom.device])
    return any(key in _keys(part) and (not key[2] or after_update(symptom, part)) for part in parts)


def _candidates(code: str, census: _Census) -> list[_Candidate]:
    keys = sorted(key for seen, key in census.seen if seen == code)
    tests = ((key, _firmware(code, key, census) if key[2] else _model(code, key, census)) for key in keys)
    return [_Candidate(key, code, *result) for key, result in tests if result is not None]


def _elsewhere(code: str, model: Key, census: _Census) -> tuple[int, int]:
    """Sites without this model: how many have the fault, how many there are."""
    outside = census.all - census.sites[model]
    return len(census.anywhere[code] & outside), len(outside)


def _model(code: str, key: Key, census: _Census) -> tuple[float, str] | None:
    hit, of = len(census.seen[code, key]), len(census.sites[key])
    others, among = _elsewhere(code, key, census)
    if hit < LEAST_SITES or among < _LEAST_OTHERS:
        return None
    share = (others + 0.2) / (among + 20)
    if hit / of < _RATIO * max(share, others / among):
        return None
    chance = log_binomial_tail(hit, of, share)
    return (
        (chance, f"seen on {hit} of {of} sites with it and on {others} of {among} others") if chance < _SURE else None
    )


def _firmware(code: str, key: Key, census: _Census) -> tuple[float, str] | None:
    model = (key[0], key[1], "")
    hit, of = len(census.seen[code, key]), len(census.sites[key])
    if hit < LEAST_SITES:
        return None
    rest, rest_of = _elsewhere(code, model, census)
    others, among = len(census.seen[code, model] - census.seen[code, key]), len(census.sites[model] - census.sites[key])
    before, updated = len(census.before[code, key]), len(census.updated[key])
    registers = code in _REGISTERS
    if not registers and among + updated < _LEAST_OTHERS:
        return None
    if others and others / among >= 0.5 * hit / of:
        return None
    fleet = (rest + 0.05) / (rest_of + 10) if registers else (rest + 0.2) / (rest_of + 20)
    share = (others + before + 5 * fleet) / (among + updated + 5)
    chance = log_binomial_tail(hit, of, share)
    if hit / of < _RATIO * share or chance >= (_REGISTERS_SURE if registers else _SURE):
        return None
    why = f"seen on {hit} of {of} sites with this firmware"
    why += f" and on {others} of {among} with another" if among else ""
    return chance, why + (f"; before their update on {before} of {updated}" if updated else "")
