"""`cloud.ports.IncidentDesk` over a book of incidents."""

from collections.abc import Sequence

from agent.domain.errors import BadInput
from cloud.incidents import lifecycle
from cloud.ports import Clock, Incident, IncidentBook, IncidentChange, IncidentEntry, IncidentSite


class Desk:
    """See `cloud.ports.IncidentDesk`."""

    def __init__(self, book: IncidentBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock

    def incidents(self, states: Sequence[str] = (), device: str | None = None, merged: bool = False) -> list[Incident]:
        """See `cloud.ports.IncidentDesk`."""
        wanted = states or lifecycle.OPEN
        found = [one for one in self._book.incidents() if one.state in wanted]
        if not merged:
            found = [one for one in found if not one.merged_into]
        if device is not None:
            here = {row.incident for row in self._book.incident_sites() if row.device == device}
            found = [one for one in found if one.id in here]
        return found

    def incident(self, name: str) -> tuple[Incident, list[IncidentSite], list[IncidentEntry]] | None:
        """See `cloud.ports.IncidentDesk`."""
        found = self._book.incident(name)
        if found is None:
            return None
        return found, self._book.incident_sites(name), self._book.incident_history(name)

    def change(self, name: str, change: IncidentChange, who: str, expected: int) -> Incident:
        """See `cloud.ports.IncidentDesk`."""
        found = self._book.incident(name)
        if found is None:
            raise BadInput(f"incident {name[:40]!r} is not known")
        person = who.strip()
        if not 0 < len(person) <= 100:
            raise BadInput("by: expected the name of who does it, at most 100 characters")
        now_ms = self._clock.now_ms()
        after = lifecycle.change(found, change, person, now_ms)
        entries = lifecycle.entries_of(name, after.entries, now_ms)
        self._book.write_incident(after.incident, expected, entries, after.lesson, after.forget)
        return after.incident

    def next_states(self, state: str) -> tuple[str, ...]:
        """See `cloud.ports.IncidentDesk`."""
        return lifecycle.next_states(state)
