"""One cause, one line: what befalls much of a town at the same hour is not a hundred findings."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from cloud.fleet.findings import Finding

TOGETHER_MS = 6 * 3_600_000
LEAST = 5
LEAST_SHARE = 0.4


def merged(findings: list[Finding], cities: Mapping[str, str]) -> list[Finding]:
    """Findings of one fault that begin within hours in at least 40 % of a town's installations become one of the town.

    `cities`: installation → city for the whole fleet; installations without a city stay by themselves.
    """
    living: dict[str, int] = defaultdict(int)
    for city in cities.values():
        living[city] += 1
    groups: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
    for each in findings:
        groups[cities.get(each.installation, ""), each.kind, each.fault].append(each)
    kept: list[Finding] = []
    for (city, _, _), group in groups.items():
        for wave in _waves(group) if city else [[each] for each in group]:
            many = len(wave) >= max(LEAST, LEAST_SHARE * living[city])
            kept += [_as_one(city, wave)] if city and many else wave
    return kept


def _waves(group: list[Finding]) -> list[list[Finding]]:
    """Findings that begin within hours of the first of each wave."""
    waves: list[list[Finding]] = []
    for each in sorted(group, key=lambda finding: finding.start_ms):
        if waves and each.start_ms - waves[-1][0].start_ms <= TOGETHER_MS:
            waves[-1].append(each)
        else:
            waves.append([each])
    return waves


def _as_one(city: str, wave: list[Finding]) -> Finding:
    first = wave[0]
    return replace(
        first,
        installation=city,
        end_ms=max(each.end_ms for each in wave),
        score=max(each.score for each in wave),
        cost_per_day=round(sum(each.cost_per_day for each in wave), 2),
        why=f"{len(wave)} installations at once, so one cause: {first.why}",
    )
