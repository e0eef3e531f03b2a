"""One run of the grouping over a store: read, think, write; again when somebody was faster."""

from collections.abc import Sequence
from typing import Final, Protocol

from agent.domain.errors import Transient
from agent.domain.twin import StaleVersion
from cloud.incidents.places import new_spans, places
from cloud.incidents.plan import Standing, plan
from cloud.incidents.symptoms import DAY_MS, FindingRow, of_fault, of_finding, silent
from cloud.ports import Clock, FaultRow, IncidentBook, Regrouping, Site

HORIZON_DAYS: Final = 30
_TRIES: Final = 5
_NO_LIMIT: Final = 10_000_000


class Fleet(Protocol):
    """What grouping needs of the fleet's store."""

    def sites(self) -> list[Site]: ...

    def faults(self, *, start_ms: int | None = None, limit: int = 500) -> list[FaultRow]: ...


def regroup(
    fleet: Fleet, book: IncidentBook, findings: Sequence[FindingRow], clock: Clock, looked_ms: int = 0
) -> Regrouping:
    """What was changed. `looked_ms`: when equipment was looked at before. Raises `Transient` when nobody rests."""
    for _ in range(_TRIES):
        now_ms = clock.now_ms()
        sites = fleet.sites()
        rows = fleet.faults(start_ms=now_ms - HORIZON_DAYS * DAY_MS, limit=_NO_LIMIT)
        newest_ms = max((one.end_ms for one in findings), default=0)
        symptoms = [of_fault(row) for row in rows if row.start_ms <= now_ms + DAY_MS]
        symptoms += [of_finding(one, newest_ms) for one in findings]
        symptoms += silent(sites, now_ms)
        spans = book.equipment_spans()
        changed = new_spans(sites, spans, looked_ms)
        standing = Standing(book.incidents(), book.incident_sites(), book.lessons(now_ms))
        changes = plan(symptoms, places(sites, [*spans, *changed]), standing, changed, now_ms)
        try:
            book.regroup(changes)
        except StaleVersion:
            continue
        return changes
    raise Transient(f"incidents were changed by others {_TRIES} times meanwhile")
