"""What a perfect reader of a site's registers would know of it, in the project's vocabulary.

A history is written from this, so that it shows what an agent reads live; only the registers' resolution differs.
"""

from collections.abc import Mapping
from typing import Final

from agent.domain.signals import (
    BATTERY_CHARGE_TOTAL,
    BATTERY_DISCHARGE_TOTAL,
    BATTERY_POWER,
    BATTERY_SOC,
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
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    PV_ENERGY_TOTAL,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    SIGNALS,
    Kind,
    SignalName,
)
from firmware_sim.plant import HeatState, HomeState

HOME_SIGNALS: Final = (
    PV_POWER, LOAD_POWER, BATTERY_POWER, GRID_POWER, BATTERY_SOC, INVERTER_TEMPERATURE, INVERTER_STATE, INVERTER_ALARM,
    PV_ENERGY_TOTAL, GRID_IMPORT_TOTAL, GRID_EXPORT_TOTAL, BATTERY_CHARGE_TOTAL, BATTERY_DISCHARGE_TOTAL,
)  # fmt: skip
HEAT_SIGNALS: Final = (
    OUTDOOR_TEMPERATURE, FLOW_TEMPERATURE, RETURN_TEMPERATURE, ROOM_TEMPERATURE, DHW_TEMPERATURE, BURNER_ON, PUMP_ON,
    BOILER_FAULT,
)  # fmt: skip
Observation = Mapping[SignalName, float]


def home_observation(state: HomeState, broken: frozenset[SignalName]) -> Observation:
    """A home's signals. What the device cannot tell is left out; a broken grid meter takes the load with it."""
    flows, stores = state.flows, state.stores
    values = {
        PV_POWER: flows.pv_w,
        LOAD_POWER: flows.load_w,
        BATTERY_POWER: flows.battery_w,
        GRID_POWER: flows.grid_w,
        BATTERY_SOC: state.soc * 100.0,
        INVERTER_STATE: float(flows.state),
        PV_ENERGY_TOTAL: sum(stores.strings_wh),
        GRID_IMPORT_TOTAL: stores.import_wh,
        GRID_EXPORT_TOTAL: stores.export_wh,
        BATTERY_CHARGE_TOTAL: stores.charge_wh,
        BATTERY_DISCHARGE_TOTAL: stores.discharge_wh,
    }
    if state.inverter_known:
        values[INVERTER_TEMPERATURE] = stores.cabinet
        values[INVERTER_ALARM] = float(flows.alarm)
    lost = broken | {LOAD_POWER} if GRID_POWER in broken else broken
    return {name: value for name, value in values.items() if name not in lost}


def heat_observation(state: HeatState, broken: frozenset[SignalName]) -> Observation:
    """A heating site's signals, as its controller tells them: an open valve stands for heat being made."""
    stores, now = state.stores, state.now
    values = {
        OUTDOOR_TEMPERATURE: state.outdoor,
        FLOW_TEMPERATURE: stores.flow_sensor,
        RETURN_TEMPERATURE: stores.return_sensor,
        ROOM_TEMPERATURE: stores.room,
        DHW_TEMPERATURE: stores.tank,
        BURNER_ON: float(round(now.valve_shown * 100) > 0),
        PUMP_ON: float(now.pump),
        BOILER_FAULT: float(now.fault_word),
    }
    return {name: value for name, value in values.items() if name not in broken}


def shown(name: SignalName, value: float) -> str:
    """A value as a cell of a CSV, with about the resolution that registers have.

    >>> shown(PV_POWER, 1234.56), shown(PV_ENERGY_TOTAL, 99.7)
    ('1234.6', '100')
    """
    places = {Kind.GAUGE: 2 if SIGNALS[name].unit == "%" else 1}.get(SIGNALS[name].kind, 0)
    text = f"{value:.{places}f}"
    return "0" if not text.strip("-0.") else text
