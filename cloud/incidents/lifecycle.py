"""What may become of an incident: by a person's word, by its coming back, by its going quiet."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from agent.domain.errors import BadInput
from cloud.incidents.symptoms import DAY_MS, HOUR_MS, Symptom
from cloud.ports import Incident, IncidentChange, IncidentEntry, Lesson

NEW: Final = "new"
ACKNOWLEDGED: Final = "acknowledged"
VISIT_PLANNED: Final = "visit_planned"
FIXED: Final = "fixed"
DISMISSED: Final = "dismissed"
OPEN: Final = (NEW, ACKNOWLEDGED, VISIT_PLANNED)
STATES: Final = (*OPEN, FIXED, DISMISSED)
PROGRAM: Final = "emberwatt"

_NEXT: Final[dict[str, tuple[str, ...]]] = {
    NEW: (ACKNOWLEDGED, VISIT_PLANNED, FIXED, DISMISSED),
    ACKNOWLEDGED: (VISIT_PLANNED, FIXED, DISMISSED),
    VISIT_PLANNED: (ACKNOWLEDGED, FIXED, DISMISSED),
    FIXED: (ACKNOWLEDGED,),
    DISMISSED: (ACKNOWLEDGED,),
}
_LONGEST: Final = 2000
_MOST_DAYS: Final = 3650
# How long after "fixed" a fault may still be seen: devices tell at once, an analysis looks back over weeks.
_STILL_THERE_MS: Final = DAY_MS
_STILL_FOUND_MS: Final = 14 * DAY_MS
_QUIET_MS: Final = {"region": DAY_MS, "clock": 12 * HOUR_MS}
_QUIET_ELSE_MS: Final = 7 * DAY_MS


class Changed(NamedTuple):
    """An incident after a change, what its history says of it, and what was learned."""

    incident: Incident
    entries: list[tuple[str, str, str]]
    lesson: Lesson | None = None
    forget: bool = False


def next_states(state: str) -> tuple[str, ...]:
    """Where a person may lead it from `state`.

    >>> next_states("fixed")
    ('acknowledged',)
    """
    return _NEXT.get(state, ())


def change(incident: Incident, wish: IncidentChange, who: str, now_ms: int) -> Changed:
    """A person's change. Raises `BadInput` for a state that cannot follow, or a text that is too long."""
    entries: list[tuple[str, str, str]] = []
    fields: dict[str, object] = {}
    for name, value in (("owner", wish.owner), ("comment", wish.comment)):
        if value is not None and value.strip() != getattr(incident, name):
            fields[name] = _text(name, value)
            entries.append((who, name, str(fields[name])))
    lesson, forget = None, False
    if wish.state is not None and wish.state != incident.state:
        _check_next(incident.state, wish.state)
        fields |= {"state": wish.state, "state_ms": now_ms, "quiet_until_ms": None}
        entries.insert(0, (who, "state", wish.state))
        forget = incident.state == DISMISSED
        if wish.state == DISMISSED:
            lesson = _lesson(incident, wish, who, now_ms)
            fields["quiet_until_ms"] = lesson.until_ms
    if entries:
        fields["version"] = incident.version + 1
    return Changed(msgspec.structs.replace(incident, **fields), entries, lesson, forget)


def _check_next(state: str, wish: str) -> None:
    if wish not in STATES:
        raise BadInput(f"state {wish[:40]!r}, expected one of {', '.join(STATES)}")
    if wish not in _NEXT[state]:
        raise BadInput(f"state {wish!r} cannot follow {state!r}, expected one of {', '.join(_NEXT[state])}")


def _text(name: str, value: str) -> str:
    text = value.strip()
    limit = 100 if name == "owner" else _LONGEST
    if len(text) > limit:
        raise BadInput(f"{name} of {len(text)} characters, expected at most {limit}")
    return text


def _lesson(incident: Incident, wish: IncidentChange, who: str, now_ms: int) -> Lesson:
    if not 0 < wish.quiet_days <= _MOST_DAYS:
        raise BadInput(f"quiet_days {wish.quiet_days}, expected 1 to {_MOST_DAYS}")
    subject = {
        "site": incident.subject,
        "equipment": "|".join((incident.maker, incident.model, incident.firmware)),
    }.get(incident.kind, incident.key)
    reason = wish.comment if wish.comment is not None else incident.comment
    until_ms = now_ms + wish.quiet_days * DAY_MS
    return Lesson(incident.id, incident.kind, subject, incident.cause, until_ms, who, _text("comment", reason))


def revived(incident: Incident, members: Sequence[Symptom], now_ms: int) -> Changed:
    """Opened again when it came back after it was fixed, or when its dismissal has run out and it is still there."""
    reason = ""
    if incident.state == FIXED:
        reason = _came_back(incident, members, now_ms)
    elif incident.state == DISMISSED and now_ms >= (incident.quiet_until_ms or 0):
        live = [one for one in members if one.active or one.start_ms > incident.state_ms]
        reason = "it is still there after the time it was dismissed for" if live else ""
    if not reason:
        return Changed(incident, [])
    fields = {"state": NEW, "state_ms": now_ms, "quiet_until_ms": None}
    again = {"reopened": incident.reopened + 1, "version": incident.version + 1}
    return Changed(msgspec.structs.replace(incident, **fields, **again), [(PROGRAM, "reopened", reason)])


def _came_back(incident: Incident, members: Sequence[Symptom], now_ms: int) -> str:
    since_ms = now_ms - incident.state_ms
    back = {one.device for one in members if one.start_ms > incident.state_ms}
    if back:
        return f"it came back on {_sites(back)}"
    sudden = {one.device for one in members if one.active and one.sudden}
    found = {one.device for one in members if one.active and not one.sudden}
    if (sudden and since_ms > _STILL_THERE_MS) or (found and since_ms > _STILL_FOUND_MS):
        return f"it never went away on {_sites(sudden | found)}"
    return ""


def _sites(devices: set[str]) -> str:
    return next(iter(devices)) if len(devices) == 1 else f"{len(devices)} sites"


def settled(incident: Incident, now_ms: int) -> Changed:
    """Called fixed when nothing has been seen of it for so long that it is over."""
    quiet_ms = now_ms - max(incident.last_ms, incident.state_ms)
    if incident.active or incident.state not in OPEN or quiet_ms < _QUIET_MS.get(incident.kind, _QUIET_ELSE_MS):
        return Changed(incident, [])
    fields = {"state": FIXED, "state_ms": now_ms, "version": incident.version + 1}
    days = max(1, (now_ms - incident.last_ms) // DAY_MS)
    return Changed(msgspec.structs.replace(incident, **fields), [(PROGRAM, "state", f"fixed: no sign for {days} d")])


def entries_of(incident: str, entries: Sequence[tuple[str, str, str]], now_ms: int) -> list[IncidentEntry]:
    """The lines for the history; the store numbers them."""
    return [IncidentEntry(incident, 0, now_ms, who, what, detail) for who, what, detail in entries]
