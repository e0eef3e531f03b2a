"""Faults that begin in one region at one time: a power cut, a cloud front, a day of snow.

A burst is a count of sites that chance does not explain. What chance would bring is each site's own habit (how often it
has this fault on other days) times the hour's (a solar fault begins in daylight). Three scales: a town in an hour, a
region in a morning, a country in a day. A large scale counts only when the fault is spread over it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cloud.incidents.chance import log_poisson_tail
from cloud.incidents.joining import Joined
from cloud.incidents.places import Cell, Place, around, by_cell, wider
from cloud.incidents.symptoms import DAY_MS, HOUR_MS, MINUTE_MS, Symptom

# ln of the chance that one window in a great many is taken for a burst.
_SURE: Final = -14.0
# And many times what habit brings: habits change, a large fleet makes any change sure.
_RATIO: Final = 3.0
# Habits are those of the last weeks. A clock that starts in 1970, or a fault of last year, says nothing about them.
_MEMORY_MS: Final = 35 * DAY_MS
# A site without a history: one day in sixty.
_PRIOR_DAYS: Final = 10.0
_PRIOR_FAULTS: Final = _PRIOR_DAYS / 60
_PRIOR_HOURS: Final = 6.0


@dataclass(frozen=True, slots=True)
class Scale:
    """`factor` small cells make one cell. `share` is of the sites at the small scale, of the populated parts above."""

    factor: int
    part: int
    bucket_ms: int
    least: int
    share: float


SCALES: Final = (
    Scale(1, 0, 30 * MINUTE_MS, 3, 0.25),
    Scale(8, 1, 3 * HOUR_MS, 5, 0.4),
    Scale(64, 8, 6 * HOUR_MS, 8, 0.4),
)


@dataclass(frozen=True, slots=True)
class Window:
    """A block of cells of one scale, over a time."""

    level: int
    block: list[Cell]
    from_ms: int
    to_ms: int


class Ground:
    """Where the fleet stands: how many sites, or populated parts, each cell of each scale holds."""

    def __init__(self, fleet: Mapping[str, Place]) -> None:
        self.cell: dict[str, Cell] = {device: place.cell for device, place in fleet.items()}
        small = by_cell(fleet)
        self.sites: list[Counter[Cell]] = [_gathered(small, scale.factor) for scale in SCALES]
        self.parts: list[Counter[Cell]] = []
        for scale in SCALES:
            parts = {wider(cell, scale.part) for cell in small} if scale.part else set()
            self.parts.append(Counter(wider(cell, scale.factor // scale.part) for cell in parts))


def _gathered(small: Counter[Cell], factor: int) -> Counter[Cell]:
    large: Counter[Cell] = Counter()
    for cell, count in small.items():
        large[wider(cell, factor)] += count
    return large


class Habits:
    """What chance would bring of one fault code, each day judged by the other days."""

    def __init__(self, symptoms: Sequence[Symptom], days: int, ground: Ground) -> None:
        self._span = days - 1 + _PRIOR_DAYS
        self._days: dict[str, set[int]] = defaultdict(set)
        self._hours: Counter[int] = Counter()
        self._day_hours: dict[int, Counter[int]] = defaultdict(Counter)
        for one in symptoms:
            day, hour = one.start_ms // DAY_MS, one.start_ms // HOUR_MS % 24
            self._days[one.device].add(day)
            self._hours[hour] += 1
            self._day_hours[day][hour] += 1
        self._total = len(symptoms)
        self._faults: list[Counter[Cell]] = [Counter() for _ in SCALES]
        for faults, scale in zip(self._faults, SCALES, strict=True):
            for device, found in self._days.items():
                faults[wider(ground.cell[device], scale.factor)] += len(found)
        self._shares: dict[tuple[int, int], float] = {}

    def of_block(self, level: int, block: Iterable[Cell], ground: Ground) -> float:
        """Days with this fault that the sites of the block have had, with what is assumed of a site without any."""
        sites, faults = ground.sites[level], self._faults[level]
        return sum(sites[cell] * _PRIOR_FAULTS + faults[cell] for cell in block if cell in sites)

    def on(self, device: str, at_ms: int) -> bool:
        return at_ms // DAY_MS in self._days[device]

    def expected(self, faults: float, from_ms: int, to_ms: int) -> float:
        """Sites that would begin between these times by habit."""
        return max(faults, 0.1) / self._span * self._share(from_ms, to_ms)

    def _share(self, from_ms: int, to_ms: int) -> float:
        """Part of a day's faults that begin in this time, by the other days."""
        known = self._shares.get((from_ms, to_ms))
        if known is None:
            day = (from_ms + to_ms) // 2 // DAY_MS
            hours = {at // HOUR_MS % 24 for at in range(from_ms, to_ms, HOUR_MS)}
            own = self._day_hours.get(day, Counter())
            others = sum(self._hours[hour] - own[hour] for hour in hours)
            rest = self._total - own.total()
            known = min(1.0, (others + _PRIOR_HOURS * len(hours) / 24) / (rest + _PRIOR_HOURS))
            self._shares[from_ms, to_ms] = known
        return known


def bursts(symptoms: Sequence[Symptom], fleet: Mapping[str, Place]) -> list[list[int]]:
    """Groups of indices into `symptoms`, each one event of a region. Sites that are not in `fleet` take no part."""
    ground = Ground(fleet)
    newest_ms = max((one.start_ms for one in symptoms), default=0)
    usable = [
        n
        for n, one in enumerate(symptoms)
        if one.sudden and one.device in fleet and one.start_ms > newest_ms - _MEMORY_MS
    ]
    if not usable:
        return []
    days = {symptoms[n].start_ms // DAY_MS for n in usable}
    span = max(days) - min(days) + 1
    by_code: dict[str, list[int]] = defaultdict(list)
    for n in usable:
        by_code[symptoms[n].code].append(n)
    joined, hit = Joined(len(symptoms)), set[int]()
    for _, numbers in sorted(by_code.items()):
        if len({symptoms[n].device for n in numbers}) >= SCALES[0].least:
            habits = Habits([symptoms[n] for n in numbers], span, ground)
            for level in range(len(SCALES)):
                for window in _hot(symptoms, numbers, level, habits, ground):
                    hit.update(window)
                    for other in window[1:]:
                        joined.join(window[0], other)
    return [group for group in joined.groups() if group[0] in hit]


def _hot(
    symptoms: Sequence[Symptom], numbers: Sequence[int], level: int, habits: Habits, ground: Ground
) -> list[list[int]]:
    """Windows that are no chance, each with all symptoms of its block: overlapping ones share symptoms, and so join."""
    scale = SCALES[level]
    table: dict[int, dict[Cell, list[int]]] = defaultdict(lambda: defaultdict(list))
    for n in numbers:
        cell = wider(ground.cell[symptoms[n].device], scale.factor)
        table[symptoms[n].start_ms // scale.bucket_ms][cell].append(n)
    found = []
    for bucket in sorted(table):
        near = [table[b] for b in (bucket - 1, bucket, bucket + 1) if b in table]
        if sum(len(one) for cells in near for one in cells.values()) < scale.least:
            continue
        for cell in sorted(table[bucket]):
            block = around(cell)
            count = sum(len(cells[each]) for cells in near for each in block if each in cells)
            if count >= scale.least:
                window = Window(level, block, (bucket - 1) * scale.bucket_ms, (bucket + 2) * scale.bucket_ms)
                faults = habits.of_block(level, block, ground)
                if count >= _RATIO * habits.expected(faults - count, window.from_ms, window.to_ms):
                    members = [n for cells in near for each in block for n in cells.get(each, ())]
                    if _no_chance(symptoms, members, window, faults, habits, ground):
                        found.append(sorted(members))
    return found


def _no_chance(
    symptoms: Sequence[Symptom],
    members: Sequence[int],
    window: Window,
    faults: float,
    habits: Habits,
    ground: Ground,
) -> bool:
    devices = {symptoms[n].device for n in members}
    if len(devices) < SCALES[window.level].least or not _spread(devices, window, ground):
        return False
    middle_ms = (window.from_ms + window.to_ms) // 2
    faults -= sum(habits.on(device, middle_ms) for device in devices)
    expected = habits.expected(faults, window.from_ms, window.to_ms)
    return len(devices) >= _RATIO * expected and log_poisson_tail(len(devices), expected) < _SURE


def _spread(devices: set[str], window: Window, ground: Ground) -> bool:
    """Whether the sites are a fair part of the block, not one corner of it."""
    scale = SCALES[window.level]
    if not scale.part:
        return len(devices) >= scale.share * sum(ground.sites[window.level][cell] for cell in window.block)
    hit = {wider(ground.cell[device], scale.part) for device in devices}
    return len(hit) >= scale.share * sum(ground.parts[window.level][cell] for cell in window.block)
