"""What dismissals have taught: the same pattern on that site or equipment counts for less, and says so."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from cloud.incidents.places import Place
from cloud.ports import Incident, Lesson

# A pattern that people did not find worth their time, seen again elsewhere, counts a quarter.
_FACTOR: Final = 0.25
_LEAST_SITES: Final = 3


class Verdict(NamedTuple):
    """`factor` of the score, and why it is not 1."""

    factor: float
    note: str


class Taught:
    """Lessons that hold, asked by incident."""

    def __init__(self, lessons: Sequence[Lesson], fleet: Mapping[str, Place]) -> None:
        self._fleet = fleet
        self._sites = {(one.subject, one.cause): one for one in lessons if one.scope == "site"}
        self._equipment = {(one.subject, one.cause): one for one in lessons if one.scope == "equipment"}
        self._on_equipment: dict[tuple[str, str], list[Lesson]] = defaultdict(list)
        for one in sorted(self._sites.values(), key=lambda lesson: lesson.subject):
            for key in self._keys(one.subject):
                self._on_equipment[key, one.cause].append(one)

    def about(self, incident: Incident, cause: str, devices: Sequence[str]) -> Verdict:
        """How much less `incident` counts. An incident that was dismissed itself keeps its score: it is not listed."""
        if incident.kind == "site":
            return self._site(incident, cause)
        if incident.kind == "equipment":
            return self._cohort(cause, devices)
        return Verdict(1.0, "")

    def _site(self, incident: Incident, cause: str) -> Verdict:
        for key in self._keys(incident.subject):
            lesson = self._equipment.get((key, cause))
            if lesson is not None:
                return Verdict(
                    _FACTOR, f"Down-ranked until {_day(lesson)}: dismissed for {_words(key)} by {lesson.who}"
                )
            alike = [one for one in self._on_equipment[key, cause] if one.incident != incident.id]
            if len(alike) >= _LEAST_SITES:
                last = max(alike, key=lambda one: one.until_ms)
                what = f"dismissed on {len(alike)} other sites with {_words(key)}"
                return Verdict(_FACTOR, f"Down-ranked until {_day(last)}: {what}")
        return Verdict(1.0, "")

    def _cohort(self, cause: str, devices: Sequence[str]) -> Verdict:
        known = sorted(set(devices))
        taught = [self._sites[device, cause] for device in known if (device, cause) in self._sites]
        if len(taught) < max(_LEAST_SITES, 0.5 * len(known)):
            return Verdict(1.0, "")
        last = max(taught, key=lambda one: one.until_ms)
        return Verdict(_FACTOR, f"Down-ranked until {_day(last)}: dismissed on {len(taught)} of its {len(known)} sites")

    def _keys(self, device: str) -> list[str]:
        place = self._fleet.get(device)
        parts = [] if place is None else [part for part in place.parts if part.known]
        return [
            "|".join((part.maker, part.model, firmware))
            for part in parts
            for firmware in dict.fromkeys((part.firmware, ""))
        ]


def _words(key: str) -> str:
    return " ".join(word for word in key.split("|") if word)


def _day(lesson: Lesson) -> str:
    return datetime.fromtimestamp(lesson.until_ms / 1000, UTC).date().isoformat()
