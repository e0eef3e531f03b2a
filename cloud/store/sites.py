"""Rows of the fleet table from what a device reported: pure.

A reported document comes from a device and may hold anything: what has not the expected shape counts as not reported.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from agent.domain.reliability import EpisodeReliability, components_of
from cloud.ports import ActiveFault, Site

_LARGEST: Final = 2**53
_MOST_FAILURES: Final = 10**9


class DeviceRow(NamedTuple):
    """One device as the tables have it; `doc` is its reported twin."""

    device: str
    first_seen_ms: int
    last_contact_ms: int
    online: bool | None
    doc: Mapping[str, Any]


def site(row: DeviceRow, active: Sequence[ActiveFault], states: Iterable[Mapping[str, float | int | None]]) -> Site:
    """The row of one device; `states` are its MTBF states, one per fault code."""
    about, agent, last = _part(row.doc, "site"), _part(row.doc, "agent"), _part(row.doc, "last")
    total = pooled(states)
    interval = total.mtbf_interval_hours()
    sources = _part(row.doc, "sources")
    return Site(
        device=row.device,
        name=_text(about, "name") or row.device,
        timezone=_text(about, "timezone") or "UTC",
        latitude=_number(about, "latitude"),
        longitude=_number(about, "longitude"),
        online=row.online,
        first_seen_ms=row.first_seen_ms,
        last_contact_ms=row.last_contact_ms,
        agent_version=_text(agent, "version"),
        equipment={name: _texts(_part(sources[name], "equipment")) for name in sources},
        last_at_ms=_integer(last, "at_ms"),
        last_values=_numbers(_part(last, "values")),
        last_bad=_texts(_part(last, "bad")),
        active_faults=list(active),
        failures=total.failures,
        mtbf_hours=total.mtbf_hours(),
        mtbf_low_hours=None if interval is None else interval[0],
        backlog=_integer(_part(row.doc, "health"), "backlog"),
    )


def pooled(states: Iterable[Mapping[str, float | int | None]]) -> EpisodeReliability:
    """All fault codes as one site: their failures over the longest time that any of them was watched.

    Exposures overlap, so adding them up would make a site look the better the more is watched there; a code that
    every signal has of its own counts with the mean of them. A state that cannot be is left out.
    """
    total, watched_ms = EpisodeReliability(), 0
    for state in states:
        one = EpisodeReliability.from_state(state)
        if 0 <= one.failures <= _MOST_FAILURES and min(one.up_ms, one.down_ms) >= 0:
            total.merge(one)
            watched_ms = max(watched_ms, one.up_ms // components_of(state))
    total.up_ms = watched_ms
    return total


def _part(document: Any, key: str) -> Mapping[str, Any]:
    part = document.get(key) if isinstance(document, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _text(part: Mapping[str, Any], key: str) -> str:
    value = part.get(key)
    return value if isinstance(value, str) else ""


def _number(part: Mapping[str, Any], key: str) -> float | None:
    value = part.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > _LARGEST:
        return None
    return float(value)


def _integer(part: Mapping[str, Any], key: str) -> int | None:
    value = part.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST else None


def _numbers(part: Mapping[str, Any]) -> dict[str, float]:
    return {key: number for key in part if (number := _number(part, key)) is not None}


def _texts(part: Mapping[str, Any]) -> dict[str, str]:
    return {key: value for key, value in part.items() if isinstance(value, str)}
