"""A heating fleet judged: data quality first, then behaviour against physics, peers and its own kind."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from cloud.fleet import (
    calibration,
    climate,
    clusters,
    curve,
    evidence,
    holding,
    hours,
    quality,
    reasons,
    shared,
    swing,
    switching,
)
from cloud.fleet.costs import Costs
from cloud.fleet.cube import DAY_MS, Cube
from cloud.fleet.daily import FLOW, Daily, of_fleet
from cloud.fleet.evidence import Evidence, Usual
from cloud.fleet.findings import BEHAVIOUR, Finding
from cloud.fleet.robust import Array, centre_and_spread, median
from cloud.fleet.state import State

# How the false alarms that are allowed are shared out: most to judgements in which healthy installations differ much.
SHARES = {
    "sensors_swapped": 0.01,
    "sign_or_scale_error": 0.01,
    "outdoor_sensor_implausible": 0.06,
    "no_heat": 0.04,
    "room_sensor_stuck": 0.03,
    "hunting": 0.25,
    "short_cycling": 0.25,
    "flat_heating_curve": 0.1,
    "room_too_cold": 0.15,
    "unusual_behaviour": 0.1,
}
# A fault without a name must be this far from its cluster (standard deviations).
FAR = 3.0
# A cold room with water this little (K) above it is not heated, even in weather that hardly asks for heat.
UNHEATED = 1.5
# A day belongs to an episode from this share of the severity that makes a fault.
HOLDS = 0.7


@dataclass(frozen=True, slots=True)
class Settings:
    """`false_alarm_rate`: share of healthy installations that may be flagged at most."""

    false_alarm_rate: float = 0.01
    costs: Costs = field(default_factory=Costs)


@dataclass(frozen=True, slots=True)
class Judged:
    """All that the report and the files need. `response`: of each installation's heating curve."""

    cube: Cube
    daily: Daily
    climates: climate.Climates
    clusters: clusters.Clusters
    findings: list[Finding]
    usual: Usual
    response: Array
    moved: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Case:
    """One installation with one fault: its place, the evidence, the score, and what swings where something does."""

    row: int
    evidence: Evidence
    score: float
    swings: swing.Swing | None = None


Features = Callable[[Cube, climate.Climates], Daily]


def _here(cube: Cube, climates: climate.Climates) -> Daily:
    return of_fleet(cube.values, climates)


def judge(
    cube: Cube, cities: list[str], settings: Settings, before: State | None = None, features: Features = _here
) -> Judged:
    """Findings and clusters of a fleet. `cities`: one per installation, empty where unknown.

    `features` computes the daily numbers, here unless a cluster of machines does it.
    """
    before = (before or State()).known_to(cube.installations)
    cube = holding.held(holding.learn(cube))
    climates = climate.learn(cube.values[:, 0], cities)
    daily = features(cube, climates)
    comfort = centre_and_spread(median(daily.warm))[0]
    line = curve.fit(daily, slice(0, cube.days), comfort)
    fleet = evidence.usual(daily, line.response)
    weekday = datetime.fromtimestamp(cube.start_ms / 1000, UTC).weekday()
    swap, pair = evidence.swapped(daily, fleet)
    scale, mends = evidence.wrong_scale(daily, fleet)
    stuck = evidence.room_stuck(daily, fleet)
    checked = quality.check(cube, daily, climates, stuck.peak >= 1)
    by_design = switching.by_thermostat(daily)
    ordered = [
        swap,
        scale,
        evidence.outdoor_odd(daily, fleet),
        evidence.no_heat(daily, fleet),
        stuck,
        evidence.hunting(daily, by_design),
        evidence.swinging(daily, by_design),
        curve.flat(daily, fleet.response[0], fleet.room[0], weekday, by_design),
        evidence.room_too_cold(daily, fleet),
        evidence.unusual(daily, fleet),
    ]
    cases = _cases(cube, ordered, settings.false_alarm_rate)
    flagged = np.zeros(len(cube.installations), dtype=bool)
    flagged[[case.row for case in cases]] = True
    table = clusters.features(daily, line, weekday)
    known = before.living(cube.installations)
    groups = clusters.group(table, checked.usable, ~flagged, before.scale, known=known)
    groups = clusters.renamed(groups, before.centres)
    words = reasons.Reasons(daily, fleet, pair, mends)
    found = [_finding(cube, daily, case, words, settings, line) for case in cases]
    found += _unnamed(cube, daily, groups, flagged, settings)
    moved = clusters.moved(groups, cube.installations, before.members)
    towns = dict(zip(cube.installations, cities, strict=True))
    together = shared.merged([*found, *checked.findings], towns)
    return Judged(cube, daily, climates, groups, together, fleet, line.response, moved)


def _cases(cube: Cube, ordered: list[Evidence], rate: float) -> list[_Case]:
    """The first fault in order that is one by physics and rarer among the healthy than the stated rate.

    What looks like hunting but is cycling must be as bad as cycling has to be: a boiler's starts, seen at regular
    times, make a line of their own, and every boiler has some.
    """
    cases: dict[int, _Case] = {}
    for each in ordered:
        peak = each.peak
        known = np.isfinite(each.smooth).any(axis=1)
        chance = calibration.tail(peak, calibration.bulk(peak[known]))
        scores = calibration.score(chance, SHARES[each.fault])
        for row in np.flatnonzero((peak >= 1) & (scores > -np.log10(rate))).tolist():
            if row in cases:
                continue
            swings = _swing(cube, each, row) if each.fault in ("hunting", "short_cycling") else None
            if each.fault != "hunting" or (swings is not None and swings.fault == "hunting"):
                cases[row] = _Case(row, each, float(scores[row]), swings)
    return list(cases.values())


def episode(case: Evidence, row: int) -> NDArray[np.int64]:
    """The days that show it: the longest stretch around the peak, days that cannot tell bridged."""
    if case.fault == "flat_heating_curve":
        last = int(np.nanargmax(case.daily[row]))
        strong = np.flatnonzero(case.daily[row] >= HOLDS)
        return np.arange(max(0, int(strong[0]) - case.width + 1), max(int(strong[-1]), last) + 1)
    holds = case.daily[row] >= HOLDS
    smooth = np.where(np.isfinite(case.smooth[row]), case.smooth[row], -np.inf)
    peak = int(smooth.argmax())
    middle = next((day for day in range(peak, -1, -1) if holds[day]), peak)
    bridged = holds | ~np.isfinite(case.daily[row])
    first = last = middle
    while first > 0 and (bridged[first - 1] or (first > 1 and bridged[first - 2])):
        first -= 1
    while last < len(holds) - 1 and (bridged[last + 1] or (last < len(holds) - 2 and bridged[last + 2])):
        last += 1
    days = np.arange(first, last + 1)
    return days[holds[days]] if holds[days].any() else np.array([peak])


def _swing(cube: Cube, case: Evidence, row: int) -> swing.Swing:
    days = episode(case, row)
    return swing.kind(cube.values[row, FLOW, days[0] : days[-1] + 1], cube.step_min)


def _finding(
    cube: Cube, daily: Daily, case: _Case, words: reasons.Reasons, settings: Settings, line: curve.Curve
) -> Finding:
    days = episode(case.evidence, case.row)
    fault = case.evidence.fault if case.swings is None else case.swings.fault
    if fault == "room_too_cold" and float(median(daily.excess[case.row, days])) < UNHEATED:
        fault = "no_heat"
    response = float(line.response[case.row])
    if fault == "flat_heating_curve":
        part = curve.fit(_row(daily, case.row), slice(int(days[0]), int(days[-1]) + 1), float(words.comfort))
        response = float(part.response[0])
    need = float(words.comfort - np.nanmean(daily.weather[case.row, days]))
    start_ms, end_ms = hours.of(cube, case.row, fault, days)
    return Finding(
        cube.installations[case.row], BEHAVIOUR, fault, case.score, start_ms, end_ms,
        settings.costs.per_day(fault, need), words.of(fault, case.row, days, case.swings, response),
        reasons.signals(fault),
    )  # fmt: skip


def _row(daily: Daily, row: int) -> Daily:
    one = slice(row, row + 1)
    return replace(daily, flow_block=daily.flow_block[one], weather_block=daily.weather_block[one])


def _unnamed(
    cube: Cube, daily: Daily, groups: clusters.Clusters, flagged: NDArray[np.bool_], settings: Settings
) -> list[Finding]:
    """Installations far from their centre, or in a cluster of very few, that no known fault explains."""
    member = groups.of >= 0
    if member.sum() < 20:
        return []
    distance = groups.distance.astype(np.float32)
    chance = calibration.tail(distance, calibration.bulk(distance[member & ~flagged]))
    limit = settings.false_alarm_rate * SHARES["unusual_behaviour"]
    alone = groups.tiny()
    odd = member & ~flagged & (distance > FAR) & (chance < np.where(alone, settings.false_alarm_rate, limit))
    found = []
    for row in np.flatnonzero(odd).tolist():
        name = groups.names[groups.of[row]]
        where = f"in cluster {name} of very few" if alone[row] else f"far from the centre of cluster {name}"
        why = f"{where} ({distance[row]:.1f} standard deviations per feature); no known fault fits"
        need = 20.0 - float(np.nanmean(daily.weather[row]))
        found.append(
            Finding(
                cube.installations[row], BEHAVIOUR, "unusual_behaviour", float(-np.log10(max(chance[row], 1e-12))),
                cube.start_ms, cube.start_ms + cube.days * DAY_MS,
                settings.costs.per_day("unusual_behaviour", need), why, reasons.signals("unusual_behaviour"),
            )
        )  # fmt: skip
    return found
