"""What an installer can wire wrongly, as the meters and sensors of a site then show it. Pure.

A hybrid inverter works out the house's load from its own power and its grid meter, so a wrong meter makes a wrong load.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from agent.domain.signals import SignalName
from firmware_sim.families.facts import battery_facts, flags_of, grid_facts, without
from firmware_sim.families.rows import Fact


class WiringCode(StrEnum):
    """What is wired wrongly."""

    BATTERY_SIGN = "battery_sign"
    GRID_CLAMP = "grid_clamp"
    PHASE_MISSING = "phase_missing"
    SCALE = "scale"
    WORDS_SWAPPED = "words_swapped"
    PV_BOTH_SIDES = "pv_both_sides"
    LOAD_WITH_BATTERY = "load_with_battery"
    FLOW_RETURN = "flow_return_exchanged"
    OUTDOOR_ROOM = "outdoor_room_exchanged"
    SENSOR_STUCK = "sensor_stuck"
    SENSOR_DISCONNECTED = "sensor_disconnected"


class Measured(StrEnum):
    """What a wrong scale is about."""

    GRID = "grid"
    BATTERY = "battery"
    PV = "pv"
    LOAD = "load"


HOME_WIRING: Final = frozenset(WiringCode) - {WiringCode.FLOW_RETURN, WiringCode.OUTDOOR_ROOM}
HEAT_WIRING: Final = frozenset(
    {
        WiringCode.FLOW_RETURN, WiringCode.OUTDOOR_ROOM, WiringCode.SENSOR_STUCK, WiringCode.SENSOR_DISCONNECTED,
        WiringCode.WORDS_SWAPPED,
    }
)  # fmt: skip

_AC_SHARE: Final = 0.97
_SENSED: Final[Mapping[Measured, tuple[str, ...]]] = {
    Measured.PV: ("p_pv", "p_pv_1", "p_pv_2"),
    Measured.LOAD: ("p_load", "p_load_l1", "p_load_l2", "p_load_l3"),
}


@dataclass(frozen=True, slots=True)
class Wiring:
    """One mistake, `start_ms` ≤ t < `end_ms`. Only the fields that its code uses are looked at."""

    code: WiringCode
    start_ms: int = 0
    end_ms: int = 2**62
    phase: int = 3
    factor: float = 10.0
    measured: Measured = Measured.GRID
    sensor: SignalName | None = None

    def holds(self, at_ms: int) -> bool:
        """Whether it is there at `at_ms`."""
        return self.start_ms <= at_ms < self.end_ms


Memory = dict[Wiring, Mapping[str, Fact]]


def rewired(facts: dict[str, Fact], mistakes: Iterable[Wiring], known: frozenset[str], memory: Memory) -> None:
    """Makes of the `facts` what a site shows that is wired so.

    `known` are the facts that the device can tell; `memory` keeps what a stuck sensor showed when it got stuck.
    """
    for mistake in mistakes:
        _miswire(facts, mistake, known, memory)
    if "p_pv" in facts or "p_batt" in facts:
        facts["flags"] = flags_of(facts)


def _miswire(facts: dict[str, Fact], mistake: Wiring, known: frozenset[str], memory: Memory) -> None:
    match mistake.code:
        case WiringCode.BATTERY_SIGN:
            _battery_sign(facts)
        case WiringCode.GRID_CLAMP:
            _grid_clamp(facts)
        case WiringCode.PHASE_MISSING:
            _phase_missing(facts, mistake.phase)
        case WiringCode.SCALE:
            _scale(facts, mistake)
        case WiringCode.PV_BOTH_SIDES:
            _pv_both_sides(facts, known)
        case WiringCode.LOAD_WITH_BATTERY:
            _load_with_battery(facts)
        case WiringCode.FLOW_RETURN:
            _exchange(facts, "t_flow", "t_return")
        case WiringCode.OUTDOOR_ROOM:
            _exchange(facts, "t_out", "t_room")
        case WiringCode.SENSOR_STUCK:
            _stuck(facts, mistake, memory)
        case WiringCode.SENSOR_DISCONNECTED:
            _disconnected(facts, mistake.sensor)
        case WiringCode.WORDS_SWAPPED:
            pass  # Done where words are made.


def _number(facts: Mapping[str, Fact], name: str) -> float:
    fact = facts.get(name, 0.0)
    return fact if isinstance(fact, float) else 0.0


def _grid(facts: dict[str, Fact], phases: tuple[float, ...], turned: bool = False) -> None:
    if "p_grid" not in facts:
        return
    totals = ("e_export", "e_import") if turned else ("e_import", "e_export")
    facts |= grid_facts(phases, _number(facts, totals[0]), _number(facts, totals[1]))
    facts["p_load"] = max(0.0, _number(facts, "p_ac") + sum(phases))


def _phases(facts: Mapping[str, Fact]) -> tuple[float, ...]:
    return tuple(_number(facts, f"p_grid_l{phase}") for phase in (1, 2, 3))


def _battery(facts: dict[str, Fact], watts: float, charge: str = "e_charge", discharge: str = "e_discharge") -> None:
    facts |= battery_facts(watts, _number(facts, charge), _number(facts, discharge), facts.get("v_batt", 0.0))


def _battery_sign(facts: dict[str, Fact]) -> None:
    _battery(facts, -_number(facts, "p_batt"), "e_discharge", "e_charge")


def _grid_clamp(facts: dict[str, Fact]) -> None:
    _grid(facts, tuple(-watts for watts in _phases(facts)), turned=True)


def _phase_missing(facts: dict[str, Fact], phase: int) -> None:
    _grid(facts, tuple(0.0 if number == phase else watts for number, watts in enumerate(_phases(facts), 1)))


def _scale(facts: dict[str, Fact], mistake: Wiring) -> None:
    if mistake.measured is Measured.GRID:
        _grid(facts, tuple(watts * mistake.factor for watts in _phases(facts)))
    elif mistake.measured is Measured.BATTERY:
        _battery(facts, _number(facts, "p_batt") * mistake.factor)
    else:
        for name in _SENSED[mistake.measured]:
            if name in facts:
                facts[name] = _number(facts, name) * mistake.factor


def _pv_both_sides(facts: dict[str, Fact], known: frozenset[str]) -> None:
    """Counts the panels again behind the inverter: where the device has a place for AC-coupled panels, there."""
    if "p_pv_ac" in known:
        facts["p_pv_ac"] = _number(facts, "p_pv") * _AC_SHARE
        return
    for name in _SENSED[Measured.PV]:
        if name in facts:
            facts[name] = _number(facts, name) * (1.0 + _AC_SHARE)


def _load_with_battery(facts: dict[str, Fact]) -> None:
    load, battery = _number(facts, "p_load"), _number(facts, "p_batt")
    share = max(0.0, load + battery) / load if load > 0.0 else 1.0
    facts |= {name: _number(facts, name) * share for name in _SENSED[Measured.LOAD]}


def _exchange(facts: dict[str, Fact], one: str, other: str) -> None:
    first, second = facts.pop(one, None), facts.pop(other, None)
    facts |= {name: fact for name, fact in ((one, second), (other, first)) if fact is not None}


def _stuck(facts: dict[str, Fact], mistake: Wiring, memory: Memory) -> None:
    """Keeps showing what the sensor showed at the first look since it got stuck."""
    if mistake.sensor is not None:
        left = without(facts, frozenset({mistake.sensor}))
        held = memory.setdefault(mistake, {name: fact for name, fact in facts.items() if name not in left})
        facts |= held


def _disconnected(facts: dict[str, Fact], sensor: SignalName | None) -> None:
    if sensor is not None:
        left = without(facts, frozenset({sensor}))
        for name in [name for name in facts if name not in left]:
            del facts[name]
