"""What a diagnosis says about its faults besides the faults themselves: reliability by code, the twin's sections."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from agent.domain.faults import FaultCode
from agent.domain.reliability import EpisodeReliability, PublishedMtbf, State, shared
from agent.domain.signals import Reading
from agent.domain.wire import Fault

Parts = Iterable[tuple[FaultCode, EpisodeReliability]]
# Told by the twin and every day even without a failure; of the others only what failed.
_ALWAYS_TOLD: Final = frozenset({FaultCode.BATTERY_NOT_CHARGING, FaultCode.NO_SOLAR_PRODUCTION})


def reliability_of(parts: Parts) -> dict[FaultCode, EpisodeReliability]:
    """Figures of every fault code that was exposed so far; components of one code taken together."""
    figures: dict[FaultCode, EpisodeReliability] = {}
    for code, part in parts:
        figures.setdefault(code, EpisodeReliability()).merge(part)
    return {code: each for code, each in figures.items() if each.exposure_ms or each.failures}


def states_of(
    figures: Mapping[FaultCode, EpisodeReliability], parts: Parts, published: Mapping[FaultCode, PublishedMtbf]
) -> dict[FaultCode, State]:
    """As they travel: episodes, the published figure beside them where there is one, and how many shared the code.

    See `agent.domain.reliability.components_of`.
    """
    watched = Counter(code for code, part in parts if part.exposure_ms)
    states = {code: shared(each.state(), watched[code]) for code, each in figures.items()}
    for code, mtbf in published.items():
        if mtbf.failures or code in states:
            states.setdefault(code, EpisodeReliability().state()).update(mtbf.state())
    return states


def is_told(code: FaultCode, state: State) -> bool:
    """Whether a code's figures are worth telling every day."""
    return bool(state["failures"]) or code in _ALWAYS_TOLD


def twin_of(
    last: Reading | None, faults: Iterable[Fault], figures: Mapping[FaultCode, EpisodeReliability]
) -> dict[str, Any]:
    """The twin's sections `last`, `faults` and `reliability`; nothing in them is null."""
    newest: dict[str, Any] = {}
    if last is not None:
        bad = {name: quality.name.lower() for name, quality in last.bad.items()}
        newest = {"at_ms": last.at_ms, "values": dict(last.values), "bad": bad}
    told = {code: each for code, each in figures.items() if each.failures or code in _ALWAYS_TOLD}
    return {
        "last": newest,
        "faults": {fault.id: _told_by_twin(fault) for fault in faults},
        "reliability": {str(code): each.report() for code, each in told.items()},
    }


def _told_by_twin(fault: Fault) -> dict[str, str | int]:
    facts = {"code": str(fault.code), "severity": str(fault.severity), "component": fault.component}
    return {**facts, "start_ms": fault.start_ms}
