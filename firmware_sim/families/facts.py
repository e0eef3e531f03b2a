"""What a site is and does at one instant, under the short names that the tables of the families use.

The plant's own signs: `p_batt` and `i_batt` positive while charging, `p_grid` while importing. Powers in W, energies in
Wh, temperatures in °C, currents in A, `soc` in %. A fact that is not there is one that nobody measures now.

| names | meaning |
|---|---|
| p_pv p_pv_1 p_pv_2 p_pv_ac | panels: DC together and per string; on the AC side (0 unless wired twice) |
| p_ac p_ac_l1…3 p_load p_load_l1…3 | inverter's AC power; what the house takes |
| p_grid p_grid_l1…3 p_import p_export p_import_l1…3 p_export_l1…3 | grid, signed, and as two numbers never negative |
| p_batt p_charge p_discharge p_batt_size to_from | battery: signed, as two, as a size and a word `charge`/`discharge` |
| e_… | lifetime counters of pv, pv_1, pv_2, ac, import, export, charge, discharge, load |
| state alarm batt_state mode flags | words and flags, named in lower case |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from agent.domain.signals import (
    BATTERY_SOC,
    DHW_TEMPERATURE,
    FLOW_TEMPERATURE,
    GRID_POWER,
    INVERTER_TEMPERATURE,
    OUTDOOR_TEMPERATURE,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    SignalName,
)
from firmware_sim.families.rows import Fact
from firmware_sim.plant import HeatState, HomeState

VOLTS: Final = (230.0, 230.8, 229.4)
STRING_V: Final = 540.0
BATTERY_V: Final = 400.0
HEALTH_PERCENT: Final = 98.0
PRESSURE_BAR: Final = 1.8
# How a household spreads over the phases; a hybrid inverter feeds all three alike.
LOAD_SHARES: Final = (0.46, 0.31, 0.23)
_IDLE_W: Final = 1.0
_COP: Final = 3.6

# What a broken sensor takes with it.
_LOST: Final[Mapping[SignalName, tuple[str, ...]]] = {
    PV_POWER: ("p_pv", "p_pv_1", "p_pv_2"),
    GRID_POWER: (
        "p_grid",
        "p_import",
        "p_export",
        "p_grid_l1",
        "p_grid_l2",
        "p_grid_l3",
        "p_import_l1",
        "p_import_l2",
        "p_import_l3",
        "p_export_l1",
        "p_export_l2",
        "p_export_l3",
        "p_load",
    ),
    BATTERY_SOC: ("soc",),
    INVERTER_TEMPERATURE: ("t_inv",),
    OUTDOOR_TEMPERATURE: ("t_out",),
    FLOW_TEMPERATURE: ("t_flow",),
    RETURN_TEMPERATURE: ("t_return",),
    ROOM_TEMPERATURE: ("t_room",),
    DHW_TEMPERATURE: ("t_dhw",),
}


@dataclass(frozen=True, slots=True)
class Ratings:
    """Type plate of a home: W, Wh, the share of charge kept back in %, and the voltage of its battery."""

    ac_limit_w: float
    capacity_wh: float
    charge_limit_w: float
    discharge_limit_w: float
    reserve_percent: float = 0.0
    battery_v: float = BATTERY_V


def battery_temperature(cabinet: float) -> float:
    """°C of a battery that stands beside the inverter and follows it slowly."""
    return 19.0 + 0.25 * (cabinet - 25.0)


def home_facts(ratings: Ratings, state: HomeState, broken: frozenset[SignalName]) -> dict[str, Fact]:
    """Everything that a home's devices could tell."""
    flows, soc = state.flows, 100.0 * state.soc
    facts: dict[str, Fact] = {
        "soc": soc, "soh": HEALTH_PERCENT, "p_pv": flows.pv_w, "p_pv_ac": 0.0, "p_ac": flows.ac_w,
        "v_batt": ratings.battery_v * (0.93 + 0.1 * state.soc), "freq": 50.0, "pf": 1.0, "hours": 9000.0,
        "e_ac": state.stores.ac_wh, "rated_w": ratings.ac_limit_w, "capacity_wh": ratings.capacity_wh,
        "stored_wh": state.stores.stored_wh, "up_s": 9000.0 * 3600.0, "reserve_percent": ratings.reserve_percent,
        "charge_limit_w": ratings.charge_limit_w, "discharge_limit_w": ratings.discharge_limit_w,
        "state": flows.state.name.lower(), "batt_state": _battery_word(state), "wall_s": float(state.at_ms // 1000),
    }  # fmt: skip
    for number, (watts, total) in enumerate(zip(flows.strings_w, state.stores.strings_wh, strict=True), 1):
        volts = STRING_V if watts > 0.0 else 0.0
        facts |= {f"p_pv_{number}": watts, f"v_pv_{number}": volts, f"i_pv_{number}": watts / STRING_V}
        facts[f"e_pv_{number}"] = total
    if state.inverter_known:
        facts |= {"t_inv": state.stores.cabinet, "t_batt": battery_temperature(state.stores.cabinet)}
        facts["alarm"] = flows.alarm.name.lower()
    load = phase_loads(state)
    ac = flows.ac_w / 3.0
    facts |= {"p_load": flows.load_w, "e_load": _load_total(state)}
    facts |= {f"p_load_l{phase}": watts for phase, watts in enumerate(load, 1)}
    facts |= {f"p_ac_l{phase}": ac for phase in (1, 2, 3)}
    facts |= {f"v_l{phase}": volts for phase, volts in enumerate(VOLTS, 1)}
    facts |= grid_facts(tuple(watts - ac for watts in load), state.stores.import_wh, state.stores.export_wh)
    facts |= battery_facts(flows.battery_w, state.stores.charge_wh, state.stores.discharge_wh, facts["v_batt"])
    facts["e_pv"] = sum(state.stores.strings_wh)
    facts["flags"] = flags_of(facts)
    return without(facts, broken)


def without(facts: dict[str, Fact], broken: frozenset[SignalName]) -> dict[str, Fact]:
    """The facts that are left when these sensors are broken."""
    lost = {name for signal in broken for name in _LOST.get(signal, ())}
    return {name: fact for name, fact in facts.items() if name not in lost}


def phase_loads(state: HomeState) -> tuple[float, ...]:
    """What the house takes per phase in W; a load switched by hand hangs on its own phase."""
    habit = state.flows.load_w - sum(state.switched_w)
    return tuple(habit * share + switched for share, switched in zip(LOAD_SHARES, state.switched_w, strict=True))


def _load_total(state: HomeState) -> float:
    stores = state.stores
    return max(0.0, stores.ac_wh + stores.import_wh - stores.export_wh)


def grid_facts(phases: tuple[float, ...], import_wh: float, export_wh: float) -> dict[str, Fact]:
    """What a meter at the grid tells of the power per phase, positive while importing."""
    total = sum(phases)
    facts: dict[str, Fact] = {
        "p_grid": total, "p_import": max(0.0, total), "p_export": max(0.0, -total), "e_import": import_wh,
        "e_export": export_wh, "va": sum(abs(watts) for watts in phases), "e_both": import_wh + export_wh,
    }  # fmt: skip
    for phase, (watts, volts) in enumerate(zip(phases, VOLTS, strict=True), 1):
        facts |= {f"p_grid_l{phase}": watts, f"i_l{phase}": watts / volts, f"i_l{phase}_size": abs(watts) / volts}
        facts |= {f"p_import_l{phase}": max(0.0, watts), f"p_export_l{phase}": max(0.0, -watts)}
    return facts


def battery_facts(watts: float, charge_wh: float, discharge_wh: float, volts: Fact) -> dict[str, Fact]:
    """What a battery tells of its power, positive while charging."""
    amps = watts / volts if isinstance(volts, float) else 0.0
    return {
        "p_batt": watts, "p_charge": max(0.0, watts), "p_discharge": max(0.0, -watts), "p_batt_size": abs(watts),
        "to_from": "charge" if watts >= 0.0 else "discharge", "i_batt": amps, "i_batt_size": abs(amps),
        "e_charge": charge_wh, "e_discharge": discharge_wh,
    }  # fmt: skip


def flags_of(facts: Mapping[str, Fact]) -> frozenset[str]:
    """Which of the things that a status word knows are so now."""

    def above(name: str) -> bool:
        fact = facts.get(name)
        return isinstance(fact, float) and fact > _IDLE_W

    known = {
        "producing": "p_pv", "charging": "p_charge", "discharging": "p_discharge", "consuming": "p_load",
        "importing": "p_import", "exporting": "p_export",
    }  # fmt: skip
    return frozenset(flag for flag, name in known.items() if above(name))


def _battery_word(state: HomeState) -> str:
    if state.flows.battery_w > _IDLE_W:
        return "charging"
    if state.flows.battery_w < -_IDLE_W:
        return "discharging"
    return "full" if state.soc >= 0.999 else "holding"


@dataclass(frozen=True, slots=True)
class HeatSets:
    """Set points and size of a heating site: °C and W."""

    zone: ZoneInfo
    flow_max: float
    room_day: float
    room_night: float
    dhw: float
    power_w: float


def heat_facts(sets: HeatSets, state: HeatState, broken: frozenset[SignalName]) -> dict[str, Fact]:
    """Everything that a heating site's controller could tell. Heat is made while the burner or compressor runs."""
    now, stores = state.now, state.stores
    made = sets.power_w if now.burner else 0.0
    flags = {"pump": now.pump, "heating": now.heating, "dhw": now.tank_charging, "compressor": now.burner}
    mode = "dhw" if now.tank_charging else "heating" if now.heating else "idle"
    facts: dict[str, Fact] = {
        "t_out": state.outdoor, "t_flow": stores.flow_sensor, "t_return": stores.return_sensor,
        "t_room": stores.room, "t_dhw": stores.tank, "t_buffer": stores.boiler, "t_flow_wp": stores.boiler,
        "t_flow_set": now.flow_set if now.heating else 0.0, "t_room_set": now.room_set, "t_dhw_set": sets.dhw,
        "t_flow_max": sets.flow_max, "t_room_day": sets.room_day, "t_room_night": sets.room_night,
        "burner": float(now.burner), "pump": float(now.pump), "compressor_percent": 70.0 if now.burner else 0.0,
        "compressor_hz": 62.0 if now.burner else 0.0, "fault": float(now.fault_word),
        "faulty": float(now.fault_word != 0), "pressure": PRESSURE_BAR, "flow_rate": 15.0 if now.pump else 0.0,
        "p_heat": made, "p_el": made / _COP, "e_heat": stores.made_wh, "e_el": stores.made_wh / _COP, "hours": 9000.0,
        "valve_percent": now.valve_shown * 100.0, "mode": mode, "state": "running" if now.burner else "standby",
        "flags": frozenset(name for name, on in flags.items() if on),
    }  # fmt: skip
    local = datetime.fromtimestamp(state.at_ms / 1000, sets.zone)
    facts |= {"hhmm": local.hour * 100.0 + local.minute, "ddmm": local.day * 100.0 + local.month}
    facts |= {"year": float(local.year), "wall_s": float(state.at_ms // 1000)}
    return without(facts, broken)
