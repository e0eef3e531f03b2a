"""What a right reader of a family's device knows, in the project's vocabulary, and how fine its registers are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agent.domain.signals import (
    BATTERY_CHARGE_TOTAL,
    BATTERY_DISCHARGE_TOTAL,
    BATTERY_POWER,
    BATTERY_SOC,
    BATTERY_TEMPERATURE,
    BOILER_FAULT,
    BURNER_ON,
    DHW_TEMPERATURE,
    FLOW_TEMPERATURE,
    GRID_EXPORT_TOTAL,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    INVERTER_ALARM,
    INVERTER_STATE,
    INVERTER_TEMPERATURE,
    LOAD_ENERGY_TOTAL,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    PV_ENERGY_TOTAL,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    WATER_PRESSURE,
    InverterAlarm,
    InverterState,
    SignalName,
)
from firmware_sim.families.family import Layout
from firmware_sim.families.rows import Facts
from firmware_sim.families.speech import Speech


@dataclass(frozen=True, slots=True)
class Told:
    """A signal's true value, and what one unit of the registers that tell it is worth, several registers together.

    `also` are other values that the same registers could mean, as where a maker has one number for two states.
    """

    value: float
    step: float
    also: frozenset[float] = frozenset()


# Signal → the fact with its value, then the ways to tell it: sets of facts that must all be in registers.
_WAYS: Final[Mapping[SignalName, tuple[str, tuple[tuple[str, ...], ...]]]] = {
    PV_POWER: ("p_pv", (("p_pv",), ("p_pv_1", "p_pv_2"), ("p_pv_1",), ("p_dc", "p_batt"))),
    GRID_POWER: ("p_grid", (("p_grid",), ("p_grid_l1", "p_grid_l2", "p_grid_l3"), ("p_import", "p_export"))),
    BATTERY_POWER: (
        "p_batt",
        (("p_batt",), ("p_charge", "p_discharge"), ("p_batt_size", "to_from"), ("p_batt_size", "flags.discharging")),
    ),
    LOAD_POWER: ("p_load", (("p_load",), ("p_load_l1", "p_load_l2", "p_load_l3"))),
    BATTERY_SOC: ("soc", (("soc",),)),
    BATTERY_TEMPERATURE: ("t_batt", (("t_batt",),)),
    INVERTER_TEMPERATURE: ("t_inv", (("t_inv",),)),
    PV_ENERGY_TOTAL: ("e_pv", (("e_pv",), ("e_pv_1", "e_pv_2"), ("e_pv_1",))),
    GRID_IMPORT_TOTAL: ("e_import", (("e_import",),)),
    GRID_EXPORT_TOTAL: ("e_export", (("e_export",),)),
    BATTERY_CHARGE_TOTAL: ("e_charge", (("e_charge",),)),
    BATTERY_DISCHARGE_TOTAL: ("e_discharge", (("e_discharge",),)),
    LOAD_ENERGY_TOTAL: ("e_load", (("e_load",),)),
    OUTDOOR_TEMPERATURE: ("t_out", (("t_out",),)),
    FLOW_TEMPERATURE: ("t_flow", (("t_flow",),)),
    RETURN_TEMPERATURE: ("t_return", (("t_return",),)),
    ROOM_TEMPERATURE: ("t_room", (("t_room",),)),
    DHW_TEMPERATURE: ("t_dhw", (("t_dhw",),)),
    BURNER_ON: ("burner", (("burner",), ("flags.compressor",), ("compressor_percent",), ("valve_percent",))),
    PUMP_ON: ("pump", (("pump",), ("flags.pump",))),
    WATER_PRESSURE: ("pressure", (("pressure",),)),
    BOILER_FAULT: ("fault", (("fault",),)),
}
# A float of 32 bits carries 24 bits of its value.
_FLOAT_STEP: Final = 2.0**-23
_OF_MODEL_160: Final = frozenset({"p_pv", "p_pv_1", "p_charge", "p_discharge", "e_pv_1"})
_CHAIN_STEPS: Final[Mapping[str, float]] = {"soc": 0.01, "t_inv": 0.1}


def told(facts: Facts, speech: Speech) -> dict[SignalName, Told]:
    """The signals that a device tells of these facts. The load is worked out where no register has it."""
    steps = register_steps(speech)
    known: dict[SignalName, Told] = {}
    for signal, (name, ways) in _WAYS.items():
        value = facts.get(name)
        step = next((sum(steps[fact] for fact in set(way)) for way in ways if set(way) <= steps.keys()), None)
        if isinstance(value, float | int) and step is not None:
            known[signal] = Told(float(value), step or abs(float(value)) * _FLOAT_STEP)
    if LOAD_POWER not in known and GRID_POWER in known and "p_ac" in steps and "p_load" in facts:
        known[LOAD_POWER] = Told(_number(facts, "p_load"), known[GRID_POWER].step + steps["p_ac"])
    _words(facts, steps, known, speech)
    return known


def _words(facts: Facts, steps: Mapping[str, float], known: dict[SignalName, Told], speech: Speech) -> None:
    state, alarm = facts.get("state"), facts.get("alarm")
    if "p_batt" in facts and "state" in steps and isinstance(state, str):
        alike = _alike(speech, "state", state, [one.name.lower() for one in InverterState])
        others = frozenset(float(InverterState[word.upper()]) for word in alike)
        known[INVERTER_STATE] = Told(float(InverterState[state.upper()]), 0.0, others)
    if "alarm" in steps and isinstance(alarm, str):
        alike = _alike(speech, "alarm", alarm, [one.name.lower() for one in InverterAlarm])
        others = frozenset(float(InverterAlarm[word.upper()]) for word in alike)
        known[INVERTER_ALARM] = Told(float(InverterAlarm[alarm.upper()]), 0.0, others)
    valve = facts.get("valve_percent")
    if isinstance(valve, float) and "valve_percent" in steps:
        # District heating has no burner: an open valve stands for heat being made.
        known[BURNER_ON] = Told(float(round(valve) > 0), 0.0)
    for signal in (BURNER_ON, PUMP_ON):
        if signal in known:
            known[signal] = Told(known[signal].value, 0.0)


def _alike(speech: Speech, what: str, word: str, words: Sequence[str]) -> list[str]:
    """The other words that the family's registers cannot tell from this one."""
    rows = [
        row for table in speech.family.tables if table.fits(speech.options) for row in table.rows if row.what == what
    ]

    def numbers(one: str) -> tuple[int | None, ...]:
        return tuple(row.codes.get(one, row.codes.get("else")) for row in rows)

    return [one for one in words if rows and one != word and numbers(one) == numbers(word)]


def _number(facts: Facts, name: str) -> float:
    fact = facts.get(name, 0.0)
    return fact if isinstance(fact, float) else 0.0


def register_steps(speech: Speech) -> dict[str, float]:
    """What one unit of a register is worth, per fact in one; the coarsest of several, and 0 for a float."""
    steps: dict[str, float] = {}
    if speech.family.layout is not Layout.ROWS:
        steps = {fact: _CHAIN_STEPS.get(fact, 1.0) for fact in speech.known}
        steps |= {fact: 0.1 for fact in speech.known if fact.startswith("t_")}
    for table in speech.family.tables:
        for row in table.rows if table.fits(speech.options) else ():
            step = 0.0 if row.type == "f32" else row.k
            steps[row.what] = max(step, steps.get(row.what, step))
            steps |= {f"{row.what}.{flag}": 0.0 for flag in row.bits}
    if speech.family.layout is Layout.STOREDGE:
        # No model 160: the panels are what the DC bus and the battery together tell.
        steps = {fact: step for fact, step in steps.items() if fact not in _OF_MODEL_160} | {"p_dc": 1.0}
    return steps
