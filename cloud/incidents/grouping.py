"""Symptoms to groups: first what a region or a change of clocks explains, then equipment, then each site by itself."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from agent.domain.faults import FAULTS, FaultCode, Severity
from agent.domain.faults import Group as FaultGroup
from cloud.incidents import causes
from cloud.incidents.bursts import bursts
from cloud.incidents.clock_change import clock_nights
from cloud.incidents.cohorts import LEAST_SITES, blamed, parts_of
from cloud.incidents.joining import Joined
from cloud.incidents.places import Place, name_of
from cloud.incidents.symptoms import DAY_MS, HOUR_MS, MINUTE_MS, Symptom

SITE: Final = "site"
EQUIPMENT: Final = "equipment"
REGION: Final = "region"
CLOCK: Final = "clock"
# A burst that goes on next day (snow lies, clouds stay) is the same event.
_GOES_ON_MS: Final = 36 * HOUR_MS
_RECENT_MS: Final = 3 * DAY_MS
_WEEK_MS: Final = 7 * DAY_MS


@dataclass(frozen=True, slots=True)
class Known:
    """An incident of earlier runs, as far as grouping must stay with it. `members` are its (device, code) → period."""

    key: str
    kind: str
    open: bool
    codes: frozenset[str]
    members: Mapping[tuple[str, str], tuple[int, int]]
    maker: str = ""
    model: str = ""
    firmware: str = ""


@dataclass(slots=True)
class Cluster:
    """Symptoms of one cause. `log_chance` is ln of the chance that they have none in common; 0 where nobody asks."""

    kind: str
    key: str
    members: list[Symptom]
    subject: str
    maker: str = ""
    model: str = ""
    firmware: str = ""
    log_chance: float = 0.0
    why: str = ""


@dataclass(slots=True)
class _Table:
    """What is still unexplained, and what has been explained."""

    symptoms: Sequence[Symptom]
    fleet: Mapping[str, Place]
    known: Sequence[Known]
    now_ms: int
    left: set[int] = field(default_factory=set)
    found: list[Cluster] = field(default_factory=list)

    def take(self, cluster: Cluster, numbers: Iterable[int]) -> None:
        cluster.members = [self.symptoms[n] for n in sorted(numbers)]
        self.left.difference_update(numbers)
        self.found.append(cluster)


def group(
    symptoms: Iterable[Symptom], fleet: Mapping[str, Place], known: Sequence[Known], now_ms: int
) -> list[Cluster]:
    """Clusters in a fixed order; every symptom is in at most one. What is too slight to be an incident is left out."""
    ordered = sorted(symptoms, key=lambda one: (one.start_ms, one.device, one.code, one.component))
    table = _Table(ordered, fleet, known, now_ms, set(range(len(ordered))))
    _clocks(table)
    _regions(table)
    _equipment(table)
    _sites(table)
    return sorted(table.found, key=lambda one: one.key)


def _clocks(table: _Table) -> None:
    for date, numbers in clock_nights(table.symptoms, sorted(table.left), table.fleet):
        table.take(Cluster(CLOCK, f"clock|{date}", [], date, why=_together(table, numbers)), numbers)


def _regions(table: _Table) -> None:
    before = _remembered(table)
    groups = [[n for n in found if n in table.left] for found in bursts(table.symptoms, table.fleet)]
    groups += list(_by_key(before).values())
    for numbers in _one_event(table.symptoms, groups):
        if _of_equipment(table, numbers):
            continue
        keys = Counter(before[n] for n in numbers if n in before)
        kept = _without_stragglers(table, numbers, _vanished(table, numbers, keys))
        if not kept or (not keys and not _recent(table, kept)):
            continue
        key = min(keys, key=lambda one: (-keys[one], one)) if keys else _region_key(table, kept)
        places = [table.fleet[device] for device in {table.symptoms[n].device for n in kept} if device in table.fleet]
        table.take(Cluster(REGION, key, [], name_of(places), why=_together(table, kept)), kept)


def _together(table: _Table, numbers: Sequence[int]) -> str:
    """How many, in how short a time."""
    starts = [table.symptoms[n].start_ms for n in numbers]
    count, minutes = len({table.symptoms[n].device for n in numbers}), (max(starts) - min(starts)) / MINUTE_MS
    span = f"{max(1, round(minutes))} minutes" if minutes < 100 else f"{round(minutes / 60)} hours"
    return f"it began on {count} sites within {span}"


def _remembered(table: _Table) -> dict[int, str]:
    """What earlier runs have put into a regional incident stays there."""
    periods: dict[tuple[str, str], list[tuple[int, int, str]]] = defaultdict(list)
    for incident in table.known:
        if incident.kind == REGION:
            for member, (first_ms, last_ms) in incident.members.items():
                periods[member].append((first_ms, last_ms, incident.key))
    found = {}
    for n in sorted(table.left) if periods else ():
        one = table.symptoms[n]
        if one.sudden:
            for first_ms, last_ms, key in periods.get((one.device, one.code), ()):
                if first_ms <= one.start_ms <= last_ms:
                    found[n] = key
    return found


def _by_key(keys: Mapping[int, str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for n, key in keys.items():
        found[key].append(n)
    return found


def _one_event(symptoms: Sequence[Symptom], groups: Sequence[list[int]]) -> list[list[int]]:
    """Bursts that share symptoms, or most of their sites within a day and a half, are one event."""
    filled = sorted((sorted(one) for one in groups if one), key=lambda one: one[0])
    joined, devices = Joined(len(filled)), [{symptoms[n].device for n in one} for one in filled]
    ends = [max(symptoms[n].start_ms for n in one) for one in filled]
    for later in range(len(filled)):
        start_ms = symptoms[filled[later][0]].start_ms
        for earlier in range(later):
            near = start_ms - ends[earlier] <= _GOES_ON_MS
            shared = len(devices[earlier] & devices[later])
            if near and shared >= 0.5 * min(len(devices[earlier]), len(devices[later])):
                joined.join(earlier, later)
    return [sorted({n for place in places for n in filled[place]}) for places in joined.groups()]


def _of_equipment(table: _Table, numbers: Sequence[int]) -> bool:
    """A burst that only one firmware or model shows while its neighbours with others are well has that cause."""
    devices = {table.symptoms[n].device for n in numbers}
    cells = {table.fleet[device].cell for device in devices}
    healthy = [place for place in table.fleet.values() if place.cell in cells and place.device not in devices]
    counts: Counter[tuple[str, str, str]] = Counter()
    updated = 0
    start_ms = table.symptoms[numbers[0]].start_ms
    for device in devices:
        parts = [part for part in table.fleet[device].parts if part.known]
        counts.update({(part.maker, part.model, part.firmware) for part in parts})
        updated += any(part.since_ms and start_ms - 2 * DAY_MS <= part.since_ms <= start_ms for part in parts)
    if updated >= 0.5 * len(devices):
        return True
    for key, count in counts.items():
        spared = sum(key in {(part.maker, part.model, part.firmware) for part in place.parts} for place in healthy)
        if count >= 0.9 * len(devices) and len(healthy) >= LEAST_SITES and spared <= 0.5 * len(healthy):
            return True
    return False


def _vanished(table: _Table, numbers: Sequence[int], keys: Iterable[str]) -> int:
    """How many signs of these incidents are not seen any more: a site that was silent and is back leaves none."""
    seen = {(table.symptoms[n].device, table.symptoms[n].code) for n in numbers}
    known = {member for one in table.known if one.key in set(keys) for member in one.members}
    return len(known - seen)


def _without_stragglers(table: _Table, numbers: Sequence[int], vanished: int) -> list[int]:
    """Those that recovered with the others: who is still down when the region is well again needs a look of its own."""
    lengths = [table.symptoms[n].length_ms(table.now_ms) for n in numbers if not table.symptoms[n].active]
    if len(lengths) + vanished < 0.6 * (len(numbers) + vanished):
        return list(numbers)
    bound_ms = max(6 * HOUR_MS, 3 * round(median(lengths or [0])))
    return [n for n in numbers if table.symptoms[n].length_ms(table.now_ms) <= bound_ms]


def _recent(table: _Table, numbers: Iterable[int]) -> bool:
    symptoms = [table.symptoms[n] for n in numbers]
    return any(one.active or table.now_ms - one.last_ms < _RECENT_MS for one in symptoms)


def _region_key(table: _Table, numbers: Sequence[int]) -> str:
    first = table.symptoms[min(numbers)]
    return f"region|{causes.family_of(first.code)}|{first.start_ms // HOUR_MS}|{first.device}"


def _equipment(table: _Table) -> None:
    known = {one.key: one for one in table.known if one.kind == EQUIPMENT and one.open}
    numbers = sorted(n for n in table.left if table.symptoms[n].device in table.fleet)
    for cohort in blamed(table.symptoms, numbers, table.fleet):
        key = "|".join((EQUIPMENT, cohort.maker, cohort.model, cohort.firmware))
        mine = set(cohort.numbers) & table.left
        if key in known:
            mine |= _more_of(table, known.pop(key))
        elif not _recent(table, mine):
            continue
        _blame(table, mine, key, (cohort.maker, cohort.model, cohort.firmware), cohort.log_chance, cohort.why)
    for key, one in sorted(known.items()):
        _blame(table, _more_of(table, one), key, (one.maker, one.model, one.firmware), 0.0, "")


def _blame(
    table: _Table, mine: set[int], key: str, equipment: tuple[str, str, str], log_chance: float, why: str
) -> None:
    if mine:
        table.take(Cluster(EQUIPMENT, key, [], _title(*equipment), *equipment, log_chance, why), mine)


def _more_of(table: _Table, known: Known) -> set[int]:
    """What further sites show of equipment that is blamed already."""
    found = set()
    for n in table.left:
        one = table.symptoms[n]
        if one.code in known.codes and one.device in table.fleet:
            for part in parts_of(one, table.fleet[one.device]):
                if (part.maker, part.model) == (known.maker, known.model) and known.firmware in ("", part.firmware):
                    found.add(n)
    return found


def _title(maker: str, model: str, firmware: str) -> str:
    return f"{maker} {model}" + (f", firmware {firmware}" if firmware else "")


def _sites(table: _Table) -> None:
    known = {one.key for one in table.known}
    mine: dict[str, list[int]] = defaultdict(list)
    for n in sorted(table.left):
        one = table.symptoms[n]
        mine[f"site|{one.device}|{causes.family_of(one.code)}"].append(n)
    for key, numbers in sorted(mine.items()):
        members = [table.symptoms[n] for n in numbers]
        if key in known or _worth_it(members, table.now_ms):
            table.take(Cluster(SITE, key, [], members[0].device), numbers)


def _worth_it(members: Sequence[Symptom], now_ms: int) -> bool:
    """Whether it is more than a passing alarm: it lasts, it was long, or it comes back."""
    week = [one for one in members if one.active or now_ms - one.last_ms < _WEEK_MS]
    if not any(one.active or now_ms - one.last_ms < _RECENT_MS for one in week):
        return False
    if any(not one.sudden or (one.active and one.severity == Severity.CRITICAL) for one in week):
        return True
    slight = all(_is_slight(one.code) for one in week)
    if any(one.active and one.length_ms(now_ms) >= (DAY_MS if slight else 30 * MINUTE_MS) for one in week):
        return True
    days = {one.start_ms // DAY_MS for one in week}
    total_ms = sum(one.length_ms(now_ms) for one in week)
    return len(days) >= 3 if slight else (total_ms >= 2 * HOUR_MS or (len(week) >= 3 and len(days) >= 2))


def _is_slight(code: str) -> bool:
    spec = FAULTS.get(FaultCode(code)) if code in FaultCode.__members__.values() else None
    return spec is not None and (spec.severity == Severity.INFO or spec.group == FaultGroup.DATA)
