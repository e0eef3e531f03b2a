"""What an incident costs, how sure it is, and where it stands in a morning's list."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from agent.domain.faults import Severity
from cloud.incidents import causes
from cloud.incidents.symptoms import DAY_MS, Symptom
from cloud.ports import IncidentSite

# € per day and site that a fault counts for beside what it costs: somebody sits in the cold, or will.
_CONCERN: Final = {str(Severity.CRITICAL): 20.0, str(Severity.WARNING): 2.0, str(Severity.INFO): 0.2}
_BY_ACTION: Final = {causes.VISIT: 1.0, causes.MAKER: 1.0, causes.REMOTE: 0.8, causes.WAIT: 0.02}
_SUREST: Final = 0.99
# A fault that comes with the sun ends every evening; it is there until a whole day has gone without it.
STILL_MS: Final = DAY_MS


def rows_of(incident: str, members: Iterable[Symptom], now_ms: int, still_ms: int = STILL_MS) -> list[IncidentSite]:
    """One row per site and code, sorted. What ended less than `still_ms` ago counts as going on."""
    parts: dict[tuple[str, str], list[Symptom]] = defaultdict(list)
    for one in members:
        parts[one.device, one.code].append(one)
    return [_row(incident, device, code, part, now_ms - still_ms) for (device, code), part in sorted(parts.items())]


def _row(incident: str, device: str, code: str, part: Sequence[Symptom], still_after_ms: int) -> IncidentSite:
    newest = max(part, key=lambda one: (one.active, one.last_ms, one.why))
    return IncidentSite(
        incident=incident,
        device=device,
        code=code,
        first_ms=min(one.start_ms for one in part),
        last_ms=max(one.last_ms for one in part),
        active=any(one.active or one.last_ms > still_after_ms for one in part),
        episodes=len(part),
        cost_per_day=max(one.cost_per_day for one in part),
        certainty=max(one.certainty for one in part),
        why=newest.why,
    )


def joined(known: Iterable[IncidentSite], fresh: Iterable[IncidentSite]) -> list[IncidentSite]:
    """What earlier runs saw with what this one sees. What is not seen any more is over; its past stays."""
    rows = {(row.device, row.code): _ended(row) for row in known}
    for row in fresh:
        old = rows.get((row.device, row.code))
        rows[row.device, row.code] = row if old is None else _extended(old, row)
    return [rows[key] for key in sorted(rows)]


def _ended(row: IncidentSite) -> IncidentSite:
    return _with(row, active=False)


def _extended(old: IncidentSite, row: IncidentSite) -> IncidentSite:
    return _with(
        row,
        first_ms=min(old.first_ms, row.first_ms),
        last_ms=max(old.last_ms, row.last_ms),
        episodes=max(old.episodes, row.episodes),
    )


def _with(row: IncidentSite, **changes: object) -> IncidentSite:
    fields = {name: getattr(row, name) for name in row.__struct_fields__}
    return IncidentSite(**{**fields, **changes})


def cost_per_day(rows: Iterable[IncidentSite]) -> float:
    """€ a day of the sites where it goes on; several codes of one cause at a site cost once."""
    dearest: dict[str, float] = defaultdict(float)
    for row in rows:
        if row.active:
            dearest[row.device] = max(dearest[row.device], row.cost_per_day)
    return round(math.fsum(dearest.values()), 2)


def certainty(rows: Iterable[IncidentSite], log_chance: float) -> float:
    """1 − the chance that all its signs are wrong, or that its sites have nothing in common."""
    wrong = math.prod(1 - row.certainty for row in rows)
    return round(min(_SUREST, (1 - wrong) * (1 - math.exp(log_chance) if log_chance < 0 else 1.0)), 4)


def severity(rows: Iterable[IncidentSite]) -> str:
    return causes.worst(causes.severity_of(row.code) for row in rows)


def score(rows: Sequence[IncidentSite], action: str, certain: float, factor: float) -> float:
    """€ per day that a look at it is worth: cost and concern of the sites where it goes on, times how sure it is."""
    live = [row for row in rows if row.active]
    worst: dict[str, float] = defaultdict(float)
    for row in live:
        worst[row.device] = max(worst[row.device], _CONCERN[causes.severity_of(row.code)])
    worth = cost_per_day(live) + math.fsum(worst.values())
    return round(worth * certain * _BY_ACTION[action] * factor, 3)
