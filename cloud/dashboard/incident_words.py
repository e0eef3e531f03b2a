"""The words of incidents: what is to be done, where it stands, what it is."""

from typing import Final

from cloud.dashboard import words
from cloud.ports import Incident

ACTION_WORDS: Final[dict[str, str]] = {
    "visit": "Visit",
    "remote": "From the desk",
    "maker": "Ask the maker",
    "wait": "Wait",
}
ACTION_MEANING: Final[dict[str, str]] = {
    "visit": "Somebody has to go there.",
    "remote": "A setting or a profile: it can be put right without going there.",
    "maker": "The equipment or its firmware is to blame: a visit to each site would not help.",
    "wait": "The weather, the grid or the clocks: it passes without anybody.",
}
STATE_WORDS: Final[dict[str, str]] = {
    "new": "New",
    "acknowledged": "Acknowledged",
    "visit_planned": "Visit planned",
    "fixed": "Fixed",
    "dismissed": "Dismissed",
}
# What a button that leads to a state says.
STEP_WORDS: Final[dict[str, str]] = {
    "acknowledged": "Acknowledge",
    "visit_planned": "Plan a visit",
    "fixed": "Fixed",
    "dismissed": "Dismiss",
}
_AGAIN: Final = "Open again"
_WEATHER: Final = frozenset({"solar"})
_SUPPLY: Final = frozenset({"data"})


def step_words(state: str, to: str) -> str:
    """
    >>> step_words("fixed", "acknowledged"), step_words("new", "acknowledged")
    ('Open again', 'Acknowledge')
    """
    return _AGAIN if state in ("fixed", "dismissed") else STEP_WORDS[to]


def title_of(incident: Incident) -> str:
    """What it is, in a few words."""
    label = words.fault_words(incident.code).label
    if incident.kind == "clock":
        return "Change of clocks"
    if incident.kind == "region":
        if incident.cause in _WEATHER:
            return "Clouds or snow over a region"
        return "Power or network cut in a region" if incident.cause in _SUPPLY else f"{label}, many sites of a region"
    return label


def advice_of(incident: Incident) -> str:
    """What to do about it."""
    if incident.kind == "clock":
        return "Nothing: local clocks were put forward or back. If it happens every time, check the sites' time zones."
    if incident.kind == "region":
        return "Wait until it is over. A site that stays behind gets an incident of its own."
    if incident.kind == "equipment":
        told = f"firmware {incident.firmware} of " if incident.firmware else ""
        return (
            f"Ask {incident.maker} about {told}{incident.model}, and hold back further updates to it. "
            f"At a site: {words.fault_words(incident.code).advice}"
        )
    return words.fault_words(incident.code).advice


_HAPPENED: Final[dict[str, str]] = {
    "opened": "opened it",
    "reopened": "opened it again",
    "merged": "made it part of a wider one",
    "parted": "took it out of the wider one",
    "owner": "changed its owner",
    "comment": "wrote",
    "state": "changed its state",
}


def happened(what: str, detail: str) -> tuple[str, str]:
    """A line of the history: what was done, and its text."""
    if what == "state" and detail in STATE_WORDS:
        return f"marked it “{STATE_WORDS[detail].lower()}”", ""
    if what == "owner":
        return ("gave it to", detail) if detail else ("took its owner away", "")
    return _HAPPENED.get(what, words.plain(what).lower()), detail
