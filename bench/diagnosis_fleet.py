"""Simulated sites with known faults, through the diagnosis: what was found, how soon, and what for nothing."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from agent.diagnosis.engine import Diagnosis
from agent.diagnosis.settings import TIMINGS, DiagnosisSettings, settings_from
from agent.domain.expectation_pv import STEADY_MIN
from agent.domain.faults import FaultCode
from agent.domain.signals import SignalName
from agent.domain.standing import LIMITS_H
from agent.domain.wire import Fault
from bench.diagnosis_plain import Minutes, PlainOutcome, judge_plain
from firmware_sim.labelled.moments import SOURCE, Moment
from firmware_sim.labelled.sites import heat_moments, home_moments
from firmware_sim.labelled.story import (
    HEAT_FAULTS,
    HOUR_MS,
    POWER_FAULTS,
    Label,
    Story,
    healthy_year,
    some_story,
)
from firmware_sim.scenario import Scenario
from firmware_sim.variety import some_boiler, some_home

_MOST_ROWS = 2_000
_NEAR_MS = 30 * 60_000
_CLOCK_MS = 12 * HOUR_MS
# A clock that jumps forward looks like silence until it shows more: the one consequence that cannot wait. And a house
# whose flow does not follow the weather does get cold when it is cold outside.
_ALLOWED = {
    FaultCode.CLOCK_ERROR: {FaultCode.GAP},
    FaultCode.FLAT_HEATING_CURVE: {FaultCode.ROOM_TOO_COLD},
}
# Minutes that a fault must show itself at all: twice what its rule waits for, or what the rule has to look at.
LEAST_SHOWN = {
    FaultCode.PV_UNDERPERFORMANCE: 300, FaultCode.STUCK_VALUE: 800, FaultCode.ROOM_SENSOR_STUCK: 0,
    FaultCode.FLAT_HEATING_CURVE: 1800, FaultCode.ROOM_TOO_COLD: 300, FaultCode.NO_HEAT: 120,
    FaultCode.SENSORS_SWAPPED: 90, FaultCode.HUNTING: 120, FaultCode.CLOCK_ERROR: 0,
}  # fmt: skip
_USUALLY_SHOWN = 75
_AT_ONCE = frozenset(
    {
        FaultCode.INVERTER_ALARM, FaultCode.BOILER_LOCKOUT, FaultCode.GAP, FaultCode.DEVICE_UNREACHABLE,
        FaultCode.OUT_OF_RANGE, FaultCode.BATTERY_IMBALANCE_SOC_JUMP,
    }
)  # fmt: skip


@dataclass(slots=True)
class Seen:
    """A real fault: for how many minutes it showed, and how many of them passed until it was told (None: never).

    Minutes in which the agent did not run are none of its delay. `waits_min` is how long the rule waits by its settings
    once it sees the fault.
    """

    label: Label
    shown_min: int = 0
    told_after_min: int | None = None
    told_ms: int | None = None
    heard_min: int = 0
    waits_min: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether it showed itself long enough that anybody could find it."""
        code = FaultCode(self.label.code)
        least = 10 if code in _AT_ONCE else LEAST_SHOWN.get(code, _USUALLY_SHOWN)
        return self.shown_min >= least


@dataclass(slots=True)
class Finding:
    """What the diagnosis told."""

    code: FaultCode
    component: str
    start_ms: int
    end_ms: int | None
    told_ms: int
    right: bool = False


@dataclass(slots=True)
class Outcome:
    """One site."""

    number: int
    days: int
    seen: list[Seen] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    state_bytes: int = 0
    plain: dict[str, PlainOutcome] = field(default_factory=dict)

    @property
    def false(self) -> list[Finding]:
        return [finding for finding in self.findings if not finding.right]


def settings_of(scenario: Scenario) -> DiagnosisSettings:
    """What an installer would have written into the site file."""
    place = scenario.place
    site = {"latitude": place.latitude, "longitude": place.longitude, "timezone": scenario.zone.key}
    return settings_from({"site": site})


def waits_min(settings: DiagnosisSettings, label: Label) -> float:
    """How long the rule for a fault waits by its settings: its debounce, and what it must have seen before.

    What depends on the fault itself, as the pace of starts or of swings, is in none of it. A clock that jumps, as the
    clocks of the fleet do, is told by the jump, and nothing is waited for.
    """
    code = FaultCode(label.code)
    if code == FaultCode.CLOCK_ERROR:
        return 0.0
    if code == FaultCode.STUCK_VALUE:
        return 60.0 * LIMITS_H[SignalName(label.component)]
    if code == FaultCode.GAP:
        return settings.gap.missing_s / 60 if label.component else 0.0
    if code == FaultCode.OUT_OF_RANGE:
        return 5.0
    seen = {
        FaultCode.FLAT_HEATING_CURVE: 60.0 * settings.flat_heating_curve.least_h,
        FaultCode.PV_UNDERPERFORMANCE: STEADY_MIN,
    }
    return getattr(settings, TIMINGS[code]).debounce_s / 60 + seen.get(code, 0.0)


def judge(moments: Iterator[Moment], settings: DiagnosisSettings, story: Story) -> Outcome:
    """The diagnosis over one site."""
    diagnosis = Diagnosis(settings)
    outcome = Outcome(story.number, story.days)
    minutes = Minutes(story.labels)
    seen = {id(label): Seen(label, waits_min=waits_min(settings, label)) for label in story.labels}
    findings: dict[str, Finding] = {}
    now_ms = story.start_ms
    for part in _parts(moments):
        told = _told(diagnosis, part)
        for moment in part:
            if story.labels:
                minutes.take(moment)
            if moment.label is not None and moment.shows:
                seen[id(moment.label)].shown_min += 1
                seen[id(moment.label)].heard_min += moment.heard
            for fault in told.pop(moment.at_ms, ()) if moment.heard else ():
                _take(findings, fault, now_ms, seen)
            now_ms += 60_000
    outcome.seen, outcome.findings = list(seen.values()), list(findings.values())
    for finding in outcome.findings:
        finding.right = any(_fits(finding, each.label) for each in outcome.seen)
    outcome.state_bytes = len(diagnosis.state())
    if story.labels:
        outcome.plain = judge_plain(minutes)
    return outcome


def _parts(moments: Iterator[Moment]) -> Iterator[list[Moment]]:
    """Moments in a row, in the order of their clock, in which the equipment answers or does not."""
    part: list[Moment] = []
    for moment in moments:
        if part and (moment.answers != part[0].answers or moment.at_ms <= part[-1].at_ms or len(part) == _MOST_ROWS):
            yield part
            part = []
        part.append(moment)
    yield part


def _told(diagnosis: Diagnosis, part: list[Moment]) -> dict[int, list[Fault]]:
    """Steps in the lives of faults, by the time of the reading that led to them."""
    told: dict[int, list[Fault]] = {}
    heard = [moment.reading() for moment in part if moment.heard]
    for at_ms, body in diagnosis.update_many(heard, {SOURCE: part[0].answers}):
        if isinstance(body, Fault):
            told.setdefault(at_ms, []).append(body)
    return told


def _take(findings: dict[str, Finding], fault: Fault, now_ms: int, seen: dict[int, Seen]) -> None:
    finding = findings.get(fault.id)
    if finding is not None:
        finding.end_ms = fault.end_ms
        return
    finding = Finding(FaultCode(fault.code), fault.component, fault.start_ms, fault.end_ms, now_ms)
    findings[fault.id] = finding
    for each in seen.values():
        if each.told_ms is None and finding.code == each.label.code and _overlaps(finding, each.label, now_ms):
            each.told_ms, each.told_after_min = now_ms, each.heard_min


def _overlaps(finding: Finding, label: Label, now_ms: int) -> bool:
    near = _CLOCK_MS if label.code == FaultCode.CLOCK_ERROR else _NEAR_MS
    end_ms = now_ms if finding.end_ms is None else finding.end_ms
    return finding.start_ms < label.end_ms + near and end_ms > label.start_ms - near and now_ms >= label.start_ms - near


def _fits(finding: Finding, label: Label) -> bool:
    allowed = finding.code == label.code or finding.code in _ALLOWED.get(FaultCode(label.code), ())
    return allowed and _overlaps(finding, label, finding.told_ms)


def judge_home(number: int, *, days: int = 60, healthy: bool = False) -> Outcome:
    """Home `number` through its story."""
    story = healthy_year(number) if healthy else some_story(number, POWER_FAULTS, winter=False, days=days)
    scenario = some_home(number)
    return judge(home_moments(story, scenario), settings_of(scenario), story)


def judge_heat(number: int, *, days: int = 60, healthy: bool = False) -> Outcome:
    """Heating site `number` through its story."""
    story = healthy_year(number) if healthy else some_story(number, HEAT_FAULTS, winter=True, days=days)
    scenario = some_boiler(number)
    return judge(heat_moments(story, scenario), settings_of(scenario), story)


def fleet(kind: str, numbers: range, *, healthy: bool = False, workers: int = 1) -> Iterator[Outcome]:
    """Outcomes of many sites, one after the other; `kind` is home or heat."""
    work = partial(judge_home if kind == "home" else judge_heat, healthy=healthy)
    if workers == 1:
        yield from map(work, numbers)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(work, numbers)
